"""The command explain: the plan, what was looked at, and that nothing is changed."""

from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.operations import SearchIndexModel

from tests.local_atlas.processes import wait_until

Docs = Database[dict[str, Any]]
Document = dict[str, Any]


@pytest.fixture(scope="module")
def shop(module_db: Docs) -> Docs:
    module_db.c.create_index([("kind", 1), ("price", -1)])
    module_db.c.create_index("tags")
    module_db.c.insert_many(
        {"_id": n, "kind": "abcde"[n % 5], "price": n, "tags": [n, -n]} for n in range(100)
    )
    return module_db


def _stages(plan: Document) -> list[str]:
    below = _stages(plan["inputStage"]) if "inputStage" in plan else []
    return [plan["stage"], *below]


def _update(statement: Document) -> Document:
    return {"update": "c", "updates": [statement]}


def _explained(shop: Docs, command: Document) -> tuple[list[str], tuple[int, int, int]]:
    """Return the stages, and how much was returned and how many keys and documents examined."""
    reply = shop.command({"explain": command})
    stats = reply["executionStats"]
    stages = _stages(reply["queryPlanner"]["winningPlan"])
    assert _stages(stats["executionStages"]) == stages
    return stages, tuple(
        stats[name] for name in ("nReturned", "totalKeysExamined", "totalDocsExamined")
    )


@pytest.mark.parametrize(
    ("command", "stages", "counts"),
    [
        pytest.param({"filter": {"_id": 5}}, ["IDHACK"], (1, 1, 1), id="by _id"),
        pytest.param({"filter": {"x": 1}}, ["COLLSCAN"], (0, 0, 100), id="scan"),
        pytest.param({"filter": {"kind": "a"}}, ["FETCH", "IXSCAN"], (20, 20, 20), id="index"),
        pytest.param(
            {"filter": {"kind": "a", "_id": {"$ne": 5}}},
            ["FETCH", "IXSCAN"],
            (19, 20, 20),
            id="index and a filter",
        ),
        pytest.param(
            {"filter": {"kind": "a"}, "sort": {"price": 1}},
            ["FETCH", "IXSCAN"],
            (20, 20, 20),
            id="order from the index",
        ),
        pytest.param(
            {"filter": {"kind": "a"}, "sort": {"tags": 1}, "limit": 3},
            ["SORT", "FETCH", "IXSCAN"],
            (3, 20, 20),
            id="order by a sort",
        ),
        pytest.param(
            {"sort": {"_id": -1}, "skip": 2, "limit": 3, "projection": {"a": 1}},
            ["LIMIT", "PROJECTION_SIMPLE", "SKIP", "FETCH", "IXSCAN"],
            (3, 20, 5),
            id="skip, limit and projection",
        ),
    ],
)
def test_plan_of_a_find_tells_what_was_looked_at(
    shop: Docs, command: Document, stages: list[str], counts: tuple[int, int, int]
) -> None:
    assert _explained(shop, {"find": "c", **command}) == (stages, counts)


def test_index_scan_names_the_index_and_its_bounds(shop: Docs) -> None:
    plan = shop.c.find({"kind": {"$in": ["a", "b"]}, "price": {"$gt": 5, "$lte": 9}}).explain()

    scan = plan["queryPlanner"]["winningPlan"]["inputStage"]
    assert (scan["indexName"], scan["keyPattern"]) == ("kind_1_price_-1", {"kind": 1, "price": -1})
    assert scan["indexBounds"] == {"kind": ['["a", "a"]', '["b", "b"]'], "price": ["[9, 5)"]}
    assert (scan["direction"], scan["isMultiKey"]) == ("forward", False)


def test_or_names_the_index_of_each_part(shop: Docs) -> None:
    plan = shop.c.find({"$or": [{"kind": "a"}, {"tags": 3}, {"_id": 5}]}).explain()

    union = plan["queryPlanner"]["winningPlan"]["inputStage"]
    stats = plan["executionStats"]
    assert union["stage"] == "OR"
    names = [stage["indexName"] for stage in union["inputStages"]]
    assert names == ["kind_1_price_-1", "tags_1", "_id_"]
    assert (stats["totalKeysExamined"], stats["totalDocsExamined"]) == (22, 21)


def test_index_that_is_read_backwards_says_so(shop: Docs) -> None:
    plan = shop.c.find({"kind": "a"}).sort("price", 1).explain()

    scan = plan["queryPlanner"]["winningPlan"]["inputStage"]
    assert scan["direction"] == "backward"
    assert scan["indexBounds"]["price"] == ["[MinKey, MaxKey]"]


def test_no_more_of_an_index_is_read_than_is_wanted_in_its_order(db: Docs) -> None:
    db.c.create_index("n")
    db.c.insert_many({"n": number} for number in range(1000))
    command = {"find": "c", "filter": {"n": {"$type": "number"}}, "sort": {"n": -1}, "limit": 150}

    assert _explained(db, command)[1] == (150, 150, 150)


@pytest.mark.parametrize(
    ("command", "stages", "counted"),
    [
        ({"count": "c"}, ["COUNT", "RECORD_STORE_FAST_COUNT"], {"nCounted": 100}),
        (
            {"count": "c", "query": {"kind": "a"}},
            ["COUNT", "FETCH", "IXSCAN"],
            {"nCounted": 20},
        ),
        (
            {"distinct": "c", "key": "price", "query": {"tags": 3}},
            ["FETCH", "IXSCAN"],
            {"nReturned": 1},
        ),
        (
            _update({"q": {"kind": "a"}, "u": {"$set": {"price": 5}}, "multi": True}),
            ["UPDATE", "FETCH", "IXSCAN"],
            {"nMatched": 20, "nWouldModify": 19, "nWouldUpsert": 0},
        ),
        (
            _update({"q": {"kind": "z"}, "u": {"$set": {"a": 1}}, "upsert": True}),
            ["UPDATE", "FETCH", "IXSCAN"],
            {"nMatched": 0, "nWouldModify": 0, "nWouldUpsert": 1},
        ),
        (
            {"delete": "c", "deletes": [{"q": {"kind": "a"}, "limit": 0}]},
            ["DELETE", "FETCH", "IXSCAN"],
            {"nWouldDelete": 20},
        ),
        (
            {"findAndModify": "c", "query": {"price": 3}, "remove": True},
            ["DELETE", "COLLSCAN"],
            {"nWouldDelete": 1},
        ),
        (
            {"findAndModify": "c", "query": {"_id": 3}, "update": {"$inc": {"price": 1}}},
            ["UPDATE", "IDHACK"],
            {"nMatched": 1, "nWouldModify": 1},
        ),
        ({"find": "missing"}, ["EOF"], {"nReturned": 0}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_other_commands_are_explained_and_change_nothing(
    shop: Docs, command: Document, stages: list[str], counted: Document
) -> None:
    before = list(shop.c.find())

    reply = shop.command({"explain": command})

    executed = reply["executionStats"]["executionStages"]
    assert _stages(reply["queryPlanner"]["winningPlan"]) == stages
    assert {name: executed[name] for name in counted} == counted
    assert list(shop.c.find()) == before


def test_pipeline_that_the_collection_answers_has_one_plan(shop: Docs) -> None:
    pipeline = [{"$match": {"kind": "a"}}, {"$sort": {"price": -1}}, {"$limit": 2}]

    found = _explained(shop, {"aggregate": "c", "pipeline": pipeline, "cursor": {}})

    assert found == (["LIMIT", "FETCH", "IXSCAN"], (2, 20, 2))


def test_longer_pipeline_is_a_list_of_stages_with_what_each_returned(shop: Docs) -> None:
    pipeline = [
        {"$match": {"kind": "a"}},
        {"$group": {"_id": {"$mod": ["$price", 2]}}},
        {"$match": {"_id": 1}},
    ]

    reply = shop.command({"explain": {"aggregate": "c", "pipeline": pipeline, "cursor": {}}})

    assert [stage["nReturned"] for stage in reply["stages"]] == [20, 2, 1]
    cursor = reply["stages"][0]["$cursor"]
    assert cursor["executionStats"]["totalDocsExamined"] == 20
    assert reply["stages"][1]["$group"] == {"_id": {"$mod": ["$price", 2]}}


def test_aggregate_with_the_option_explain_is_only_planned(shop: Docs) -> None:
    reply = shop.command("aggregate", "c", pipeline=[{"$match": {"tags": 1}}], explain=True)

    assert _stages(reply["queryPlanner"]["winningPlan"]) == ["FETCH", "IXSCAN"]
    assert "executionStats" not in reply


def _with_vectors(db: Docs) -> dict[str, Any]:
    """Store vectors and an index on them, and return a stage that asks for three."""
    db.c.insert_many([{"_id": n, "v": [float(n), 1.0]} for n in range(10)])
    field = {"type": "vector", "path": "v", "numDimensions": 2, "similarity": "euclidean"}
    db.c.create_search_index(
        SearchIndexModel({"fields": [field]}, name="vectors", type="vectorSearch")
    )
    wait_until(lambda: all(index["queryable"] for index in db.c.list_search_indexes()))
    near = {"index": "vectors", "path": "v", "queryVector": [1.0, 1.0]}
    return {"$vectorSearch": {**near, "numCandidates": 10, "limit": 3}}


def test_search_shows_its_specification_and_what_it_returned(db: Docs) -> None:
    stage = _with_vectors(db)
    pipeline = [stage, {"$match": {"_id": {"$ne": 1}}}]

    reply = db.command({"explain": {"aggregate": "c", "pipeline": pipeline, "cursor": {}}})

    first, second = reply["stages"]
    assert (first["$vectorSearch"], first["nReturned"]) == (stage["$vectorSearch"], 3)
    assert second["nReturned"] == 2


def test_search_engine_does_not_explain_itself(db: Docs) -> None:
    stage = _with_vectors(db)
    stage["$vectorSearch"]["explainOptions"] = {"traceDocumentIds": []}

    with pytest.raises(OperationFailure, match="not emulated by LocalAtlas"):
        db.command({"explain": {"aggregate": "c", "pipeline": [stage], "cursor": {}}})


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param({"explain": {"insert": "c", "documents": [{}]}}, 20, id="has no plan"),
        pytest.param({"explain": {"bogus": "c"}}, 59, id="no command"),
        pytest.param({"explain": {"find": "c", "bogus": 1}}, 40415, id="unknown field"),
        pytest.param({"explain": {"find": "c", "filter": {"$x": 1}}}, 2, id="malformed filter"),
        pytest.param({"explain": {"find": "c"}, "verbosity": "all"}, 2, id="verbosity"),
        pytest.param({"explain": {"find": "c", "hint": "x"}}, 2, id="hint"),
        pytest.param(
            {"explain": {"aggregate": "c", "pipeline": [{"$out": "d"}], "cursor": {}}},
            72,
            id="$out, run",
        ),
        pytest.param(
            {"explain": {"delete": "c", "deletes": [{"q": {}, "limit": 0}] * 2}},
            16,
            id="two statements",
        ),
    ],
)
def test_what_cannot_be_explained_is_refused(shop: Docs, command: Document, code: int) -> None:
    with pytest.raises(OperationFailure) as refused:
        shop.command(command)

    assert refused.value.code == code
    assert shop.list_collection_names() == ["c"]


def test_hint_decides_which_index_is_used(shop: Docs) -> None:
    by_name = shop.c.find({"kind": "a"}).hint("tags_1").explain()
    by_pattern = shop.c.find({"kind": "a"}).hint([("_id", 1)]).explain()
    by_none = shop.c.find({"kind": "a"}).hint([("$natural", 1)]).explain()

    names = [
        plan["queryPlanner"]["winningPlan"].get("inputStage", {}).get("indexName")
        for plan in (by_name, by_pattern, by_none)
    ]
    assert names == ["tags_1", "_id_", None]


def test_hint_to_a_sparse_index_leaves_out_what_is_not_in_it(db: Docs) -> None:
    db.c.create_index("a", sparse=True)
    db.c.insert_many([{"_id": 1}, {"_id": 2, "a": 1}])

    assert [each["_id"] for each in db.c.find()] == [1, 2]
    assert [each["_id"] for each in db.c.find(hint="a_1")] == [2]
    assert db.c.count_documents({}, hint="a_1") == 1
