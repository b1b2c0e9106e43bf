"""The entries of an index: new ones by themselves, settled many at a time, found and removed."""

from typing import Any

import pytest
from pymongo import UpdateOne
from pymongo.database import Database

from app.local_atlas import index_entries
from app.local_atlas.node import Node

Docs = Database[dict[str, Any]]


@pytest.fixture(autouse=True)
def settled_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settle new entries as soon as there are more than ten."""
    monkeypatch.setattr(index_entries, "_SETTLED_AT_ONCE", 10)


def _counts(db: Docs, node: Node) -> list[int]:
    """Return how many entries each table of the index holds."""
    collection = node.store.collection(db.name, "c")
    assert collection is not None
    tables = collection.indexes[0].tables
    return [collection.read(f"SELECT count(*) FROM {table}", ())[0][0] for table in tables]


def test_new_entries_settle_many_at_a_time(db: Docs, local_atlas: Node) -> None:
    db.c.create_index("a")

    db.c.insert_many([{"a": number} for number in range(8)])
    before = _counts(db, local_atlas)
    db.c.insert_many([{"a": number} for number in range(8, 16)])
    behind = _counts(db, local_atlas)
    db.c.insert_one({"a": 16})

    assert (before, behind, _counts(db, local_atlas)) == ([0, 8], [16, 0], [16, 1])
    assert [each["a"] for each in db.c.find().sort("a", -1)] == list(range(16, -1, -1))
    assert [each["a"] for each in db.c.find({"a": {"$gte": 14}})] == [14, 15, 16]


def test_larger_collection_settles_a_share_of_itself_at_a_time(db: Docs, local_atlas: Node) -> None:
    db.c.create_index("a")
    db.c.insert_many([{"a": number} for number in range(1600)])

    db.c.insert_many([{"a": number} for number in range(60)])

    assert _counts(db, local_atlas) == [1600, 60]


def test_entries_are_removed_from_wherever_they_are(db: Docs, local_atlas: Node) -> None:
    db.c.create_index("a")
    db.c.insert_many([{"_id": number, "a": number} for number in range(15)])
    db.c.insert_many([{"_id": number, "a": number} for number in range(15, 20)])

    db.c.delete_many({"a": {"$in": [3, 17]}})
    db.c.bulk_write([UpdateOne({"_id": n}, {"$inc": {"a": 100}}) for n in (4, 18)])

    assert [each["a"] for each in db.c.find({"a": {"$in": [3, 4, 17, 18]}})] == []
    assert [each["_id"] for each in db.c.find({"a": {"$gt": 50}})] == [4, 18]
    assert sum(_counts(db, local_atlas)) == 18


def test_index_over_existing_documents_is_settled_at_once(db: Docs, local_atlas: Node) -> None:
    db.c.insert_many([{"a": number} for number in range(5)])

    db.c.create_index("a")

    assert _counts(db, local_atlas) == [5, 0]


def test_unique_index_has_one_table_that_keeps_it_so(db: Docs, local_atlas: Node) -> None:
    db.c.create_index("a", unique=True)
    db.c.insert_many([{"a": number} for number in range(30)])

    assert _counts(db, local_atlas) == [30]


def test_dropped_index_leaves_no_table(db: Docs, local_atlas: Node) -> None:
    db.c.create_index("a")
    collection = local_atlas.store.collection(db.name, "c")
    assert collection is not None
    tables = collection.indexes[0].tables

    db.c.drop_index("a_1")

    sql = "SELECT count(*) FROM sqlite_master WHERE name IN (?, ?)"
    assert collection.read(sql, tables) == [(0,)]


def test_update_along_its_own_index_changes_each_document_once(db: Docs) -> None:
    db.c.create_index("a")
    db.c.insert_many([{"a": number} for number in range(500)])

    result = db.c.update_many({"a": {"$gte": 0}}, {"$inc": {"a": 1}})

    assert result.modified_count == 500
    assert sorted(each["a"] for each in db.c.find({"a": {"$gte": 0}})) == list(range(1, 501))


def test_deletion_along_its_own_index_leaves_nothing(db: Docs) -> None:
    db.c.create_index("a")
    db.c.insert_many([{"a": number % 7} for number in range(500)])

    assert db.c.delete_many({"a": {"$lt": 7}}).deleted_count == 500
    assert db.c.count_documents({}) == 0
