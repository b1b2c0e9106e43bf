"""Postings: which slots hold something, and how often each of them does."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .columns import Column

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """What holds a term or a phrase.

    Args:
        slots: (n,) int32, each once.
        counts: (n,) how often, above zero; a fraction where a phrase counts for less than once.
    """

    slots: Array
    counts: Array

    def __len__(self) -> int:
        """Return how many slots there are."""
        return len(self.slots)

    def mask(self, capacity: int) -> Bools:
        """Return (capacity,) which slots there are."""
        mask = np.zeros(capacity, np.bool_)
        mask[self.slots] = True
        return mask


NO_POSTINGS = Postings(np.empty(0, np.int32), np.empty(0, np.int32))


def postings_of(column: Column, entries: Array) -> Postings:
    """Count some entries of a column by their slots; `entries` ascend, cleared ones are left out.

    The entries of a slot lie side by side, so nothing has to be sorted.
    """
    slots = column.slots[entries]
    slots = slots[slots >= 0]
    starts = np.flatnonzero(np.diff(slots, prepend=-1))
    counts = np.diff(starts, append=len(slots)).astype(np.int32)
    return Postings(slots[starts], counts)
