"""The language as a driver meets it: through PyMongo, a server and the store."""

from typing import Any

import pytest
from bson import Decimal128, Int64
from pymongo import ASCENDING, DESCENDING, ReturnDocument, UpdateOne
from pymongo.database import Database
from pymongo.errors import OperationFailure, WriteError

Document = dict[str, Any]
Db = Database[Document]

SHIRTS: list[Document] = [
    {"_id": 1, "kind": "shirt", "price": 20, "sizes": ["s", "m"], "stock": {"here": 2}},
    {"_id": 2, "kind": "shirt", "price": 35.5, "sizes": ["l"], "stock": {"here": 0}},
    {"_id": 3, "kind": "shoe", "price": Decimal128("99.90"), "sizes": [41, 42]},
    {"_id": 4, "kind": "hat", "price": Int64(15)},
]


@pytest.fixture
def shop(db: Db) -> Db:
    db.items.insert_many([dict(each) for each in SHIRTS])
    return db


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"price": {"$gte": 20, "$lt": 100}}, [1, 2, 3], id="numbers of all types"),
        pytest.param({"sizes": "m"}, [1], id="element"),
        pytest.param({"sizes": {"$elemMatch": {"$gt": 41}}}, [3], id="elemMatch"),
        pytest.param({"stock.here": {"$in": [0, 2]}, "kind": {"$ne": "shoe"}}, [1, 2], id="in, ne"),
        pytest.param({"stock": {"$exists": False}}, [3, 4], id="exists"),
        pytest.param({"kind": {"$regex": "^SH", "$options": "i"}}, [1, 2, 3], id="regex"),
        pytest.param({"$or": [{"_id": 4}, {"sizes": {"$size": 1}}]}, [2, 4], id="or, size"),
        pytest.param({"$expr": {"$gt": ["$price", 30]}}, [2, 3], id="expr"),
    ],
)
def test_find_matches(shop: Db, query: Document, expected: list[int]) -> None:
    assert expected == [each["_id"] for each in shop.items.find(query)]


def test_find_sorts_pages_and_projects(shop: Db) -> None:
    found = shop.items.find({}, {"price": 1}).sort("price", DESCENDING).skip(1).limit(2)

    assert list(found) == [{"_id": 2, "price": 35.5}, {"_id": 1, "price": 20}]


@pytest.mark.parametrize(
    ("update", "filters", "expected"),
    [
        pytest.param({"$inc": {"price": 0.5}}, None, {"price": 20.5}, id="inc"),
        pytest.param(
            {"$push": {"sizes": {"$each": ["xl"], "$position": 0}}},
            None,
            {"sizes": ["xl", "s", "m"]},
            id="push",
        ),
        pytest.param({"$set": {"stock.far": 5}}, None, {"stock": {"here": 2, "far": 5}}, id="set"),
        pytest.param(
            {"$set": {"sizes.$[e]": "M"}}, [{"e": "m"}], {"sizes": ["s", "M"]}, id="filter"
        ),
        pytest.param(
            [{"$set": {"price": {"$add": ["$price", 1]}}}], None, {"price": 21}, id="pipeline"
        ),
        pytest.param({"$rename": {"stock": "store"}}, None, {"store": {"here": 2}}, id="rename"),
    ],
)
def test_update_changes(
    shop: Db, update: Any, filters: list[Document] | None, expected: Document
) -> None:
    result = shop.items.update_one({"_id": 1}, update, array_filters=filters)
    changed = shop.items.find_one({"_id": 1}) or {}

    assert (result.matched_count, result.modified_count) == (1, 1)
    assert expected == {name: changed[name] for name in expected}


def test_an_update_that_changes_nothing_matches_without_modifying(shop: Db) -> None:
    result = shop.items.update_many({"kind": "shirt"}, {"$set": {"kind": "shirt"}})

    assert (result.matched_count, result.modified_count) == (2, 0)


def test_the_positional_operator_uses_the_query(shop: Db) -> None:
    changed = shop.items.find_one_and_update(
        {"sizes": "m"}, {"$set": {"sizes.$": "M"}}, return_document=ReturnDocument.AFTER
    )

    assert changed["sizes"] == ["s", "M"]


def test_an_upsert_takes_the_equalities_of_the_query(db: Db) -> None:
    result = db.items.bulk_write(
        [UpdateOne({"_id": 7, "kind": "hat"}, {"$setOnInsert": {"new": True}}, upsert=True)]
    )

    assert result.upserted_ids == {0: 7}
    assert db.items.find_one() == {"_id": 7, "kind": "hat", "new": True}


def test_an_aggregation_groups_joins_and_counts(shop: Db) -> None:
    shop.kinds.insert_many([{"_id": "shirt", "floor": 1}, {"_id": "hat", "floor": 2}])
    by_kind = {"$group": {"_id": "$kind", "n": {"$sum": 1}, "most": {"$max": "$price"}}}
    join = {"from": "kinds", "localField": "_id", "foreignField": "_id", "as": "at"}
    floor = {"$set": {"floor": {"$first": "$at.floor"}}}

    grouped = shop.items.aggregate(
        [
            by_kind,
            {"$lookup": join},
            floor,
            {"$unset": "at"},
            {"$sort": {"n": -1, "_id": ASCENDING}},
        ]
    )

    assert [
        {"_id": "shirt", "n": 2, "most": 35.5, "floor": 1},
        {"_id": "hat", "n": 1, "most": 15, "floor": 2},
        {"_id": "shoe", "n": 1, "most": Decimal128("99.90")},
    ] == list(grouped)


def test_let_reaches_match_and_lookup(shop: Db) -> None:
    match = {"$match": {"$expr": {"$gt": ["$price", "$$least"]}}}
    inner = [{"$match": {"$expr": {"$and": [{"$eq": ["$_id", "$$own"]}, {"$gt": ["$$least", 0]}]}}}]
    join = {"from": "items", "let": {"own": "$_id"}, "pipeline": inner, "as": "self"}

    found = list(shop.items.aggregate([match, {"$lookup": join}], let={"least": 30}))

    assert [(each["_id"], [one["_id"] for one in each["self"]]) for each in found] == [
        (2, [2]),
        (3, [3]),
    ]


@pytest.mark.parametrize(
    ("pipeline", "code"),
    [
        pytest.param([{"$foo": 1}], 40324, id="stage"),
        pytest.param([{"$match": {}}, {"$search": {}}], 40602, id="place"),
        pytest.param([{"$set": {"a": {"$foo": 1}}}], 168, id="expression"),
        pytest.param([{"$set": {"a": {"$divide": [1, 0]}}}], 2, id="run time"),
        pytest.param([{"$set": {"a": {"$meta": "searchScore"}}}], 40218, id="metadata"),
    ],
)
def test_a_refused_pipeline_reaches_the_driver_with_its_code(
    shop: Db, pipeline: list[Document], code: int
) -> None:
    with pytest.raises(OperationFailure) as caught:
        list(shop.items.aggregate(pipeline))

    assert code == caught.value.code


def test_a_refused_update_reaches_the_driver_with_its_code(shop: Db) -> None:
    with pytest.raises(WriteError, match="immutable field '_id'") as caught:
        shop.items.update_one({"_id": 1}, {"$set": {"_id": 9}})

    assert caught.value.code == 66
