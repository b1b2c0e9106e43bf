"""A strict server refuses every query and definition that the engine answers with silence."""

from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import OperationFailure

from tests.local_atlas.search.asking import (
    AGGREGATE_PREFIX,
    command_refusal,
    create_index,
    ids,
    indexed,
    knn_beta,
    refusal,
    search_definition,
    vector_definition,
    vector_search,
)
from tests.local_atlas.search.test_scores import as_bits, as_float32, as_int8

DOCUMENTS = [{"_id": 1, "v": [1, 0], "f": "a", "n": 1}]
NEAREST = {"index": "default", "path": "v", "queryVector": [0.0, 0.0], "exact": True, "limit": 9}
KNN = {"path": "v", "vector": [0.0, 0.0], "k": 9}
WITH_OPERATOR = {"type": "vector", "numDimensions": 2, "similarity": "euclidean"}
FIELDS = {"f": {"type": "token"}, "n": {"type": "number"}, "s": {"type": "string"}}


@pytest.mark.parametrize(
    "stage",
    [{"$vectorSearch": {**NEAREST, "index": "x"}}, {"$search": {"index": "x", "knnBeta": KNN}}],
    ids=["$vectorSearch", "$search"],
)
def test_unknown_index_is_refused_naming_those_there_are(
    strict_db: Database[dict[str, Any]], stage: dict[str, Any]
) -> None:
    strict_db.create_collection("c")
    assert refusal(strict_db.c, stage) == (
        27,
        f"No search index 'x' exists in namespace {strict_db.name}.c: there is none.",
    )
    create_index(strict_db.c, vector_definition(), name="one")
    create_index(strict_db.c, search_definition(), name="two")

    assert refusal(strict_db.c, stage) == (
        27,
        f"No search index 'x' exists in namespace {strict_db.name}.c: there are 'one', 'two'.",
    )


@pytest.mark.parametrize(
    "stage",
    [{"$vectorSearch": NEAREST}, {"$search": {"knnBeta": KNN}}],
    ids=["$vectorSearch", "$search"],
)
@pytest.mark.parametrize("place", ["first", "$lookup", "$unionWith"])
def test_unknown_collection_is_refused(
    strict_db: Database[dict[str, Any]], stage: dict[str, Any], place: str
) -> None:
    strict_db.there.insert_one({})
    inner = {"$unionWith": {"coll": "c", "pipeline": [stage]}}
    if place == "$lookup":
        inner = {"$lookup": {"from": "c", "pipeline": [stage], "as": "x"}}
    collection, asked = (strict_db.c, stage) if place == "first" else (strict_db.there, inner)

    code, text = refusal(collection, asked)

    assert code == 26
    assert text.endswith(f"Collection '{strict_db.name}.c' does not exist.")


QUERY_VECTORS = [
    pytest.param([1.0, 0.0], as_int8([1, 0]), "int8", "float32", id="int8 for float32"),
    pytest.param(as_int8([1, 0]), [1.0, 0.0], "float32", "int8", id="float32 for int8"),
    pytest.param(
        as_float32([1] * 8), as_bits([1] * 8), "packed_bit", "float32", id="bits for float32"
    ),
]


@pytest.mark.parametrize(("stored", "asked", "asked_type", "stored_type"), QUERY_VECTORS)
def test_query_vector_of_a_type_that_no_stored_vector_has_is_refused(
    strict_db: Database[dict[str, Any]],
    stored: Any,
    asked: Any,
    asked_type: str,
    stored_type: str,
) -> None:
    dimensions = 8 if asked_type == "packed_bit" else 2
    collection = indexed(strict_db.c, [], vector_definition(numDimensions=dimensions))
    assert vector_search(collection, queryVector=asked) == []  # there are none of any type
    collection.insert_one({"_id": 1, "v": stored})

    code, text = refusal(collection, {"$vectorSearch": {**NEAREST, "queryVector": asked}})

    assert code == 8
    assert text == (
        f"{AGGREGATE_PREFIX}The query vector is {asked_type} and meets only such vectors, "
        f"but those at v are {stored_type}."
    )
    assert ids(vector_search(collection, queryVector=stored)) == [1]


def test_array_of_knn_beta_is_refused_where_only_int8_is_stored(
    strict_db: Database[dict[str, Any]],
) -> None:
    collection = indexed(strict_db.c, [{"v": as_int8([1, 0])}], search_definition())

    assert "those at v are int8" in refusal(collection, {"$search": {"knnBeta": KNN}})[1]


OPERATORS = [
    pytest.param({"equals": {"path": "x", "value": 1}}, "'x' of the filter is not", id="equals"),
    pytest.param({"in": {"path": ["f", "x"], "value": "a"}}, "'x' of the filter is not", id="in"),
    pytest.param({"range": {"path": "x", "gt": 1}}, "'x' of the filter is not", id="range"),
    pytest.param({"exists": {"path": "x"}}, "'x' of the filter is not indexed.", id="exists"),
    pytest.param(
        {"compound": {"mustNot": [{"compound": {"should": [{"exists": {"path": "x"}}]}}]}},
        "'x' of the filter is not indexed.",
        id="compound",
    ),
    pytest.param(
        {"equals": {"path": "n", "value": "1"}}, "'n' of the filter is not indexed as token.",
        id="another type",
    ),
    pytest.param(
        {"text": {"path": ["s", "x"], "query": "red"}}, "'x' of the filter is not indexed.",
        id="text",
    ),
    pytest.param(
        {"compound": {"should": {"phrase": {"path": "f", "query": "red shoe"}}}},
        "'f' of the filter is not indexed as string.", id="phrase on a token",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "text"), OPERATORS)
def test_filter_on_a_path_that_is_not_mapped_is_refused(
    strict_db: Database[dict[str, Any]], operator: dict[str, Any], text: str
) -> None:
    collection = indexed(strict_db.c, DOCUMENTS, search_definition(**FIELDS, w=WITH_OPERATOR))
    nearest = {"path": "w", "queryVector": [0, 0], "exact": True, "limit": 1}
    for search in (
        {"knnBeta": {**KNN, "filter": operator}},
        {"vectorSearch": {**nearest, "filter": operator}},
    ):
        assert text in refusal(collection, {"$search": search})[1]


@pytest.mark.parametrize(("operator", "text"), OPERATORS)
def test_query_on_a_path_that_is_not_mapped_is_refused(
    strict_db: Database[dict[str, Any]], operator: dict[str, Any], text: str
) -> None:
    collection = indexed(strict_db.c, DOCUMENTS, search_definition(**FIELDS))

    assert text.replace("filter", "query") in refusal(collection, {"$search": operator})[1]


def test_filter_on_mapped_paths_answers(strict_db: Database[dict[str, Any]]) -> None:
    collection = indexed(strict_db.c, DOCUMENTS, search_definition(**FIELDS))
    must = [{"equals": {"path": "f", "value": "a"}}, {"range": {"path": "n", "gte": 1}}]
    should = [{"text": {"path": ["s", {"wildcard": "x*"}], "query": "red"}}]

    assert ids(knn_beta(collection, filter={"compound": {"should": should}})) == []
    assert ids(knn_beta(collection, filter={"compound": {"must": must}})) == [1]


def test_match_all_by_the_absence_of_a_path_that_no_document_has_answers(
    strict_db: Database[dict[str, Any]],
) -> None:
    """Operators have no other match-all; beside another clause, the path is a mistake as ever."""
    collection = indexed(strict_db.c, DOCUMENTS, search_definition(**FIELDS))
    match_all = {"compound": {"mustNot": [{"exists": {"path": "x"}}]}}
    by_name = {"equals": {"path": "f", "value": "a"}}
    mistake = {"compound": {"must": by_name, "mustNot": {"exists": {"path": "x"}}}}

    assert ids(knn_beta(collection, filter=match_all)) == [1]
    assert ids(knn_beta(collection, filter={"compound": {"mustNot": match_all}})) == []
    assert ids(knn_beta(collection, filter={"compound": {"must": [match_all, by_name]}})) == [1]
    code, text = refusal(collection, {"$search": {"knnBeta": {**KNN, "filter": mistake}}})
    assert code == 8
    assert text.endswith("Path 'x' of the filter is not indexed.")


@pytest.mark.parametrize("null_filter", [{"x": None}, {"x": {"$ne": None}}, {"v": None}])
def test_comparison_with_null_on_a_path_without_filter_field_is_refused(
    strict_db: Database[dict[str, Any]], null_filter: dict[str, Any]
) -> None:
    collection = indexed(strict_db.c, DOCUMENTS, vector_definition("f", "n"))

    code, text = refusal(collection, {"$vectorSearch": {**NEAREST, "filter": null_filter}})

    assert code == 8
    assert text.endswith(f"Path '{next(iter(null_filter))}' of the filter is not indexed.")
    assert ids(vector_search(collection, filter={"f": {"$ne": None}})) == [1]


def test_unknown_field_of_vector_search_is_refused(strict_db: Database[dict[str, Any]]) -> None:
    collection = indexed(strict_db.c, DOCUMENTS, vector_definition("f"))

    code, text = refusal(collection, {"$vectorSearch": {**NEAREST, "filters": {"f": "b"}}})

    assert (code, text) == (8, f'{AGGREGATE_PREFIX}unrecognized field "filters"')


def test_dotted_key_of_a_mapping_is_refused(strict_db: Database[dict[str, Any]]) -> None:
    collection = indexed(strict_db.c, [], search_definition())
    vector = {"type": "knnVector", "dimensions": 2, "similarity": "euclidean"}
    definition = {"mappings": {"fields": {"b": {"type": "document", "fields": {"a.v": vector}}}}}
    index = {"name": "x", "definition": definition}

    created = command_refusal(collection, "createSearchIndexes", indexes=[index])
    updated = command_refusal(
        collection, "updateSearchIndex", name="default", definition=definition
    )

    assert created == (
        125,
        "Index x would index nothing under the key 'a.v': a dot is no path here, put 'v' into "
        "the fields of 'a', of type document.",
    )
    assert updated[0] == 125


def test_unknown_key_of_a_new_definition_is_refused(strict_db: Database[dict[str, Any]]) -> None:
    strict_db.create_collection("c")
    index = {"type": "vectorSearch", "definition": {**vector_definition(), "stored": True}}

    _, text = command_refusal(strict_db.c, "createSearchIndexes", indexes=[index])

    assert text.endswith('unrecognized field "stored"')


@pytest.mark.parametrize(
    "change",
    [{"storedSource": {"include": ["f"]}}, {"nestedRoot": "a"}],
    ids=lambda one: next(iter(one)),
)
def test_change_that_an_idempotent_create_would_ignore_is_refused(
    strict_db: Database[dict[str, Any]], change: dict[str, Any]
) -> None:
    definition = vector_definition(path="a.v")
    collection = indexed(strict_db.c, [], definition)
    create_index(collection, definition)  # the same again is fine

    with pytest.raises(OperationFailure) as refused:
        create_index(collection, {**definition, **change})

    assert refused.value.code == 68


@pytest.mark.local_atlas_only
def test_without_strict_all_of_it_is_silence(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, DOCUMENTS, search_definition(**FIELDS))
    create_index(collection, vector_definition("f"), name="vectors")
    create_index(
        collection, {**vector_definition("f"), "storedSource": {"include": ["f"]}}, name="vectors"
    )

    assert list(db.nowhere.aggregate([{"$vectorSearch": NEAREST}])) == []
    assert vector_search(collection, index="x") == []
    assert vector_search(collection, index="vectors", queryVector=as_int8([1, 0])) == []
    assert vector_search(collection, index="vectors", filter={"x": None}) == []
    assert ids(vector_search(collection, index="vectors", filters={"f": "b"})) == [1]
    assert knn_beta(collection, filter={"exists": {"path": "x"}}) == []
