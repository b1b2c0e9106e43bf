"""What `quantization` does: fewer bits find the candidates, the full vectors score them."""

import time
from typing import Any

import numpy as np
import pytest
from bson.binary import Binary, BinaryVectorDtype
from pymongo.collection import Collection
from pymongo.operations import SearchIndexModel

from app.local_atlas.search.approximate_search import nearest_approximately
from app.local_atlas.search.exact_search import Hits, nearest
from app.local_atlas.search.mapping import Similarity, VectorField
from app.local_atlas.search.similarity import scores, square_lengths
from app.local_atlas.search.vector_index import VectorIndex
from app.local_atlas.search.vectors import Vector

ROWS, DIMENSIONS, QUERIES = 6000, 64, 25
QUANTIZATIONS = ["scalar", "binary"]


def unit_rows(count: int, seed: int) -> Any:
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((30, DIMENSIONS))
    values = centres[random.integers(30, size=count)]
    values = values + 0.8 * random.standard_normal((count, DIMENSIONS))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


VALUES = unit_rows(ROWS, seed=0)
QUERY_VALUES = unit_rows(QUERIES, seed=1)


def built(quantization: str, similarity: Similarity = "cosine") -> VectorIndex:
    index = VectorIndex(VectorField(DIMENSIONS, similarity, quantization), "float32")
    slots = list(range(ROWS))
    index.add(slots, slots, [Vector("float32", row) for row in VALUES])
    return merge(index)


def merge(index: VectorIndex) -> VectorIndex:
    while (step := index.next_merge()) is not None:
        step.cells.add(step.rows)
        index.accept(step)
    return index


def recall(index: VectorIndex, candidates: int, k: int = 10) -> float:
    found = 0
    for query in QUERY_VALUES:
        right = nearest(index.snapshot(), index.field, Vector("float32", query), k)
        found += len(
            set(right.record_ids.tolist())
            & set(approximately(index, query, candidates, k).record_ids.tolist())
        )
    return found / (QUERIES * k)


def approximately(index: VectorIndex, query: Any, candidates: int, k: int = 10) -> Hits:
    vector = Vector("float32", query)
    return nearest_approximately(index.snapshot(), index.field, vector, k, candidates)


@pytest.fixture(scope="module")
def indexes() -> dict[str, VectorIndex]:
    return {quantization: built(quantization) for quantization in ("none", *QUANTIZATIONS)}


def test_the_fewer_bits_the_more_candidates_it_takes(indexes: dict[str, VectorIndex]) -> None:
    few = {name: recall(index, 10) for name, index in indexes.items()}
    many = {name: recall(index, 150) for name, index in indexes.items()}

    assert few["binary"] < few["none"] - 0.1
    # Eight bits, followed by a comparison of the full vectors, lead to the same hits.
    assert few["scalar"] == few["none"]
    assert many["binary"] >= 0.95
    assert min(many.values()) >= 0.95


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
@pytest.mark.parametrize("similarity", ["cosine", "dotProduct", "euclidean"])
def test_hits_carry_the_scores_of_the_full_vectors(
    similarity: Similarity, quantization: str
) -> None:
    index = built(quantization, similarity)

    hits = approximately(index, QUERY_VALUES[0], 100)

    assert index.snapshot().cells is not None
    rows = VALUES[hits.record_ids]
    expected = scores("float32", similarity, QUERY_VALUES[0], rows, square_lengths(rows))
    assert hits.scores.tolist() == expected.tolist()
    assert recall(index, 150) >= 0.95


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_rows_that_come_and_go_are_found_and_not_found(quantization: str) -> None:
    index = built(quantization)
    new = unit_rows(600, seed=5)
    slots = list(range(ROWS, ROWS + 600))

    index.add(slots, slots, [Vector("float32", row) for row in new])
    for slot in range(0, ROWS, 3):
        index.remove(slot)
    before_merge = approximately(index, new[0], 100)
    merge(index)

    assert index.snapshot().merged == ROWS + 600
    assert before_merge.record_ids[0] == ROWS
    for i in range(20):
        hits = approximately(index, new[i], 100)
        assert hits.record_ids[0] == ROWS + i
        assert not set(hits.record_ids.tolist()) & set(range(0, ROWS, 3))


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_a_filter_gets_as_many_hits_as_there_are(
    indexes: dict[str, VectorIndex], quantization: str
) -> None:
    index = indexes[quantization]
    for kept in (5, 40, 3000):
        allowed = np.zeros(ROWS, np.bool_)
        allowed[np.random.default_rng(kept).permutation(ROWS)[:kept]] = True
        query = Vector("float32", QUERY_VALUES[0])
        snapshot = index.snapshot(allowed)

        hits = nearest_approximately(snapshot, index.field, query, 10, 100)

        assert len(hits.record_ids) == min(10, kept)
        assert allowed[hits.slots].all()


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_a_quantized_index_answers_over_the_driver(db: Any, quantization: str) -> None:
    collection: Collection[Any] = db["quantized"]
    vectors = [Binary.from_vector(row, BinaryVectorDtype.FLOAT32) for row in VALUES]
    collection.insert_many({"_id": i, "v": vector} for i, vector in enumerate(vectors))
    field = {"type": "vector", "path": "v", "numDimensions": DIMENSIONS, "similarity": "cosine"}
    definition = {"fields": [{**field, "quantization": quantization}]}
    collection.create_search_index(SearchIndexModel(definition, "q", "vectorSearch"))
    while not collection.list_search_indexes("q").next()["queryable"]:
        time.sleep(0.01)

    def ask(number: int, **how: Any) -> list[Any]:
        spec = {"index": "q", "path": "v", "queryVector": vectors[number], "limit": 3, **how}
        project = {"score": {"$meta": "vectorSearchScore"}}
        return list(collection.aggregate([{"$vectorSearch": spec}, {"$project": project}]))

    for number in range(10):
        (hit, *_), (exact_hit, *_) = ask(number, numCandidates=100), ask(number, exact=True)
        assert hit["_id"] == number
        assert hit == exact_hit
