"""Scores: every similarity with every element type, over both stages."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from bson import Binary
from bson.binary import BinaryVectorDtype
from pymongo.database import Database

from tests.local_atlas.search.asking import (
    Documents,
    indexed,
    knn_beta,
    search_definition,
    vector_definition,
    vector_search,
)

Encode = Callable[[Sequence[float]], Any]

TOLERANCE = 1e-6


def as_array(values: Sequence[float]) -> Any:
    return list(values)


def as_float32(values: Sequence[float]) -> Binary:
    return Binary.from_vector([float(value) for value in values], BinaryVectorDtype.FLOAT32)


def as_int8(values: Sequence[float]) -> Binary:
    return Binary.from_vector([int(value) for value in values], BinaryVectorDtype.INT8)


def as_bits(values: Sequence[float]) -> Binary:
    return Binary(b"\x10\x00" + np.packbits(np.array(values, np.uint8)).tobytes(), 9)


A, B = (3.0, 4.0), (1.0, -2.0)  # a.b = -5, |a| = 5, |b| = sqrt(5), squared distance 40
SCORES = [
    pytest.param("euclidean", as_array, 1 / 41, id="euclidean: the distance is squared"),
    pytest.param("dotProduct", as_array, 0.0, id="dotProduct: clamped at 0"),
    pytest.param("cosine", as_array, (1 - 5 / 5 / 5**0.5) / 2, id="cosine"),
    pytest.param("euclidean", as_float32, 1 / 41, id="euclidean float32"),
    pytest.param("dotProduct", as_float32, 0.0, id="dotProduct float32"),
    pytest.param("cosine", as_float32, (1 - 5 / 5 / 5**0.5) / 2, id="cosine float32"),
    pytest.param("euclidean", as_int8, 1 / 41, id="euclidean int8"),
    pytest.param("dotProduct", as_int8, 0.5 - 5 / (2 * 32768), id="dotProduct int8"),
    pytest.param("cosine", as_int8, (1 - 5 / 5 / 5**0.5) / 2, id="cosine int8"),
]


@pytest.mark.parametrize(("similarity", "encode", "expected"), SCORES)
@pytest.mark.parametrize("exact", [False, True], ids=["approximate", "exact"])
def test_vector_search_score(
    db: Database[dict[str, Any]], similarity: str, encode: Encode, expected: float, exact: bool
) -> None:
    definition = vector_definition(similarity=similarity)
    collection = indexed(db.c, [{"_id": 1, "v": encode(A)}], definition)

    ((_, score),) = vector_search(collection, queryVector=encode(B), exact=exact)

    assert score == pytest.approx(expected, abs=TOLERANCE)
    assert score == float(np.float32(score))  # a double that holds a float32


@pytest.mark.parametrize(("similarity", "encode", "expected"), SCORES[:3])
def test_knn_beta_scores_alike(
    db: Database[dict[str, Any]], similarity: str, encode: Encode, expected: float
) -> None:
    collection = indexed(db.c, [{"_id": 1, "v": encode(A)}], search_definition(similarity))

    ((_, score),) = knn_beta(collection, vector=list(B))

    assert score == pytest.approx(expected, abs=TOLERANCE)


def test_dot_product_has_no_upper_clamp_and_normalises_nothing(
    db: Database[dict[str, Any]],
) -> None:
    collection = indexed(db.c, [{"_id": 1, "v": A}], vector_definition(similarity="dotProduct"))

    assert vector_search(collection, queryVector=A) == [(1, 13.0)]


def test_bits_are_scored_by_hamming_distance(db: Database[dict[str, Any]]) -> None:
    definition = vector_definition(numDimensions=16)
    stored = [1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0]
    query = [1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 1]
    collection = indexed(db.c, [{"_id": 1, "v": as_bits(stored)}], definition)

    assert vector_search(collection, queryVector=as_bits(query)) == [(1, 14 / 16)]


@pytest.mark.parametrize(("similarity", "expected"), [("euclidean", 1 / 26), ("dotProduct", 0.5)])
def test_zero_vectors_are_scored_but_under_cosine(
    db: Database[dict[str, Any]], similarity: str, expected: float
) -> None:
    collection = indexed(db.c, [{"_id": 1, "v": [0, 0]}], vector_definition(similarity=similarity))

    ((_, score),) = vector_search(collection, queryVector=A)

    assert score == pytest.approx(expected, abs=TOLERANCE)


def test_arrays_and_float32_are_one_index(db: Database[dict[str, Any]]) -> None:
    collection = types_indexed(db)

    both = vector_search(collection, queryVector=as_array(A))

    assert [one for one, _ in both] == ["array", "float32"]
    assert both == vector_search(collection, queryVector=as_float32(A))


def test_int8_and_bits_are_indexes_of_their_own(db: Database[dict[str, Any]]) -> None:
    collection = types_indexed(db)

    assert [one for one, _ in vector_search(collection, queryVector=as_int8(A))] == ["int8"]


def types_indexed(db: Database[dict[str, Any]]) -> Documents:
    encoders = {"array": as_array, "float32": as_float32, "int8": as_int8}
    documents = [{"_id": name, "v": encode(A)} for name, encode in encoders.items()]
    return indexed(db.c, documents, vector_definition())


def test_vectors_are_narrowed_to_float32(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [{"_id": 1, "v": [0.1, 0]}], vector_definition())

    ((_, score),) = vector_search(collection, queryVector=[float(np.float32(0.1)), 0])

    assert score == 1.0


def test_results_are_ordered_by_score_and_ties_by_insertion(db: Database[dict[str, Any]]) -> None:
    vectors = {"d": [2, 0], "b": [1, 0], "c": [0, 1], "a": [0, 0], "e": [-1, 0]}
    documents = [{"_id": name, "v": vector} for name, vector in vectors.items()]
    collection = indexed(db.c, documents, vector_definition())

    hits = vector_search(collection)

    assert [one for one, _ in hits] == ["a", "b", "c", "e", "d"]
    assert [one for one, _ in vector_search(collection, limit=3)] == ["a", "b", "c"]
