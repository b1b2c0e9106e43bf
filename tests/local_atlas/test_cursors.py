"""Cursors without a server: batches, ends, idleness."""

import itertools
import threading
from collections.abc import Iterator

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from app.local_atlas.cursors import CursorTable
from app.local_atlas.errors import CommandError
from app.local_atlas.mql.rows import Row

NAMESPACE = "db.c"


def rows(count: int) -> Iterator[Row]:
    return (Row(document={"_id": i}) for i in range(count))


def test_stored_bytes_go_into_the_batch_untouched() -> None:
    raw = bson.encode({"_id": 1, "a": [1.0]})

    reply = CursorTable().first_batch(NAMESPACE, iter([Row(raw=raw)]), None)

    assert [document.raw for document in reply["firstBatch"]] == [raw]


def test_batch_of_small_documents_is_no_longer_than_a_reply_may_be() -> None:
    small = Row(raw=bson.encode({"a": 1}))
    table = CursorTable()
    cursor_id = table.first_batch(NAMESPACE, itertools.repeat(small), 1)["id"]

    batch = table.next_batch(cursor_id, NAMESPACE, None)["nextBatch"]

    elements = sum(len(each.raw) + len(str(i)) + 2 for i, each in enumerate(batch))
    assert 15 * 2**20 < elements <= 16 * 2**20


def test_rows_are_computed_only_as_far_as_they_are_fetched() -> None:
    computed = []

    def counted() -> Iterator[Row]:
        for i in range(1000):
            computed.append(i)
            yield Row(document={"_id": i})

    CursorTable().first_batch(NAMESPACE, counted(), 10)

    assert len(computed) == 11  # one ahead, to know whether there is more


def test_document_over_16_mebibytes_goes_alone() -> None:
    huge = Row(document={"a": "x" * 17_000_000})
    table = CursorTable()

    first = table.first_batch(NAMESPACE, iter([huge, Row(document={"_id": 1})]), None)
    second = table.next_batch(first["id"], NAMESPACE, None)

    assert len(first["firstBatch"]) == 1
    assert second["nextBatch"] == [RawBSONDocument(bson.encode({"_id": 1}))]
    assert second["id"] == 0


def test_cursor_without_timeout_stays_longer() -> None:
    table = CursorTable(idle_timeout_s=-1)
    first = table.first_batch(NAMESPACE, rows(5), 1, stays=True)

    assert len(table.next_batch(first["id"], NAMESPACE, None)["nextBatch"]) == 4


def test_idle_cursor_is_gone_after_its_time() -> None:
    table = CursorTable(idle_timeout_s=-1)
    cursor_id = table.first_batch(NAMESPACE, rows(5), 1)["id"]

    with pytest.raises(CommandError) as missing:
        table.next_batch(cursor_id, NAMESPACE, None)

    assert missing.value.code == 43
    assert table.count() == 0


def test_cursor_that_another_connection_is_reading_is_refused() -> None:
    reading, go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[Row]:
        yield from rows(2)
        reading.set()
        go_on.wait(10)
        yield from rows(2)

    table = CursorTable()
    cursor_id = table.first_batch(NAMESPACE, slow(), 1)["id"]
    thread = threading.Thread(target=table.next_batch, args=(cursor_id, NAMESPACE, None))
    thread.start()
    assert reading.wait(10)

    with pytest.raises(CommandError) as refused:
        table.next_batch(cursor_id, NAMESPACE, None)
    go_on.set()
    thread.join()

    assert refused.value.code == 12051


def test_cursor_that_fails_is_closed() -> None:
    def failing() -> Iterator[Row]:
        yield from rows(2)
        raise CommandError(2, "BadValue", "no")

    table = CursorTable()
    cursor_id = table.first_batch(NAMESPACE, failing(), 1)["id"]

    with pytest.raises(CommandError, match="no"):
        table.next_batch(cursor_id, NAMESPACE, None)

    assert table.count() == 0
