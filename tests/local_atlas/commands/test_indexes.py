"""Ordinary indexes: made, listed, dropped, enforced, and used."""

from typing import Any

import pytest
from bson import Int64
from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from app.local_atlas.node import Node

Docs = Database[dict[str, Any]]


def test_index_is_listed_as_it_was_asked_for(db: Docs) -> None:
    db.c.create_index([("a", ASCENDING), ("b.c", DESCENDING)], unique=True, sparse=True)

    assert list(db.c.list_indexes()) == [
        {"v": 2, "key": {"_id": 1}, "name": "_id_"},
        {"v": 2, "key": {"a": 1, "b.c": -1}, "name": "a_1_b.c_-1", "unique": True, "sparse": True},
    ]


def test_reply_counts_the_indexes(db: Docs) -> None:
    wanted = [{"key": {"a": 1}, "name": "a_1"}]

    first = db.command("createIndexes", "c", indexes=wanted)
    second = db.command("createIndexes", "c", indexes=wanted)

    assert (first["numIndexesBefore"], first["numIndexesAfter"]) == (1, 2)
    assert first["createdCollectionAutomatically"] is True
    assert second["note"] == "all indexes already exist"


def test_indexes_of_a_missing_collection_are_an_error(db: Docs) -> None:
    with pytest.raises(OperationFailure) as refused:
        db.command("listIndexes", "missing")

    assert refused.value.code == 26


@pytest.mark.parametrize("index", ["a_1", {"a": 1}, ["a_1"], "*"], ids=str)
def test_index_is_dropped_by_name_by_key_and_with_all(db: Docs, index: Any) -> None:
    db.c.create_index("a")

    reply = db.command("dropIndexes", "c", index=index)

    assert reply["nIndexesWas"] == 2
    assert list(db.c.index_information()) == ["_id_"]


@pytest.mark.parametrize(
    ("index", "code"), [("_id_", 72), ({"_id": 1}, 72), ("missing", 27), ({"x": 1}, 27)], ids=str
)
def test_index_that_cannot_be_dropped_is_an_error(db: Docs, index: Any, code: int) -> None:
    db.c.create_index("a")

    with pytest.raises(OperationFailure) as refused:
        db.command("dropIndexes", "c", index=index)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("second", "code"),
    [
        pytest.param({"key": {"a": 1}, "name": "a_1", "unique": True}, 86, id="same name"),
        pytest.param({"key": {"b": 1}, "name": "a_1"}, 86, id="same name, other key"),
        pytest.param({"key": {"a": 1}, "name": "other"}, 85, id="same key"),
        pytest.param({"key": {"a": 1}, "name": "a_1", "expireAfterSeconds": 5}, 85, id="lifetime"),
    ],
)
def test_index_in_conflict_with_another_is_refused(
    db: Docs, second: dict[str, Any], code: int
) -> None:
    db.c.create_index("a")

    with pytest.raises(OperationFailure) as refused:
        db.command("createIndexes", "c", indexes=[second])

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("index", "code"),
    [
        pytest.param({"key": {}, "name": "x"}, 67, id="no key"),
        pytest.param({"key": {"a": "text"}, "name": "x"}, 67, id="text"),
        pytest.param({"key": {"a": "2dsphere"}, "name": "x"}, 67, id="2dsphere"),
        pytest.param({"key": {"$**": 1}, "name": "x"}, 67, id="wildcard"),
        pytest.param({"key": {"a": True}, "name": "x"}, 67, id="direction"),
        pytest.param({"key": {"a": 0}, "name": "x"}, 67, id="direction of zero"),
        pytest.param({"key": {"a..b": 1}, "name": "x"}, 67, id="empty path component"),
        pytest.param({"key": {"a": 1}}, 9, id="no name"),
        pytest.param({"key": {"a": 1}, "name": "x", "expireAfterSeconds": "1"}, 67, id="TTL, text"),
        pytest.param({"key": {"a": 1}, "name": "x", "expireAfterSeconds": -1}, 67, id="TTL, -1"),
        pytest.param(
            {"key": {"a": 1, "b": 1}, "name": "x", "expireAfterSeconds": 1}, 67, id="TTL, compound"
        ),
        pytest.param({"key": {"_id": 1}, "name": "x", "expireAfterSeconds": 1}, 197, id="TTL, _id"),
        pytest.param({"key": {"_id": 1}, "name": "_id_", "hidden": True}, 2, id="_id, hidden"),
        pytest.param(
            {"key": {"a": 1}, "name": "x", "partialFilterExpression": {"a": {"$ne": 1}}},
            67,
            id="partial, negation",
        ),
        pytest.param(
            {"key": {"a": 1}, "name": "x", "partialFilterExpression": {"a": {"$exists": False}}},
            67,
            id="partial, missing",
        ),
        pytest.param({"key": {"a": 1}, "name": "x", "bogus": 1}, 40415, id="unknown option"),
    ],
)
def test_index_that_is_not_emulated_or_malformed_is_refused(
    db: Docs, index: dict[str, Any], code: int
) -> None:
    with pytest.raises(OperationFailure) as refused:
        db.command("createIndexes", "c", indexes=[index])

    assert refused.value.code == code
    assert db.list_collection_names() == []


def test_indexes_on_one_key_stand_beside_each_other_where_they_hold_others(db: Docs) -> None:
    db.c.create_index("a")
    db.c.create_index("a", name="unique", unique=True)
    db.c.create_index("a", name="partial", partialFilterExpression={"a": {"$gt": 1}})

    assert list(db.c.index_information()) == ["_id_", "a_1", "unique", "partial"]


def test_hidden_index_is_kept_and_not_used(db: Docs) -> None:
    db.c.create_index("a", hidden=True, unique=True)
    db.c.insert_one({"a": 1})

    plan = db.c.find({"a": 1}).explain()["queryPlanner"]["winningPlan"]
    with pytest.raises(DuplicateKeyError):
        db.c.insert_one({"a": 1})
    with pytest.raises(OperationFailure, match="does not correspond to an existing index"):
        list(db.c.find(hint="a_1"))
    shown = db.command("collMod", "c", index={"keyPattern": {"a": 1}, "hidden": False})
    used = db.c.find({"a": 1}).explain()["queryPlanner"]["winningPlan"]

    assert plan["stage"] == "COLLSCAN"
    assert (shown["hidden_old"], shown["hidden_new"]) == (True, False)
    assert used["inputStage"]["indexName"] == "a_1"
    assert "hidden" not in list(db.c.list_indexes())[1]


def test_lifetime_of_an_index_is_changed_and_listed(db: Docs) -> None:
    db.c.create_index("a", expireAfterSeconds=60)

    reply = db.command("collMod", "c", index={"name": "a_1", "expireAfterSeconds": 90})

    assert (reply["expireAfterSeconds_old"], reply["expireAfterSeconds_new"]) == (60, 90)
    assert list(db.c.list_indexes())[1]["expireAfterSeconds"] == 90


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"name": "x", "hidden": True}, 27, id="no such index"),
        pytest.param({"keyPattern": {"x": 1}, "hidden": True}, 27, id="no such key"),
        pytest.param({"name": "a_1"}, 72, id="nothing to change"),
        pytest.param({"hidden": True}, 72, id="no index named"),
        pytest.param({"name": "a_1", "expireAfterSeconds": -1}, 67, id="below 0"),
        pytest.param({"name": "a_1", "unique": True}, 40415, id="not emulated"),
    ],
)
def test_index_change_that_cannot_be_is_refused(
    db: Docs, change: dict[str, Any], code: int
) -> None:
    db.c.create_index("a")

    with pytest.raises(OperationFailure) as refused:
        db.command("collMod", "c", index=change)

    assert refused.value.code == code


def test_unique_index_refuses_a_second_document_with_the_key(db: Docs) -> None:
    db.c.create_index([("a", 1), ("b", 1)], unique=True)
    db.c.insert_many([{"a": 1, "b": 1}, {"a": 1, "b": 2}])

    with pytest.raises(DuplicateKeyError) as refused:
        db.c.insert_one({"a": Int64(1), "b": 2.0})

    details = refused.value.details
    assert details is not None
    assert details["keyPattern"] == {"a": 1, "b": 1}
    assert details["keyValue"] == {"a": 1, "b": 2}
    assert "index: a_1_b_1 dup key: { a: 1, b: 2.0 }" in details["errmsg"]


def test_unique_index_counts_missing_as_null(db: Docs) -> None:
    db.c.create_index("a", unique=True)
    db.c.insert_one({"b": 1})

    with pytest.raises(DuplicateKeyError):
        db.c.insert_one({"a": None})


def test_unique_sparse_index_leaves_out_documents_without_the_field(db: Docs) -> None:
    db.c.create_index("a", unique=True, sparse=True)

    db.c.insert_many([{}, {}, {"a": 1}])

    with pytest.raises(DuplicateKeyError):
        db.c.insert_one({"a": 1})


def test_unique_partial_index_is_enforced_where_its_filter_matches(db: Docs) -> None:
    db.c.create_index("a", unique=True, partialFilterExpression={"live": True})

    db.c.insert_many([{"a": 1}, {"a": 1}, {"a": 1, "live": True}])

    with pytest.raises(DuplicateKeyError):
        db.c.insert_one({"a": 1, "live": True})


def test_unique_index_counts_every_element_of_an_array(db: Docs) -> None:
    db.c.create_index("tags.name", unique=True)
    db.c.insert_one({"tags": [{"name": "x"}, {"name": "y"}, {"name": "x"}]})

    with pytest.raises(DuplicateKeyError):
        db.c.insert_one({"tags": {"name": "y"}})


def test_two_arrays_in_one_compound_index_are_refused(db: Docs) -> None:
    db.c.create_index([("a", 1), ("b", 1)])

    with pytest.raises(OperationFailure) as refused:
        db.c.insert_one({"a": [1, 2], "b": [3, 4]})

    assert refused.value.code == 171


def test_update_into_a_duplicate_is_refused_and_changes_nothing(db: Docs) -> None:
    db.c.create_index("a", unique=True)
    db.c.insert_many([{"_id": 1, "a": 1}, {"_id": 2, "a": 2}])

    with pytest.raises(DuplicateKeyError):
        db.c.update_one({"_id": 2}, {"$set": {"a": 1}})

    assert db.c.find_one({"_id": 2}) == {"_id": 2, "a": 2}
    assert db.c.find_one({"a": 2}) is not None


def test_key_is_free_again_after_update_and_delete(db: Docs) -> None:
    db.c.create_index("a", unique=True)
    db.c.insert_many([{"_id": 1, "a": 1}, {"_id": 2, "a": 2}])

    db.c.update_one({"_id": 1}, {"$set": {"a": 3}})
    db.c.delete_one({"_id": 2})
    db.c.insert_many([{"a": 1}, {"a": 2}])

    assert sorted(d["a"] for d in db.c.find()) == [1, 2, 3]


def test_batch_of_upserts_reports_the_one_that_is_a_duplicate(db: Docs) -> None:
    db.c.create_index("a", unique=True)
    db.c.insert_one({"_id": 0, "a": 1})
    operations = [UpdateOne({"_id": i}, {"$set": {"a": i}}, upsert=True) for i in (1, 2, 3)]

    with pytest.raises(BulkWriteError) as failed:
        db.c.bulk_write(operations, ordered=False)

    assert [(e["index"], e["code"]) for e in failed.value.details["writeErrors"]] == [(0, 11000)]
    assert [d["_id"] for d in db.c.find()] == [0, 2, 3]


def test_unique_index_over_duplicates_is_not_made(db: Docs) -> None:
    db.c.insert_many([{"a": 1}, {"a": 1}])

    with pytest.raises(DuplicateKeyError) as refused:
        db.c.create_index("a", unique=True)

    assert refused.value.details is not None
    assert refused.value.details["keyValue"] == {"a": 1}
    assert list(db.c.index_information()) == ["_id_"]


def test_two_indexes_are_made_or_none(db: Docs) -> None:
    db.c.insert_many([{"a": 1}, {"a": 1}])

    with pytest.raises(DuplicateKeyError):
        db.c.create_indexes([IndexModel("b"), IndexModel("a", unique=True)])

    assert list(db.c.index_information()) == ["_id_"]


@pytest.mark.parametrize("option", [{"sparse": True}, {"partialFilterExpression": {"b": 1}}])
def test_index_that_leaves_documents_out_hides_none_of_them(
    db: Docs, option: dict[str, Any]
) -> None:
    db.c.insert_many([{"_id": 1, "a": 1}, {"_id": 2, "a": 1, "b": 1}, {"_id": 3}])

    db.c.create_index("a", **option)

    assert [d["_id"] for d in db.c.find({"a": 1})] == [1, 2]
    assert [d["_id"] for d in db.c.find({"a": None})] == [3]


@pytest.fixture
def indexed(db: Docs, local_atlas: Node) -> Docs:
    db.c.create_indexes([IndexModel([("a", 1), ("b", 1)]), IndexModel("tags")])
    db.c.insert_many(
        [{"_id": i, "a": i % 5, "b": i % 3, "tags": [i, str(i)]} for i in range(60)]
        + [{"_id": 60, "a": None}, {"_id": 61}, {"_id": 62, "a": [1, 2]}, {"_id": 63, "tags": []}]
    )
    return db


@pytest.mark.parametrize(
    "query",
    [
        {"a": 1},
        {"a": 1.0, "b": 2},
        {"b": 2, "a": {"$in": [1, 3]}},
        {"a": {"$in": [1, 2]}, "b": {"$gte": 1}},
        {"a": None},
        {"a": {"$in": [None, 1]}},
        {"a": [1, 2]},
        {"a": {"$in": []}},
        {"tags": 7},
        {"tags": "7", "a": 2},
        {"tags": []},
        {"$and": [{"a": 1}, {"b": 1}]},
        {"$or": [{"a": 1}, {"b": 1}]},
        {"a": {"$not": {"$eq": 1}}},
        {"a": {"$eq": 1, "$ne": 2}},
        {"a": {"$exists": False}},
        {"a": True},
    ],
    ids=str,
)
def test_index_changes_no_answer(indexed: Docs, query: dict[str, Any]) -> None:
    with_indexes = list(indexed.c.find(query))

    indexed.c.drop_indexes()

    assert with_indexes == list(indexed.c.find(query))


def test_equality_on_an_indexed_field_reads_only_the_matches(
    indexed: Docs, local_atlas: Node
) -> None:
    collection = local_atlas.store.collection(indexed.name, "c")
    assert collection is not None
    read: list[int] = []

    def counting(sql: str, parameters: Any) -> list[tuple[Any, ...]]:
        rows = collection.read(sql, parameters)
        read.append(len(rows))
        return rows

    found = list(collection.find({"a": 3, "b": 1}, read=counting))

    assert len(found) == 4
    assert sum(read) == 2 * 4  # their record ids, then the documents
