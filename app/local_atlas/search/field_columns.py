"""What an index knows of one path: which slots have it, and the values to compare with."""

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from .columns import Column, Dictionary
from .saved_state import Strings

Bools = npt.NDArray[np.bool_]

# A number is kept as an int64 or as a double; each has its own column.
Part: TypeAlias = Literal["boolean", "date", "int", "double", "token", "objectId", "uuid"]

_DTYPES: dict[Part, type[np.generic]] = {
    "boolean": np.int8,
    "date": np.int64,
    "int": np.int64,
    "double": np.float64,
    "token": np.int32,
    "objectId": np.int32,
    "uuid": np.int32,
}
_CODED = {"token", "objectId", "uuid"}


class Flags:
    """One bit per slot, false for every slot that was never set."""

    def __init__(self) -> None:
        self._bits: Bools = np.zeros(0, np.bool_)

    def set(self, slots: list[int], capacity: int) -> None:
        """Set the bits of some slots, all below `capacity`."""
        if capacity > len(self._bits):
            self._bits = self.up_to(capacity)
        self._bits[slots] = True

    def state(self) -> Bools:
        """Return what `restore` needs."""
        return self._bits.copy()

    def restore(self, state: Bools) -> None:
        """Become what `state` was taken of."""
        self._bits = state

    def clear(self, slot: int) -> None:
        """Clear one bit."""
        if slot < len(self._bits):
            self._bits[slot] = False

    def up_to(self, capacity: int) -> Bools:
        """Return a copy of (capacity,) bits."""
        bits = np.zeros(capacity, np.bool_)
        bits[: len(self._bits)] = self._bits[:capacity]
        return bits


class FieldColumns:
    """Everything known of one path."""

    def __init__(self) -> None:
        self.exists = Flags()
        self.nulls = Flags()
        self.columns: dict[Part, Column] = {}
        self.dictionaries: dict[Part, Dictionary] = {}

    def add(self, part: Part, slots: list[int], values: list[Any], capacity: int) -> None:
        """Append values of one part."""
        column = self.columns.get(part)
        if column is None:
            column = self.columns[part] = Column(_DTYPES[part])
        if part in _CODED:
            dictionary = self.dictionaries.setdefault(part, Dictionary())
            values = [dictionary.code(value) for value in values]
        column.add(slots, values, capacity)

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, which later changes leave alone."""
        return {
            "exists": self.exists.state(),
            "nulls": self.nulls.state(),
            "columns": {part: column.state() for part, column in self.columns.items()},
            "dictionaries": {part: Strings(one.values) for part, one in self.dictionaries.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` was taken of."""
        self.exists.restore(state["exists"])
        self.nulls.restore(state["nulls"])
        for part, column in state["columns"].items():
            self.columns[part] = Column(_DTYPES[part])
            self.columns[part].restore(column)
        for part, strings in state["dictionaries"].items():
            self.dictionaries[part] = Dictionary()
            self.dictionaries[part].restore(strings.values)

    def clear(self, slot: int) -> None:
        """Forget one slot."""
        self.exists.clear(slot)
        self.nulls.clear(slot)
        for column in self.columns.values():
            column.clear(slot)

    def compact(self) -> None:
        """Give back the room of what was cleared, where it is worth it."""
        for part, column in self.columns.items():
            if column.compact() and part in self.dictionaries:
                self.dictionaries[part].compact(column)
