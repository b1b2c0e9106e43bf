"""Which vectors are indexed and which are silently skipped; no write ever fails."""

import math
from typing import Any

import pytest
from bson import Binary, Decimal128, Int64
from pymongo.database import Database

from tests.local_atlas.search.asking import (
    ids,
    indexed,
    knn_beta,
    search_definition,
    vector_definition,
    vector_search,
)
from tests.local_atlas.search.test_scores import as_bits, as_float32, as_int8

VALUES = [
    pytest.param([1, 2], True, id="ints"),
    pytest.param([1.5, Int64(2)], True, id="doubles and longs"),
    pytest.param(as_float32([1, 2]), True, id="binary float32"),
    pytest.param(None, False, id="null"),
    pytest.param("1, 2", False, id="string"),
    pytest.param(5, False, id="number"),
    pytest.param([1], False, id="too short"),
    pytest.param([1, 2, 3], False, id="too long"),
    pytest.param([], False, id="empty"),
    pytest.param([1, "2"], False, id="string inside"),
    pytest.param([1, None], False, id="null inside"),
    pytest.param([1, True], False, id="boolean inside"),
    pytest.param([1, Decimal128("2")], False, id="decimal inside"),
    pytest.param([1, math.nan], False, id="NaN inside"),
    pytest.param([1, 1e39], False, id="infinite once narrowed"),
    pytest.param([0, 0], False, id="zero under cosine"),
    pytest.param([1e-50, 0], False, id="zero once narrowed"),
    pytest.param(as_float32([1, 2, 3]), False, id="binary of another length"),
    pytest.param(as_int8([1, 2]), False, id="int8 is another index"),
    pytest.param(Binary(b"\x27", 9), False, id="malformed binary"),
    pytest.param(Binary(b"\x27\x01" + b"\0" * 8, 9), False, id="binary with padding"),
    pytest.param(Binary(b"\x28\x00" + b"\0" * 8, 9), False, id="binary of unknown elements"),
    pytest.param(as_float32([1, math.inf]), False, id="infinite in binary"),
    pytest.param({"0": 1, "1": 2}, False, id="document"),
    pytest.param(b"\x27\x00" + b"\x01" * 8, False, id="binary of another subtype"),
]


@pytest.fixture(scope="module", params=["vectorSearch", "search"])
def found(request: pytest.FixtureRequest, module_db: Database[dict[str, Any]]) -> set[str]:
    """Which documents an index under cosine finds: each value when built, and when written."""
    values = {one.id: one.values[0] for one in VALUES}
    definition = (
        search_definition("cosine")
        if request.param == "search"
        else vector_definition(similarity="cosine")
    )
    built = [{"_id": f"built {name}", "v": value} for name, value in values.items()]
    collection = indexed(module_db[request.param], [*built, {"_id": "without"}], definition)
    collection.insert_many({"_id": f"written {name}", "v": value} for name, value in values.items())
    return set(ids(vector_search(collection, queryVector=[1, 2])))


@pytest.mark.parametrize(
    ("name", "is_indexed"), [pytest.param(one.id, one.values[1], id=one.id) for one in VALUES]
)
def test_a_value_is_indexed_or_skipped(found: set[str], name: str, is_indexed: bool) -> None:
    documents = {f"built {name}", f"written {name}"}

    assert found & documents == (documents if is_indexed else set())


def test_a_missing_value_is_skipped(found: set[str]) -> None:
    assert "without" not in found


def test_arrays_of_a_knn_vector_are_found_by_knn_beta(db: Database[dict[str, Any]]) -> None:
    documents = [{"_id": 1, "v": [1, 2]}, {"_id": 2, "v": as_float32([1, 2])}]
    collection = indexed(db.c, documents, search_definition())

    assert ids(knn_beta(collection)) == [1, 2]


@pytest.mark.parametrize("quantization", ["scalar", "binary"])
def test_int8_and_bits_are_skipped_where_the_field_is_quantized(
    db: Database[dict[str, Any]], quantization: str
) -> None:
    vectors = [as_int8([1] * 8), as_bits([1] * 8), [1.0] * 8]
    documents = [{"_id": i, "v": vector} for i, vector in enumerate(vectors)]
    definition = vector_definition(numDimensions=8, quantization=quantization)
    collection = indexed(db.c, documents, definition)

    assert [ids(vector_search(collection, queryVector=one)) for one in vectors] == [[], [], [2]]


def test_bits_are_indexed_under_euclidean_similarity(db: Database[dict[str, Any]]) -> None:
    bits = as_bits([1, 0, 0, 0, 0, 0, 0, 0])
    collection = indexed(db.c, [{"_id": 1, "v": bits}], vector_definition(numDimensions=8))

    assert ids(vector_search(collection, queryVector=bits)) == [1]


ARRAYS = [
    pytest.param([[1, 2], [3, 4]], 1 / 6, id="the first vector of an array wins"),
    pytest.param([["x"], [3, 4]], 1 / 26, id="an unparseable one is passed over"),
    pytest.param([None, 5, [3, 4]], 1 / 26, id="other values are passed over"),
    pytest.param([[1, math.inf], [3, 4]], 1 / 26, id="a non-finite one is passed over"),
    pytest.param([[1], [3, 4]], None, id="one of the wrong length blocks the field"),
    pytest.param([[], [3, 4]], None, id="an empty one blocks the field"),
    pytest.param([[[1, 2]]], 1 / 6, id="nested arrays are looked into"),
]


@pytest.mark.parametrize(("value", "score"), ARRAYS)
def test_arrays_of_vectors_in_a_vector_index(
    db: Database[dict[str, Any]], value: Any, score: float | None
) -> None:
    collection = indexed(db.c, [{"_id": 1, "v": value}], vector_definition())

    expected = [] if score is None else [(1, pytest.approx(score, abs=1e-6))]
    assert vector_search(collection) == expected


def test_a_zero_vector_blocks_the_field_under_cosine(db: Database[dict[str, Any]]) -> None:
    collection = indexed(
        db.c, [{"_id": 1, "v": [[0, 0], [3, 4]]}], vector_definition(similarity="cosine")
    )

    assert vector_search(collection, queryVector=[3, 4]) == []


def test_arrays_of_documents_hold_the_first_vector_of_a_vector_index(
    db: Database[dict[str, Any]],
) -> None:
    documents = [
        {"_id": "document", "a": {"v": [1, 0]}},
        {"_id": "array", "a": [{"x": 1}, {"v": [2, 0]}, {"v": [0, 0]}]},
    ]
    collection = indexed(db.c, documents, vector_definition(path="a.v"))

    assert vector_search(collection, path="a.v") == [
        ("document", 0.5),
        ("array", pytest.approx(1 / 5, abs=1e-6)),
    ]


def test_a_search_index_ignores_vectors_in_arrays(db: Database[dict[str, Any]]) -> None:
    vector = {"type": "knnVector", "dimensions": 2, "similarity": "euclidean"}
    nested = {"type": "document", "fields": {"v": vector}}
    documents = [
        {"_id": "document", "v": [1, 0], "a": {"v": [1, 0]}},
        {"_id": "array", "v": [[1, 0]], "a": [{"v": [1, 0]}]},
        {"_id": "token", "t": [[1, 0]]},
    ]
    definition = search_definition(a=nested, t=[vector, {"type": "token"}])
    collection = indexed(db.c, documents, definition)

    assert ids(knn_beta(collection, path="v")) == ["document"]
    assert ids(knn_beta(collection, path="a.v")) == ["document"]
    assert ids(knn_beta(collection, path="t")) == []


def test_updates_and_deletes_are_seen_at_once(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [{"_id": 1, "v": [1, 0], "f": "a"}], vector_definition("f"))

    collection.insert_one({"_id": 2, "v": [2, 0], "f": "b"})
    assert ids(vector_search(collection)) == [1, 2]
    collection.update_one({"_id": 1}, {"$set": {"v": [3, 0], "f": "c"}})
    assert ids(vector_search(collection)) == [2, 1]
    assert ids(vector_search(collection, filter={"f": "c"})) == [1]
    assert ids(vector_search(collection, filter={"f": "a"})) == []
    collection.update_one({"_id": 2}, {"$unset": {"v": 1}})
    assert ids(vector_search(collection)) == [1]
    collection.replace_one({"_id": 2}, {"v": [0, 0]})
    assert ids(vector_search(collection)) == [2, 1]
    collection.delete_one({"_id": 1})
    assert ids(vector_search(collection)) == [2]
