"""create and collMod: validation of documents, and views."""

from pathlib import Path
from typing import Any

import pytest
from pymongo import InsertOne, MongoClient
from pymongo.database import Database
from pymongo.errors import BulkWriteError, CollectionInvalid, OperationFailure, WriteError

from app.local_atlas.addresses import SocketAddress
from app.local_atlas.node import start_node

Docs = Database[dict[str, Any]]

_POSITIVE = {"price": {"$gt": 0}}
_RED = [{"$match": {"color": "red"}}, {"$project": {"_id": 1, "price": 1}}]


def test_options_are_listed_as_they_were_given(db: Docs) -> None:
    options = {"validator": _POSITIVE, "validationLevel": "moderate", "validationAction": "warn"}

    db.create_collection("c", **options)

    assert db.c.options() == options


def test_options_and_views_survive_a_restart(tmp_path: Path) -> None:
    for is_second in (False, True):
        node = start_node(tmp_path / "data", SocketAddress(tmp_path / "s.sock"))
        try:
            with MongoClient[dict[str, Any]](node.uri) as client:
                if not is_second:
                    client.t.create_collection("c", validator=_POSITIVE)
                    client.t.create_collection("v", viewOn="c", pipeline=[])
                    client.t.c.insert_one({"_id": 1, "price": 1})
                    continue
                assert client.t.c.options() == {"validator": _POSITIVE}
                assert list(client.t.v.find()) == [{"_id": 1, "price": 1}]
        finally:
            node.close()


def test_create_with_other_options_than_before_is_refused(db: Docs) -> None:
    db.create_collection("c", validator=_POSITIVE)
    db.command("create", "c", validator=_POSITIVE)

    with pytest.raises(OperationFailure) as caught:
        db.command("create", "c")

    assert caught.value.code == 48


def test_invalid_document_is_not_inserted_and_is_named(db: Docs) -> None:
    db.create_collection("c", validator=_POSITIVE)

    with pytest.raises(WriteError) as caught:
        db.c.insert_one({"_id": 7, "price": 0})

    assert caught.value.code == 121
    assert caught.value.details["errInfo"] == {
        "failingDocumentId": 7,
        "details": {"operatorName": "$gt", "specifiedAs": _POSITIVE},
    }
    assert db.c.count_documents({}) == 0


def test_unordered_bulk_write_stores_the_valid_documents(db: Docs) -> None:
    db.create_collection("c", validator=_POSITIVE)
    prices = [1, 0, 2, -1]

    with pytest.raises(BulkWriteError) as caught:
        db.c.bulk_write([InsertOne({"_id": i, "price": p}) for i, p in enumerate(prices)], False)

    assert [error["index"] for error in caught.value.details["writeErrors"]] == [1, 3]
    assert [each["_id"] for each in db.c.find()] == [0, 2]


@pytest.mark.parametrize(
    "write",
    [
        lambda c: c.update_one({"_id": 1}, {"$set": {"price": 0}}),
        lambda c: c.replace_one({"_id": 1}, {"price": 0}),
        lambda c: c.update_one({"_id": 2}, {"$set": {"price": 0}}, upsert=True),
        lambda c: c.find_one_and_update({"_id": 1}, {"$inc": {"price": -5}}),
        lambda c: c.aggregate([{"$set": {"price": -1}}, {"$merge": {"into": c.name}}]),
    ],
    ids=["update", "replace", "upsert", "findAndModify", "$merge"],
)
def test_no_way_of_writing_gets_past_the_validator(db: Docs, write: Any) -> None:
    db.create_collection("c", validator=_POSITIVE)
    db.c.insert_one({"_id": 1, "price": 1})

    with pytest.raises(OperationFailure) as caught:
        write(db.c)

    assert caught.value.code == 121
    assert list(db.c.find()) == [{"_id": 1, "price": 1}]


def test_replacements_in_bulk_are_validated_too(db: Docs) -> None:
    db.create_collection("c", validator=_POSITIVE, validationLevel="moderate")
    db.c.insert_many([{"_id": i, "price": 1} for i in range(3)])
    replace = [
        {"q": {"_id": i}, "u": {"_id": i, "price": price}} for i, price in enumerate([5, 0, 6])
    ]

    reply = db.command("update", "c", updates=replace, ordered=False)

    assert [error["index"] for error in reply["writeErrors"]] == [1]
    assert [each["price"] for each in db.c.find()] == [5, 1, 6]


def test_validation_can_be_bypassed_switched_off_or_made_a_warning(db: Docs) -> None:
    db.create_collection("c", validator=_POSITIVE)
    db.c.insert_one({"price": 0}, bypass_document_validation=True)
    db.c.update_one({}, {"$set": {"price": -1}}, bypass_document_validation=True)
    db.command("collMod", "c", validationLevel="off")
    db.c.insert_one({"price": 0})
    db.command("collMod", "c", validationLevel="strict", validationAction="warn")
    db.c.insert_one({"price": 0})

    assert [each["price"] for each in db.c.find({}, {"_id": 0})] == [-1, 0, 0]


def test_moderate_validation_lets_invalid_documents_stay_invalid(db: Docs) -> None:
    db.c.insert_many([{"_id": "bad", "price": 0}, {"_id": "good", "price": 1}])
    db.command("collMod", "c", validator=_POSITIVE, validationLevel="moderate")

    db.c.update_one({"_id": "bad"}, {"$set": {"price": -1}})
    with pytest.raises(WriteError):
        db.c.update_one({"_id": "good"}, {"$set": {"price": 0}})

    assert [each["price"] for each in db.c.find()] == [-1, 1]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"validator": {"$foo": 1}}, 2),
        ({"validator": 1}, 14),
        ({"validationLevel": "lax"}, 2),
        ({"pipeline": []}, 72),
        ({"viewOn": "c"}, 5),
        ({"viewOn": "a", "validator": {}}, 72),
        ({"viewOn": "a", "pipeline": [{"$nope": 1}]}, 40324),
        ({"viewOn": "a", "pipeline": [{"$out": "b"}]}, 167),
    ],
    ids=lambda value: str(value),
)
def test_malformed_option_creates_nothing(db: Docs, options: dict[str, Any], code: int) -> None:
    with pytest.raises(OperationFailure) as caught:
        db.command("create", "c", **options)

    assert caught.value.code == code
    assert db.list_collection_names() == []


def _with_view(db: Docs) -> None:
    db.c.insert_many(
        [
            {"_id": 1, "color": "red", "price": 3},
            {"_id": 2, "color": "blue", "price": 2},
            {"_id": 3, "color": "red", "price": 1},
        ]
    )
    db.create_collection("reds", viewOn="c", pipeline=_RED)


def test_view_is_read_like_a_collection(db: Docs) -> None:
    _with_view(db)

    assert list(db.reds.find().sort("price")) == [{"_id": 3, "price": 1}, {"_id": 1, "price": 3}]
    assert list(db.reds.find({"color": "red"})) == []  # the view shows no colours
    assert db.reds.find_one({"_id": 1}) == {"_id": 1, "price": 3}
    assert db.reds.estimated_document_count() == 2
    assert db.reds.count_documents({"price": {"$gt": 1}}) == 1
    assert sorted(db.reds.distinct("price")) == [1, 3]
    total = db.reds.aggregate([{"$group": {"_id": None, "n": {"$sum": "$price"}}}])
    assert list(total) == [{"_id": None, "n": 4}]


def test_view_shows_what_is_written_later_and_serves_other_pipelines(db: Docs) -> None:
    _with_view(db)
    db.create_collection("cheap_reds", viewOn="reds", pipeline=[{"$match": {"price": {"$lt": 2}}}])
    db.c.insert_one({"_id": 4, "color": "red", "price": 0})
    join = {"from": "cheap_reds", "localField": "_id", "foreignField": "_id", "as": "cheap"}

    joined = db.c.aggregate([{"$lookup": join}, {"$match": {"cheap": {"$ne": []}}}])

    assert [each["_id"] for each in joined] == [3, 4]


def test_view_is_listed_as_such_and_dropped_alone(db: Docs) -> None:
    _with_view(db)

    (entry,) = db.list_collections(filter={"name": "reds"})
    assert (entry["type"], entry["options"]) == ("view", {"viewOn": "c", "pipeline": _RED})
    assert db.command("dbStats")["views"] == 1

    db.drop_collection("reds")
    assert db.c.count_documents({}) == 3


@pytest.mark.parametrize(
    "ask",
    [
        lambda db: db.reds.insert_one({}),
        lambda db: db.reds.update_one({}, {"$set": {"a": 1}}, upsert=True),
        lambda db: db.reds.delete_one({}),
        lambda db: db.reds.create_index("price"),
        lambda db: db.reds.rename("others"),
        lambda db: db.command("collStats", "reds"),
        lambda db: db.command("listIndexes", "reds"),
        lambda db: db.c.aggregate([{"$out": "reds"}]),
        lambda db: db.c.aggregate([{"$merge": "reds"}]),
        lambda db: db.reds.create_search_index({"definition": {"mappings": {"dynamic": True}}}),
        lambda db: db.reds.aggregate([{"$search": {"exists": {"path": "price"}}}]),
        lambda db: db.reds.watch(),
        lambda db: db.command("explain", {"count": "reds"}),
    ],
    ids=[
        "insert",
        "update",
        "delete",
        "index",
        "rename",
        "stats",
        "list",
        "$out",
        "$merge",
        "search index",
        "search",
        "watch",
        "explain",
    ],
)
def test_view_takes_nothing_that_only_a_collection_can(db: Docs, ask: Any) -> None:
    _with_view(db)

    with pytest.raises(OperationFailure) as caught:
        ask(db)

    assert caught.value.code == 166
    assert db.reds.count_documents({}) == 2


def test_coll_mod_changes_what_a_view_shows_and_nothing_else_about_it(db: Docs) -> None:
    _with_view(db)
    db.command("collMod", "reds", viewOn="c", pipeline=[{"$match": {"color": "blue"}}])

    assert [each["_id"] for each in db.reds.find()] == [2]
    with pytest.raises(OperationFailure, match="option not supported on a view"):
        db.command("collMod", "reds", validator={})
    with pytest.raises(OperationFailure) as caught:
        db.command("collMod", "missing", validator={})
    assert caught.value.code == 26


def test_circle_of_views_ends_in_an_error(db: Docs) -> None:
    db.create_collection("a", viewOn="b")
    db.create_collection("b", viewOn="a")

    with pytest.raises(OperationFailure) as caught:
        list(db.a.find())

    assert caught.value.code == 165


def test_create_collection_of_a_driver_checks_that_it_is_new(db: Docs) -> None:
    db.create_collection("c")

    with pytest.raises(CollectionInvalid):
        db.create_collection("c")


def test_out_keeps_the_validator_of_what_it_replaces(db: Docs) -> None:
    db.create_collection("target", validator=_POSITIVE)
    db.c.insert_one({"price": 0})

    with pytest.raises(OperationFailure) as caught:
        db.c.aggregate([{"$out": "target"}])

    assert caught.value.code == 121
    assert db.target.options() == {"validator": _POSITIVE}
