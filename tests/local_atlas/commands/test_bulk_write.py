"""bulkWrite: many writes of several collections in one command."""

from collections.abc import Iterator
from typing import Any

import pytest
from bson import Binary
from bson.binary import BinaryVectorDtype
from pymongo import (
    DeleteMany,
    DeleteOne,
    InsertOne,
    MongoClient,
    ReplaceOne,
    UpdateMany,
    UpdateOne,
    WriteConcern,
)
from pymongo.database import Database
from pymongo.errors import ClientBulkWriteException, OperationFailure

Docs = Database[dict[str, Any]]


@pytest.fixture
def a(db: Docs) -> str:
    db.a.insert_many([{"_id": i, "n": i} for i in range(1, 5)])
    return db.a.full_name


@pytest.fixture
def b(db: Docs) -> Iterator[str]:
    return db.b.full_name


def test_each_kind_of_write_is_done_and_told_of(db: Docs, a: str, b: str) -> None:
    result = db.client.bulk_write(
        [
            InsertOne({"_id": 9, "n": 9}, namespace=b),
            UpdateOne({"_id": 1}, {"$inc": {"n": 10}}, namespace=a),
            UpdateMany({"n": {"$gt": 2}}, {"$set": {"big": True}}, namespace=a),
            UpdateOne({"_id": 7}, {"$set": {"n": 7}}, upsert=True, namespace=b),
            ReplaceOne({"_id": 2}, {"name": "two"}, namespace=a),
            DeleteOne({"_id": 3}, namespace=a),
            DeleteMany({}, namespace=b),
        ],
        verbose_results=True,
    )

    assert (result.inserted_count, result.upserted_count, result.deleted_count) == (1, 1, 3)
    assert (result.matched_count, result.modified_count) == (5, 5)
    assert result.insert_results[0].inserted_id == 9
    assert result.update_results[2].matched_count == 3
    assert result.update_results[3].upserted_id == 7
    assert result.delete_results[6].deleted_count == 2
    assert list(db.a.find()) == [
        {"_id": 1, "n": 11, "big": True},
        {"_id": 2, "name": "two"},
        {"_id": 4, "n": 4, "big": True},
    ]
    assert db.b.count_documents({}) == 0


def test_operations_of_one_kind_keep_their_order(db: Docs, a: str) -> None:
    db.client.bulk_write(
        [
            ReplaceOne({"_id": 1}, {"v": 1}, namespace=a),
            ReplaceOne({"_id": 1}, {"v": 2}, namespace=a),
            UpdateOne({"_id": 1}, {"$mul": {"v": 5}}, namespace=a),
            ReplaceOne({"_id": 8}, {"v": 8}, upsert=True, namespace=a),
            UpdateOne({"_id": 8}, [{"$set": {"v": {"$add": ["$v", "$$one"]}}}], namespace=a),
        ],
        let={"one": 1},
    )

    assert db.a.find_one({"_id": 1}) == {"_id": 1, "v": 10}
    assert db.a.find_one({"_id": 8}) == {"_id": 8, "v": 9}


def test_first_failure_ends_an_ordered_bulk_write(db: Docs, a: str, b: str) -> None:
    with pytest.raises(ClientBulkWriteException) as caught:
        db.client.bulk_write(
            [
                InsertOne({"_id": 5}, namespace=b),
                InsertOne({"_id": 5}, namespace=b),
                InsertOne({"_id": 6}, namespace=b),
                DeleteMany({}, namespace=a),
            ]
        )

    (error,) = caught.value.write_errors
    assert (error["idx"], error["code"]) == (1, 11000)
    assert error["keyValue"] == {"_id": 5}
    assert caught.value.partial_result.inserted_count == 1
    assert (db.a.count_documents({}), db.b.count_documents({})) == (4, 1)


def test_unordered_bulk_write_does_all_that_can_be_done(db: Docs, a: str, b: str) -> None:
    with pytest.raises(ClientBulkWriteException) as caught:
        db.client.bulk_write(
            [
                InsertOne({"_id": 5}, namespace=b),
                InsertOne({"_id": 5}, namespace=b),
                UpdateOne({"_id": 1}, {"$inc": {"n": "x"}}, namespace=a),
                InsertOne({"_id": 6}, namespace=b),
                DeleteMany({}, namespace=a),
            ],
            ordered=False,
            verbose_results=True,
        )

    assert [error["idx"] for error in caught.value.write_errors] == [1, 2]
    assert caught.value.partial_result.inserted_count == 2
    assert caught.value.partial_result.delete_results[4].deleted_count == 4
    assert (db.a.count_documents({}), db.b.count_documents({})) == (0, 2)


def test_results_that_fit_no_batch_are_fetched_with_the_cursor(db: Docs, a: str) -> None:
    large = "x" * 10_000_000  # two of them are more than a batch may hold
    ids = [large + end for end in "ab"]

    result = db.client.bulk_write(
        [UpdateOne({"_id": i}, {"$set": {"u": 1}}, upsert=True, namespace=a) for i in ids],
        verbose_results=True,
    )

    assert [result.update_results[i].upserted_id for i in range(2)] == ids


def test_batch_holds_all_results_where_no_size_is_asked_for(db: Docs, a: str) -> None:
    ops = [{"insert": 0, "document": {"_id": i}} for i in range(100, 400)]
    ask = {"bulkWrite": 1, "ops": ops, "nsInfo": [{"ns": a}], "ordered": False}

    assert len(db.client.admin.command(ask)["cursor"]["firstBatch"]) == 300
    limited = db.client.admin.command({**ask, "cursor": {"batchSize": 2}})["cursor"]
    assert len(limited["firstBatch"]) == 2
    assert limited["id"] != 0


def test_reply_shows_only_errors_where_no_more_is_asked_for(db: Docs, a: str) -> None:
    ops = [{"insert": 0, "document": {"_id": i}} for i in (1, 50)]

    reply = db.client.admin.command(
        "bulkWrite", 1, ops=ops, nsInfo=[{"ns": a}], errorsOnly=True, ordered=False
    )

    assert reply["cursor"]["ns"] == "admin.$cmd.bulkWrite"
    (error,) = reply["cursor"]["firstBatch"]
    assert (error["ok"], error["idx"], error["code"]) == (0.0, 0, 11000)
    assert (reply["nErrors"], reply["nInserted"], reply["nMatched"]) == (1, 1, 0)


def test_array_filters_sort_and_hint_are_those_of_the_single_commands(db: Docs, a: str) -> None:
    db.a.create_index("n")
    db.a.insert_one({"_id": 10, "grades": [1, 9]})

    db.client.bulk_write(
        [
            UpdateOne(
                {"_id": 10},
                {"$set": {"grades.$[low]": 5}},
                array_filters=[{"low": {"$lt": 5}}],
                namespace=a,
            ),
            UpdateOne({"n": {"$gt": 0}}, {"$set": {"top": 1}}, sort={"n": -1}, namespace=a),
            DeleteOne({"n": 1}, hint="n_1", namespace=a),
        ]
    )

    assert db.a.find_one({"_id": 10}) == {"_id": 10, "grades": [5, 9]}
    assert db.a.find_one({"top": 1})["_id"] == 4
    assert db.a.find_one({"_id": 1}) is None


def test_embeddings_arrive_byte_for_byte(db: Docs, b: str) -> None:
    array = [i / 7 for i in range(512)]
    vector = Binary.from_vector([0.5, -1.25], BinaryVectorDtype.FLOAT32)

    db.client.bulk_write(
        [
            InsertOne({"_id": 1, "e": array}, namespace=b),
            ReplaceOne({"_id": 2}, {"e": array}, upsert=True, namespace=b),
            UpdateOne({"_id": 1}, {"$set": {"v": vector}}, namespace=b),
        ]
    )

    assert db.b.find_one({"_id": 1}) == {"_id": 1, "e": array, "v": vector}
    assert db.b.find_one({"_id": 2}) == {"_id": 2, "e": array}


def test_invalid_documents_are_refused_unless_validation_is_bypassed(db: Docs) -> None:
    db.create_collection("c", validator={"n": {"$gt": 0}})
    writes = [InsertOne({"n": 0}, namespace=db.c.full_name)]

    with pytest.raises(ClientBulkWriteException) as caught:
        db.client.bulk_write(writes)
    db.client.bulk_write(writes, bypass_document_validation=True)

    assert caught.value.write_errors[0]["code"] == 121
    assert db.c.count_documents({}) == 1


def test_writes_to_a_view_fail_each_by_itself(db: Docs, a: str, b: str) -> None:
    db.create_collection("v", viewOn="a")
    view = db.v.full_name

    with pytest.raises(ClientBulkWriteException) as caught:
        db.client.bulk_write(
            [InsertOne({}, namespace=name) for name in (view, view, b)], ordered=False
        )

    assert [(e["idx"], e["code"]) for e in caught.value.write_errors] == [(0, 166), (1, 166)]
    assert db.b.count_documents({}) == 1


def test_unacknowledged_bulk_write_arrives(db: Docs, b: str) -> None:
    client: MongoClient[dict[str, Any]] = db.client

    client.bulk_write(
        [InsertOne({"_id": 1}, namespace=b)], ordered=False, write_concern=WriteConcern(w=0)
    )

    # The driver sends this over the same connection, so it is answered after the write.
    assert db.b.find_one() == {"_id": 1}


@pytest.mark.parametrize(
    ("ops", "code"),
    [
        ([], 16),
        ([{"upsert": 0, "document": {}}], 9),
        ([{"insert": 0}], 40414),
        ([{"insert": 1, "document": {}}], 2),
        ([{"insert": 0, "document": {}, "nope": 1}], 40415),
        ([{"update": 0, "filter": {}}], 40414),
        ([{"delete": 0, "filter": 1}], 40414),
    ],
    ids=str,
)
def test_malformed_operation_is_refused_before_anything_is_written(
    db: Docs, b: str, ops: list[dict[str, Any]], code: int
) -> None:
    with pytest.raises(OperationFailure) as caught:
        db.client.admin.command("bulkWrite", 1, ops=ops, nsInfo=[{"ns": b}])

    assert caught.value.code == code
    assert db.list_collection_names() == []


@pytest.mark.parametrize(
    ("entry", "code"),
    [({"ns": "a b.c"}, 73), ({"ns": "a.$b"}, 73), ({"ns": "a"}, 73), ({}, 40414), ([{}], 14)],
    ids=str,
)
def test_namespace_that_is_none_is_refused(db: Docs, entry: Any, code: int) -> None:
    with pytest.raises(OperationFailure) as caught:
        db.client.admin.command("bulkWrite", 1, ops=[{"insert": 0, "document": {}}], nsInfo=[entry])

    assert caught.value.code == code


def test_bulk_write_is_a_command_of_the_admin_database(db: Docs, b: str) -> None:
    with pytest.raises(OperationFailure) as caught:
        db.command("bulkWrite", 1, ops=[{"insert": 0, "document": {}}], nsInfo=[{"ns": b}])

    assert caught.value.code == 13
