"""One bit per dimension, and how wrong the distances are that are estimated from it."""

import numpy as np
import pytest

from app.local_atlas.search.row_codes import CodeBook, GrowingRows

DIMENSIONS = 96
ROWS = 12_000


def unit_rows(count: int, seed: int) -> np.ndarray:
    """Rows around a few centres, with one dimension that outweighs the others as in CLIP's."""
    rng = np.random.default_rng(seed)
    rows = np.random.default_rng(1).standard_normal((20, DIMENSIONS))[rng.integers(20, size=count)]
    rows = rows + 1.5 * rng.standard_normal((count, DIMENSIONS))
    rows[:, 7] += 12
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


VALUES = unit_rows(ROWS, seed=2)


@pytest.fixture(scope="module")
def book() -> CodeBook:
    return CodeBook.of(VALUES[:4096])


def test_a_code_is_one_bit_per_dimension_and_two_numbers(book: CodeBook) -> None:
    codes = book.encode(book.rotated(VALUES))

    assert codes.shape == (ROWS, DIMENSIONS // 8 + 8)


def test_rotating_keeps_distances_and_evens_out_the_dimensions(book: CodeBook) -> None:
    rotated = book.rotated(VALUES)

    before = np.linalg.norm(VALUES[1:] - VALUES[:-1], axis=1)
    assert np.linalg.norm(rotated[1:] - rotated[:-1], axis=1) == pytest.approx(before, abs=1e-4)
    assert rotated.std(axis=0).max() < 2 * rotated.std(axis=0).min()


def test_estimates_are_unbiased_and_as_wrong_as_they_say(book: CodeBook) -> None:
    points = book.rotated(VALUES)
    codes = book.encode(points)
    chosen = np.arange(1, ROWS, 3)
    for target in book.rotated(unit_rows(5, seed=5)):
        true = np.square(points[chosen] - target).sum(axis=1)

        estimates = book.estimates(codes, chosen, target)
        lengths = np.linalg.norm(points[chosen], axis=1)
        deviations = book.deviation(float(np.linalg.norm(target)), lengths)

        errors = (estimates - true) / deviations
        assert abs(errors.mean()) < 0.3
        assert 0.7 < errors.std() < 1.3
        assert deviations.max() < true.std() * 2


@pytest.mark.parametrize("length", [1e-12, 1e-6, 1e-4, 3e-4, 1e-2, 1e6, 1e13])
def test_estimates_are_as_wrong_as_they_say_at_any_length(book: CodeBook, length: float) -> None:
    offsets = book.rotated(VALUES[:2000]) * np.float32(length)
    codes = book.encode(offsets)
    every = np.arange(len(offsets))
    for target in (book.rotated(unit_rows(1, seed=5))[0], offsets[7]):
        true = np.square(offsets.astype(np.float64) - target).sum(axis=1)

        estimates = book.estimates(codes, every, target)
        lengths = np.linalg.norm(offsets, axis=1)
        deviations = book.deviation(float(np.linalg.norm(target)), lengths)

        assert (np.abs(estimates - true) < 6 * deviations).all()
        assert np.abs(estimates - true).mean() < 1.3 * deviations.mean()


def test_rows_of_no_length_have_codes(book: CodeBook) -> None:
    codes = book.encode(np.zeros((3, DIMENSIONS), np.float32))
    target = book.rotated(VALUES[:1])[0]

    assert book.estimates(codes, np.arange(3), target) == pytest.approx([target @ target] * 3)


def test_rows_that_are_appended_leave_views_alone() -> None:
    rows = GrowingRows(10, 4, np.float32)
    rows.append(np.ones((10, 4), np.float32))
    view = rows.view()

    rows.append(np.zeros((500, 4), np.float32))

    assert len(rows) == 510
    assert view.shape == (10, 4)
    assert (view == 1).all()
    assert (rows.view()[:10] == 1).all()
    assert (rows.view()[10:] == 0).all()


def test_restored_rows_are_appended_to() -> None:
    rows = GrowingRows.of(np.arange(5, dtype=np.int32))

    rows.append(np.arange(5, 9, dtype=np.int32))

    assert rows.view().tolist() == list(range(9))
