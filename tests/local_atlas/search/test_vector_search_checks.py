"""What $vectorSearch refuses, in which order, and what it answers with nothing instead."""

import math
from typing import Any

import pytest
from bson import Binary, Code, Decimal128, Int64
from pymongo.database import Database
from pymongo.errors import OperationFailure

from tests.local_atlas.search.asking import (
    AGGREGATE_PREFIX,
    Documents,
    create_index,
    ids,
    indexed,
    refusal,
    search_definition,
    vector_definition,
    vector_search,
)

GOOD: dict[str, Any] = {
    "index": "default",
    "path": "v",
    "queryVector": [1, 0],
    "limit": 1,
    "numCandidates": 1,
}
NONE = object()  # takes a field out of GOOD


def spec_with(**changes: Any) -> dict[str, Any]:
    spec = {**GOOD, **changes}
    return {name: value for name, value in spec.items() if value is not NONE}


def packed(*content: int, padding: int = 0) -> Binary:
    return Binary(bytes([0x10, padding, *content]), 9)


@pytest.fixture(scope="module")
def collection(module_db: Database[dict[str, Any]]) -> Documents:
    definition = vector_definition("f", similarity="cosine")
    return indexed(module_db.c, [{"_id": 1, "v": [1, 0], "f": 1}], definition)


DATABASE_CHECKS = [
    pytest.param("x", (9, "$vectorSearch value must be an object. Found: string"), id="no object"),
    pytest.param(
        {},
        (8575100, "Expected limit field to be a number in $vectorSearch"),
        id="limit comes before what else is missing",
    ),
    pytest.param(
        spec_with(limit="1"),
        (8575100, "Expected limit field to be a number in $vectorSearch"),
        id="limit is a string",
    ),
    pytest.param(
        spec_with(limit=0), (7912700, "Expected limit to be positive"), id="limit is zero"
    ),
    pytest.param(
        spec_with(limit=0.5),
        (7912700, "Expected limit to be positive"),
        id="the integer part of limit is zero",
    ),
    pytest.param(
        spec_with(limit=Decimal128("NaN")),
        (7912700, "Expected limit to be positive"),
        id="limit is no number that compares",
    ),
    pytest.param(
        spec_with(limit=-1), (7912700, "Expected limit to be positive"), id="limit is negative"
    ),
    pytest.param(
        spec_with(filter=None),
        (10065, "invalid parameter: expected an object (filter)"),
        id="filter is null",
    ),
    pytest.param(
        spec_with(filter=[]),
        (10065, "invalid parameter: expected an object (filter)"),
        id="filter is an array",
    ),
    pytest.param(
        spec_with(filter={"f": {"$foo": 1}}), (2, "unknown operator: $foo"), id="filter is no MQL"
    ),
    pytest.param(
        spec_with(index=NONE, filter={"f": {"$foo": 1}}),
        (2, "unknown operator: $foo"),
        id="the database looks first",
    ),
]


@pytest.mark.parametrize(("spec", "answer"), DATABASE_CHECKS)
def test_the_database_refuses(collection: Documents, spec: Any, answer: tuple[int, str]) -> None:
    code, text = refusal(collection, {"$vectorSearch": spec})

    assert code == answer[0]
    assert text == answer[1]


EXACTLY_ONE = "Exactly one and only one of query and queryVector can be present"
SEARCH_SERVER_CHECKS = [
    pytest.param(spec_with(index=NONE), '"index" is required', id="no index"),
    pytest.param(spec_with(index=""), '"index" cannot be empty', id="empty index"),
    pytest.param(spec_with(index=5), '"index" must be a string', id="index is a number"),
    pytest.param(spec_with(path=NONE), '"path" is required', id="no path"),
    pytest.param(spec_with(path=["v"]), '"path" must be a string', id="path is an array"),
    pytest.param(spec_with(exact=1), '"exact" must be a boolean', id="exact is a number"),
    pytest.param(
        spec_with(exact=True),
        '"numCandidates" must be omitted when "exact" is set to true',
        id="exact with numCandidates",
    ),
    pytest.param(
        spec_with(numCandidates=NONE),
        "numCandidates is required for approximate vector search",
        id="no numCandidates",
    ),
    pytest.param(
        spec_with(numCandidates=10_001),
        '"numCandidates" must be within bounds [1..10000]',
        id="numCandidates too high",
    ),
    pytest.param(
        spec_with(numCandidates=0),
        '"numCandidates" must be within bounds [1..10000]',
        id="numCandidates too low",
    ),
    pytest.param(spec_with(limit=1.5), '"limit" must be an integer', id="limit is a fraction"),
    pytest.param(
        spec_with(limit=2**31),
        '"limit" overflowed, must fit in a 32 bit integer',
        id="limit over 32 bits",
    ),
    pytest.param(
        spec_with(limit=2),
        "limit should be less than or equal to numCandidates",
        id="limit over numCandidates",
    ),
    pytest.param(
        spec_with(queryVector="x"),
        '"queryVector" Unexpected type found when parsing vector',
        id="vector is a string",
    ),
    pytest.param(
        spec_with(queryVector=[1, "x"]), "Unsupported BsonValue type: STRING", id="string inside"
    ),
    pytest.param(
        spec_with(queryVector=[1, None]), "Unsupported BsonValue type: NULL", id="null inside"
    ),
    pytest.param(
        spec_with(queryVector=[[1]]), "Unsupported BsonValue type: ARRAY", id="array inside"
    ),
    pytest.param(
        spec_with(queryVector=[True]), "Unsupported BsonValue type: BOOLEAN", id="boolean inside"
    ),
    pytest.param(
        spec_with(queryVector=[Decimal128("1")]),
        "Unsupported BsonValue type: DECIMAL128",
        id="decimal inside",
    ),
    pytest.param(
        spec_with(queryVector=b"abc"),
        "BSON binary subtype should be vector(0x09) but got 0",
        id="other binary",
    ),
    pytest.param(
        spec_with(queryVector=Binary(b"\x27", 9)),
        "Expected at least 2 bytes in BSON vector but got 1",
        id="binary too short",
    ),
    pytest.param(
        spec_with(queryVector=Binary(b"\x28\x00abcd", 9)),
        "Unsupported vector subtype found",
        id="unknown element type",
    ),
    pytest.param(
        spec_with(queryVector=Binary(b"\x03\x01ab", 9)), "Padding should be zero", id="padded int8"
    ),
    pytest.param(
        spec_with(queryVector=Binary(b"\x27\x01" + b"\0" * 8, 9)),
        "Padding should be zero",
        id="padded float32",
    ),
    pytest.param(
        spec_with(queryVector=packed(1, padding=3)),
        "The dimensions of binary vector should be a multiple of 8 and\n"
        "the padding should be zero.\n",
        id="padded bits",
    ),
    pytest.param(spec_with(queryVector=NONE), EXACTLY_ONE, id="no vector"),
    pytest.param(spec_with(queryVector=None), EXACTLY_ONE, id="null vector"),
    pytest.param(spec_with(query="shoes"), EXACTLY_ONE, id="query and queryVector"),
    pytest.param(
        spec_with(model="voyage-4"),
        "model can only be specified when using 'query' for auto-embedding, not with 'queryVector'",
        id="model beside queryVector",
    ),
    pytest.param(
        spec_with(queryVector=NONE, query="shoes"),
        "query asks for auto-embedding (not emulated by LocalAtlas)",
        id="query is refused by name",
    ),
    pytest.param(
        spec_with(queryVector=NONE, query={"text": "shoes", "image": "x"}),
        'unrecognized field "image"',
        id="unknown field of query",
    ),
    pytest.param(
        spec_with(queryVector=NONE, query={"text": 1}), '"text" must be a string', id="query text"
    ),
    pytest.param(
        spec_with(searchNodePreference="x", index=NONE),
        '"searchNodePreference" must be a document',
        id="the node preference comes first",
    ),
    pytest.param(spec_with(index=Code("x")), '"index" must be a string', id="index is code"),
    pytest.param(
        spec_with(searchNodePreference={"key": Code("x")}),
        '"searchNodePreference.key" must be a string',
        id="node preference is code",
    ),
    pytest.param(
        spec_with(nestedOptions={"scoreMode": Code("max")}),
        '"nestedOptions.scoreMode" must be a string',
        id="scoreMode is code",
    ),
    pytest.param(
        spec_with(searchNodePreference={"key": ""}),
        '"searchNodePreference.key" cannot be empty',
        id="empty node preference",
    ),
    pytest.param(
        spec_with(exact=True, numCandidates=0),
        '"numCandidates" must be within bounds [1..10000]',
        id="numCandidates out of bounds in an exact search",
    ),
    pytest.param(
        spec_with(exact=True, numCandidates=NONE, limit=2**31, queryVector=["x"]),
        "Unsupported BsonValue type: STRING",
        id="vector before limit in an exact search",
    ),
    pytest.param(
        spec_with(exact=True, numCandidates=NONE, limit=2**31, filter={"f": {"$in": []}}),
        '"filter.f.$in" cannot be empty',
        id="filter before limit in an exact search",
    ),
    pytest.param(
        spec_with(exact=True, numCandidates=NONE, limit=2**31),
        '"limit" overflowed, must fit in a 32 bit integer',
        id="limit over 32 bits in an exact search",
    ),
    pytest.param(
        spec_with(queryVector=[1, 1e39]),
        "'queryVector' contains a non-finite value (Infinity or NaN) at position [1]. All values "
        'in "queryVector" must be finite.',
        id="infinite once narrowed",
    ),
    pytest.param(
        spec_with(queryVector=[math.nan, 1]),
        "'queryVector' contains a non-finite value (Infinity or NaN) at position [0]. All values "
        'in "queryVector" must be finite.',
        id="not a number",
    ),
    pytest.param(spec_with(path="w"), "w is not indexed as vector", id="path that is not indexed"),
    pytest.param(spec_with(path="f"), "f is not indexed as vector", id="path of a filter"),
    pytest.param(
        spec_with(queryVector=[1, 2, 3]),
        "vector field is indexed with 2 dimensions but queried with 3",
        id="other dimensions",
    ),
    pytest.param(
        spec_with(queryVector=[]),
        "vector field is indexed with 2 dimensions but queried with 0",
        id="empty vector",
    ),
    pytest.param(
        spec_with(queryVector=packed(1)),
        "vector field is indexed with 2 dimensions but queried with 8",
        id="a packed byte counts eight",
    ),
    pytest.param(
        spec_with(queryVector=[0, 0], filter={"g": 1}),
        "Path 'g' needs to be indexed as filter",
        id="filter paths before the zero vector",
    ),
    pytest.param(
        spec_with(queryVector=[0, 0], explainOptions={"traceDocumentIds": [1]}),
        "Cosine similarity cannot be calculated against a zero vector.",
        id="zero vector before explainOptions",
    ),
    pytest.param(
        spec_with(explainOptions={"traceDocumentIds": [1]}),
        "Query must be run in explain mode, because 'explainOptions' are present.",
        id="explainOptions",
    ),
    pytest.param(
        spec_with(nestedOptions={"scoreMode": "max"}),
        "nestedOptions can only be specified for embedded vector fields, but 'v' is not embedded",
        id="nestedOptions",
    ),
    pytest.param(
        spec_with(nestedOptions={"scoreMode": "sum"}),
        '"nestedOptions.scoreMode" must be one of [avg, max]',
        id="unknown scoreMode",
    ),
    pytest.param(
        spec_with(returnStoredSource=True),
        "Before using returnStoredSource, index must be created with storedSource defined.",
        id="returnStoredSource without stored source",
    ),
]


@pytest.mark.parametrize(("spec", "message"), SEARCH_SERVER_CHECKS)
def test_the_search_server_refuses(
    collection: Documents, spec: dict[str, Any], message: str
) -> None:
    assert refusal(collection, {"$vectorSearch": spec}) == (8, AGGREGATE_PREFIX + message)


def test_unknown_fields_are_ignored(collection: Documents) -> None:
    assert ids(vector_search(collection, queryVector=[1, 0], whatever=1)) == [1]


def test_unknown_fields_of_the_node_preference_are_ignored(collection: Documents) -> None:
    preference = {"key": "a", "whatever": 1}

    assert ids(vector_search(collection, queryVector=[1, 0], searchNodePreference=preference))


def test_exact_has_no_cap_on_limit(collection: Documents) -> None:
    assert ids(vector_search(collection, queryVector=[1, 0], exact=True, limit=20_000)) == [1]


def test_integral_doubles_and_longs_are_integers(collection: Documents) -> None:
    for limit, candidates in ((1.0, 2.0), (Int64(1), Int64(2))):
        hits = vector_search(collection, queryVector=[1, 0], limit=limit, numCandidates=candidates)
        assert ids(hits) == [1]


# Everything is wrong with the query at first; each step mends what the step before complained of.
STEPS: list[tuple[dict[str, Any], str]] = [
    ({}, '"index" is required'),
    ({"index": "default"}, '"path" is required'),
    ({"path": "f"}, '"exact" must be a boolean'),
    ({"exact": False}, '"numCandidates" must be within bounds [1..10000]'),
    ({"numCandidates": 1}, "limit should be less than or equal to numCandidates"),
    ({"limit": 1}, "Unsupported BsonValue type: STRING"),
    ({"queryVector": [0, 0, 0]}, '"filter.g" ' + "at least one of [$gt, $gte, $lt, $lte, $eq, "
     "$ne, $in, $nin, $exists, $not] must be present"),
    ({"filter": {"g": 1}}, "f is not indexed as vector"),
    ({"path": "v"}, "vector field is indexed with 2 dimensions but queried with 3"),
    ({"queryVector": [0, 0]}, "Path 'g' needs to be indexed as filter"),
    ({"filter": {"f": 1}}, "Cosine similarity cannot be calculated against a zero vector."),
    (
        {"queryVector": [1, 0]},
        "Query must be run in explain mode, because 'explainOptions' are present.",
    ),
]  # fmt: skip


def test_the_search_server_checks_in_this_order(collection: Documents) -> None:
    spec: dict[str, Any] = {
        "exact": "yes",
        "numCandidates": 0,
        "limit": 2,
        "queryVector": ["x"],
        "filter": {"g": {"$size": 1}},
        "explainOptions": {"traceDocumentIds": [1]},
    }

    for mended, message in STEPS:
        spec.update(mended)
        assert refusal(collection, {"$vectorSearch": spec}) == (8, AGGREGATE_PREFIX + message)


@pytest.mark.local_atlas_only
def test_explaining_a_search_is_refused_by_name(collection: Documents) -> None:
    pipeline = [{"$vectorSearch": {**GOOD, "explainOptions": {"traceDocumentIds": [1]}}}]
    aggregate = {"aggregate": collection.name, "pipeline": pipeline, "cursor": {}}

    for command in ({"explain": aggregate}, {**aggregate, "explain": True}):
        with pytest.raises(OperationFailure, match=r"explain.*\(not emulated by LocalAtlas\)"):
            collection.database.command(command)


def test_an_unknown_index_answers_with_nothing(collection: Documents) -> None:
    assert vector_search(collection, index="nothing") == []


def test_an_unknown_index_does_not_hide_a_malformed_query(collection: Documents) -> None:
    stage = {"$vectorSearch": spec_with(index="nothing", queryVector=["x"])}

    assert refusal(collection, stage) == (
        8,
        f"{AGGREGATE_PREFIX}Unsupported BsonValue type: STRING",
    )


def test_an_unknown_index_hides_what_does_not_fit_an_index(collection: Documents) -> None:
    hits = vector_search(collection, index="nothing", path="w", filter={"g": 1})

    assert hits == []


def test_an_unknown_collection_answers_with_nothing(db: Database[dict[str, Any]]) -> None:
    assert vector_search(db.nothing) == []


@pytest.mark.parametrize(
    ("similarity", "name"), [("dotProduct", "DOT_PRODUCT"), ("cosine", "COSINE")]
)
def test_bits_need_euclidean_similarity(
    db: Database[dict[str, Any]], similarity: str, name: str
) -> None:
    collection = indexed(db.c, [], vector_definition(numDimensions=8, similarity=similarity))
    stage = {"$vectorSearch": spec_with(queryVector=packed(1))}

    assert refusal(collection, stage) == (
        8,
        f"{AGGREGATE_PREFIX}Binary vectors can only be used with fields indexed with Euclidean "
        f"similarity but indexed similarity is {name}",
    )


def test_a_search_index_names_a_path_without_vector_otherwise(
    db: Database[dict[str, Any]],
) -> None:
    collection = indexed(db.c, [{"_id": 1, "v": [1, 0]}], search_definition())

    assert ids(vector_search(collection)) == [1]
    assert refusal(collection, {"$vectorSearch": spec_with(path="w")}) == (
        8,
        f'{AGGREGATE_PREFIX}w must be indexed as "vector".',
    )


def test_several_indexes_of_a_collection_answer_each_for_itself(
    db: Database[dict[str, Any]],
) -> None:
    collection = indexed(db.c, [{"_id": 1, "v": [1, 0]}], vector_definition())
    create_index(collection, vector_definition(similarity="cosine"), name="other")

    assert vector_search(collection, queryVector=[1, 1]) == [(1, 0.5)]
    ((_, score),) = vector_search(collection, queryVector=[1, 1], index="other")
    assert score == pytest.approx((1 + 0.5**0.5) / 2, abs=1e-6)
