"""Rows in several arrays behave as if they lay in one."""

from typing import Any

import numpy as np
import pytest

from app.local_atlas.search import matrix
from app.local_atlas.search.matrix import Matrix

ROWS, WIDTH = 9000, 16


def random_rows(dtype: Any) -> Any:
    random = np.random.default_rng(1)
    if dtype is np.float32:
        return random.standard_normal((ROWS, WIDTH)).astype(np.float32)
    return random.integers(-100, 100, (ROWS, WIDTH)).astype(dtype)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "_CHUNK_BYTES", 1000 * WIDTH)


def filled(values: Any) -> Matrix:
    rows = Matrix(WIDTH, values.dtype.type)
    for start in range(0, ROWS, 700):
        rows.append(values[start : start + 700])
    return rows


def test_rows_that_are_expected_lie_in_one_array() -> None:
    rows = Matrix(WIDTH, np.float32, ROWS)
    rows.append(random_rows(np.float32))

    assert len(rows.view().parts) == 1
    assert len(rows.after(5000, ROWS)) == ROWS - 5000


@pytest.mark.parametrize("dtype", [np.float32, np.int8])
def test_rows_keep_their_numbers_wherever_they_lie(dtype: Any) -> None:
    values = random_rows(dtype)
    view = filled(values).view()
    target = np.arange(WIDTH, dtype=np.float32)
    rows = np.flatnonzero(np.random.default_rng(2).random(ROWS) < 0.3)

    assert 3 < len(view.parts) < 8
    assert len(view) == ROWS
    assert (view.values == values).all()
    assert (view.take(rows) == values[rows]).all()
    assert view.products(target) == pytest.approx(values @ target, rel=1e-4, abs=1e-3)
    assert view.products(target, rows) == pytest.approx(values[rows] @ target, rel=1e-4, abs=1e-3)


def test_the_rows_after_one_go_on_to_the_end_of_an_array() -> None:
    values = random_rows(np.float32)
    rows = filled(values)
    start, parts = 0, []
    while start < ROWS:
        parts.append(rows.after(start, 300))
        start += len(parts[-1])

    assert max(map(len, parts)) == 300
    assert (np.concatenate(parts) == values).all()


def test_bit_differences_are_counted_in_every_part() -> None:
    values = random_rows(np.int8).view(np.uint8)
    view = filled(values).view()
    rows = np.array([3, 4095, 4096, 8999])

    expected = np.bitwise_count(values ^ values[7]).sum(axis=1)
    assert view.bit_differences(values[7]).tolist() == expected.tolist()
    assert view.bit_differences(values[7], rows).tolist() == expected[rows].tolist()


def test_a_view_does_not_change_when_rows_come() -> None:
    values = random_rows(np.float32)
    rows = filled(values)
    view = rows.view()

    rows.append(np.zeros((5000, WIDTH), np.float32))

    assert (view.values == values).all()
    assert len(rows.view()) == ROWS + 5000


@pytest.mark.parametrize("dtype", [np.float32, np.int8])
def test_products_start_no_threads_of_numpys(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which wait by spinning: many clients at a time would keep each other from running."""

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("numpy's matrix product starts threads")

    matrix = Matrix(4, dtype)
    matrix.append(np.arange(12, dtype=dtype).reshape(3, 4))
    target = np.array([1, 0, 2, 0], np.float32)
    monkeypatch.setattr(np, "matmul", refuse)

    products = matrix.view().products(target)
    chosen = matrix.view().products(target, np.array([0, 2]))

    assert (products.tolist(), chosen.tolist()) == ([4, 16, 28], [4, 28])
