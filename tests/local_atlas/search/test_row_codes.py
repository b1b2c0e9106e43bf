"""One bit per dimension, and how wrong the distances are that are estimated from it."""

import numpy as np
import pytest

from app.local_atlas.search.row_codes import CodeBook

DIMENSIONS = 96
BITS = 128
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


def turned(book: CodeBook, rows: np.ndarray) -> np.ndarray:
    return book.rotated(rows - book.centre)


def test_a_code_has_a_bit_for_each_of_a_power_of_two_of_dimensions_and_two_numbers(
    book: CodeBook,
) -> None:
    codes = book.encode(turned(book, VALUES))

    assert codes.shape == (ROWS, BITS // 8 + 8)
    assert book.code_bytes == BITS // 8 + 8


def test_rotating_keeps_distances_and_evens_out_the_dimensions(book: CodeBook) -> None:
    rotated = turned(book, VALUES)

    before = np.linalg.norm(VALUES[1:] - VALUES[:-1], axis=1)
    assert np.linalg.norm(rotated[1:] - rotated[:-1], axis=1) == pytest.approx(before, abs=1e-4)
    assert rotated.std(axis=0).max() < 2 * rotated.std(axis=0).min()


def test_estimates_are_unbiased_and_as_wrong_as_they_say(book: CodeBook) -> None:
    points = turned(book, VALUES)
    codes = book.encode(points)
    chosen = np.arange(1, ROWS, 3)
    for target in turned(book, unit_rows(5, seed=5)):
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
    offsets = turned(book, VALUES[:2000]) * np.float32(length)
    codes = book.encode(offsets)
    every = np.arange(len(offsets))
    for target in (turned(book, unit_rows(1, seed=5))[0], offsets[7]):
        true = np.square(offsets.astype(np.float64) - target).sum(axis=1)

        estimates = book.estimates(codes, every, target)
        lengths = np.linalg.norm(offsets, axis=1)
        deviations = book.deviation(float(np.linalg.norm(target)), lengths)

        assert (np.abs(estimates - true) < 6 * deviations).all()
        assert np.abs(estimates - true).mean() < 1.3 * deviations.mean()


def test_rows_of_no_length_have_codes(book: CodeBook) -> None:
    codes = book.encode(np.zeros((3, BITS), np.float32))
    target = turned(book, VALUES[:1])[0]

    assert book.estimates(codes, np.arange(3), target) == pytest.approx([target @ target] * 3)


def test_codes_that_lie_several_in_a_row_are_estimated_in_their_order(book: CodeBook) -> None:
    codes = book.encode(turned(book, VALUES[:64]))
    target = turned(book, VALUES[100:101])[0]

    of_rows = book.estimates(codes.reshape(8, -1), np.array([5, 2]), target)

    each = book.estimates(codes, np.arange(64), target).reshape(8, 8)
    assert of_rows.tolist() == [*each[5], *each[2]]


def test_a_restored_book_is_an_equal_one(book: CodeBook) -> None:
    again = CodeBook(**book.state())

    points = turned(book, VALUES[:50])
    assert turned(again, VALUES[:50]).tolist() == points.tolist()
    assert again.encode(points).tolist() == book.encode(points).tolist()
