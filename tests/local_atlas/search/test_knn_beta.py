"""$search with `knnBeta`, and `vectorSearch` as an operator."""

import math
from typing import Any

import bson
import numpy as np
import pytest
from bson import Binary, Decimal128
from bson.binary import BinaryVectorDtype
from pymongo.database import Database

from app.local_atlas.search.definition import parse_definition
from app.local_atlas.search.knn_beta import search
from app.local_atlas.search.search_data import SearchData
from app.local_atlas.search.search_query import parse_search
from tests.local_atlas.search.asking import (
    AGGREGATE_PREFIX,
    Documents,
    create_index,
    ids,
    indexed,
    knn_beta,
    refusal,
    search_definition,
    vector_definition,
)

GOOD: dict[str, Any] = {"path": "v", "vector": [1, 0], "k": 1}
OPERATORS = (
    "autocomplete, compound, embeddedDocument, equals, exists, geoShape, geoWithin, hasAncestor, "
    "hasRoot, in, knnBeta, moreLikeThis, near, phrase, queryString, range, regex, search, span, "
    "term, text, vectorSearch, wildcard"
)


@pytest.fixture(scope="module")
def collection(module_db: Database[dict[str, Any]]) -> Documents:
    definition = search_definition(
        "cosine",
        w={"type": "knnVector", "dimensions": 2, "similarity": "euclidean"},
        n={"type": "number"},
        t={"type": "token"},
    )
    documents = [
        {"_id": 1, "v": [1, 0], "w": [0, 0], "n": 2},
        {"_id": 2, "v": [0, 1], "w": [1, 0], "n": [3, 4]},
        {"_id": 3, "v": [-1, 0], "n": 0.5},
    ]
    return indexed(module_db.c, documents, definition)


def knn(**changes: Any) -> dict[str, Any]:
    spec = {**GOOD, **changes}
    return {"knnBeta": {name: value for name, value in spec.items() if value is not ...}}


REFUSALS = [
    pytest.param(
        {},
        f"Query should contain either an operator [{OPERATORS}] or a collector [facet]",
        id="nothing to do",
    ),
    pytest.param({**knn(), "x": 1}, 'unrecognized field "x"', id="unknown key"),
    pytest.param({**knn(), "index": ""}, '"index" cannot be empty', id="empty index"),
    pytest.param(
        {"near": {"path": "n", "origin": 1, "pivot": 1}},
        '"near" is an operator of the search engine (not emulated by LocalAtlas)',
        id="another operator is refused by name",
    ),
    pytest.param(
        {**knn(), "equals": {"path": "n", "value": 1}},
        f"at most one of [{OPERATORS}] may be present",
        id="two operators",
    ),
    pytest.param(
        {"compound": {"must": [knn()]}},
        '"compound.must[0].knnBeta" knnBeta is not allowed to be nested',
        id="under compound",
    ),
    pytest.param(
        {"facet": {}},
        '"facet.facets" is required',
        id="a collector without facets",
    ),
    pytest.param(
        {**knn(), "sortBetaV1": {"n": 1}},
        "knnBeta is not allowed to be used with the sort option",
        id="sortBetaV1",
    ),
    pytest.param(
        {**knn(), "sort": {"n": 1}},
        "knnBeta is not allowed to be used with the sort option",
        id="sort",
    ),
    pytest.param(
        {**knn(), "highlight": {"path": "t"}},
        '"highlight" is an option of the search engine (not emulated by LocalAtlas)',
        id="highlight is refused by name",
    ),
    pytest.param(knn(path=...), '"knnBeta.path" is required', id="no path"),
    pytest.param(knn(path=5), '"knnBeta.path" must be a document or string', id="path type"),
    pytest.param(
        knn(path={"value": "v", "multi": "m"}),
        '"knnBeta.path" multi field not permitted for this operator',
        id="multi",
    ),
    pytest.param(knn(vector=...), '"knnBeta.vector" is required', id="no vector"),
    pytest.param(
        knn(vector=Binary.from_vector([1.0, 0.0], BinaryVectorDtype.FLOAT32)),
        '"knnBeta.vector" must be a array',
        id="binary vector",
    ),
    pytest.param(knn(vector=[]), '"knnBeta.vector" cannot be empty', id="empty vector"),
    pytest.param(
        knn(vector=[1, "x"]),
        '"knnBeta.vector[1]" must be a int32, int64, or double',
        id="element is a string",
    ),
    pytest.param(knn(k=...), '"knnBeta.k" is required', id="no k"),
    pytest.param(knn(k=0), '"knnBeta.k" must be within bounds [1..2147483647]', id="k is zero"),
    pytest.param(
        knn(k=2**31), '"knnBeta.k" overflowed, must fit in a 32 bit integer', id="k over 32 bits"
    ),
    pytest.param(
        knn(numCandidates=1), '"knnBeta" unrecognized field "numCandidates"', id="numCandidates"
    ),
    pytest.param(knn(limit=1), '"knnBeta" unrecognized field "limit"', id="limit"),
    pytest.param(
        knn(score={}),
        '"knnBeta.score" one of [boost, constant, function] must be present',
        id="empty score",
    ),
    pytest.param(
        knn(score={"constant": {"value": 1}, "boost": {"value": 1}}),
        '"knnBeta.score" only one of [boost, constant, function] may be present',
        id="two scores",
    ),
    pytest.param(
        knn(score={"boost": {"value": 0}}),
        '"knnBeta.score.boost.value" must be positive',
        id="boost of zero",
    ),
    pytest.param(
        knn(score={"boost": {"value": 1, "undefined": 1}}),
        '"knnBeta.score.boost" "undefined" cannot be present when "value" is present',
        id="undefined beside value",
    ),
    pytest.param(
        knn(score={"constant": {"value": -1}}),
        '"knnBeta.score.constant.value" cannot be negative',
        id="negative constant",
    ),
    pytest.param(
        knn(score={"dismax": {}}),
        '"knnBeta.score" one of [boost, constant, function] must be present',
        id="dismax",
    ),
    pytest.param(
        knn(score={"embedded": {}}),
        '"knnBeta.score" one of [boost, constant, function] must be present',
        id="embedded",
    ),
    pytest.param(
        knn(score={"boost": {"value": "3"}}),
        '"knnBeta.score.boost.value" must be a number',
        id="boost of a string",
    ),
    pytest.param(
        knn(path="t", vector=[0, 0, 0]),
        "t is not indexed as knnVector",
        id="what a path is comes before dimensions",
    ),
    pytest.param(
        knn(vector=[0, 0, 0]),
        "knnVector field is indexed with 2 dimensions but queried with 3",
        id="dimensions come before a zero vector",
    ),
    pytest.param(knn(path="t"), "t is not indexed as knnVector", id="path of a token"),
    pytest.param(knn(path="u"), "u is not indexed as knnVector", id="path that is not mapped"),
    pytest.param(
        knn(vector=[1, 2, 3]),
        "knnVector field is indexed with 2 dimensions but queried with 3",
        id="other dimensions",
    ),
    pytest.param(
        knn(vector=[0, 0]),
        "Cosine similarity cannot be calculated against a zero knnVector.",
        id="zero vector",
    ),
    pytest.param(knn(vector=[1, math.nan]), "non-finite value at vector[1]=NaN", id="NaN"),
    pytest.param(
        knn(path="w", vector=[-1e39, 0]), "non-finite value at vector[0]=-Infinity", id="infinite"
    ),
]


@pytest.mark.parametrize(("spec", "message"), REFUSALS)
def test_search_is_refused(collection: Documents, spec: dict[str, Any], message: str) -> None:
    assert refusal(collection, {"$search": spec}) == (8, AGGREGATE_PREFIX + message)


def test_a_specification_is_an_object(collection: Documents) -> None:
    assert refusal(collection, {"$search": 5})[0] == 10065


def test_k_is_the_number_of_results(collection: Documents) -> None:
    assert knn_beta(collection, vector=[1, 0], k=2) == [(1, 1.0), (2, 0.5)]


def test_a_vector_may_be_of_decimals(collection: Documents) -> None:
    assert ids(knn_beta(collection, vector=[Decimal128("1"), 0], k=1)) == [1]


@pytest.mark.parametrize("path", ["v", ["v"], {"value": "v"}, [{"value": "v"}]])
def test_a_path_has_several_forms(collection: Documents, path: Any) -> None:
    assert ids(knn_beta(collection, vector=[1, 0], path=path, k=1)) == [1]


def test_several_paths_are_united_and_their_scores_summed(collection: Documents) -> None:
    hits = knn_beta(collection, vector=[1, 0], path=["v", "w"], k=2)

    # v finds 1 (1.0) and 2 (0.5), w finds 2 (1.0) and 1 (0.5).
    assert hits == [(1, 1.5), (2, 1.5)]
    assert ids(knn_beta(collection, vector=[-1, 0], path=["v", "w"], k=1)) == [3, 1]


SCORES = [
    pytest.param({"boost": {"value": 3}}, {1: 3.0, 2: 1.5, 3: 0.0}, id="boost by a value"),
    pytest.param(
        {"boost": {"path": "n", "undefined": 10}}, {1: 2.0, 2: 5.0, 3: 0.0}, id="boost by a path"
    ),
    pytest.param({"boost": {"path": "n"}}, {1: 2.0, 2: 0.0, 3: 0.0}, id="undefined is zero"),
    pytest.param({"constant": {"value": 7}}, {1: 7.0, 2: 7.0, 3: 7.0}, id="constant"),
    pytest.param(
        {"function": {"multiply": [{"score": "relevance"}, {"constant": 3}]}},
        {1: 3.0, 2: 1.5, 3: 0.0},
        id="function multiply",
    ),
    pytest.param(
        {"function": {"add": [{"score": "relevance"}, {"path": "n"}]}},
        {1: 3.0, 2: 0.5, 3: 0.5},
        id="function add of a path",
    ),
    pytest.param(
        {"function": {"path": {"value": "n", "undefined": 4}}},
        {1: 2.0, 2: 4.0, 3: 0.5},
        id="function path with undefined",
    ),
    pytest.param(
        {"function": {"log1p": {"constant": 99}}}, {1: 2.0, 2: 2.0, 3: 2.0}, id="function log1p"
    ),
    pytest.param(
        {"function": {"gauss": {"path": "n", "origin": 2, "scale": 1.5}}},
        {1: 1.0, 2: 0.29163, 3: 0.5},
        id="function gauss",
    ),
]


@pytest.mark.parametrize(("score", "expected"), SCORES)
def test_score_option(
    collection: Documents, score: dict[str, Any], expected: dict[int, float]
) -> None:
    hits = dict(knn_beta(collection, vector=[1, 0], k=3, score=score))

    assert hits == pytest.approx(expected, abs=1e-5)


def test_a_boost_multiplies_in_float32(collection: Documents) -> None:
    ((_, score),) = knn_beta(collection, vector=[1, 0], k=1, score={"boost": {"value": 0.1}})

    assert score == float(np.float32(0.1))


def test_results_come_in_the_order_of_the_changed_scores(collection: Documents) -> None:
    score = {"function": {"path": {"value": "n", "undefined": 4}}}

    assert ids(knn_beta(collection, vector=[1, 0], k=3, score=score)) == [2, 1, 3]


@pytest.mark.parametrize(
    "root",
    [
        {"concurrent": True},
        {"count": {"type": "total"}},
        {"scoreDetails": False},
        {"tracking": {"searchTerms": "x"}},
        {"returnStoredSource": False},
    ],
)
def test_options_that_change_no_result_are_taken(
    collection: Documents, root: dict[str, Any]
) -> None:
    assert ids(knn_beta(collection, vector=[1, 0], k=1, root=root)) == [1]


def test_the_index_is_called_default_where_none_is_named(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [{"_id": 1, "v": [1, 0]}], search_definition())
    create_index(collection, search_definition("dotProduct"), name="other")

    assert knn_beta(collection, vector=[1, 0]) == [(1, 1.0)]
    assert knn_beta(collection, vector=[3, 0], root={"index": "other"}) == [(1, 2.0)]


def test_an_unknown_index_or_collection_answers_with_nothing(
    collection: Documents, db: Database[dict[str, Any]]
) -> None:
    assert knn_beta(collection, root={"index": "nothing"}) == []
    assert knn_beta(db.nothing) == []


def test_a_vector_index_is_refused(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [], vector_definition())

    assert refusal(collection, {"$search": knn()}) == (
        8,
        f"{AGGREGATE_PREFIX}Cannot execute $search over vectorSearch index 'default'",
    )


def test_a_dotted_key_is_queryable_and_indexes_nothing(db: Database[dict[str, Any]]) -> None:
    dotted = {"a.v": {"type": "knnVector", "dimensions": 2, "similarity": "euclidean"}}
    definition = {"mappings": {"fields": dotted}}
    collection = indexed(db.c, [{"_id": 1, "a": {"v": [1, 0]}}], definition)

    assert knn_beta(collection, path="a.v") == []


def test_vector_search_is_an_operator_of_search(collection: Documents) -> None:
    criteria = {
        "path": "v",
        "queryVector": [1, 0],
        "numCandidates": 10,
        "limit": 2,
        "filter": {"range": {"path": "n", "lt": 3}},
    }
    stages = [
        {"$search": {"vectorSearch": criteria}},
        {"$project": {"score": {"$meta": "searchScore"}}},
    ]

    assert [(hit["_id"], hit["score"]) for hit in collection.aggregate(stages)] == [
        (1, 1.0),
        (3, 0.0),
    ]
    assert refusal(collection, {"$search": {"vectorSearch": criteria, "sort": {"n": 1}}}) == (
        8,
        f"{AGGREGATE_PREFIX}Sort option is not supported with the 'vectorSearch' operator. "
        "Use $sort stage instead.",
    )
    assert refusal(collection, {"$search": {"vectorSearch": {**criteria, "path": "t"}}}) == (
        8,
        f'{AGGREGATE_PREFIX}t must be indexed as "vector".',
    )
    for path in (["v"], {"value": "v"}, [{"value": "v"}]):
        spec = {"$search": {"vectorSearch": {**criteria, "path": path}}}
        assert [hit["_id"] for hit in collection.aggregate([spec])] == [1, 3]
    assert refusal(collection, {"$search": {"vectorSearch": {**criteria, "path": ["v", "w"]}}}) == (
        8,
        f'{AGGREGATE_PREFIX}"vectorSearch" vectorSearch can have only one field path',
    )


GAUSS: dict[str, Any] = {"path": {"value": "x", "undefined": 2}, "origin": 0, "scale": 2}
BAD_DECAYS = [
    ({"decay": 0}, '.decay" must be between 0 and 1 (exclusive)'),
    ({"decay": 1}, '.decay" must be between 0 and 1 (exclusive)'),
    ({"scale": 0}, '.scale" must be nonzero'),
    ({"origin": math.inf}, '.origin" must be finite'),
    ({"offset": math.nan}, '.offset" must be finite'),
]


@pytest.mark.parametrize(("changes", "text"), BAD_DECAYS, ids=str)
def test_a_decay_out_of_its_bounds_is_refused(
    collection: Documents, changes: dict[str, Any], text: str
) -> None:
    spec = knn(score={"function": {"gauss": {**GAUSS, **changes}}})

    code, message = refusal(collection, {"$search": spec})

    assert (code, message.endswith(text)) == (8, True)


def test_a_decay_may_have_a_negative_scale_and_offset(db: Database[dict[str, Any]]) -> None:
    definition = search_definition(x={"type": "number"})
    collection = indexed(db.c, [{"_id": 1, "v": [1, 0]}, {"_id": 2, "v": [2, 0]}], definition)

    for changes in ({}, {"scale": -2}, {"scale": 4, "offset": -2}):
        score = {"function": {"gauss": {**GAUSS, **changes}}}
        hits = knn_beta(collection, score=score)
        assert hits == [(1, 0.5), (2, 0.5)]


UNMAPPED = [
    {"boost": {"path": "t", "undefined": 2}},
    {"function": {"path": "zz"}},
    {"function": {"log": {"add": [{"constant": 1}, {"path": {"value": "zz", "undefined": 3}}]}}},
]


@pytest.mark.parametrize("score", UNMAPPED, ids=["boost", "function", "deep in a function"])
def test_a_score_by_a_path_needs_a_number_there(
    collection: Documents, score: dict[str, Any]
) -> None:
    path = "t" if "boost" in score else "zz"
    text = f'path expression for function score requires path "{path}" to be indexed as numeric'

    for spec in (knn(vector=[1, 0], score=score), {"exists": {"path": "no", "score": score}}):
        assert refusal(collection, {"$search": spec}) == (8, AGGREGATE_PREFIX + text)


def test_a_score_is_computed_in_doubles_and_never_negative(db: Database[dict[str, Any]]) -> None:
    documents = [{"_id": 1, "v": [1, 0], "x": 16777217}, {"_id": 2, "v": [1, 0], "x": -2}]
    collection = indexed(db.c, documents, search_definition(x={"type": "number"}))
    less = {"add": [{"path": "x"}, {"constant": -16777216}]}

    assert knn_beta(collection, vector=[1, 0], score={"function": less}) == [(1, 1.0), (2, 0.0)]
    boosted = knn_beta(collection, vector=[1, 0], score={"boost": {"path": "x"}})
    assert boosted == [(1, 16777216.0), (2, 0.0)]


def test_every_path_is_looked_up_before_the_vector_is_judged(
    db: Database[dict[str, Any]],
) -> None:
    collection = indexed(db.c, [], search_definition("cosine"))

    assert refusal(collection, {"$search": knn(vector=[0, 0], path=["v", "w"])}) == (
        8,
        f"{AGGREGATE_PREFIX}w is not indexed as knnVector",
    )


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="by their own score"),
        pytest.param(
            {"score": {"function": {"multiply": [{"score": "relevance"}, {"path": "n"}]}}},
            id="by another",
        ),
        pytest.param({"path": ["v", "w"]}, id="by two paths"),
    ],
)
def test_limit_and_skip_behind_a_search_keep_its_best_hits(
    db: Database[dict[str, Any]], spec: dict[str, Any]
) -> None:
    w = {"type": "knnVector", "dimensions": 2, "similarity": "euclidean"}
    documents = [
        {"_id": i, "v": [i, 0], "w": [(7 * i) % 30, 0], "n": (11 * i) % 30} for i in range(30)
    ]
    definition = search_definition(w=w, n={"type": "number"})
    collection = indexed(db.c, documents, definition)
    everything = ids(knn_beta(collection, k=30, **spec))

    knn = {"path": "v", "vector": [0.0, 0.0], "k": 30, **spec}
    for behind, kept in (
        ([{"$limit": 4}], slice(4)),
        ([{"$skip": 3}, {"$limit": 2}], slice(3, 5)),
        ([{"$limit": 99}], slice(30)),
        ([{"$match": {"n": {"$lt": 30}}}, {"$limit": 4}], slice(4)),
    ):
        found = collection.aggregate([{"$search": {"knnBeta": knn}}, *behind])
        assert [document["_id"] for document in found] == everything[kept]


def test_what_is_said_of_all_hits_is_not_of_those_that_a_limit_keeps(
    db: Database[dict[str, Any]],
) -> None:
    documents = [{"_id": i, "v": [i, 0]} for i in range(5)]
    collection = indexed(db.c, documents, search_definition())

    search_ = {"knnBeta": {"path": "v", "vector": [0.0, 0.0], "k": 4}, "count": {"type": "total"}}
    stages = [{"$search": search_}, {"$limit": 1}, {"$project": {"meta": "$$SEARCH_META"}}]

    assert list(collection.aggregate(stages)) == [{"_id": 0, "meta": {"count": {"total": 4}}}]


@pytest.mark.local_atlas_only
def test_no_more_candidates_are_ranked_than_are_wanted() -> None:
    definition = parse_definition("search", search_definition())
    data = SearchData(definition)
    data.apply([(i, bson.encode({"_id": i, "v": [float(i), 0.0]})) for i in range(30)])
    query = parse_search({"knnBeta": {"path": "v", "vector": [0.0, 0.0], "k": 20}})

    assert len(search(definition, data, query).record_ids) == 20
    assert search(definition, data, query, wanted=3).record_ids.tolist() == [0, 1, 2]
