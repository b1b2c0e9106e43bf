"""Rows laid out by cell: all of them are there, each with what belongs to it."""

import threading

import numpy as np
import pytest

from app.local_atlas.search.cell_rows import BLOCK, NO_ROW, CellRows

CODE_BYTES = 3


def append(rows: CellRows, cells: np.ndarray) -> None:
    """Append rows whose code, shift and length tell their numbers."""
    numbers = np.arange(len(rows), len(rows) + len(cells))
    codes = np.stack([numbers, numbers >> 8, numbers >> 16], axis=1).astype(np.uint8)
    rows.append(cells, codes, numbers.astype(np.float32), -numbers.astype(np.float32))


def filled(cells: np.ndarray, at_once: int, expected: int = 0) -> CellRows:
    rows = CellRows(5, CODE_BYTES, expected)
    for start in range(0, len(cells), at_once):
        append(rows, cells[start : start + at_once])
    return rows


def numbers_in(rows: CellRows, *cells: int) -> list[int]:
    """Return the rows of some cells, having checked that the rest is theirs."""
    blocks = rows.blocks(np.array(cells, np.int64))
    numbers = rows.numbers[blocks].ravel()
    there_is = numbers != NO_ROW
    codes = rows.codes[blocks].reshape(-1, CODE_BYTES)[there_is].astype(np.int64)
    shifts, lengths = rows.shifts[blocks].ravel(), rows.lengths[blocks].ravel()
    found = numbers[there_is]
    assert (codes @ [1, 1 << 8, 1 << 16]).tolist() == found.tolist()
    assert shifts[there_is].tolist() == found.tolist()
    assert lengths[there_is].tolist() == (-found).tolist()
    assert np.isnan(shifts[~there_is]).all()
    return sorted(found.tolist())


@pytest.mark.parametrize("at_once", [1, 7, 130, 1000])
@pytest.mark.parametrize("expected", [0, 5000])
def test_the_rows_of_cells_are_those_that_were_appended(at_once: int, expected: int) -> None:
    cells = np.random.default_rng(4).integers(4, size=1000)
    rows = filled(cells, at_once, expected)

    for cell in range(5):
        assert numbers_in(rows, cell) == np.flatnonzero(cells == cell).tolist()
    assert numbers_in(rows, 3, 1) == np.flatnonzero(cells % 2).tolist()
    assert numbers_in(rows) == []
    assert rows.counts.tolist() == np.bincount(cells, minlength=5).tolist()
    assert len(rows) == 1000


def test_only_the_last_block_of_a_cell_has_places_without_a_row() -> None:
    rows = filled(np.random.default_rng(4).integers(5, size=1000), at_once=13)

    for cell in range(5):
        blocks = rows.blocks(np.array([cell]))
        assert (rows.numbers[blocks[:-1]] != NO_ROW).all()
        assert (rows.cell_of_block[blocks] == cell).all()
    assert len(rows.numbers) <= 1000 // BLOCK + 5


def test_a_row_is_where_its_place_says() -> None:
    cells = np.random.default_rng(4).integers(5, size=1000)
    rows = filled(cells, at_once=130)
    some = np.array([0, 17, 999])

    assert rows.numbers.ravel()[rows.places(some)].tolist() == some.tolist()
    assert rows.cells_of(some).tolist() == cells[some].tolist()


def test_restored_rows_are_the_first_ones_and_are_appended_to() -> None:
    cells = np.random.default_rng(4).integers(5, size=1000)
    rows = filled(cells[:700], at_once=130)
    state = rows.state(600)
    append(rows, cells[700:])

    again = CellRows.restored(
        5, {key: one() if callable(one) else one for key, one in state.items()}
    )
    append(again, cells[600:])

    for cell in range(5):
        assert numbers_in(again, cell) == numbers_in(rows, cell)


def test_who_reads_beside_an_append_sees_whole_rows() -> None:
    rows = CellRows(1, CODE_BYTES, 0)
    is_done = threading.Event()
    wrong: list[int] = []

    def read() -> None:
        while not is_done.is_set():
            there_are = int(rows.counts[0])
            blocks = rows.blocks(np.array([0]))
            numbers = rows.numbers[blocks].ravel()
            if not np.array_equal(numbers[:there_are], np.arange(there_are)):
                wrong.append(there_are)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(1500):
        append(rows, np.zeros(20, np.int64))
    is_done.set()
    for reader in readers:
        reader.join()

    assert wrong == []
    assert numbers_in(rows, 0) == list(range(30_000))
