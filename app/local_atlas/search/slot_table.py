"""Which slots a record has, in a few bytes per record.

Slots count from 0 and are given again when they are free. A root document has one slot; a record of
nested documents has one for each. Records find their first slot through an array by record id,
which costs four bytes for every id that was ever given, and slots are chained.
"""

from array import array
from typing import Any

import numpy as np
import numpy.typing as npt

_NONE = -1
_NONES = array("i", [_NONE])


class SlotTable:
    """The slots in use and the records they belong to; not locked by itself."""

    def __init__(self) -> None:
        self._last_slot = array("i")  # by record id, _NONE where it has none
        self._previous = array("i")  # by slot: another slot of the same record, or _NONE
        self._free: list[int] = []
        self._records = 0
        self._owners: npt.NDArray[np.int64] | None = None  # once somebody asked for them

    def __len__(self) -> int:
        """Return the number of records that have a slot."""
        return self._records

    @property
    def capacity(self) -> int:
        """What every slot that was ever given is below."""
        return len(self._previous)

    def take(self, record_id: int) -> int:
        """Return a fresh slot for (one more part of) a record."""
        if record_id >= len(self._last_slot):
            self._last_slot.extend(_NONES * (record_id + 1 - len(self._last_slot)))
        previous = self._last_slot[record_id]
        if self._free:
            slot = self._free.pop()
            self._previous[slot] = previous
        else:
            slot = len(self._previous)
            self._previous.append(previous)
        self._last_slot[record_id] = slot
        self._records += previous == _NONE
        self._owners = None
        return slot

    def slots_of(self, record_id: int) -> list[int]:
        """Return the slots of a record in the order in which it took them."""
        slot = self._last_slot[record_id] if record_id < len(self._last_slot) else _NONE
        slots = []
        while slot != _NONE:
            slots.append(slot)
            slot = self._previous[slot]
        slots.reverse()
        return slots

    def owners(self) -> npt.NDArray[np.int64]:
        """Return (capacity,) the record of each slot, below zero where the slot is free.

        Of the slots of one record, only the last one counts. Not to be modified.
        """
        if self._owners is None:
            last_slot = np.array(self._last_slot, np.int64)
            record_ids = np.flatnonzero(last_slot != _NONE)
            self._owners = np.full(self.capacity, _NONE, np.int64)
            self._owners[last_slot[record_ids]] = record_ids
        return self._owners

    def release(self, record_id: int) -> list[int]:
        """Let the slots of a record be given again; return them."""
        slots = self.slots_of(record_id)
        if slots:
            self._last_slot[record_id] = _NONE
            self._free += slots
            self._records -= 1
            self._owners = None
        return slots

    def state(self) -> dict[str, Any]:
        """Return copies of everything that `restore` needs."""
        return {
            "last_slot": np.array(self._last_slot, np.int32),
            "previous": np.array(self._previous, np.int32),
            "free": np.array(self._free, np.int32),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` was taken of."""
        last_slot: npt.NDArray[np.int32] = state["last_slot"]
        self._last_slot = array("i", last_slot.tobytes())
        self._previous = array("i", state["previous"].tobytes())
        self._free = state["free"].tolist()
        self._owners = None
        self._records = int(np.count_nonzero(last_slot != _NONE))
