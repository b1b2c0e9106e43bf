"""Cells: which rows they have, and how near those are likely to come."""

import numpy as np
import pytest

from app.local_atlas.search.cells import Cells

DIMENSIONS = 64


def around(centres: np.ndarray, count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    rows = centres[random.integers(len(centres), size=count)]
    return (rows + random.standard_normal((count, DIMENSIONS)) / 8).astype(np.float32)


CENTRES = np.random.default_rng(1).standard_normal((12, DIMENSIONS))
ROWS = around(CENTRES, 20_000, seed=2)


@pytest.fixture(scope="module")
def cells() -> Cells:
    return Cells.of(ROWS[:4000], 40)


def test_every_row_belongs_to_the_cell_whose_centroid_is_nearest(cells: Cells) -> None:
    distances = np.stack([cells.square_distances(row) for row in ROWS[:200]])
    expected = np.square(ROWS[:200, np.newaxis] - cells.centroids).sum(axis=2)

    assert len(cells) == 40
    assert distances == pytest.approx(expected, rel=1e-3)
    assert cells.nearest(ROWS[:200]).tolist() == expected.argmin(axis=1).tolist()


def test_as_many_rows_are_expected_near_as_there_are(cells: Cells) -> None:
    of_row = cells.nearest(ROWS)
    counts = np.bincount(of_row, minlength=len(cells))
    for query in around(CENTRES, 20, seed=3):
        squares = np.square(ROWS - query).sum(axis=1)
        distances = cells.square_distances(query)
        near = np.argsort(distances)[1:9]
        for part in (0.01, 0.1, 0.5):
            limit = float(np.quantile(squares[np.isin(of_row, near)], part))

            expected = cells.expected_within(counts, distances, limit)[near].sum()

            true = np.count_nonzero(squares[np.isin(of_row, near)] < limit)
            assert true / 4 < expected < 4 * true


def test_nothing_is_expected_where_nothing_is(cells: Cells) -> None:
    none = np.zeros(len(cells), np.int64)
    distances = cells.square_distances(ROWS[0])

    assert (cells.expected_within(none, distances, np.inf) == 0).all()
    assert (cells.expected_within(none + 7, distances, np.inf) == 7).all()


def test_fewer_rows_than_cells_are_a_cell_each() -> None:
    cells = Cells.of(np.eye(3, DIMENSIONS, dtype=np.float32), 10)

    assert len(cells) == 3
    assert sorted(cells.nearest(np.eye(3, DIMENSIONS, dtype=np.float32)).tolist()) == [0, 1, 2]


def test_equal_rows_are_no_trouble() -> None:
    cells = Cells.of(np.ones((500, DIMENSIONS), np.float32), 10)

    expected = cells.expected_within(
        np.ones(len(cells), np.int64), cells.square_distances(np.ones(DIMENSIONS, np.float32)), 1.0
    )

    assert np.isfinite(expected).all()
