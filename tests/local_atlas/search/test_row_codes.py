import numpy as np
import pytest

from app.local_atlas.search.mapping import VectorField
from app.local_atlas.search.row_codes import CodeBook, RowCodes
from app.local_atlas.search.sifting import sifted
from app.local_atlas.search.snapshot import Snapshot
from app.local_atlas.search.vector_index import VectorIndex
from app.local_atlas.search.vectors import Vector

DIMENSIONS = 96
ROWS = 12_000


def unit_rows(count: int, seed: int) -> np.ndarray:
    """Rows around a few centres, with one dimension that outweighs the others as in CLIP's."""
    rng = np.random.default_rng(seed)
    rows = np.random.default_rng(1).standard_normal((20, DIMENSIONS))[rng.integers(20, size=count)]
    rows = rows + 1.5 * rng.standard_normal((count, DIMENSIONS))
    rows[:, 7] += 12
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    return unit_rows(ROWS, seed=2)


@pytest.fixture(scope="module")
def codes(values: np.ndarray) -> RowCodes:
    codes = RowCodes(CodeBook.of(values[:4096]), capacity=100)
    for start in range(0, ROWS, 1000):
        codes.append(values[start : start + 1000])
    return codes


@pytest.fixture(scope="module")
def snapshot(values: np.ndarray) -> Snapshot:
    index = VectorIndex(VectorField(DIMENSIONS, "cosine"), "float32", ROWS)
    slots = list(range(ROWS))
    index.add(slots, slots, [Vector("float32", row) for row in values])
    while (step := index.next_merge()) is not None:
        step.graph.add(step.rows)
        index.accept(step)
    return index.snapshot()


def test_a_code_is_one_bit_per_dimension_and_two_numbers(codes: RowCodes) -> None:
    assert codes.view().shape == (ROWS, DIMENSIONS // 8 + 8)


def test_estimates_are_unbiased_and_as_wrong_as_they_say(
    values: np.ndarray, codes: RowCodes
) -> None:
    chosen = np.arange(1, ROWS, 3)
    target = unit_rows(1, seed=5)[0]
    true = np.square(values[chosen] - target).sum(axis=1)

    with codes.book.estimator(codes.view(), chosen, target) as estimator:
        deviation = estimator.deviation
        # Every row is asked for by its own true distance and the deviation beyond it.
        shares = [
            np.mean(np.isin(chosen[true <= limit], estimator.within(float(limit))))
            for limit in np.quantile(true, [0.2, 0.5, 0.8])
        ]
        everything = estimator.within(float(true.max() + 6 * deviation))

    assert sorted(everything) == chosen.tolist()
    assert 0 < deviation < true.std()
    assert min(shares) > 0.7


def test_the_rows_that_seem_nearest_are_mostly_near(values: np.ndarray, codes: RowCodes) -> None:
    chosen = np.arange(0, ROWS, 2)
    target = unit_rows(1, seed=6)[0]
    true = np.square(values[chosen] - target).sum(axis=1)
    nearest = set(chosen[np.argsort(true)[:10]].tolist())

    with codes.book.estimator(codes.view(), chosen, target) as estimator:
        found = estimator.nearest(400)

    assert len(found) == 400
    assert len(nearest & set(found.tolist())) >= 9


def test_a_view_keeps_what_it_has_seen(values: np.ndarray) -> None:
    codes = RowCodes(CodeBook.of(values[:100]), capacity=10)
    codes.append(values[:10])
    view, seen = codes.view(), codes.view().copy()

    codes.append(values[10:500])

    assert (view == seen).all()
    assert (codes.view()[:10] == seen).all()


@pytest.mark.parametrize("k", [1, 10, 500])
def test_sifting_leaves_few_rows_and_nearly_all_of_the_nearest(
    snapshot: Snapshot, values: np.ndarray, k: int
) -> None:
    rows = np.flatnonzero(np.arange(ROWS) % 5 != 0)
    found, kept = [], []
    for target in unit_rows(20, seed=7):
        nearest = rows[np.argsort(-(values[rows] @ target))[:k]]
        sift = sifted(snapshot, target, rows, k)
        assert (np.diff(sift) > 0).all()
        assert np.isin(sift, rows).all()
        found.append(np.isin(nearest, sift).mean())
        kept.append(len(sift))

    assert np.mean(found) >= 0.99
    assert np.median(kept) < len(rows) / 2


def test_few_rows_are_not_sifted(snapshot: Snapshot, values: np.ndarray) -> None:
    rows = np.arange(0, ROWS, 8)

    assert sifted(snapshot, values[0], rows, 10) is rows


def test_rows_that_wait_for_the_graph_are_kept(snapshot: Snapshot, values: np.ndarray) -> None:
    waiting = Snapshot(
        snapshot.matrix,
        snapshot.record_ids,
        snapshot.slots,
        snapshot.square_lengths,
        snapshot.eligible,
        False,
        snapshot.graph,
        ROWS - 100,
    )

    kept = sifted(waiting, values[0], np.arange(ROWS), 10)

    assert kept[-100:].tolist() == list(range(ROWS - 100, ROWS))
