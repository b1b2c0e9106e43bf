"""The vectors of one path: nearest rows, ties, replaced and removed rows."""

from typing import Any

import numpy as np
import pytest

from app.local_atlas.search.exact_search import nearest
from app.local_atlas.search.mapping import Similarity, VectorField
from app.local_atlas.search.similarity import scores, square_lengths
from app.local_atlas.search.vector_index import VectorIndex
from app.local_atlas.search.vectors import ElementType, Vector

DTYPES: dict[ElementType, Any] = {"float32": np.float32, "int8": np.int8, "packed_bit": np.uint8}
CASES: list[tuple[Similarity, ElementType]] = [
    ("cosine", "float32"),
    ("dotProduct", "float32"),
    ("euclidean", "float32"),
    ("cosine", "int8"),
    ("dotProduct", "int8"),
    ("euclidean", "int8"),
    ("euclidean", "packed_bit"),
]


def random_vectors(element_type: ElementType, n: int, dimensions: int, seed: int) -> Any:
    random = np.random.default_rng(seed)
    if element_type == "float32":
        return random.standard_normal((n, dimensions)).astype(np.float32)
    if element_type == "int8":
        return random.integers(-128, 128, (n, dimensions), np.int8)
    return random.integers(0, 256, (n, dimensions // 8), np.uint8)


def filled(field: VectorField, element_type: ElementType, values: Any) -> VectorIndex:
    index = VectorIndex(field, element_type)
    slots = list(range(len(values)))
    index.add(slots, [10 * slot for slot in slots], [Vector(element_type, one) for one in values])
    return index


@pytest.mark.parametrize(("similarity", "element_type"), CASES)
@pytest.mark.parametrize("kept", [1.0, 0.5, 0.05], ids=["all", "half", "few"])
def test_candidates_hold_the_nearest(
    similarity: Similarity, element_type: ElementType, kept: float
) -> None:
    dimensions, n = 64, 3000
    field = VectorField(dimensions, similarity)
    values = random_vectors(element_type, n, dimensions, seed=1)
    values[2000:2100] = values[5]  # a tie across the end of the results
    index = filled(field, element_type, values)
    allowed = np.random.default_rng(2).random(n) < kept
    allowed[[5, *range(2000, 2100)]] = True
    query = Vector(element_type, values[5])

    hits = nearest(index.snapshot(allowed), field, query, 20)

    all_scores = scores(element_type, similarity, query.values, values, square_lengths(values))
    rows = np.flatnonzero(allowed)
    expected = rows[np.lexsort((rows, -all_scores[rows]))[:20]]
    assert hits.record_ids.tolist() == (10 * expected).tolist()
    assert hits.scores.tolist() == all_scores[expected].tolist()


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e15, 1e19], ids=str)
@pytest.mark.parametrize("similarity", ["cosine", "dotProduct", "euclidean"])
def test_extreme_lengths_are_searched_right(scale: float, similarity: Similarity) -> None:
    dimensions, n = 64, 2000
    field = VectorField(dimensions, similarity)
    values = (random_vectors("float32", n, dimensions, seed=3) * scale).astype(np.float32)
    index = filled(field, "float32", values)
    query = Vector("float32", values[7])

    hits = nearest(index.snapshot(), field, query, 5)

    all_scores = scores("float32", similarity, query.values, values, square_lengths(values))
    expected = np.lexsort((np.arange(n), -all_scores))[:5]
    assert hits.record_ids.tolist() == (10 * expected).tolist()


def test_scores_that_are_cut_off_are_ties() -> None:
    field = VectorField(64, "dotProduct")
    values = -np.abs(random_vectors("float32", 2000, 64, seed=6))
    index = filled(field, "float32", values)

    hits = nearest(index.snapshot(), field, Vector("float32", np.ones(64, np.float32)), 5)

    assert hits.scores.tolist() == [0.0] * 5
    assert hits.record_ids.tolist() == [0, 10, 20, 30, 40]


def test_equal_vectors_have_equal_scores_wherever_they_lie() -> None:
    field = VectorField(511, "cosine")
    values = random_vectors("float32", 2001, 511, seed=4)
    values[::7] = values[0]
    index = filled(field, "float32", values)

    hits = nearest(index.snapshot(), field, Vector("float32", values[3]), 2001)

    of_equal = hits.scores[np.isin(hits.record_ids, 10 * np.arange(0, 2001, 7))]
    assert len(set(of_equal.tolist())) == 1


def test_removed_rows_are_not_found_and_make_room() -> None:
    field = VectorField(2, "euclidean")
    values = random_vectors("float32", 1000, 2, seed=5)
    index = filled(field, "float32", values)
    before = index.snapshot()

    for slot in range(0, 1000, 2):
        index.remove(slot)
    index.compact()

    hits = nearest(index.snapshot(), field, Vector("float32", values[0]), 1000)
    assert len(index) == 500
    assert set(hits.record_ids.tolist()) == {10 * slot for slot in range(1, 1000, 2)}
    assert hits.slots.tolist() == (hits.record_ids // 10).tolist()
    # What a query took before is still what it was.
    assert before.values.tolist() == values.tolist()
    assert before.eligible.all()


def test_a_snapshot_does_not_see_later_rows() -> None:
    field = VectorField(2, "euclidean")
    index = filled(field, "float32", np.zeros((3, 2), np.float32))
    snapshot = index.snapshot()

    index.add([3], [30], [Vector("float32", np.zeros(2, np.float32))])
    index.remove(0)

    hits = nearest(snapshot, field, Vector("float32", np.ones(2, np.float32)), 10)
    assert hits.record_ids.tolist() == [0, 10, 20]


def test_each_snapshot_sees_every_row_that_lives_by_then() -> None:
    index = filled(VectorField(2, "euclidean"), "float32", np.zeros((300, 2), np.float32))
    living = list(range(300))

    def seen() -> list[int]:
        snapshot = index.snapshot()
        return (snapshot.record_ids[snapshot.eligible] // 10).tolist()

    assert seen() == living
    for slot in (300, 301):  # the arrays grow for the first, and have room for the second
        index.add([slot], [10 * slot], [Vector("float32", np.ones(2, np.float32))])
        living.append(slot)
        assert seen() == living
    for slot in range(0, 300, 2):
        index.remove(slot)
        living.remove(slot)
        assert seen() == living
    index.compact()
    assert seen() == living


def test_no_row_is_allowed() -> None:
    field = VectorField(2, "euclidean")
    index = filled(field, "float32", np.zeros((3, 2), np.float32))

    hits = nearest(
        index.snapshot(np.zeros(3, bool)), field, Vector("float32", np.ones(2, np.float32)), 3
    )

    assert len(hits.record_ids) == 0


def test_an_index_is_filled_again_after_every_row_was_removed() -> None:
    field = VectorField(2, "euclidean")
    index = filled(field, "float32", np.zeros((1000, 2), np.float32))

    for slot in range(1000):
        index.remove(slot)
    index.compact()
    index.add([7], [70], [Vector("float32", np.ones(2, np.float32))])

    hits = nearest(index.snapshot(), field, Vector("float32", np.ones(2, np.float32)), 10)
    assert hits.record_ids.tolist() == [70]
