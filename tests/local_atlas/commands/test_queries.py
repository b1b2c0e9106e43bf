"""find, count, distinct and cursors over the wire."""

import re
import time
from typing import Any

import pytest
from bson import Int64
from bson.code import Code
from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database
from pymongo.errors import CursorNotFound, ExecutionTimeout, OperationFailure

Docs = Database[dict[str, Any]]


@pytest.fixture
def numbers(db: Docs) -> Docs:
    db.c.insert_many([{"_id": i, "n": i % 10, "s": str(i)} for i in range(250)])
    return db


def ids(cursor: Any) -> list[Any]:
    return [document["_id"] for document in cursor]


def test_find_returns_matches_in_natural_order(numbers: Docs) -> None:
    assert ids(numbers.c.find({"n": 3})) == list(range(3, 250, 10))


def test_find_sorts_then_skips_then_limits(numbers: Docs) -> None:
    found = numbers.c.find().sort([("n", DESCENDING), ("_id", ASCENDING)]).skip(1).limit(3)

    assert ids(found) == [19, 29, 39]


def test_find_projects(numbers: Docs) -> None:
    assert numbers.c.find_one({"_id": 7}, {"_id": 0, "s": 1}) == {"s": "7"}


def test_find_in_a_missing_collection_is_empty(db: Docs) -> None:
    assert list(db.missing.find({"a": 1})) == []


@pytest.mark.parametrize("collection", ["c", "missing"])
def test_unknown_operator_is_refused_even_where_nothing_would_match(
    numbers: Docs, collection: str
) -> None:
    with pytest.raises(OperationFailure, match="unknown operator: \\$foo") as refused:
        list(numbers[collection].find({"a": {"$foo": 1}}))

    assert refused.value.code == 2


def test_natural_sort_goes_both_ways(numbers: Docs) -> None:
    assert ids(numbers.c.find({"n": 3}).sort("$natural", -1)) == list(range(243, 0, -10))
    assert ids(numbers.c.find({"n": 3}).sort("$natural", 1)) == list(range(3, 250, 10))


def test_first_batch_holds_101_documents_and_the_rest_follows(numbers: Docs) -> None:
    first = numbers.command("find", "c")["cursor"]
    rest = numbers.command("getMore", first["id"], collection="c")["cursor"]

    assert len(first["firstBatch"]) == 101
    assert ids(first["firstBatch"] + rest["nextBatch"]) == list(range(250))
    assert rest["id"] == 0


@pytest.mark.parametrize(
    "command",
    [
        pytest.param({"find": "c"}, id="open cursor"),
        pytest.param({"find": "c", "limit": 1}, id="exhausted cursor"),
        pytest.param({"find": "missing"}, id="missing collection"),
        pytest.param({"listCollections": 1}, id="listCollections"),
        pytest.param({"listIndexes": "c"}, id="listIndexes"),
    ],
)
def test_cursor_id_is_int64_on_the_wire(numbers: Docs, command: dict[str, Any]) -> None:
    reply = numbers.command(command)

    assert isinstance(reply["cursor"]["id"], Int64)


def test_batch_size_is_kept_in_every_batch(numbers: Docs) -> None:
    first = numbers.command("find", "c", batchSize=3)["cursor"]
    second = numbers.command("getMore", first["id"], collection="c", batchSize=4)["cursor"]

    assert ids(first["firstBatch"]) == [0, 1, 2]
    assert ids(second["nextBatch"]) == [3, 4, 5, 6]
    assert second["id"] == first["id"]


def test_batch_size_of_zero_opens_an_empty_cursor(numbers: Docs) -> None:
    cursor = numbers.command("find", "c", batchSize=0)["cursor"]

    assert cursor["firstBatch"] == []
    assert cursor["id"] != 0


def test_cursor_is_closed_with_its_last_document(numbers: Docs) -> None:
    assert numbers.command("find", "c", batchSize=250)["cursor"]["id"] == 0


@pytest.mark.parametrize("option", [{"singleBatch": True, "batchSize": 2}, {"limit": -2}])
def test_single_batch_leaves_no_cursor(numbers: Docs, option: dict[str, Any]) -> None:
    cursor = numbers.command("find", "c", **option)["cursor"]

    assert ids(cursor["firstBatch"]) == [0, 1]
    assert cursor["id"] == 0


def test_batch_stops_before_16_mebibytes(db: Docs) -> None:
    db.c.insert_many([{"_id": i, "text": "x" * 6_000_000} for i in range(4)])

    assert len(db.command("find", "c")["cursor"]["firstBatch"]) == 2
    assert ids(db.c.find()) == [0, 1, 2, 3]


def test_cursor_sees_documents_that_are_committed_while_it_is_open(numbers: Docs) -> None:
    cursor = numbers.c.find({}, {"_id": 1}, batch_size=2)
    next(cursor)

    numbers.c.insert_one({"_id": "late"})

    assert ids(cursor)[-1] == "late"


def test_killed_cursor_is_not_found(numbers: Docs) -> None:
    cursor_id = numbers.command("find", "c")["cursor"]["id"]

    reply = numbers.command("killCursors", "c", cursors=[cursor_id, Int64(5)])

    assert reply["cursorsKilled"] == [cursor_id]
    assert reply["cursorsNotFound"] == [5]
    with pytest.raises(CursorNotFound):
        numbers.command("getMore", cursor_id, collection="c")


def test_cursor_of_another_collection_is_refused(numbers: Docs) -> None:
    cursor_id = numbers.command("find", "c")["cursor"]["id"]

    with pytest.raises(OperationFailure) as refused:
        numbers.command("getMore", cursor_id, collection="other")

    assert refused.value.code == 13


def test_cursor_of_a_dropped_collection_is_killed(db: Docs) -> None:
    db.c.insert_many([{} for _ in range(2000)])
    cursor = db.c.find(batch_size=2)
    next(cursor)

    db.c.drop()

    with pytest.raises(OperationFailure) as killed:
        list(cursor)
    assert killed.value.code == 175


def test_count_takes_query_skip_and_limit(numbers: Docs) -> None:
    assert numbers.c.estimated_document_count() == 250
    assert numbers.command("count", "c", query={"n": 3})["n"] == 25
    assert numbers.command("count", "c", query={"n": 3}, skip=20)["n"] == 5
    assert numbers.command("count", "c", skip=300)["n"] == 0
    assert numbers.command("count", "c", limit=7)["n"] == 7
    assert numbers.command("count", "missing")["n"] == 0


def test_distinct_knows_types_and_looks_one_level_into_arrays(db: Docs) -> None:
    db.c.insert_many([{"a": 1}, {"a": 1.0}, {"a": True}, {"a": [2, [3]]}, {"b": 1}, {"a": []}])

    assert db.c.distinct("a") == [1, True, 2, [3]]
    assert db.c.distinct("a", {"b": 1}) == []


def test_let_variables_are_seen_by_expressions(numbers: Docs) -> None:
    found = numbers.c.find(
        {"$expr": {"$eq": ["$_id", "$$wanted"]}}, let={"wanted": {"$add": [2, 3]}}
    )

    assert ids(found) == [5]


def test_time_limit_ends_a_long_scan(db: Docs) -> None:
    db.c.insert_many([{"_id": i, "a": list(range(50))} for i in range(5000)])

    with pytest.raises(ExecutionTimeout):
        list(db.c.find({"a": -1}, max_time_ms=1))


def test_time_limit_does_not_run_on_while_the_client_reads(numbers: Docs) -> None:
    cursor = numbers.c.find({}, batch_size=2, max_time_ms=300)
    first = next(cursor)

    time.sleep(0.35)

    assert [first["_id"], *ids(cursor)] == list(range(250))


def test_index_that_is_hinted_at_gives_the_order(db: Docs) -> None:
    db.c.insert_many([{"_id": i, "n": i % 3, "t": [i, -i]} for i in range(6)])
    db.c.create_index([("n", -1), ("_id", 1)], name="by_n")
    db.c.create_index("t")

    assert [each["_id"] for each in db.c.find(hint="by_n")] == [2, 5, 1, 4, 0, 3]
    assert [each["_id"] for each in db.c.find(hint="t_1", limit=2)] == [5, 4]
    assert [each["_id"] for each in db.c.find(hint="by_n", sort={"_id": -1}, limit=2)] == [5, 4]
    assert [each["_id"] for each in db.c.aggregate([], hint="by_n")] == [2, 5, 1, 4, 0, 3]


@pytest.mark.parametrize("hint", ["_id_", [("_id", 1)], [("$natural", 1)]])
def test_hint_of_an_index_that_exists_is_taken(numbers: Docs, hint: Any) -> None:
    assert ids(numbers.c.find({"_id": 4}, hint=hint)) == [4]


def test_hint_of_an_unknown_index_is_refused(numbers: Docs) -> None:
    with pytest.raises(OperationFailure, match="hint provided does not correspond") as refused:
        list(numbers.c.find(hint="nothing_1"))

    assert refused.value.code == 2


@pytest.mark.parametrize(
    ("option", "code"),
    [
        pytest.param({"filter": 5}, 14, id="filter is no document"),
        pytest.param({"limit": "x"}, 14, id="limit is no number"),
        pytest.param({"skip": -1}, 51024, id="negative skip"),
        pytest.param({"batchSize": -1}, 51024, id="negative batch size"),
        pytest.param({"bogus": 1}, 40415, id="unknown field"),
        pytest.param({"collation": {"locale": "sv"}}, 2, id="collation"),
        pytest.param({"maxTimeMS": -1}, 2, id="negative time"),
    ],
)
def test_malformed_find_is_refused(numbers: Docs, option: dict[str, Any], code: int) -> None:
    with pytest.raises(OperationFailure) as refused:
        numbers.command({"find": "c", **option})

    assert refused.value.code == code


@pytest.mark.parametrize(
    "query",
    [
        {"_id": None},
        {"_id": {"$eq": None}},
        {"_id": {"$in": [None]}},
        {"_id": {"$in": [None, "gone"]}},
    ],
)
def test_an_id_that_is_null_is_not_any_id(db: Docs, query: dict[str, Any]) -> None:
    db.c.insert_many([{"_id": item_id} for item_id in (1, None, "a", {"a": None})])

    assert ids(db.c.find(query)) == [None]
    assert db.c.delete_many(query).deleted_count == 1


def test_a_pattern_among_ids_is_matched_and_no_other_id(db: Docs) -> None:
    db.c.insert_many([{"_id": item_id} for item_id in (1, None, "ab", "ba")])

    assert ids(db.c.find({"_id": {"$in": [re.compile("^a"), 1]}})) == [1, "ab"]


@pytest.mark.parametrize("query", [{"_id": 7}, {"_id": {"$eq": 7}}, {"_id": {"$in": [7, 7.0]}}])
def test_look_up_by_id_finds_the_one_document(numbers: Docs, query: dict[str, Any]) -> None:
    assert ids(numbers.c.find(query)) == [7]


@pytest.mark.parametrize(
    "query",
    [{"_id": 7, "n": 8}, {"_id": {"$in": [7], "$gt": 7}}, {"_id": {"$in": []}}, {"_id": "7"}],
)
def test_look_up_by_id_keeps_the_rest_of_the_filter(numbers: Docs, query: dict[str, Any]) -> None:
    assert ids(numbers.c.find(query)) == []


def test_look_up_by_a_document_id_compares_field_order(db: Docs) -> None:
    db.c.insert_one({"_id": {"a": 1, "b": 2}})

    assert db.c.find_one({"_id": {"a": 1, "b": 2}}) is not None
    assert db.c.find_one({"_id": {"b": 2, "a": 1}}) is None


def test_documents_are_read_as_they_were_stored(db: Docs) -> None:
    document = {"_id": 1, "code": Code("f()", {"x": 1}), "nested": {"int": 1, "long": Int64(1)}}
    db.c.insert_one(document)

    found = db.c.find_one()

    assert found == document
    assert found is not None
    assert isinstance(found["nested"]["long"], Int64)
