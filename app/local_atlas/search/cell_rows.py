"""What a search looks at of rows before their vectors, laid out by cell.

The rows of a cell lie in blocks, so that looking into a cell reads a few long runs of memory and
not a place for every row. Rows are only ever appended. One thread appends while any number of
others read, and nothing is locked: what is written is not moved under a reader, and a block is
known of only when it is there.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]

# Rows in a block. More leave more room empty at the end of each cell, fewer make shorter runs.
BLOCK = 32
# The number in a place without a row, beyond those of all rows.
NO_ROW = np.iinfo(np.int32).max

_GROWTH = 1.25


class CellRows:
    """The rows of cells, by number: a code of each, and two numbers that go with it.

    Args:
        cells: how many there are.
        code_bytes: of a row's code.
        expected: how many rows to make room for; what is not filled takes no memory.

    Attributes:
        counts: (cells,) rows in each cell.
    """

    def __init__(self, cells: int, code_bytes: int, expected: int) -> None:
        self.counts = np.zeros(cells, np.int64)
        blocks = expected // BLOCK + cells
        self._blocks = [np.empty(0, np.int32)] * cells
        self._last_blocks = np.zeros(cells, np.int64)
        self._cell_of_block = _GrowingArray(blocks, (), np.int32)
        self._numbers = _GrowingArray(blocks, (BLOCK,), np.int32)
        self._codes = _GrowingArray(blocks, (BLOCK * code_bytes,), np.uint8)
        self._shifts = _GrowingArray(blocks, (BLOCK,), np.float32)
        self._lengths = _GrowingArray(blocks, (BLOCK,), np.float32)
        self._code_bytes = code_bytes
        self._cell_of_row = _GrowingArray(expected, (), np.int32)
        self._place_of_row = _GrowingArray(expected, (), np.int32)

    def __len__(self) -> int:
        return len(self._place_of_row)

    def append(self, cells: Ids, codes: Codes, shifts: Floats, lengths: Floats) -> None:
        """Append rows, numbered after those that are there.

        Args:
            cells: (n,) to which they belong.
            codes: (n, code_bytes).
            shifts: (n,).
            lengths: (n,).
        """
        first = len(self)
        order = np.argsort(cells, kind="stable")
        changed, starts, added = np.unique(cells[order], return_index=True, return_counts=True)
        # Which row of its cell each one is, and so which of its blocks it goes to.
        ranks = np.arange(len(cells)) - np.repeat(starts - self.counts[changed], added)
        old = -(-self.counts[changed] // BLOCK)
        new = -(-(self.counts[changed] + added) // BLOCK) - old
        new_starts = len(self._cell_of_block) + np.cumsum(new) - new
        self._make_room(np.repeat(changed, new))
        behind = ranks // BLOCK - np.repeat(old, added)
        last = np.repeat(self._last_blocks[changed], added)
        blocks = np.where(behind < 0, last, np.repeat(new_starts, added) + behind)
        places = blocks * BLOCK + ranks % BLOCK
        self._flat(self._codes)[places] = codes[order]
        self._flat(self._shifts)[places] = shifts[order]
        self._flat(self._lengths)[places] = lengths[order]
        self._flat(self._numbers)[places] = first + order
        place_of_row = np.empty(len(cells), np.int32)
        place_of_row[order] = places
        self._cell_of_row.append(cells)
        self._place_of_row.append(place_of_row)
        for cell, start, count in zip(
            *(part[new > 0].tolist() for part in (changed, new_starts, new)), strict=True
        ):
            numbers = np.arange(start, start + count, dtype=np.int32)
            self._blocks[cell] = np.concatenate([self._blocks[cell], numbers])
            self._last_blocks[cell] = start + count - 1
        self.counts[changed] += added

    def blocks(self, cells: Ids) -> Places:
        """Return the numbers of the blocks of some cells; what they hold is to be asked for later.

        The last block of a cell has places without a row.
        """
        found = [self._blocks[cell] for cell in cells.tolist()]
        return np.concatenate(found) if found else np.empty(0, np.int32)

    def places(self, rows: Ids) -> Places:
        """Return where some rows lie: which place of all blocks'."""
        return self._place_of_row.view()[rows]

    def cells_of(self, rows: Ids) -> Places:
        """Return the cells of some rows."""
        return self._cell_of_row.view()[rows]

    @property
    def cell_of_block(self) -> Places:
        """The cell of each block."""
        return self._cell_of_block.view()

    @property
    def numbers(self) -> Places:
        """(blocks, BLOCK) the rows in each block; `NO_ROW` where there is none."""
        return self._numbers.view()

    @property
    def codes(self) -> Codes:
        """(blocks, BLOCK * code_bytes) the codes of each block's rows."""
        return self._codes.view()

    @property
    def shifts(self) -> Floats:
        """(blocks, BLOCK); NaN where there is no row."""
        return self._shifts.view()

    @property
    def lengths(self) -> Floats:
        """(blocks, BLOCK)."""
        return self._lengths.view()

    def state(self, rows: int) -> dict[str, Any]:
        """Return what `restored` needs of the first rows, which later changes leave alone."""
        places = self._place_of_row.view()[:rows]
        return {
            "cells": self._cell_of_row.view()[:rows],
            # Copied together only when they are written.
            "codes": lambda: self._flat(self._codes)[places],
            "shifts": lambda: self._flat(self._shifts)[places],
            "lengths": lambda: self._flat(self._lengths)[places],
        }

    @classmethod
    def restored(cls, cells: int, state: dict[str, Any]) -> "CellRows":
        """Return what `state` was taken of, once read; `cells` is as then."""
        codes: Codes = state["codes"]
        rows = cls(cells, codes.shape[1], len(codes))
        rows.append(state["cells"].astype(np.int64), codes, state["shifts"], state["lengths"])
        return rows

    def _make_room(self, cells: Ids) -> None:
        """Append a block without rows for each cell named."""
        count = len(cells)
        self._numbers.extend(count)[:] = NO_ROW
        self._shifts.extend(count)[:] = np.nan
        self._lengths.extend(count)[:] = 0
        self._codes.extend(count)[:] = 0
        self._cell_of_block.append(cells)

    def _flat(self, blocks: "_GrowingArray") -> Array:
        width = (self._code_bytes,) if blocks is self._codes else ()
        return blocks.view().reshape(-1, *width)


class _GrowingArray:
    """An array that is only ever appended to; a view keeps what it has seen.

    Args:
        capacity: how many rows to make room for.
        shape: of a row.
        dtype: of the numbers.
    """

    def __init__(self, capacity: int, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
        self._values: Array = np.empty((max(capacity, 1), *shape), dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, values: Array) -> None:
        """Append rows; only one thread may do so."""
        self.extend(len(values))[:] = values

    def extend(self, count: int) -> Array:
        """Append rows and return them, to be filled."""
        end = self._count + count
        if end > len(self._values):
            room = max(end, int(len(self._values) * _GROWTH))
            grown = np.empty((room, *self._values.shape[1:]), self._values.dtype)
            grown[: self._count] = self._values[: self._count]
            self._values = grown
        added = self._values[self._count : end]
        self._count = end
        return added

    def view(self) -> Array:
        """Return the rows as they are now."""
        # The count first: an array that takes the place of another has all that was counted.
        count = self._count
        return self._values[:count]
