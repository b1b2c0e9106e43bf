"""Rows in several arrays behave as if they lay in one."""

from typing import Any

import numpy as np
import pytest

from app.local_atlas.search.matrix import Matrix

ROWS, WIDTH = 9000, 16


def random_rows(dtype: Any) -> Any:
    random = np.random.default_rng(1)
    if dtype is np.float32:
        return random.standard_normal((ROWS, WIDTH)).astype(np.float32)
    return random.integers(-100, 100, (ROWS, WIDTH)).astype(dtype)


def filled(values: Any, *, stored: int) -> Matrix:
    matrix = Matrix(WIDTH, values.dtype.type)
    for start in range(0, ROWS, 1000):
        matrix.append(values[start : start + 1000])
    while (start := matrix.stored) < stored:
        matrix.store(values[: start + len(matrix.after(start, stored - start))])
    return matrix


def test_rows_that_are_never_stored_lie_in_few_arrays() -> None:
    matrix = Matrix(WIDTH, np.float32, is_stored=False)
    matrix.append(random_rows(np.float32))

    assert len(matrix.view().parts) == 1
    assert len(matrix.after(5000, ROWS)) == ROWS - 5000


@pytest.mark.parametrize("dtype", [np.float32, np.int8])
@pytest.mark.parametrize("stored", [0, 100, 4096, 5000, ROWS])
def test_rows_keep_their_numbers_wherever_they_lie(dtype: Any, stored: int) -> None:
    values = random_rows(dtype)
    view = filled(values, stored=stored).view()
    target = np.arange(WIDTH, dtype=np.float32)
    rows = np.flatnonzero(np.random.default_rng(2).random(ROWS) < 0.3)

    assert len(view) == ROWS
    assert (view.values == values).all()
    assert (view.take(rows) == values[rows]).all()
    assert view.products(target) == pytest.approx(values @ target, rel=1e-4, abs=1e-3)
    assert view.products(target, rows) == pytest.approx(values[rows] @ target, rel=1e-4, abs=1e-3)


def test_bit_differences_are_counted_in_every_part() -> None:
    values = random_rows(np.int8).view(np.uint8)
    view = filled(values, stored=0).view()
    rows = np.array([3, 4095, 4096, 8999])

    expected = np.bitwise_count(values ^ values[7]).sum(axis=1)
    assert view.bit_differences(values[7]).tolist() == expected.tolist()
    assert view.bit_differences(values[7], rows).tolist() == expected[rows].tolist()


def test_a_view_does_not_change_when_rows_move_or_come() -> None:
    values = random_rows(np.float32)
    matrix = filled(values, stored=0)
    view = matrix.view()

    matrix.store(values[:4096].copy())
    matrix.append(np.zeros((5000, WIDTH), np.float32))

    assert (view.values == values).all()
    assert len(matrix.view()) == ROWS + 5000
