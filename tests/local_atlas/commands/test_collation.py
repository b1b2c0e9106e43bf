"""Commands under a collation: what they find, how they sort, and what they leave as it was."""

import re
from pathlib import Path
from typing import Any

import pytest
from pymongo import ASCENDING, DeleteMany, MongoClient, UpdateOne
from pymongo.collation import Collation
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

from app.local_atlas.addresses import SocketAddress
from app.local_atlas.node import start_node

Docs = Database[dict[str, Any]]

_NO_CASE = Collation("en", strength=2)
_NO_ACCENT = Collation("en", strength=1)


@pytest.fixture
def people(db: Docs) -> Any:
    db.people.insert_many(
        [
            {"_id": 1, "name": "Zoé", "tags": ["A", "b"]},
            {"_id": 2, "name": "adam", "tags": ["a"]},
            {"_id": 3, "name": "ADAM", "tags": []},
            {"_id": 4, "name": "zoe", "tags": ["c"]},
            {"_id": 5, "name": 7},
        ]
    )
    return db.people


def _ids(found: Any) -> list[Any]:
    return [each["_id"] for each in found]


@pytest.mark.parametrize(
    ("query", "collation", "ids"),
    [
        ({"name": "Adam"}, _NO_CASE, [2, 3]),
        ({"name": {"$eq": "Adam"}}, _NO_CASE, [2, 3]),
        ({"name": {"$in": ["ZOE", 7]}}, _NO_CASE, [4, 5]),
        ({"name": "ZOE"}, _NO_ACCENT, [1, 4]),
        ({"name": {"$gt": "Adam"}}, _NO_CASE, [1, 4]),
        ({"name": {"$ne": "adam"}}, _NO_CASE, [1, 4, 5]),
        ({"tags": "A"}, _NO_CASE, [1, 2]),
        ({"tags": {"$all": ["a", "B"]}}, _NO_CASE, [1]),
        ({"tags": {"$elemMatch": {"$gte": "B"}}}, _NO_CASE, [1, 4]),
        ({"name": {"$regex": "^a"}}, _NO_CASE, [2]),  # a pattern knows no collation
        ({"name": {"$type": "string"}}, _NO_CASE, [1, 2, 3, 4]),
        ({"$expr": {"$eq": ["$name", "aDAM"]}}, _NO_CASE, [2, 3]),
        ({"$expr": {"$eq": [{"$toUpper": "$name"}, "aDaM"]}}, _NO_CASE, [2, 3]),
        ({"name": "Adam"}, Collation("en"), []),
        ({"name": "Adam"}, Collation("simple"), []),
        ({"_id": 3}, _NO_CASE, [3]),
    ],
    ids=str,
)
def test_filter_compares_by_the_collation(
    people: Any, query: dict[str, Any], collation: Collation, ids: list[int]
) -> None:
    assert _ids(people.find(query, collation=collation)) == ids
    assert people.count_documents(query, collation=collation) == len(ids)
    assert _ids(people.aggregate([{"$match": query}], collation=collation)) == ids


def test_sort_goes_by_the_collation_and_documents_come_as_they_are(people: Any) -> None:
    found = list(people.find({}, {"name": 1}).sort("name").collation(Collation("en")))

    assert [each["name"] for each in found] == [7, "adam", "ADAM", "zoe", "Zoé"]
    assert _ids(people.find().sort("name", -1).collation(_NO_ACCENT)) == [1, 4, 2, 3, 5]


def test_string_id_is_found_by_the_collation(db: Docs) -> None:
    db.c.insert_many([{"_id": "Ab"}, {"_id": "aB"}])

    assert _ids(db.c.find({"_id": "ab"}, collation=_NO_CASE)) == ["Ab", "aB"]
    assert db.c.find_one({"_id": "Ab"}, collation=Collation("en")) == {"_id": "Ab"}


def test_index_without_the_collation_does_not_hide_anything(people: Any) -> None:
    people.create_index("name")

    assert _ids(people.find({"name": "Adam"}, collation=_NO_CASE)) == [2, 3]


def test_groups_and_sets_take_alike_for_equal(people: Any) -> None:
    groups = people.aggregate(
        [
            {"$match": {"name": {"$type": "string"}}},
            {"$group": {"_id": "$name", "n": {"$sum": 1}}},
            {"$sort": {"_id": 1}},
        ],
        collation=_NO_ACCENT,
    )
    (tags,) = people.aggregate(
        [
            {"$unwind": "$tags"},
            {"$group": {"_id": None, "tags": {"$addToSet": "$tags"}}},
            {"$project": {"tags": {"$size": "$tags"}, "has": {"$in": ["B", "$tags"]}}},
        ],
        collation=_NO_CASE,
    )

    assert list(groups) == [{"_id": "adam", "n": 2}, {"_id": "Zoé", "n": 2}]
    assert tags == {"_id": None, "tags": 3, "has": True}


def test_lookup_joins_by_the_collation(db: Docs, people: Any) -> None:
    db.boss.insert_one({"_id": 1, "of": "ADAM"})
    join = {"from": "boss", "localField": "name", "foreignField": "of", "as": "boss"}

    found = people.aggregate(
        [{"$lookup": join}, {"$match": {"boss": {"$ne": []}}}], collation=_NO_CASE
    )

    assert _ids(found) == [2, 3]


def test_distinct_keeps_the_first_of_those_alike(people: Any) -> None:
    assert people.distinct("name", collation=_NO_ACCENT) == ["Zoé", "adam", 7]
    assert people.distinct("name", {"name": "zoe"}, collation=_NO_CASE) == ["zoe"]


def test_updates_find_by_the_collation_and_write_what_they_are_given(people: Any) -> None:
    people.create_index("name")

    many = people.update_many({"name": "Adam"}, {"$set": {"name": "Adam"}}, collation=_NO_CASE)
    one = people.replace_one({"name": "ZOE"}, {"name": "Zoe"}, collation=_NO_CASE)

    assert (many.matched_count, many.modified_count, one.modified_count) == (2, 2, 1)
    assert [each["name"] for each in people.find()] == ["Zoé", "Adam", "Adam", "Zoe", 7]
    assert _ids(people.find({"name": "Adam"})) == [2, 3]  # the index knows the new strings
    assert _ids(people.find({"name": "adam"})) == []


def test_array_filters_and_positions_go_by_the_collation(people: Any) -> None:
    people.update_one({"tags": "B"}, {"$set": {"tags.$": "x"}}, collation=_NO_CASE)
    people.update_one(
        {"_id": 4},
        {"$set": {"tags.$[one]": "y"}},
        array_filters=[{"one": "C"}],
        collation=_NO_CASE,
    )
    people.update_one({"_id": 2}, {"$pull": {"tags": "A"}}, collation=_NO_CASE)

    assert [each.get("tags") for each in people.find()] == [["A", "x"], [], [], ["y"], None]


def test_upsert_stores_plain_strings(db: Docs) -> None:
    db.c.update_one({"_id": "Key"}, {"$set": {"v": "x"}}, upsert=True, collation=_NO_CASE)
    again = db.c.update_one({"_id": "KEY"}, {"$set": {"v": "y"}}, upsert=True, collation=_NO_CASE)

    assert again.upserted_id is None
    assert db.c.find_one({"_id": "Key"}) == {"_id": "Key", "v": "y"}


def test_deletes_find_by_the_collation_and_leave_no_index_key(people: Any) -> None:
    people.create_index([("name", ASCENDING)], unique=True)

    assert people.delete_many({"name": "Adam"}, collation=_NO_CASE).deleted_count == 2
    people.insert_many([{"_id": 2, "name": "adam"}, {"_id": 3, "name": "ADAM"}])

    assert _ids(people.find({"name": "adam"})) == [2]
    assert people.find_one_and_delete({"name": "Adam"}, collation=_NO_CASE)["_id"] == 2
    people.insert_one({"_id": 6, "name": "adam"})


def test_find_and_modify_and_bulk_writes_go_by_the_collation(people: Any) -> None:
    changed = people.find_one_and_update(
        {"name": "Adam"}, {"$set": {"n": 1}}, sort={"name": -1}, collation=_NO_CASE
    )
    people.bulk_write(
        [
            UpdateOne({"name": "ZOE"}, {"$set": {"n": 2}}, collation=_NO_CASE),
            DeleteMany({"name": "adam"}, collation=_NO_CASE),
        ]
    )

    assert changed["_id"] == 2
    assert list(people.find({"n": 2}, {"n": 1})) == [{"_id": 4, "n": 2}]
    assert _ids(people.find()) == [1, 4, 5]


def test_view_is_read_under_the_collation_of_the_query(db: Docs, people: Any) -> None:
    db.create_collection("adams", viewOn="people", pipeline=[{"$match": {"name": "Adam"}}])

    assert _ids(db.adams.find(collation=_NO_CASE)) == [2, 3]
    assert _ids(db.adams.find()) == []


def test_unique_index_takes_alike_for_equal(db: Docs) -> None:
    db.c.create_index("name", unique=True, collation=_NO_CASE)
    db.c.insert_one({"_id": 1, "name": "Ada"})

    with pytest.raises(DuplicateKeyError) as caught:
        db.c.insert_one({"_id": 2, "name": "ADA"})
    assert caught.value.details["keyValue"] == {"name": "ADA"}

    db.c.update_one({"_id": 1}, {"$set": {"name": "ADA"}})
    db.c.insert_one({"_id": 3, "name": "Adá"})
    db.c.delete_one({"_id": 1})
    db.c.insert_one({"_id": 4, "name": "ada"})
    assert _ids(db.c.find()) == [3, 4]


def _examined(found: Any) -> int:
    return int(found.explain()["executionStats"]["totalDocsExamined"])


def test_index_is_used_for_queries_of_its_collation_only(people: Any) -> None:
    people.create_index("name", name="no_case", collation=_NO_CASE)

    same = people.find({"name": "Adam"}, collation=_NO_CASE)
    assert (_ids(same), _examined(same)) == ([2, 3], 2)
    for other in (_NO_ACCENT, Collation("simple"), Collation("en")):
        found = people.find({"name": "ADAM"}, collation=other)
        assert (_ids(found), _examined(found)) == ([2, 3] if other == _NO_ACCENT else [3], 5)


@pytest.mark.parametrize(
    ("query", "collation"),
    [
        ({"name": "ADAM"}, None),
        ({"name": {"$gte": "B"}}, None),
        ({"name": {"$regex": "^A"}}, None),
        ({"name": {"$regex": "^A"}}, _NO_CASE),
        ({"name": {"$in": [re.compile("^z"), "Adam"]}}, _NO_CASE),
        ({"name": {"$gt": "adam"}}, _NO_CASE),
        ({"name": {"$lt": "B"}}, _NO_CASE),
        ({"tags": {"$in": ["B", "c"]}}, _NO_CASE),
    ],
    ids=str,
)
def test_hint_to_an_index_changes_no_answer(people: Any, query: Any, collation: Any) -> None:
    scanned = _ids(people.find(query, collation=collation).hint([("$natural", 1)]))
    for path in ("name", "tags"):
        people.create_index(path, name=f"{path}_en", collation=_NO_CASE)
        people.create_index(path, name=f"{path}_simple")

    for hint in ("name_en", "name_simple", "tags_en", "tags_simple"):
        found = people.find(query, collation=collation).hint(hint).sort("name")
        assert sorted(_ids(found)) == scanned
    assert _ids(people.find(query, collation=collation)) == scanned


def test_index_gives_the_order_of_its_collation(people: Any) -> None:
    people.create_index("name", collation=Collation("en"))

    found = people.find({}, {"name": 1}).sort("name").limit(3).collation(Collation("en"))

    assert [each["name"] for each in found] == [7, "adam", "ADAM"]
    assert _examined(found) == 3


def test_partial_index_compares_by_its_collation(people: Any) -> None:
    people.create_index("name", collation=_NO_CASE, partialFilterExpression={"name": {"$gt": "M"}})

    found = people.find({"name": {"$gt": "n"}}, collation=_NO_CASE)

    assert (_ids(found), _examined(found)) == ([1, 4], 2)
    assert _ids(people.find({"name": {"$gt": "A"}}, collation=_NO_CASE)) == [1, 2, 3, 4]


def test_collation_of_an_index_is_shown_and_survives_a_restart(tmp_path: Path) -> None:
    for is_second in (False, True):
        node = start_node(tmp_path / "data", SocketAddress(tmp_path / "s.sock"))
        try:
            with MongoClient[dict[str, Any]](node.uri) as client:
                if not is_second:
                    client.t.c.create_index("a", unique=True, collation=_NO_CASE)
                    client.t.c.insert_one({"a": "x"})
                    continue
                shown = client.t.c.index_information()["a_1"]["collation"]
                assert (shown["locale"], shown["strength"]) == ("en", 2)
                with pytest.raises(DuplicateKeyError):
                    client.t.c.insert_one({"a": "X"})
        finally:
            node.close()


def test_indexes_of_one_key_are_told_apart_by_their_collations(db: Docs) -> None:
    db.c.create_index("a", name="simple")
    db.c.create_index("a", name="en", collation=Collation("en"))
    db.c.create_index("a", name="en", collation=Collation("en"))

    with pytest.raises(OperationFailure) as caught:
        db.c.create_index("a", name="other", collation=Collation("en"))
    assert caught.value.code == 85
    with pytest.raises(OperationFailure) as caught:
        db.command("dropIndexes", "c", index={"a": 1})
    assert caught.value.code == 181
    db.c.drop_index("en")
    assert set(db.c.index_information()) == {"_id_", "simple"}


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: list(c.find(collation={"locale": "sv"})),
        lambda c: list(c.aggregate([{"$merge": "d"}], collation=_NO_CASE)),
        lambda c: list(c.aggregate([{"$search": {"exists": {"path": "a"}}}], collation=_NO_CASE)),
        lambda c: c.database.create_collection("d", collation=_NO_CASE),
    ],
    ids=["language", "$merge", "$search", "create"],
)
def test_collation_that_is_not_emulated_is_refused_by_name(people: Any, ask: Any) -> None:
    with pytest.raises(OperationFailure, match=r"collation.*not emulated by LocalAtlas"):
        ask(people)
