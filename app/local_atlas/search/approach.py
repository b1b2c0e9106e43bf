"""Cells and codes as a query sees them: how far away rows are likely to be."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from .cell_rows import BLOCK, CellRows
from .cells import Cells, Counts
from .row_codes import CodeBook

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Estimates:
    """What the codes of some rows say of their squared distances.

    Args:
        rows: (n,) int32 numbers; anything where no row counts.
        distances: (n,) float32, estimated; NaN where no row counts.
        deviations: (n,) float32, the standard deviations of the estimates' errors.
    """

    rows: Places
    distances: Floats
    deviations: Floats


class Approach:
    """Cells and their rows as they are seen from a point.

    Args:
        cells: where the rows are.
        rows: of the cells.
        book: of the rows' codes.
        point: (d,) float32, less the centre.

    Attributes:
        distances: (c,) squared, of the centroids.
    """

    def __init__(self, cells: Cells, rows: CellRows, book: CodeBook, point: Floats) -> None:
        self.distances = cells.square_distances(point)
        self._rows = rows
        self._cells = cells
        self._book = book
        self._turned = book.rotated(point[np.newaxis])[0]
        square_length = float(point @ point)
        self._length = sqrt(square_length)
        # A row is its centroid and an offset from it. The code estimates the distance of the offset
        # from the point; the rest is known:
        # |p - c - o|^2 = |p - o|^2 + (|c + o|^2 - |o|^2) + (|p - c|^2 - |p|^2 - |c|^2)
        self._shifts = self.distances - square_length - cells.square_lengths

    @property
    def sizes(self) -> Ids:
        """How many rows there are in each cell by now, (c,)."""
        return self._rows.counts

    def counts(self, rows: Ids) -> Ids:
        """Return how many of some rows each cell has, (c,)."""
        counts: Ids = np.bincount(self._rows.cells_of(rows), minlength=len(self.distances))
        return counts

    def within(self, rows: Ids, cells: Ids) -> Ids:
        """Return those of some rows that belong to some cells."""
        is_wanted = np.zeros(len(self.distances), np.bool_)
        is_wanted[cells] = True
        wanted: Ids = rows[is_wanted[self._rows.cells_of(rows)]]
        return wanted

    def expected_within(self, counts: Counts, square_distance: float) -> Floats:
        """Return how many rows of each cell are to be expected nearer; see `Cells`."""
        return self._cells.expected_within(counts, self.distances, square_distance)

    def into(self, cells: Ids, eligible: Bools) -> Estimates:
        """Estimate the distances of the rows of some cells.

        Args:
            cells: their numbers.
            eligible: (n,) which of the first n rows count; later ones do not.
        """
        blocks = self._rows.blocks(cells)
        estimates = self._book.estimates(self._rows.codes, blocks, self._turned)
        of_blocks = estimates.reshape(-1, BLOCK)
        of_blocks += self._rows.shifts.take(blocks, axis=0)
        of_blocks += self._shifts[self._rows.cell_of_block[blocks], np.newaxis]
        rows = self._rows.numbers.take(blocks, axis=0).ravel()
        counts = rows < len(eligible)
        counts &= eligible.take(rows, mode="clip")
        estimates[~counts] = np.nan
        lengths = self._rows.lengths.take(blocks, axis=0).ravel()
        return Estimates(rows, estimates, self._book.deviation(self._length, lengths))

    def at(self, rows: Ids) -> Estimates:
        """Estimate the distances of some rows."""
        places = self._rows.places(rows)
        codes = self._rows.codes.reshape(-1, self._book.code_bytes)
        distances = self._book.estimates(codes, places, self._turned)
        distances += self._rows.shifts.ravel()[places]
        distances += self._shifts[self._rows.cells_of(rows)]
        lengths = self._rows.lengths.ravel()[places]
        deviations = self._book.deviation(self._length, lengths)
        return Estimates(rows.astype(np.int32), distances, deviations)
