"""The store by itself: its listeners, its transactions, what a restart finds."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import bson
import pytest

from app.local_atlas.collection_writer import CollectionWriter, NewDocument, Replacement
from app.local_atlas.errors import CommandError
from app.local_atlas.journal import Position
from app.local_atlas.persistence import FILE_NAME, StorageError
from app.local_atlas.store import Store, StoredCollection

Changes = list[tuple[int, bytes | None]]


class Recorder:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Changes | None]] = []

    def on_write(
        self, collection: StoredCollection, changes: Changes, position: Position | None
    ) -> None:
        self.heard.append((collection.namespace, changes))

    def on_drop(self, collection: StoredCollection) -> None:
        self.heard.append((collection.namespace, None))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def recorder(store: Store) -> Recorder:
    listener = Recorder()
    store.add_listener(listener)
    return listener


def new(identity: int, **fields: object) -> NewDocument:
    document = {"_id": identity, **fields}
    return NewDocument(bson.encode(document), document)


def insert(store: Store, *documents: NewDocument) -> StoredCollection:
    with store.write() as transaction:
        transaction.writer("db", "c").insert_many(documents)
    collection = store.collection("db", "c")
    assert collection is not None
    return collection


def insert_each(store: Store, *documents: NewDocument) -> None:
    with store.write() as transaction:
        for document in documents:
            transaction.writer("db", "c").insert(document)


def insert_both(writer: CollectionWriter, first: NewDocument, second: NewDocument) -> None:
    with writer.atomic():
        writer.insert(first)
        writer.insert(second)


def set_page_limit(store: Store, pages: int) -> None:
    """Let the database file be full at this size."""
    with store.write() as transaction:
        transaction.connection.execute(f"PRAGMA max_page_count = {pages}")


def test_listener_hears_of_inserts_replacements_and_deletions_by_record_id(
    store: Store, recorder: Recorder
) -> None:
    one, two, other = new(1), new(2), new(1, a=1)
    insert(store, one, two)
    with store.write() as transaction:
        writer = transaction.writer("db", "c")
        writer.replace_many([Replacement(1, one.document, other)])
        writer.delete_many([(2, two.document)])

    assert recorder.heard == [
        ("db.c", [(1, one.raw), (2, two.raw)]),
        ("db.c", [(1, other.raw), (2, None)]),
    ]


def test_listener_hears_after_the_commit(store: Store) -> None:
    counts = []

    class Counter(Recorder):
        def on_write(
            self, collection: StoredCollection, changes: Changes, position: Position | None
        ) -> None:
            counts.append(collection.count())

    store.add_listener(Counter())

    insert(store, new(1), new(2))

    assert counts == [2]


def test_listener_hears_nothing_of_a_write_that_failed(store: Store, recorder: Recorder) -> None:
    collection = insert(store, new(1))
    recorder.heard.clear()

    with pytest.raises(CommandError):
        insert_each(store, new(2), new(1))

    assert recorder.heard == []
    assert collection.count() == 1


def test_listener_hears_only_what_was_kept_of_a_batch(store: Store, recorder: Recorder) -> None:
    with store.write() as transaction:
        writer = transaction.writer("db", "c")
        writer.insert(new(1))
        with pytest.raises(CommandError):
            writer.insert_many([new(2), new(1)])
        writer.insert(new(3))

    ((_, changes),) = recorder.heard
    assert changes is not None
    assert [raw for _, raw in changes] == [new(1).raw, new(3).raw]


def test_listener_hears_nothing_of_a_group_of_writes_that_was_undone(
    store: Store, recorder: Recorder
) -> None:
    with store.write() as transaction:
        writer = transaction.writer("db", "c")
        writer.insert(new(1))
        with pytest.raises(CommandError):
            insert_both(writer, new(2), new(1))

    assert recorder.heard == [("db.c", [(1, new(1).raw)])]


def test_listener_hears_of_a_drop(store: Store, recorder: Recorder) -> None:
    collection = insert(store, new(1))
    recorder.heard.clear()

    with store.write() as transaction:
        transaction.drop_collection(collection)

    assert recorder.heard == [("db.c", None)]


def test_failed_write_leaves_no_document_and_no_collection(store: Store) -> None:
    with pytest.raises(CommandError):
        insert_each(store, new(1), new(1))

    assert store.collection("db", "c") is None
    assert insert(store, new(1)).count() == 1


def test_readers_do_not_see_a_write_before_its_commit(store: Store) -> None:
    collection = insert(store, new(1))

    with store.write() as transaction:
        transaction.writer("db", "c").insert(new(2))
        assert collection.count() == 1
        assert len(list(collection.scan(transaction.read))) == 2

    assert collection.count() == 2


def test_record_ids_grow_and_never_come_back(store: Store, tmp_path: Path) -> None:
    collection = insert(store, new(1), new(2))
    with store.write() as transaction:
        transaction.writer("db", "c").delete_many([(2, {"_id": 2})])
    store.close()
    again = Store(tmp_path)

    collection = insert(again, new(3))

    assert [record_id for record_id, _ in collection.scan()] == [1, 3]
    again.close()


def test_documents_are_fetched_in_the_order_that_was_asked_for(store: Store) -> None:
    collection = insert(store, *(new(i) for i in range(1, 1201)))

    wanted = [1200, 7, 5000, 1, 7]

    assert collection.get_many(wanted) == [
        new(1200).raw,
        new(7).raw,
        None,
        new(1).raw,
        new(7).raw,
    ]
    assert collection.get_many([]) == []
    assert len(collection.get_many(range(1, 1201))) == 1200


def test_scan_goes_in_the_order_of_record_ids(store: Store) -> None:
    collection = insert(store, *(new(-i) for i in range(1, 1201)))

    assert [record_id for record_id, _ in collection.scan()] == list(range(1, 1201))


def test_everything_is_there_after_a_restart(store: Store, tmp_path: Path) -> None:
    collection = insert(store, new(1, a=1))
    with store.write() as transaction:
        transaction.create_index(collection, {"v": 2, "key": {"a": 1}, "name": "a_1"})
    store.save_search_index({"id": "x", "definition": {"a": 1}})
    store.save_search_index({"id": "y", "definition": {}})
    store.save_search_index({"id": "x", "definition": {"a": 2}})
    store.delete_search_index("y")
    store.close()

    again = Store(tmp_path)

    (found,) = again.collections()
    assert (found.namespace, found.uuid) == ("db.c", collection.uuid)
    assert [index.name for index in found.indexes] == ["a_1"]
    assert [row.raw for _, row in found.find({"a": 1})] == [new(1, a=1).raw]
    assert again.load_search_indexes() == [{"id": "x", "definition": {"a": 2}}]
    again.close()


def test_file_of_another_format_is_refused(store: Store, tmp_path: Path) -> None:
    with store.write() as transaction:
        transaction.connection.execute("PRAGMA user_version = 99")
    store.close()

    with pytest.raises(StorageError, match="has format 99, this version of LocalAtlas reads"):
        Store(tmp_path)


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 1000)

    with pytest.raises(StorageError, match="cannot be used: file is not a database"):
        Store(tmp_path)


def test_full_disk_fails_the_write_and_nothing_else(store: Store) -> None:
    collection = insert(store, new(1))
    (pages,) = collection.read("PRAGMA page_count", ())[0]

    set_page_limit(store, pages)

    with pytest.raises(sqlite3.OperationalError, match="full"):
        insert(store, new(2, text="x" * 1_000_000))

    assert [row.document for _, row in collection.find(None)] == [{"_id": 1}]
    set_page_limit(store, 1_000_000)
    assert insert(store, new(3)).count() == 2
