"""The log of changes: what is recorded, how far back it goes, what is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bson
import pytest

from app.local_atlas.changes.change_log import CLUSTER, ChangeLog
from app.local_atlas.changes.log_entries import LogLimits
from app.local_atlas.errors import CommandError
from app.local_atlas.new_document import NewDocument
from app.local_atlas.store import Store


@contextmanager
def opened(directory: Path, limits: LogLimits | None = None) -> Iterator[Store]:
    store = Store(directory, limits)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as one:
        yield one


def insert(store: Store, *identities: int, database: str = "db", size_bytes: int = 0) -> None:
    documents = [{"_id": identity, "a": "x" * size_bytes} for identity in identities]
    with store.write() as transaction:
        batch = [NewDocument(bson.encode(document), document) for document in documents]
        transaction.writer(database, "c").insert_many(batch)


def operations(log: ChangeLog, database: str, after: int) -> list[str]:
    return [entry.operation for entry in log.read(database, after, 1000)]


def count_rows(store: Store) -> int:
    return int(store.persistence.read("SELECT count(*) FROM change_log")[0][0])


def test_nothing_is_recorded_of_what_nobody_watches(store: Store) -> None:
    insert(store, 1)
    store.watch("other")
    insert(store, 2)

    assert count_rows(store) == 0


def test_database_is_recorded_from_the_first_watch_on(store: Store) -> None:
    insert(store, 1)
    place = store.watch("db")
    insert(store, 2, 3)
    insert(store, 4, database="other")

    assert operations(store.change_log, "db", place) == ["insert", "insert"]


def test_all_databases_are_recorded_for_the_cluster(store: Store) -> None:
    place = store.watch(CLUSTER)
    insert(store, 1)
    insert(store, 1, database="other")

    assert operations(store.change_log, CLUSTER, place) == ["create", "insert"] * 2


def test_write_that_is_undone_is_not_recorded(store: Store) -> None:
    place = store.watch("db")
    insert(store, 1)
    with pytest.raises(CommandError):
        insert(store, 2, 1)
    insert(store, 3)

    assert operations(store.change_log, "db", place) == ["create", "insert", "insert"]


def test_recording_goes_on_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        place = store.watch("db")
        insert(store, 1)
    with opened(tmp_path) as store:
        insert(store, 2)

        entries = store.change_log.read("db", place, 10)

    assert [entry.operation for entry in entries] == ["create", "insert", "insert"]
    assert [entry.sequence for entry in entries] == [1, 2, 3]
    assert len({entry.cluster_time for entry in entries}) == 3


def test_log_stays_under_its_size_and_says_what_is_lost(tmp_path: Path) -> None:
    limits = LogLimits(size_bytes=100_000)
    with opened(tmp_path, limits) as store:
        place = store.watch("db")
        for identity in range(50):
            insert(store, identity, size_bytes=10_000)

        size = "SELECT sum(length(document)) FROM change_log"
        assert store.persistence.read(size)[0][0] <= 110_000
        with pytest.raises(CommandError) as lost:
            store.change_log.read("db", place, 10)
        assert lost.value.code == 286
    with opened(tmp_path, limits) as store, pytest.raises(CommandError):
        store.change_log.read("db", place, 10)


def test_changes_older_than_the_log_goes_back_are_lost(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        place = store.watch("db")
        insert(store, 1)
    with opened(tmp_path, LogLimits(age_s=-10)) as store:
        insert(store, 2)

        assert count_rows(store) == 1
        with pytest.raises(CommandError) as lost:
            store.change_log.read("db", place, 10)

    assert lost.value.code == 286


def test_recording_ends_where_nobody_reads_for_the_length_of_the_log(tmp_path: Path) -> None:
    with opened(tmp_path, LogLimits(age_s=-10)) as store:
        store.watch("db")
        insert(store, 1)

        assert not store.change_log.is_recorded("db")
    with opened(tmp_path) as store:
        assert not store.change_log.is_recorded("db")
