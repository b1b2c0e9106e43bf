"""The vectors of one path and one element type.

Strategy: rows are only ever appended. Replacing or deleting a document marks its row dead, and
when too many rows are dead, the living ones move into fresh arrays. So a query takes the arrays
and the number of rows under the lock, and computes outside it: whatever happens meanwhile happens
behind its end of the arrays or in other arrays.
Where there are many rows of float32, they are sorted into cells, the first ones first and a step at
a time: see `InvertedFile`. The others wait until their turn comes, and are compared one by one.
"""

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .inverted_file import InvertedFile, MergeStep
from .mapping import VectorField
from .matrix import Matrix
from .saved_state import Rows, SavedRows
from .similarity import square_lengths
from .snapshot import Snapshot
from .vectors import ElementType, Vector

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Ids = npt.NDArray[np.int64]
Slots = npt.NDArray[np.int32]
Doubles = npt.NDArray[np.float64]

_DTYPES: dict[ElementType, type[np.generic]] = {
    "float32": np.float32,
    "int8": np.int8,
    "packed_bit": np.uint8,
}
_NO_ROW = -1
_FIRST_CAPACITY = 64
_GROWTH = 1.5
# Below this many rows, an exact search takes no longer than one by cells: turning the query takes
# as long as comparing it with one row for each dimension, and is not all.
_CELL_ROWS = 4096
_CELL_ROWS_PER_DIMENSION = 4
# Rows wait for their cells until there are this many of them, and go there so many at a time.
_MERGED_AT_ONCE = 256
_STEP = 1024
_COPIED_AT_ONCE = 4096


class VectorIndex:
    """Rows of vectors with the record and the slot that each belongs to; not locked by itself."""

    def __init__(self, field: VectorField, element_type: ElementType, expected: int = 0) -> None:
        self.field = field
        self.element_type: ElementType = element_type
        self._width = field.dimensions // (8 if element_type == "packed_bit" else 1)
        self._dtype = _DTYPES[element_type]
        self._count = 0
        self._dead = 0
        self._living: Bools | None  # a copy of which rows live, until that changes
        self._row_of_slot: Ids = np.empty(0, np.int64)  # _NO_ROW where a slot has none
        self._expected = expected
        self._cells: InvertedFile | None = None
        self._merged = 0
        # More cells for more rows, until they have all that the present ones have.
        self._successor: InvertedFile | None = None
        self._succeeded = 0
        self._is_merging = False
        self._may_have_cells = False
        self._is_in_order = True  # whether every row's number is that of its slot
        self._allocate(max(expected, _FIRST_CAPACITY))
        self._clear()

    def __len__(self) -> int:
        return self._count - self._dead

    def add(self, slots: list[int], record_ids: list[int], vectors: list[Vector]) -> None:
        """Append one row per vector; none of the slots has a row yet."""
        if slots:
            values = np.stack([vector.values for vector in vectors])
            self.add_rows(np.array(slots), np.array(record_ids), values)

    def add_rows(self, slots: Array, record_ids: Array, values: Array) -> None:
        """Append (n, width) rows; none of the n slots has a row yet."""
        end = self._count + len(slots)
        self._living = None
        self._reserve(end)
        rows = slice(self._count, end)
        self._is_in_order &= bool(np.array_equal(slots, np.arange(self._count, end)))
        self._matrix.append(values)
        self._slots[rows] = slots
        self._record_ids[rows] = record_ids
        self._alive[rows] = True
        if self.element_type != "packed_bit":
            self._square_lengths[rows] = square_lengths(values)
        self._set_rows(slots, np.arange(self._count, end))
        self._count = end

    def remove(self, slot: int) -> None:
        """Mark the row of a slot dead, where it has one."""
        row = self._row_of_slot[slot] if slot < len(self._row_of_slot) else _NO_ROW
        if row != _NO_ROW:
            self._row_of_slot[slot] = _NO_ROW
            self._alive[row] = False
            self._living = None
            self._dead += 1

    def compact(self) -> None:
        """Move the living rows into fresh arrays where more than a third are dead.

        They are searched exactly until they are sorted into cells again.
        """
        if self._dead <= max(_FIRST_CAPACITY, self._count // 3):
            return
        rows = np.flatnonzero(self._alive[: self._count])
        matrix = self._matrix.view()
        old = self._record_ids, self._slots, self._square_lengths
        self._allocate(len(rows))
        self._clear()
        end = len(rows)  # the arrays have room for one row at least
        for start in range(0, end, _COPIED_AT_ONCE):
            self._matrix.append(matrix.take(rows[start : start + _COPIED_AT_ONCE]))
        self._record_ids[:end] = old[0][rows]
        self._slots[:end] = old[1][rows]
        self._square_lengths[:end] = old[2][rows]
        self._alive[:end] = True
        self._count, self._dead = end, 0
        self._is_in_order = bool(np.array_equal(self._slots[:end], np.arange(end)))
        self._row_of_slot[self._slots[:end]] = np.arange(end)

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, which later changes leave alone."""
        end = self._count
        cells = self._cells if self._merged else None
        return {
            "rows": Rows(self._lineage, self._matrix.view()),
            "record_ids": self._record_ids[:end],
            "slots": self._slots[:end],
            "square_lengths": self._square_lengths[:end],
            "alive": self._alive[:end].copy(),
            "may_have_cells": self._may_have_cells,
            "merged": 0 if cells is None else self._merged,
            "cells": None if cells is None else cells.state(self._merged),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` was taken of, once read.

        Raises:
            UnusableState: the rows are damaged.
        """
        rows: SavedRows = state["rows"]
        self._lineage = rows.lineage
        self._count = len(rows)
        self._record_ids, self._slots = state["record_ids"], state["slots"]
        self._square_lengths, self._alive = state["square_lengths"], state["alive"]
        self._is_in_order = bool(np.array_equal(self._slots, np.arange(self._count)))
        living = np.flatnonzero(self._alive)
        self._dead = self._count - len(living)
        self._set_rows(self._slots[living], living)
        self._may_have_cells = state["may_have_cells"]
        if state["cells"] is not None:
            self._merged = state["merged"]
            self._cells = InvertedFile.restored(self.field, state["cells"])
        self._matrix = Matrix(self._width, self._dtype, self._count)
        for block in rows.next(self._count):
            self._matrix.append(block)

    def snapshot(self, allowed: Bools | None = None) -> Snapshot:
        """Return the rows as they are now; to be called under the lock, and used without it.

        Args:
            allowed: (capacity,) by slot, what a filter leaves; None for no filter.
        """
        end = self._count
        return Snapshot(
            self._matrix.view(),
            self._record_ids[:end],
            self._slots[:end],
            self._square_lengths[:end],
            self._eligible(allowed),
            allowed is not None,
            self._cells if self._merged else None,
            self._merged,
        )

    def _eligible(self, allowed: Bools | None) -> Bools:
        alive: Bools = self._alive[: self._count]
        if allowed is None:
            if self._living is None:
                self._living = alive.copy()
            return self._living
        if self._is_in_order:
            return np.logical_and(alive, allowed[: self._count])
        rows = self._row_of_slot[np.flatnonzero(allowed[: len(self._row_of_slot)])]
        eligible = np.zeros(self._count, np.bool_)
        eligible[rows[rows != _NO_ROW]] = True
        return eligible

    def is_merge_due(self) -> bool:
        """Tell whether enough rows wait to be sorted into cells."""
        enough = max(_CELL_ROWS, _CELL_ROWS_PER_DIMENSION * self.field.dimensions)
        is_many = self._cells is not None or len(self) >= enough
        waiting = self._count - self._merged
        return self._may_have_cells and is_many and waiting >= _MERGED_AT_ONCE

    @property
    def unmerged(self) -> int:
        """How many rows are about to be sorted into cells; the few that may wait do not count."""
        is_busy = self._is_merging or self.is_merge_due()
        return self._count - self._merged if is_busy else 0

    def next_merge(self) -> MergeStep | None:
        """Return what is to be sorted next, or None where there is nothing to do.

        To be called under the lock by the only thread that builds; what it gets is to be added
        without the lock, and accepted before the next one is asked for.
        """
        waiting = self._count - self._merged
        # What was begun goes on until nothing waits.
        self._is_merging = bool(waiting) and (self._is_merging or self.is_merge_due())
        if not self._is_merging:
            return self._next_of_successor()
        rows = self._matrix.after(self._merged, _STEP)
        cells = self._cells = self._cells or self._new_cells()
        chosen = slice(self._merged, self._merged + len(rows))
        if not cells.fits(self._square_lengths[chosen][self._alive[chosen]]):
            self._cells = self._successor = None
            self._may_have_cells = self._is_merging = False
            return None
        return MergeStep(cells, rows)

    def accept(self, step: MergeStep) -> None:
        """Let the rows of a step be in their cells, under the lock, unless those were given up."""
        if step.cells is self._cells:
            self._merged += len(step.rows)
        elif step.cells is self._successor:
            self._succeeded += len(step.rows)
            if self._succeeded == self._merged:
                self._cells, self._successor = self._successor, None

    def _next_of_successor(self) -> MergeStep | None:
        if self._successor is None:
            if self._cells is None or not self._cells.is_outgrown(self._merged):
                return None
            self._successor, self._succeeded = self._new_cells(), 0
        limit = min(_STEP, self._merged - self._succeeded)
        return MergeStep(self._successor, self._matrix.after(self._succeeded, limit))

    def _new_cells(self) -> InvertedFile:
        living = np.flatnonzero(self._alive[: self._count])
        first = float(self._square_lengths[living[0]]) if len(living) else 0.0
        sample = living if len(living) else np.arange(self._count)
        expected = max(self._count, self._expected)
        return InvertedFile(self.field, first, expected, self._matrix.view(), sample)

    def _clear(self) -> None:
        self._lineage = uuid.uuid4().hex
        self._cells = self._successor = None
        self._merged = 0
        self._is_merging = False
        is_float = self.element_type == "float32"
        self._may_have_cells = is_float and self.field.indexing_method == "hnsw"
        self._matrix = Matrix(self._width, self._dtype, self._expected)

    def _set_rows(self, slots: Sequence[int] | Slots, rows: Ids) -> None:
        last = int(np.max(slots, initial=-1))
        known = len(self._row_of_slot)
        if last >= known:
            grown = np.full(max(last + 1, int(known * _GROWTH)), _NO_ROW)
            grown[:known] = self._row_of_slot
            self._row_of_slot = grown
        self._row_of_slot[slots] = rows

    def _allocate(self, capacity: int) -> None:
        capacity = max(capacity, 1)
        self._record_ids = np.empty(capacity, np.int64)
        self._slots = np.empty(capacity, np.int32)
        self._square_lengths = np.zeros(capacity, np.float64)
        self._alive = np.zeros(capacity, np.bool_)
        self._living = None

    def _reserve(self, capacity: int) -> None:
        if capacity <= len(self._slots):
            return
        end = self._count
        old = self._record_ids, self._slots, self._square_lengths, self._alive
        self._allocate(max(capacity, int(len(self._slots) * _GROWTH)))
        self._record_ids[:end] = old[0][:end]
        self._slots[:end] = old[1][:end]
        self._square_lengths[:end] = old[2][:end]
        self._alive[:end] = old[3][:end]
