"""findAndModify in all its forms."""

from typing import Any

import pytest
from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

Docs = Database[dict[str, Any]]


@pytest.fixture
def items(db: Docs) -> Docs:
    db.c.insert_many([{"_id": i, "n": 10 - i} for i in range(3)])
    return db


def test_update_returns_the_document_before_by_default(items: Docs) -> None:
    assert items.c.find_one_and_update({"_id": 1}, {"$inc": {"n": 1}}) == {"_id": 1, "n": 9}
    assert items.c.find_one({"_id": 1}) == {"_id": 1, "n": 10}


def test_update_returns_the_document_after_where_asked(items: Docs) -> None:
    after = items.c.find_one_and_update(
        {"_id": 1}, {"$inc": {"n": 1}}, return_document=ReturnDocument.AFTER
    )

    assert after == {"_id": 1, "n": 10}


def test_sort_chooses_among_the_matches(items: Docs) -> None:
    found = items.c.find_one_and_update({}, {"$set": {"x": 1}}, sort=[("n", 1)])

    assert found == {"_id": 2, "n": 8}
    assert items.c.find_one({"x": 1}, {"_id": 1}) == {"_id": 2}


def test_projection_shapes_what_is_returned(items: Docs) -> None:
    assert items.c.find_one_and_update({"_id": 1}, {"$set": {"x": 1}}, {"n": 1, "_id": 0}) == {
        "n": 9
    }


def test_replacement_keeps_the_id(items: Docs) -> None:
    after = items.c.find_one_and_replace({"_id": 1}, {"y": 1}, return_document=ReturnDocument.AFTER)

    assert after == {"_id": 1, "y": 1}


def test_delete_returns_what_it_deleted(items: Docs) -> None:
    assert items.c.find_one_and_delete({"_id": 1}) == {"_id": 1, "n": 9}
    assert items.c.find_one({"_id": 1}) is None


def test_no_match_returns_nothing(items: Docs) -> None:
    assert items.c.find_one_and_delete({"_id": 99}) is None
    assert items.c.find_one_and_update({"_id": 99}, {"$set": {"x": 1}}) is None


@pytest.mark.parametrize(
    ("options", "value"),
    [({"new": True}, {"_id": 9, "x": 1}), ({}, None)],
    ids=["after", "before"],
)
def test_upsert_says_what_it_inserted(items: Docs, options: dict[str, Any], value: Any) -> None:
    reply = items.command(
        "findAndModify", "c", query={"_id": 9}, update={"$set": {"x": 1}}, upsert=True, **options
    )

    assert reply["lastErrorObject"] == {"n": 1, "updatedExisting": False, "upserted": 9}
    assert reply["value"] == value


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"query": {"_id": 1}, "update": {"$set": {"x": 1}}}, {"n": 1, "updatedExisting": True}),
        ({"query": {"_id": 8}, "update": {"$set": {"x": 1}}}, {"n": 0, "updatedExisting": False}),
        ({"query": {"_id": 1}, "remove": True}, {"n": 1}),
        ({"query": {"_id": 8}, "remove": True}, {"n": 0}),
    ],
    ids=["updated", "not found", "removed", "nothing to remove"],
)
def test_last_error_object_tells_what_happened(
    items: Docs, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert items.command("findAndModify", "c", **options)["lastErrorObject"] == expected


def test_array_filters_and_pipelines_are_taken(items: Docs) -> None:
    items.c.insert_one({"_id": "a", "list": [1, 2]})

    items.c.find_one_and_update(
        {"_id": "a"}, {"$set": {"list.$[big]": 0}}, array_filters=[{"big": 2}]
    )
    items.c.find_one_and_update({"_id": "a"}, [{"$set": {"size": {"$size": "$list"}}}])

    assert items.c.find_one({"_id": "a"}) == {"_id": "a", "list": [1, 0], "size": 2}


def test_duplicate_key_leaves_the_document_as_it_was(items: Docs) -> None:
    items.c.create_index("n", unique=True)

    with pytest.raises(DuplicateKeyError):
        items.c.find_one_and_update({"_id": 1}, {"$set": {"n": 8}})

    assert items.c.find_one({"_id": 1}) == {"_id": 1, "n": 9}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"remove": True, "update": {"$set": {"a": 1}}},
        {"remove": True, "new": True},
        {"remove": True, "upsert": True},
        {"update": 5},
    ],
    ids=["neither", "both", "new and remove", "upsert and remove", "update is a number"],
)
def test_contradiction_is_refused(items: Docs, options: dict[str, Any]) -> None:
    with pytest.raises(OperationFailure) as refused:
        items.command("findAndModify", "c", query={}, **options)

    assert refused.value.code == 9
