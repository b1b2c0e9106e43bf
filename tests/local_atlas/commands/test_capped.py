"""Capped collections, and the cursors that wait at their end."""

import threading
from pathlib import Path
from typing import Any

import pytest
from pymongo import CursorType
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

from app.local_atlas.options import ServerOptions
from tests.local_atlas.nodes import serving

Document = dict[str, Any]
Docs = Database[Document]


@pytest.fixture
def capped(db: Docs) -> Collection[Document]:
    """A collection of three documents at most."""
    return db.create_collection("c", capped=True, size=100_000, max=3)


def ids(collection: Collection[Document]) -> list[Any]:
    return [document["_id"] for document in collection.find()]


def insert(collection: Collection[Document], *identities: int) -> None:
    collection.insert_many([{"_id": each} for each in identities])


def test_oldest_make_room_for_the_newest(capped: Collection[Document]) -> None:
    insert(capped, 1, 2)
    insert(capped, 3, 4)
    assert ids(capped) == [2, 3, 4]
    insert(capped, 5, 6, 7, 8, 9)

    assert ids(capped) == [7, 8, 9]
    assert [each["_id"] for each in capped.find().sort("$natural", -1)] == [9, 8, 7]


def test_bytes_are_capped_too(db: Docs) -> None:
    collection = db.create_collection("c", capped=True, size=5000)
    for identity in range(20):
        collection.insert_one({"_id": identity, "a": "x" * 1000})

    assert ids(collection) == [16, 17, 18, 19]
    assert db.command("collStats", "c")["capped"] is True


def test_documents_may_be_deleted_and_changed(capped: Collection[Document]) -> None:
    insert(capped, 1, 2, 3)
    capped.delete_one({"_id": 1})
    capped.update_one({"_id": 2}, {"$set": {"a": 1}})
    insert(capped, 4)
    assert ids(capped) == [2, 3, 4]
    insert(capped, 5)

    assert ids(capped) == [3, 4, 5]


def test_insert_that_fails_evicts_nothing(capped: Collection[Document]) -> None:
    insert(capped, 1, 2, 3)

    with pytest.raises(DuplicateKeyError):
        capped.insert_one({"_id": 3})

    assert ids(capped) == [1, 2, 3]


def test_options_outlive_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path, ServerOptions()) as client:
        insert(client.db.create_collection("c", capped=True, size=10_000, max=2), 1, 2)
    with serving(tmp_path, ServerOptions()) as client:
        insert(client.db.c, 3)

        assert ids(client.db.c) == [2, 3]
        options = {"capped": True, "size": 10_000, "max": 2}
        assert client.db.c.options() == options


@pytest.mark.parametrize(
    ("options", "code"),
    [
        pytest.param({"capped": True}, 72, id="no size"),
        pytest.param({"size": 1000}, 72, id="a size of what is not capped"),
        pytest.param({"capped": True, "size": 0}, 51024, id="no room"),
    ],
)
def test_options_that_make_no_sense_are_refused(db: Docs, options: Document, code: int) -> None:
    with pytest.raises(OperationFailure) as refused:
        db.command({"create": "c", **options})

    assert refused.value.code == code


def test_tailable_cursor_goes_on_where_the_collection_grows(
    capped: Collection[Document],
) -> None:
    insert(capped, 1)
    cursor = capped.find({"_id": {"$ne": 3}}, {"_id": 1}, cursor_type=CursorType.TAILABLE)

    def arrived() -> list[Any]:
        return [each["_id"] for each in cursor]

    assert arrived() == [1]
    assert arrived() == []
    insert(capped, 2, 3)
    assert arrived() == [2]
    insert(capped, 4)
    assert arrived() == [4]
    assert cursor.alive


def test_tailable_cursor_ends_where_its_place_is_lost(capped: Collection[Document]) -> None:
    insert(capped, 1)
    cursor = capped.find(cursor_type=CursorType.TAILABLE)
    assert [each["_id"] for each in cursor] == [1]

    insert(capped, 2, 3, 4, 5)

    assert list(cursor) == []
    assert not cursor.alive


def test_tailable_cursor_on_nothing_is_closed_at_once(capped: Collection[Document]) -> None:
    cursor = capped.find(cursor_type=CursorType.TAILABLE_AWAIT)

    assert list(cursor) == []
    assert not cursor.alive


def test_tailable_cursor_counts_skip_and_limit_over_its_batches(
    capped: Collection[Document],
) -> None:
    insert(capped, 1, 2, 3)
    command = {"find": "c", "tailable": True, "skip": 1, "limit": 2, "batchSize": 1}

    first = capped.database.command(command)["cursor"]
    more = capped.database.command({"getMore": first["id"], "collection": "c"})["cursor"]

    assert [first["firstBatch"], more["nextBatch"]] == [[{"_id": 2}], [{"_id": 3}]]
    assert more["id"] == 0


def test_awaiting_cursor_waits_for_a_document(capped: Collection[Document]) -> None:
    insert(capped, 1)
    cursor = capped.find(cursor_type=CursorType.TAILABLE_AWAIT).max_await_time_ms(20_000)
    assert next(cursor)["_id"] == 1
    arrived: list[Any] = []
    waiting = threading.Thread(target=lambda: arrived.append(next(cursor)["_id"]))
    waiting.start()

    insert(capped, 2)
    waiting.join(30)
    cursor.close()

    assert arrived == [2]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param({"find": "plain", "tailable": True}, 2, id="not capped"),
        pytest.param({"find": "c", "awaitData": True}, 9, id="awaitData alone"),
        pytest.param({"find": "c", "tailable": True, "sort": {"_id": 1}}, 2, id="sort"),
    ],
)
def test_tailable_cursor_that_cannot_be_is_refused(
    capped: Collection[Document], command: Document, code: int
) -> None:
    capped.database.plain.insert_one({})

    with pytest.raises(OperationFailure) as refused:
        capped.database.command(command)

    assert refused.value.code == code


def test_transaction_does_not_write_to_it(capped: Collection[Document]) -> None:
    with capped.database.client.start_session() as session:
        session.start_transaction()
        with pytest.raises(OperationFailure) as refused:
            capped.insert_one({}, session=session)

    assert refused.value.code == 263
