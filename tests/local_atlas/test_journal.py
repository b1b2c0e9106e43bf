"""What changed since a position, as the store tells it."""

from collections.abc import Iterator
from pathlib import Path

import bson
import pytest

from app.local_atlas.collection_writer import NewDocument
from app.local_atlas.errors import CommandError
from app.local_atlas.journal import Position
from app.local_atlas.store import Store, StoredCollection


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def collection(store: Store) -> StoredCollection:
    with store.write() as transaction:
        return transaction.create_collection("shop", "items")


def insert(store: Store, *ids: int, name: str = "items") -> None:
    with store.write() as transaction:
        documents = [{"_id": one} for one in ids]
        batch = [NewDocument(bson.encode(document), document) for document in documents]
        transaction.writer("shop", name).insert_many(batch)


def delete(store: Store, record_id: int) -> None:
    with store.write() as transaction:
        transaction.writer("shop", "items").delete_many([(record_id, {"_id": record_id})])


def changed(store: Store, collection: StoredCollection, position: Position) -> list[int] | None:
    found = store.changes_after(collection, position)
    return None if found is None else found[0]


def test_changes_are_told_from_a_mark_on(store: Store, collection: StoredCollection) -> None:
    insert(store, 1)
    position = store.mark(collection)
    assert changed(store, collection, position) == []

    insert(store, 2, 3)
    delete(store, 1)
    insert(store, 4, name="others")

    found = store.changes_after(collection, position)
    assert found is not None
    assert found[0] == [1, 2, 3]
    assert changed(store, collection, found[1]) == []


def test_a_write_that_failed_leaves_nothing(store: Store, collection: StoredCollection) -> None:
    position = store.mark(collection)

    with pytest.raises(CommandError):
        insert(store, 1, 1)

    assert changed(store, collection, position) == []


def test_changes_are_still_told_after_the_store_was_opened_again(
    store: Store, collection: StoredCollection, tmp_path: Path
) -> None:
    position = store.mark(collection)
    insert(store, 1)
    store.close()

    again = Store(tmp_path)
    opened = again.collection("shop", "items")
    assert opened is not None
    assert changed(again, opened, position) == [1]
    again.close()


def test_a_position_of_another_history_is_not_known(
    store: Store, collection: StoredCollection
) -> None:
    position = store.mark(collection)
    insert(store, 1)

    assert changed(store, collection, Position(position.sequence, position.token + 1)) is None
    assert changed(store, collection, Position(position.sequence + 5, position.token)) is None


def test_what_was_pruned_is_not_known_and_the_rest_is(
    store: Store, collection: StoredCollection
) -> None:
    first = store.mark(collection)
    insert(store, 1)
    second = store.mark(collection)
    insert(store, 2)

    store.prune_journal(collection, second)

    assert changed(store, collection, first) is None
    assert changed(store, collection, second) == [2]


def test_pruning_one_collection_spares_the_others_but_for_dropped_ones(
    store: Store, collection: StoredCollection
) -> None:
    insert(store, 1, name="others")
    others = store.collection("shop", "others")
    assert others is not None
    position = store.mark(others)
    store.prune_journal(collection, store.mark(collection))
    assert changed(store, others, position) == []

    with store.write() as transaction:
        transaction.drop_collection(others)
    store.prune_journal(collection, store.mark(collection))

    assert len(store.persistence.read("SELECT * FROM search_journal")) == 1


def test_writes_to_a_collection_without_search_indexes_are_not_journaled(
    store: Store, collection: StoredCollection
) -> None:
    insert(store, 1)

    assert store.persistence.read("SELECT * FROM search_journal") == []


def test_a_data_file_without_a_journal_gets_one(store: Store, tmp_path: Path) -> None:
    with store.write() as transaction:
        transaction.connection.execute("DROP TABLE search_journal")
        transaction.create_collection("shop", "items")
    with store.persistence.transaction() as connection:
        connection.execute("PRAGMA user_version = 1")
    store.close()

    again = Store(tmp_path)
    collection = again.collection("shop", "items")
    assert collection is not None
    assert changed(again, collection, again.mark(collection)) == []
    again.close()
