"""$rankFusion over searches and sorts."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from tests.local_atlas.search.asking import (
    Documents,
    indexed,
    refusal,
    search_definition,
)

DOCUMENTS: list[dict[str, Any]] = [
    {"_id": 1, "t": "red shoe", "v": [4, 0], "price": 10},
    {"_id": 2, "t": "red leather shoe of quality", "v": [1, 0], "price": 20},
    {"_id": 3, "t": "blue boot", "v": [0, 0], "price": 20},
    {"_id": 4, "t": "blue shoe", "v": [3, 0], "price": 30},
    {"_id": 5, "t": "summer dress", "v": [2, 0], "price": 40},
]
TEXT = {"$search": {"text": {"path": "t", "query": "shoe"}}}
NEAR = {"$search": {"knnBeta": {"path": "v", "vector": [0, 0], "k": 4}}}
ALL_ALIKE = {"$search": {"exists": {"path": "t"}}}
Pipelines = Mapping[str, Sequence[Mapping[str, Any]]]


@pytest.fixture(scope="module")
def collection(module_db: Database[dict[str, Any]]) -> Documents:
    return indexed(module_db.c, DOCUMENTS, search_definition(t={"type": "string"}))


def fusion(pipelines: Pipelines, **options: Any) -> dict[str, Any]:
    return {"$rankFusion": {"input": {"pipelines": pipelines}, **options}}


def fused(collection: Documents, pipelines: Pipelines, **options: Any) -> list[tuple[Any, float]]:
    stages = [fusion(pipelines, **options), {"$project": {"score": {"$meta": "score"}}}]
    return [(hit["_id"], hit["score"]) for hit in collection.aggregate(stages)]


def expected(ranks: Sequence[Mapping[int, float]], *weights: float) -> Any:
    """Return what the formula makes of the ranks in each pipeline, best first, then by `_id`."""
    scores: dict[int, float] = {}
    for of_pipeline, weight in zip(ranks, weights or [1.0] * len(ranks), strict=True):
        for i, rank in of_pipeline.items():
            scores[i] = scores.get(i, 0) + weight / (60 + rank)
    ordered = sorted(scores.items(), key=lambda one: (-one[1], one[0]))
    return [(i, pytest.approx(score)) for i, score in ordered]


# Shorter texts fit a term better, and the shoes of two words fit alike.
BY_TEXT = {1: 1, 4: 1, 2: 3}
BY_VECTOR = {3: 1, 2: 2, 5: 3, 4: 4}


def test_reciprocal_ranks_add_up(collection: Documents) -> None:
    hits = fused(collection, {"text": [TEXT], "vector": [NEAR]})

    assert hits == expected([BY_TEXT, BY_VECTOR])
    assert hits[0] == (4, pytest.approx(1 / 61 + 1 / 64))


def test_one_pipeline_keeps_its_order(collection: Documents) -> None:
    assert fused(collection, {"vector": [NEAR]}) == expected([BY_VECTOR])


def test_weights_count_as_factors_and_one_where_none_is_given(collection: Documents) -> None:
    pipelines = {"text": [TEXT], "vector": [NEAR]}

    half = fused(collection, pipelines, combination={"weights": {"vector": 0.5}})
    nothing = fused(collection, pipelines, combination={"weights": {"text": 0, "vector": 2}})

    assert half == expected([BY_TEXT, BY_VECTOR], 1, 0.5)
    assert nothing == expected([BY_TEXT, BY_VECTOR], 0, 2)
    assert nothing[-1] == (1, 0)  # a document is there even where its score is nothing


def test_equal_scores_of_a_search_share_a_rank(collection: Documents) -> None:
    hits = fused(collection, {"alike": [ALL_ALIKE]})

    assert hits == [(i, pytest.approx(1 / 61)) for i in range(1, 6)]


def test_equal_keys_of_a_sort_share_a_rank(collection: Documents) -> None:
    by_price = [{"$match": {"price": {"$gt": 10}}}, {"$sort": {"price": 1}}]
    searched = [ALL_ALIKE, {"$sort": {"price": -1, "_id": 1}}, {"$limit": 3}]

    assert fused(collection, {"cheap": by_price}) == expected([{2: 1, 3: 1, 4: 3, 5: 4}])
    assert fused(collection, {"dear": searched}) == expected([{5: 1, 4: 2, 2: 3}])


def test_equal_sums_come_in_the_order_of_ids(db: Database[dict[str, Any]]) -> None:
    documents = [{"_id": i, "a": i, "b": -i} for i in (2, 10, 1, 11)]
    db.c.insert_many(documents)

    hits = fused(db.c, {"up": [{"$sort": {"a": 1}}], "down": [{"$sort": {"b": 1}}]})

    assert hits == expected([{1: 1, 2: 2, 10: 3, 11: 4}, {11: 1, 10: 2, 2: 3, 1: 4}])
    assert [i for i, _ in hits] == [1, 11, 2, 10]


def test_score_details_tell_the_part_of_each_pipeline(collection: Documents) -> None:
    pipelines = {"vector": [NEAR], "cheap": [{"$sort": {"price": 1}}, {"$limit": 1}]}
    options = {"combination": {"weights": {"vector": 2}}, "scoreDetails": True}
    project = {"$project": {"details": {"$meta": "scoreDetails"}, "score": {"$meta": "score"}}}

    best, *_, cheapest = collection.aggregate([fusion(pipelines, **options), project])

    assert best == {
        "_id": 3,
        "score": pytest.approx(2 / 61),
        "details": {
            "value": best["score"],
            "description": "value output by reciprocal rank fusion algorithm, computed as sum of "
            "(weight * (1 / (60 + rank))) across input pipelines from which this document is "
            "output, from:",
            "details": [
                {"inputPipelineName": "cheap", "rank": "NA", "weight": 1.0},
                {
                    "inputPipelineName": "vector",
                    "rank": 1,
                    "weight": 2.0,
                    "value": 1.0,
                    "details": [],
                },
            ],
        },
    }
    assert cheapest["details"]["details"][0] == {
        "inputPipelineName": "cheap",
        "rank": 1,
        "weight": 1.0,
        "details": [],
    }


def test_documents_are_whole_and_go_on_through_later_stages(collection: Documents) -> None:
    stages = [
        fusion({"text": [TEXT], "vector": [NEAR]}),
        {"$match": {"price": 20}},
        {"$sort": {"score": {"$meta": "score"}}},
        {"$limit": 1},
    ]

    assert list(collection.aggregate(stages)) == [DOCUMENTS[1]]


def test_results_come_in_batches(collection: Documents) -> None:
    hits = list(collection.aggregate([fusion({"vector": [NEAR]})], batchSize=1))

    assert [hit["_id"] for hit in hits] == list(BY_VECTOR)


def test_only_the_score_of_the_fusion_is_left(collection: Documents) -> None:
    for kind in ("searchScore", "vectorSearchScore", "scoreDetails"):
        with pytest.raises(OperationFailure) as refused:
            list(
                collection.aggregate(
                    [fusion({"text": [TEXT]}), {"$set": {"x": {"$meta": kind}}}]
                )
            )  # fmt: skip
        assert refused.value.code == 40218


def test_first_in_union_with_and_lookup(collection: Documents) -> None:
    stage = fusion({"vector": [NEAR]})
    one = {"$match": {"_id": 1}}
    union = [one, {"$unionWith": {"coll": "c", "pipeline": [stage]}}]
    lookup = [one, {"$lookup": {"from": "c", "pipeline": [stage, {"$limit": 2}], "as": "near"}}]
    same_price = {"localField": "price", "foreignField": "price", "pipeline": [stage]}
    joined = [{"$match": {"_id": 2}}, {"$lookup": {"from": "c", "as": "near", **same_price}}]

    assert [hit["_id"] for hit in collection.aggregate(union)] == [1, *BY_VECTOR]
    assert [hit["_id"] for hit in next(collection.aggregate(lookup))["near"]] == [3, 2]
    assert [hit["_id"] for hit in next(collection.aggregate(joined))["near"]] == [3, 2]


PLACES = [
    pytest.param([{"$match": {}}], [], 40602, id="second"),
    pytest.param([], [{"$limit": 1}], 0, id="first"),
]


@pytest.mark.parametrize(("before", "after", "code"), PLACES)
def test_only_the_first_stage(
    collection: Documents, before: list[Any], after: list[Any], code: int
) -> None:
    stages = [*before, fusion({"vector": [NEAR]}), *after]
    union = {"$unionWith": {"coll": "c", "pipeline": stages}}

    assert refusal(collection, union)[0] == code
    assert refusal(collection, {"$lookup": {"from": "c", "pipeline": stages, "as": "x"}})[0] == code


def test_never_in_facet_nor_in_an_update(collection: Documents) -> None:
    stage = fusion({"vector": [NEAR]})

    assert refusal(collection, {"$facet": {"a": [stage]}}) == (
        40600,
        "$rankFusion is not allowed to be used within a $facet stage",
    )
    with pytest.raises(OperationFailure) as refused:
        collection.update_one({"_id": 1}, [stage])
    assert refused.value.code == 72


def test_searches_inside_keep_their_rules(collection: Documents) -> None:
    stage = fusion({"vector": [NEAR]})
    majority = collection.with_options(read_concern=ReadConcern("majority"))
    client: MongoClient[dict[str, Any]] = collection.database.client

    assert refusal(majority, stage)[0] == 72
    with (
        client.start_session() as session,
        pytest.raises(OperationFailure) as refused,
        session.start_transaction(),
    ):
        list(collection.aggregate([stage], session=session))
    assert refused.value.code == 263
    with pytest.raises(OperationFailure, match="only valid as the first stage"):
        list(collection.aggregate([fusion({"a": [{"$sort": {"a": 1}}, NEAR]})]))
    bad = {"$search": {"text": {"path": "t"}}}
    command = {"aggregate": "c", "pipeline": [fusion({"a": [bad]})], "cursor": {"batchSize": 0}}
    with pytest.raises(OperationFailure, match=r'"text.query" is required'):
        collection.database.command(command)


def test_no_collection_has_no_results(db: Database[dict[str, Any]]) -> None:
    assert fused(db.nowhere, {"text": [TEXT], "cheap": [{"$sort": {"price": 1}}]}) == []


def test_a_strict_server_refuses_what_a_search_inside_would_pass_over(
    strict_db: Database[dict[str, Any]],
) -> None:
    collection = indexed(strict_db.c, DOCUMENTS, search_definition(t={"type": "string"}))
    unknown = {"$search": {"index": "x", "text": {"path": "t", "query": "shoe"}}}

    assert fused(collection, {"text": [TEXT], "vector": [NEAR]})
    assert refusal(collection, fusion({"text": [TEXT], "other": [unknown]}))[0] == 27


WANTED = (
    "All subpipelines to the $rankFusion stage must begin with one of $search, $vectorSearch, "
    "$geoNear, or have a custom $sort in the pipeline."
)
SELECTS = "Only stages that retrieve, limit, or order documents are allowed."
GOOD = {"input": {"pipelines": {"a": [TEXT], "b": [NEAR]}}}


def of(pipeline: Any, name: str = "a") -> dict[str, Any]:
    return {"input": {"pipelines": {name: pipeline}}}


def weighing(weights: Any) -> dict[str, Any]:
    return {**GOOD, "combination": {"weights": weights}}


REFUSED = [
    pytest.param(
        1, 9, "$rankFusion must take a nested object but found: $rankFusion: 1", id="no object"
    ),
    pytest.param({}, 40414, "BSON field '$rankFusion.input' is missing", id="no input"),
    pytest.param({"input": 1}, 14, "BSON field '$rankFusion.input' is the wrong type", id="input"),
    pytest.param(
        {"input": {}}, 40414, "BSON field '$rankFusion.input.pipelines' is missing", id="pipelines"
    ),
    pytest.param({**GOOD, "x": 1}, 40415, "'$rankFusion.x' is an unknown field.", id="unknown"),
    pytest.param(
        {"input": {"pipelines": {"a": [TEXT]}, "normalization": "none"}},
        40415,
        "BSON field '$rankFusion.input.normalization' is an unknown field.",
        id="normalization belongs to $scoreFusion",
    ),
    pytest.param(
        {**GOOD, "combination": {"method": "avg"}},
        40415,
        "'$rankFusion.combination.method' is an unknown field.",
        id="so does method",
    ),
    pytest.param({**GOOD, "scoreDetails": 1}, 14, "'$rankFusion.scoreDetails' is", id="details"),
    pytest.param({"input": {"pipelines": {}}}, 9, "needs at least one pipeline", id="none"),
    pytest.param(of(TEXT), 14, "A pipeline must be an array of objects", id="no array"),
    pytest.param(of([1]), 14, "Each element of the 'pipeline' array must be an object", id="stage"),
    pytest.param(of([]), 9834300, f"input pipeline cannot be empty. {WANTED}", id="empty"),
    pytest.param(of([{"$foo": 1}]), 40324, "Unrecognized pipeline stage name: '$foo'", id="foo"),
    pytest.param(of([{"$limit": 1}]), 9191100, f"explicit $sort stage. {WANTED}", id="unranked"),
    pytest.param(
        of([{"$rankFusion": GOOD}]), 10473002, "has a nested hybrid search stage", id="nested"
    ),
    pytest.param(
        of([TEXT, {"$project": {"t": 1}}]), 9191103, "$project is not a selection", id="project"
    ),
    pytest.param(
        of([{"$search": {**TEXT["$search"], "returnStoredSource": True}}]),
        9191103,
        f"because it modifies the output fields. {SELECTS}",
        id="stored source",
    ),
    pytest.param(of([TEXT], "$a"), 16410, "naming rules of field path expressions", id="dollar"),
    pytest.param(of([TEXT], "a.b"), 40412, "names may not contain '.'", id="dot"),
    pytest.param(of([TEXT], ""), 15998, "may not be empty strings", id="no name"),
    pytest.param(weighing({"a": "x"}), 14, "weights.a' is the wrong type 'string'", id="weight"),
    pytest.param(
        weighing({"a": -1}), 9460300, "non-negative, but given -1 for pipeline 'a'.", id="negative"
    ),
    pytest.param(
        weighing({"a": 1, "c": 1}), 9967500, "(provided: 'c' -> suggested: 'b')", id="misspelt"
    ),
    pytest.param(
        weighing({"a": 1, "b": 1, "c": 1}), 9460301, "specified weights = [c]", id="too many"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "code", "message"), REFUSED)
def test_refused(collection: Documents, spec: Any, code: int, message: str) -> None:
    answered, text = refusal(collection, {"$rankFusion": spec})

    assert (answered, message in text) == (code, True), text
