"""DBRefs, as object mappers write them: their parts are fields like any others."""

from typing import Any

import pytest
from bson import DBRef
from pymongo.database import Database

Docs = Database[dict[str, Any]]

ONE = {"_id": 1, "r": DBRef("a", 1, "shop")}
MANY = {"_id": 2, "rs": [DBRef("a", 1), DBRef("a", 2)]}


@pytest.fixture
def referring(db: Docs) -> Docs:
    db.a.insert_many([{"_id": 1, "n": "x"}, {"_id": 2, "n": "y"}])
    db.b.insert_many([ONE, MANY])
    return db


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"r.$id": 1}, [1]),
        ({"r": DBRef("a", 1, "shop")}, [1]),
        ({"r.$ref": "a", "r.$db": "shop"}, [1]),
        ({"rs.$id": {"$in": [2, 3]}}, [2]),
        ({"rs": {"$elemMatch": {"$ref": "a", "$id": 2}}}, [2]),
        ({"$expr": {"$eq": ["$r.$id", 1]}}, [1]),
    ],
    ids=str,
)
@pytest.mark.parametrize("is_indexed", [False, True], ids=["scanned", "indexed"])
def test_reference_is_found_by_its_parts(
    referring: Docs, query: dict[str, Any], ids: list[int], is_indexed: bool
) -> None:
    if is_indexed:
        referring.b.create_index("r.$id")
        referring.b.create_index("rs.$id")

    assert [one["_id"] for one in referring.b.find(query)] == ids


def test_projection_takes_the_parts_of_a_reference(referring: Docs) -> None:
    assert list(referring.b.find({"_id": 1}, {"r.$id": 1})) == [{"_id": 1, "r": {"$id": 1}}]
    assert list(referring.b.find({"_id": 1}, {"r.$db": 0})) == [{"_id": 1, "r": DBRef("a", 1)}]


def test_pipeline_computes_with_the_parts_of_a_reference(referring: Docs) -> None:
    project = {"$project": {"one": "$r.$id", "many": "$rs.$id"}}

    shown = list(referring.b.aggregate([project]))

    assert shown == [{"_id": 1, "one": 1}, {"_id": 2, "many": [1, 2]}]


@pytest.mark.parametrize(("field", "found"), [("r.$id", [["x"], []]), ("rs.$id", [[], ["x", "y"]])])
def test_lookup_follows_references(referring: Docs, field: str, found: list[list[str]]) -> None:
    join = {"from": "a", "localField": field, "foreignField": "_id", "as": "all"}

    shown = list(referring.b.aggregate([{"$lookup": join}]))

    assert [[one["n"] for one in each["all"]] for each in shown] == found


def test_sort_and_group_go_by_the_parts_of_references(referring: Docs) -> None:
    assert [one["_id"] for one in referring.b.find().sort("r.$id", -1)] == [1, 2]
    grouped = referring.b.aggregate([{"$group": {"_id": "$r.$ref"}}, {"$sort": {"_id": 1}}])
    assert [one["_id"] for one in grouped] == [None, "a"]
    assert referring.b.distinct("rs.$id") == [1, 2]


def test_update_changes_a_part_of_a_reference(referring: Docs) -> None:
    referring.b.update_one({"_id": 1}, {"$set": {"r.$id": 2}})

    assert referring.b.find_one({"_id": 1}) == {"_id": 1, "r": DBRef("a", 2, "shop")}
