"""Long arrays of numbers, which writes do not decode, are written like everything else."""

from typing import Any

import pytest
from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError, WriteError

LONG = [0.5 * i for i in range(200)]
OTHER = [-0.25 * i for i in range(150)]

Fields = dict[str, Any]


def bulk_replace(db: Database[Fields], *documents: Fields) -> None:
    """Upsert documents in one batch; where one has no `_id`, it gets that of its place."""
    db.c.bulk_write(
        [
            ReplaceOne({"_id": document.get("_id", i)}, document, upsert=True)
            for i, document in enumerate(documents)
        ]
    )


def test_upserts_and_replacements_keep_every_field_in_its_place(db: Database[Fields]) -> None:
    first = [
        {"_id": 0, "a": 1, "v": LONG, "b": {"v": OTHER, "c": 2}, "d": [LONG]},
        {"v": LONG, "_id": 1},
        {"v": LONG},
    ]
    for documents in (first, [{**one, "v": OTHER, "z": 1} for one in first]):
        bulk_replace(db, *documents)

        found = list(db.c.find(sort={"_id": 1}))
        assert found == [{"_id": i, **one} for i, one in enumerate(documents)]
        for i, (stored, sent) in enumerate(zip(found, documents, strict=True)):
            assert list(stored.items()) == list({"_id": i, **sent}.items())


def test_an_ordinary_index_sees_the_numbers(db: Database[Fields]) -> None:
    db.c.create_index("v")
    bulk_replace(db, {"_id": 0, "v": LONG}, {"_id": 1, "v": OTHER}, {"v": [1.0]})
    db.c.insert_many([{"_id": 3, "v": LONG}, {"_id": 4, "v": OTHER}])

    assert [one["_id"] for one in db.c.find({"v": LONG[7]}, sort={"_id": 1})] == [0, 3]

    bulk_replace(db, {"_id": 0, "v": OTHER}, {"_id": 1, "v": LONG}, {"v": LONG})
    assert [one["_id"] for one in db.c.find({"v": LONG[7]}, sort={"_id": 1})] == [1, 2, 3]
    assert [one["_id"] for one in db.c.find({"v": OTHER[7]}, sort={"_id": 1})] == [0, 4]


def test_a_unique_index_on_the_numbers_is_kept(db: Database[Fields]) -> None:
    db.c.create_index("v", unique=True)

    with pytest.raises(BulkWriteError) as refused:
        bulk_replace(db, {"_id": 0, "v": LONG}, {"_id": 1, "v": LONG}, {"_id": 2, "v": OTHER})

    (error,) = refused.value.details["writeErrors"]
    assert (error["index"], error["code"], error["keyValue"]) == (1, 11000, {"v": LONG[0]})
    assert list(db.c.find()) == [{"_id": 0, "v": LONG}]


def test_single_writes_and_operators_see_the_numbers(db: Database[Fields]) -> None:
    db.c.replace_one({"_id": 1}, {"v": LONG}, upsert=True)
    db.c.replace_one({"v": LONG[3]}, {"v": OTHER})
    assert db.c.find_one() == {"_id": 1, "v": OTHER}

    db.c.bulk_write(
        [
            UpdateOne({"_id": 1}, {"$set": {"v": LONG, "w.x": OTHER}}),
            UpdateOne({"v": LONG}, {"$set": {"found": True}}),
            UpdateOne({"v": OTHER}, {"$set": {"found": False}}),
            InsertOne({"_id": 2, "v": LONG}),
        ]
    )
    assert db.c.find_one({"_id": 1}) == {"_id": 1, "v": LONG, "w": {"x": OTHER}, "found": True}
    assert db.c.find_one({"_id": 2}) == {"_id": 2, "v": LONG}


def test_equal_bytes_modify_nothing(db: Database[Fields]) -> None:
    bulk_replace(db, {"_id": 0, "v": LONG}, {"_id": 1, "v": LONG})

    result = db.c.bulk_write(
        [ReplaceOne({"_id": 0}, {"v": LONG}), ReplaceOne({"_id": 1}, {"v": OTHER})]
    )

    assert (result.matched_count, result.modified_count) == (2, 1)


def test_an_id_that_is_or_holds_a_long_array_is_seen(db: Database[Fields]) -> None:
    with pytest.raises(WriteError) as refused:
        db.c.insert_one({"_id": LONG})
    assert refused.value.code == 53

    db.c.insert_many([{"_id": {"v": LONG}}, {"_id": {"v": OTHER}}])
    assert db.c.find_one({"_id": {"v": OTHER}}) == {"_id": {"v": OTHER}}


def test_an_operator_with_a_long_array_is_not_taken_for_a_replacement(
    db: Database[Fields],
) -> None:
    for update in ({"$set": LONG}, {"$unknown": LONG}):
        statements = [{"q": {"_id": i}, "u": update, "upsert": True} for i in range(2)]
        reply = db.command("update", "c", updates=statements, ordered=False)
        assert [error["code"] for error in reply["writeErrors"]] == [9, 9]
    assert db.c.count_documents({}) == 0
