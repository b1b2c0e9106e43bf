"""Filter columns: the values of one kind at one path, by slot, ready to be compared all at once.

A slot is where an index keeps one document. A column is a list of entries, one per value, because
an array gives a document several values. The entries of a slot lie side by side, so two numbers
per slot find them again; a cleared entry points to no slot until the column is rewritten.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

_NO_SLOT = -1
_FIRST_CAPACITY = 64


class Column:
    """Entries of a fixed numpy type; strings and the like go through a `Dictionary` first."""

    def __init__(self, dtype: np.dtype[Any] | type[np.generic]) -> None:
        self._reset(dtype)

    def _reset(self, dtype: np.dtype[Any] | type[np.generic]) -> None:
        self._values = np.empty(_FIRST_CAPACITY, dtype)
        self._slots = np.empty(_FIRST_CAPACITY, np.int32)
        self._end = 0
        self._cleared = 0
        self._start = np.zeros(0, np.int64)
        self._count = np.zeros(0, np.int32)
        self._is_in_order = True  # whether every entry's number is that of its slot

    def add(
        self, slots: Sequence[int] | Array, values: Sequence[Any] | Array, capacity: int
    ) -> None:
        """Append entries.

        Args:
            slots: the slot of each value; equal ones side by side, none of them with entries yet.
            values: as many.
            capacity: above every slot.
        """
        self._reserve(len(slots), capacity)
        rows = slice(self._end, self._end + len(slots))
        self._values[rows] = values
        added = self._slots[rows]
        added[:] = slots
        self._is_in_order &= bool(np.array_equal(added, np.arange(rows.start, rows.stop)))
        starts = np.flatnonzero(np.diff(added, prepend=_NO_SLOT - 1))
        self._start[added[starts]] = starts + self._end
        self._count[added[starts]] = np.diff(starts, append=len(added))
        self._end += len(slots)

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, which later changes leave alone."""
        return {
            "values": self.values,  # entries are only ever appended
            "slots": self._slots[: self._end].copy(),
            "start": self._start.copy(),
            "count": self._count.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` was taken of."""
        self._values, self._slots = state["values"], state["slots"]
        self._start, self._count = state["start"], state["count"]
        self._end = len(self._slots)
        self._is_in_order = bool(np.array_equal(self._slots, np.arange(self._end)))
        self._cleared = int(np.count_nonzero(self._slots == _NO_SLOT))

    def clear(self, slot: int) -> None:
        """Forget the entries of a slot."""
        if slot >= len(self._count) or not self._count[slot]:
            return
        start, count = self._start[slot], self._count[slot]
        self._slots[start : start + count] = _NO_SLOT
        self._is_in_order = False
        self._count[slot] = 0
        self._cleared += int(count)

    def compact(self) -> bool:
        """Rewrite the column where more than half of its entries are cleared; tell whether."""
        if self._cleared <= max(_FIRST_CAPACITY, self._end // 2):
            return False
        kept = self._slots[: self._end] != _NO_SLOT
        values, slots = self._values[: self._end][kept], self._slots[: self._end][kept]
        capacity = len(self._count)
        self._reset(values.dtype)
        if len(slots):
            self.add(slots, values, capacity)
        return True

    def recode(self, codes: Array) -> None:
        """Put in the place of every value what `codes` has under its number."""
        self._values = codes[self.values]  # what was taken of the old ones keeps them

    @property
    def values(self) -> Array:
        """The value of every entry, cleared ones included; compare these."""
        return self._values[: self._end]

    @property
    def slots(self) -> Array:
        """The slot of every entry, below zero where it is cleared."""
        return self._slots[: self._end]

    def slots_with(self, entries: Bools, capacity: int) -> Bools:
        """Return (capacity,) which slots have an entry among the chosen ones."""
        found = np.zeros(capacity + 1, np.bool_)
        if self._is_in_order:
            found[: self._end] = entries
        else:
            # Cleared entries hit the one in excess.
            found[self._slots[np.flatnonzero(entries)]] = True
        return found[:capacity]

    def values_of(self, slot: int) -> Array:
        """Return the values of one slot."""
        if slot >= len(self._count):
            return self._values[:0]
        start, count = self._start[slot], self._count[slot]
        return self._values[start : start + count]

    def only_values_of(self, slots: Array) -> tuple[Array, Array]:
        """Return how many values each slot has, and its first; any value where it has none."""
        known = slots < len(self._count)
        counts = np.zeros(len(slots), np.int32)
        counts[known] = self._count[slots[known]]
        values = np.zeros(len(slots), self._values.dtype)
        some = counts > 0
        values[some] = self._values[self._start[slots[some]]]
        return counts, values

    def _reserve(self, added: int, capacity: int) -> None:
        if self._end + added > len(self._values):
            size = max(self._end + added, len(self._values) * 3 // 2)
            self._values = _grown(self._values, size, self._end)
            self._slots = _grown(self._slots, size, self._end)
        if capacity > len(self._count):
            used = len(self._count)
            self._start = _grown(self._start, capacity, used)
            self._count = _grown(self._count, capacity, used)
            self._count[used:] = 0


def _grown(array: Array, size: int, used: int) -> Array:
    grown = np.empty(size, array.dtype)
    grown[:used] = array[:used]
    return grown


class Dictionary:
    """Codes for distinct strings or bytes, so that a column of them is one of small integers."""

    def __init__(self) -> None:
        self._codes: dict[Any, int] = {}
        self._values: list[Any] = []  # by code, once one is asked for
        self._sorted: tuple[list[Any], npt.NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        """Return the number of codes."""
        return len(self._codes)

    def code(self, value: Any) -> int:
        """Return the code of a value, a new one where it has none."""
        return self._codes.setdefault(value, len(self._codes))

    @property
    def values(self) -> list[Any]:
        """The values in the order of their codes, which count from 0; a copy."""
        return list(self._codes)

    def restore(self, values: list[Any]) -> None:
        """Become what has these values."""
        self._codes = dict(zip(values, range(len(values)), strict=True))
        self._values, self._sorted = [], None

    def compact(self, column: Column) -> None:
        """Forget the values that no entry of a column has, where they are more than half.

        The others get new codes, in the column too. Codes below zero stand for no value and stay.
        """
        is_used = np.zeros(len(self) + 1, np.bool_)
        is_used[column.values] = True
        is_used[-1] = False  # where -1 leads
        if 2 * np.count_nonzero(is_used) >= len(self):
            return
        codes = np.where(is_used, np.cumsum(is_used) - 1, -1)
        column.recode(codes.astype(column.values.dtype))
        self.restore([value for value, kept in zip(self._codes, is_used[:-1], strict=True) if kept])

    def find(self, value: Any) -> int | None:
        """Return the code of a value, or None where no document ever had it."""
        return self._codes.get(value)

    def value(self, code: int) -> Any:
        """Return the value of a code."""
        if len(self._values) < len(self._codes):
            self._values = list(self._codes)
        return self._values[code]

    def accepting(self, lower: Any, upper: Any, *, closed: tuple[bool, bool]) -> Bools:
        """Return (number of codes,) which values lie in a range; None is an open end."""
        if self._sorted is None or len(self._sorted[0]) != len(self._codes):
            # Code points order strings as their UTF-8 bytes do.
            values = sorted(self._codes)
            order = np.fromiter((self._codes[value] for value in values), np.int64, len(values))
            self._sorted = values, order
        values, order = self._sorted
        low = 0 if lower is None else (bisect_left if closed[0] else bisect_right)(values, lower)
        high = (
            len(values)
            if upper is None
            else (bisect_right if closed[1] else bisect_left)(values, upper)
        )
        accepted = np.zeros(len(values), np.bool_)
        accepted[order[low:high]] = True
        return accepted
