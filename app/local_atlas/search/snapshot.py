"""What a query sees of an index: the rows of one moment, which later writes leave alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .inverted_file import InvertedFile
from .matrix import MatrixView

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Ids = npt.NDArray[np.int64]
Slots = npt.NDArray[np.int32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rows of a moment: the vectors, and (n,) record ids, slots and squared lengths.

    `eligible` says which of them may be found: those that live and that a filter, if any, leaves.
    The first `merged` rows are in `cells`, which may get more of them at any time.
    """

    matrix: MatrixView
    record_ids: Ids
    slots: Slots
    square_lengths: Doubles
    eligible: Bools
    is_filtered: bool = False
    cells: InvertedFile | None = None
    merged: int = 0

    @property
    def values(self) -> Array:
        """The (n, d) vectors as one array, which may have to be copied together."""
        return self.matrix.values
