"""$scoreFusion over searches."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from tests.local_atlas.search.asking import Documents, indexed, refusal, search_definition

DOCUMENTS: list[dict[str, Any]] = [
    {"_id": i, "n": i, "m": m, "v": [i, 0]} for i, m in ((1, 1), (2, 4), (3, None), (4, 2))
]
Pipelines = Mapping[str, Sequence[Mapping[str, Any]]]


def by_field(path: str) -> dict[str, Any]:
    """A search for the documents with a number at a path, scored by it."""
    return {"$search": {"range": {"path": path, "gte": 0, "score": {"boost": {"path": path}}}}}


BY_N, BY_M = by_field("n"), by_field("m")
INPUTS: Pipelines = {"n": [BY_N], "m": [BY_M]}


@pytest.fixture(scope="module")
def collection(module_db: Database[dict[str, Any]]) -> Documents:
    numbers = {"n": {"type": "number"}, "m": {"type": "number"}}
    return indexed(module_db.c, DOCUMENTS, search_definition(**numbers))


def fusion(
    pipelines: Pipelines = INPUTS, normalization: str = "none", **options: Any
) -> dict[str, Any]:
    given = {"pipelines": pipelines, "normalization": normalization}
    return {"$scoreFusion": {"input": given, **options}}


def fused(collection: Documents, *arguments: Any, **options: Any) -> list[tuple[Any, float]]:
    stages = [fusion(*arguments, **options), {"$project": {"score": {"$meta": "score"}}}]
    return [(hit["_id"], hit["score"]) for hit in collection.aggregate(stages)]


def test_scores_are_averaged_and_a_missing_one_is_nothing(collection: Documents) -> None:
    assert fused(collection) == [(2, 3.0), (4, 3.0), (3, 1.5), (1, 1.0)]


def test_weights_multiply(collection: Documents) -> None:
    hits = fused(collection, combination={"weights": {"m": 0.5}, "method": "avg"})

    assert hits == [(4, 2.5), (2, 2.0), (3, 1.5), (1, 0.75)]


def test_sigmoid(collection: Documents) -> None:
    hits = fused(collection, {"n": [BY_N]}, "sigmoid", combination={"weights": {"n": 2}})

    assert hits == [(i, pytest.approx(2 / (1 + math.exp(-i)))) for i in (4, 3, 2, 1)]


def test_min_max_scaler_goes_from_nothing_to_one(collection: Documents) -> None:
    hits = fused(collection, {"n": [BY_N]}, "minMaxScaler", combination={"weights": {"n": 3}})
    alike = fused(collection, {"n": [BY_N, {"$limit": 1}]}, "minMaxScaler")

    assert hits == [(4, 3.0), (3, pytest.approx(2.0)), (2, pytest.approx(1.0)), (1, 0.0)]
    assert alike == [(4, 0.0)]


def test_expression_names_the_pipelines(collection: Documents) -> None:
    combination = {
        "method": "expression",
        "expression": {"$add": ["$$n", {"$multiply": ["$$m", 9]}]},
    }

    assert fused(collection, combination=combination) == [(2, 38.0), (4, 22.0), (1, 10.0), (3, 3.0)]


def test_score_details(collection: Documents) -> None:
    project = {"$project": {"details": {"$meta": "scoreDetails"}}}
    weights = {"weights": {"n": 2}}

    *_, last = collection.aggregate([fusion(combination=weights, scoreDetails=True), project])
    expression = {"method": "expression", "expression": "$$n"}
    (first, *_) = collection.aggregate([fusion(combination=expression, scoreDetails=True), project])

    assert last == {
        "_id": 1,
        "details": {
            "value": 1.5,
            "description": "the value calculated by combining the scores (either normalized or "
            "raw) across input pipelines from which this document is output from:",
            "normalization": "none",
            "combination": {"method": "average"},
            "details": [
                {"inputPipelineName": "m", "inputPipelineRawScore": 1.0, "weight": 1.0,
                 "value": 1.0, "details": []},
                {"inputPipelineName": "n", "inputPipelineRawScore": 1.0, "weight": 2.0,
                 "value": 2.0, "details": []},
            ],
        },
    }  # fmt: skip
    assert first["details"]["combination"] == {"method": "custom expression", "expression": "'$$n'"}


def test_places(collection: Documents) -> None:
    union = {"$unionWith": {"coll": "c", "pipeline": [{"$match": {}}, fusion()]}}

    assert refusal(collection, union)[0] == 40602
    assert refusal(collection, {"$facet": {"a": [fusion()]}})[0] == 40600
    majority = collection.with_options(read_concern=ReadConcern("majority"))
    assert refusal(majority, fusion())[0] == 72
    with pytest.raises(OperationFailure) as refused:
        collection.update_one({"_id": 1}, [fusion()])
    assert refused.value.code == 72
    first = {"$unionWith": {"coll": "c", "pipeline": [fusion()]}}
    hits = collection.aggregate([{"$match": {"_id": 1}}, first])
    assert [hit["_id"] for hit in hits] == [1, 2, 4, 3, 1]


WANTED = (
    "All subpipelines to the $scoreFusion stage must begin with one of $search, $vectorSearch, or "
    "have a custom $score in the pipeline."
)


def combining(**combination: Any) -> Any:
    return fusion(combination=combination)["$scoreFusion"]


REFUSED = [
    pytest.param({"input": {"pipelines": INPUTS}}, 40414, "'$scoreFusion.input.normalization'",
                 id="no normalization"),
    pytest.param(fusion(normalization="x")["$scoreFusion"], 2, "Enumeration value 'x'", id="other"),
    pytest.param({**combining(), "x": 1}, 40415, "'$scoreFusion.x' is an unknown", id="unknown"),
    pytest.param(combining(x=1), 40415, "'$scoreFusion.combination.x'", id="combination"),
    pytest.param(combining(method="max"), 2, "Enumeration value 'max'", id="method"),
    pytest.param(combining(method="expression"), 10017300, "should only be", id="no expression"),
    pytest.param(combining(expression="$$n"), 10017300, "should only be", id="no method"),
    pytest.param(combining(method="expression", expression="$$n", weights={}), 10017301, "both",
                 id="weights and expression"),
    pytest.param(combining(method="expression", expression="$$x"), 17276, "undefined variable: x",
                 id="an unknown pipeline"),
    pytest.param(combining(method="expression", expression="x"), 2, "must evaluate to a number",
                 id="no number"),
    pytest.param(combining(weights={"n": -1}), 9460300, "non-negative, but given -1", id="weight"),
    pytest.param(fusion({"a": []})["$scoreFusion"], 9402503, WANTED, id="empty"),
    pytest.param(fusion({"a": [{"$sort": {"n": 1}}]})["$scoreFusion"], 9402500, WANTED, id="sort"),
    pytest.param(fusion({"a": [BY_N, {"$unset": "n"}]})["$scoreFusion"], 9402502, "$unset is not",
                 id="changes documents"),
    pytest.param(fusion({"a": [fusion()]})["$scoreFusion"], 10473003, "nested hybrid", id="nested"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "code", "message"), REFUSED)
def test_refused(collection: Documents, spec: Any, code: int, message: str) -> None:
    answered, text = refusal(collection, {"$scoreFusion": spec})

    assert (answered, message in text) == (code, True), text
