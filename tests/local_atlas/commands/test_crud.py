"""insert, update and delete over the wire, with PyMongo."""

from typing import Any

import bson
import pytest
from bson import Decimal128, Int64, ObjectId, Regex, Timestamp
from bson.binary import Binary
from bson.code import Code
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, WriteError
from pymongo.write_concern import WriteConcern

Docs = Database[dict[str, Any]]

EVERY_TYPE = {
    "_id": Int64(1),
    "double": 1.0,
    "string": "é\0",
    "document": {"b": 1, "a": {"deep": []}},
    "array": [1, Int64(1), 1.0, Decimal128("1.0")],
    "binary": Binary(b"\x03\x00\x01", 9),
    "old_binary": Binary(b"x", 2),
    "object_id": ObjectId("0123456789abcdef01234567"),
    "true": True,
    "date": DatetimeMS(-(10**15)),
    "null": None,
    "regex": Regex("a+", "im"),
    "code": Code("f()"),
    "scope": Code("f()", {"a": 1}),
    "int32": 1,
    "timestamp": Timestamp(1, 2),
    "int64": Int64(1),
    "decimal": Decimal128("1.10"),
    "min": bson.MinKey(),
    "max": bson.MaxKey(),
}
RAW = CodecOptions(
    document_class=RawBSONDocument, datetime_conversion=DatetimeConversion.DATETIME_MS
)


def raw_of(collection: Collection[Any], query: dict[str, Any]) -> bytes:
    found = collection.with_options(codec_options=RAW).find_one(query)
    assert found is not None
    return bytes(found.raw)


def test_inserted_document_comes_back_byte_for_byte(db: Docs) -> None:
    sent = bson.encode(EVERY_TYPE)

    db.c.with_options(codec_options=RAW).insert_one(RawBSONDocument(sent, RAW))

    assert raw_of(db.c, {"_id": 1}) == sent


def test_replacement_comes_back_byte_for_byte_with_the_id_in_front(db: Docs) -> None:
    fields = {name: value for name, value in EVERY_TYPE.items() if name != "_id"}
    db.c.insert_one({"_id": Int64(1)})

    db.c.with_options(codec_options=RAW).replace_one(
        {"_id": 1}, RawBSONDocument(bson.encode(fields), RAW)
    )

    assert raw_of(db.c, {"_id": 1}) == bson.encode(EVERY_TYPE)


def test_upserted_batch_comes_back_byte_for_byte(db: Docs) -> None:
    documents = [{**EVERY_TYPE, "_id": f"item {i}"} for i in range(3)]

    db.c.bulk_write([ReplaceOne({"_id": d["_id"]}, d, upsert=True) for d in documents])

    assert [raw_of(db.c, {"_id": d["_id"]}) for d in documents] == list(map(bson.encode, documents))


def test_document_without_id_gets_an_object_id_in_front(db: Docs) -> None:
    db.command("insert", "c", documents=[{"a": 1}])

    found = db.c.find_one()

    assert found is not None
    assert list(found) == ["_id", "a"]
    assert isinstance(found["_id"], ObjectId)


def test_id_that_is_not_first_is_moved_to_the_front(db: Docs) -> None:
    db.command("insert", "c", documents=[{"a": Regex("x", "i"), "b": [1], "_id": 5, "c": 2}])

    assert raw_of(db.c, {}) == bson.encode({"_id": 5, "a": Regex("x", "i"), "b": [1], "c": 2})


def test_duplicate_id_is_refused_with_key_pattern_and_value(db: Docs) -> None:
    db.c.insert_one({"_id": "a"})

    with pytest.raises(DuplicateKeyError) as refused:
        db.c.insert_one({"_id": "a"})

    assert refused.value.details == {
        "index": 0,
        "code": 11000,
        "errmsg": f"E11000 duplicate key error collection: {db.name}.c index: _id_ dup key: "
        '{ _id: "a" }',
        "keyPattern": {"_id": 1},
        "keyValue": {"_id": "a"},
    }


@pytest.mark.parametrize("other", [Int64(1), 1.0, Decimal128("1.00")], ids=repr)
def test_ids_that_are_equal_across_types_are_duplicates(db: Docs, other: Any) -> None:
    db.c.insert_one({"_id": 1})

    with pytest.raises(DuplicateKeyError):
        db.c.insert_one({"_id": other})


def test_true_and_one_are_different_ids(db: Docs) -> None:
    db.c.insert_many([{"_id": 1}, {"_id": True}])

    assert len(list(db.c.find())) == 2


def test_ordered_insert_stops_at_the_first_error(db: Docs) -> None:
    with pytest.raises(BulkWriteError) as failed:
        db.c.insert_many([{"_id": 1}, {"_id": 1}, {"_id": 2}, {"_id": 2}])

    assert failed.value.details["nInserted"] == 1
    assert [error["index"] for error in failed.value.details["writeErrors"]] == [1]
    assert [d["_id"] for d in db.c.find()] == [1]


def test_unordered_insert_goes_on_and_reports_every_error(db: Docs) -> None:
    with pytest.raises(BulkWriteError) as failed:
        db.c.insert_many(
            [{"_id": 1}, {"_id": 1}, {"_id": 2}, {"_id": [1]}, {"_id": 3}], ordered=False
        )

    assert failed.value.details["nInserted"] == 3
    errors = failed.value.details["writeErrors"]
    assert [(error["index"], error["code"]) for error in errors] == [(1, 11000), (3, 53)]
    assert [d["_id"] for d in db.c.find()] == [1, 2, 3]


def test_ordered_insert_of_a_bad_document_keeps_those_before_it(db: Docs) -> None:
    with pytest.raises(BulkWriteError) as failed:
        db.c.insert_many([{"_id": 1}, {"_id": {"$x": 1}}, {"_id": 2}])

    assert failed.value.details["writeErrors"][0]["code"] == 52
    assert [d["_id"] for d in db.c.find()] == [1]


def test_documents_keep_the_order_of_their_insertion(db: Docs) -> None:
    db.c.insert_many([{"_id": i} for i in (3, 1, 2)])
    db.c.update_one({"_id": 3}, {"$set": {"a": 1}})
    db.c.insert_one({"_id": 0})

    assert [d["_id"] for d in db.c.find()] == [3, 1, 2, 0]


def test_update_reports_matched_and_modified(db: Docs) -> None:
    db.c.insert_many([{"_id": 1, "a": 1}, {"_id": 2, "a": 2}])

    result = db.c.update_many({}, {"$set": {"a": 2}})

    assert (result.matched_count, result.modified_count) == (2, 1)


def test_replacement_by_the_same_bytes_modifies_nothing(db: Docs) -> None:
    db.c.insert_many([{"_id": 1, "a": 1}, {"_id": 2, "a": 1}])

    result = db.c.bulk_write([ReplaceOne({"_id": i}, {"_id": i, "a": 1}) for i in (1, 2)])

    assert (result.matched_count, result.modified_count) == (2, 0)


def test_update_one_changes_the_first_match_only(db: Docs) -> None:
    db.c.insert_many([{"_id": 1}, {"_id": 2}])

    db.c.update_one({}, {"$set": {"a": 1}})

    assert list(db.c.find()) == [{"_id": 1, "a": 1}, {"_id": 2}]


def test_update_one_with_sort_changes_the_first_in_that_order(db: Docs) -> None:
    db.c.insert_many([{"_id": 1, "n": 1}, {"_id": 2, "n": 2}])

    db.c.update_one({}, {"$set": {"a": 1}}, sort={"n": -1})

    assert db.c.find_one({"a": 1}) == {"_id": 2, "n": 2, "a": 1}


def test_upsert_returns_the_id_that_it_made(db: Docs) -> None:
    result = db.c.update_one({"name": "x"}, {"$set": {"a": 1}}, upsert=True)

    assert isinstance(result.upserted_id, ObjectId)
    assert db.c.find_one() == {"_id": result.upserted_id, "name": "x", "a": 1}


def test_upsert_of_a_replacement_takes_the_id_of_the_query(db: Docs) -> None:
    result = db.c.replace_one({"_id": "k"}, {"a": 1}, upsert=True)

    assert result.upserted_id == "k"
    assert db.c.find_one() == {"_id": "k", "a": 1}


def test_batch_of_upserts_reports_each_id_at_its_index(db: Docs) -> None:
    db.c.insert_one({"_id": 1})

    result = db.c.bulk_write([ReplaceOne({"_id": i}, {"a": i}, upsert=True) for i in range(3)])

    assert result.upserted_ids == {0: 0, 2: 2}
    assert (result.matched_count, result.modified_count) == (1, 1)


def test_batch_that_names_one_id_twice_applies_both_in_order(db: Docs) -> None:
    operations = [ReplaceOne({"_id": 1}, {"a": i}, upsert=True) for i in range(3)]

    result = db.c.bulk_write(operations)

    assert (result.upserted_count, result.matched_count) == (1, 2)
    assert list(db.c.find()) == [{"_id": 1, "a": 2}]


def test_batch_that_replaces_a_document_and_puts_it_back_ends_where_it_began(db: Docs) -> None:
    db.c.insert_one({"_id": 1, "a": 0})

    result = db.c.bulk_write([ReplaceOne({"_id": 1}, {"_id": 1, "a": a}) for a in (1, 0)])

    assert (result.matched_count, result.modified_count) == (2, 2)
    assert list(db.c.find()) == [{"_id": 1, "a": 0}]


def test_replacement_may_not_change_the_id(db: Docs) -> None:
    db.c.insert_many([{"_id": 1}, {"_id": 2}])
    operations = [ReplaceOne({"_id": 1}, {"a": 1}), ReplaceOne({"_id": 2}, {"_id": 3})]

    with pytest.raises(BulkWriteError) as failed:
        db.c.bulk_write(operations)

    assert [(e["index"], e["code"]) for e in failed.value.details["writeErrors"]] == [(1, 66)]
    assert list(db.c.find()) == [{"_id": 1, "a": 1}, {"_id": 2}]


def test_multi_update_with_a_replacement_is_refused(db: Docs) -> None:
    reply = db.command("update", "c", updates=[{"q": {}, "u": {"a": 1}, "multi": True}])

    assert reply["writeErrors"][0]["code"] == 9
    assert "multi update is not supported" in reply["writeErrors"][0]["errmsg"]


def test_array_filters_reach_the_elements_that_they_name(db: Docs) -> None:
    db.c.insert_one({"_id": 1, "a": [1, 5, 9]})

    db.c.update_one({}, {"$inc": {"a.$[big]": 1}}, array_filters=[{"big": {"$gt": 4}}])

    assert db.c.find_one() == {"_id": 1, "a": [1, 6, 10]}


def test_pipeline_update_sees_the_fields_of_the_document(db: Docs) -> None:
    db.c.insert_one({"_id": 1, "a": 2, "b": 3})

    db.c.update_one({}, [{"$set": {"sum": {"$add": ["$a", "$b"]}}}])

    assert db.c.find_one() == {"_id": 1, "a": 2, "b": 3, "sum": 5}


def test_multi_update_that_fails_in_the_middle_changes_nothing(db: Docs) -> None:
    db.c.insert_many([{"_id": 1, "a": 1}, {"_id": 2, "a": "text"}])

    with pytest.raises(WriteError) as failed:
        db.c.update_many({}, {"$inc": {"a": 1}})

    assert failed.value.code == 14
    assert list(db.c.find()) == [{"_id": 1, "a": 1}, {"_id": 2, "a": "text"}]


def test_delete_one_and_many_report_what_they_deleted(db: Docs) -> None:
    db.c.insert_many([{"_id": i, "a": i % 2} for i in range(6)])

    assert db.c.delete_one({"a": 0}).deleted_count == 1
    assert db.c.delete_many({"a": 1}).deleted_count == 3
    assert [d["_id"] for d in db.c.find()] == [2, 4]


def test_delete_in_a_missing_collection_makes_none(db: Docs) -> None:
    assert db.c.delete_many({}).deleted_count == 0
    assert db.list_collection_names() == []


def test_mixed_bulk_write_adds_up(db: Docs) -> None:
    result = db.c.bulk_write(
        [
            InsertOne({"_id": 1}),
            UpdateOne({"_id": 1}, {"$set": {"a": 1}}),
            UpdateMany({}, {"$inc": {"a": 1}}),
            DeleteOne({"_id": 9}),
            InsertOne({"_id": 2}),
            DeleteMany({"_id": 2}),
        ]
    )

    assert result.inserted_count == 2
    assert result.modified_count == 2
    assert result.deleted_count == 1
    assert list(db.c.find()) == [{"_id": 1, "a": 2}]


def test_unacknowledged_write_is_done_and_not_answered(db: Docs) -> None:
    db.c.with_options(write_concern=WriteConcern(w=0)).insert_one({"_id": 1})

    assert list(db.c.find()) == [{"_id": 1}]


def test_write_that_asks_for_more_nodes_is_done_and_says_so(db: Docs) -> None:
    reply = db.command("insert", "c", documents=[{"_id": 1}], writeConcern={"w": 3}, check=False)

    assert reply["n"] == 1
    assert reply["writeConcernError"]["code"] == 100


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param({"insert": "c", "documents": []}, 16, id="empty batch"),
        pytest.param({"insert": "c"}, 40414, id="no documents"),
        pytest.param({"insert": "c", "documents": [{}], "bogus": 1}, 40415, id="unknown field"),
        pytest.param({"insert": "", "documents": [{}]}, 73, id="no name"),
        pytest.param({"insert": 5, "documents": [{}]}, 73, id="name of a wrong type"),
        pytest.param({"update": "c", "updates": [{"q": {}}]}, 40414, id="no update"),
        pytest.param({"update": "c", "updates": [{"q": {}, "u": 1}]}, 9, id="update is a number"),
        pytest.param({"update": "c", "updates": [{"q": {}, "u": {}, "x": 1}]}, 40415, id="option"),
        pytest.param({"delete": "c", "deletes": [{"q": {}}]}, 40414, id="no limit"),
        pytest.param({"delete": "c", "deletes": [{"q": {}, "limit": 2}]}, 9, id="limit of two"),
    ],
)
def test_malformed_write_command_is_refused(db: Docs, command: dict[str, Any], code: int) -> None:
    with pytest.raises(OperationFailure) as refused:
        db.command(command)

    assert refused.value.code == code


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param({"collation": {"locale": "sv"}}, id="collation"),
        pytest.param({"runtimeConstants": {}}, id="option of the real server"),
    ],
)
def test_option_that_is_not_emulated_is_refused_by_name(
    db: Docs, statement: dict[str, Any]
) -> None:
    with pytest.raises(OperationFailure, match="not emulated by LocalAtlas"):
        db.command("delete", "c", deletes=[{"q": {}, "limit": 1, **statement}])
