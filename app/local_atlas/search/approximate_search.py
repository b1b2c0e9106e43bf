"""Searching rows by way of their cells.

A graph search, as the engine's, compares the query with the neighbours of `candidates` rows. As
many rows are looked at here, in the cells nearest to the query: first by their codes, and those
that the codes leave open are compared in full. So recall grows with `candidates`, as it does there.
Where hits are to be expected in other cells too, as many rows again are looked at there.

Rows that a filter refuses do not count. Where it keeps other cells than the query's, the nearest
rows are spread over many; so a filtered search goes on until hardly any hit is to be expected in
the cells that are left.
"""

from math import inf

import numpy as np
import numpy.typing as npt

from .cells import Counts
from .exact_search import Hits, nearest, nearest_among
from .inverted_file import InvertedFile
from .mapping import VectorField
from .snapshot import Snapshot
from .vectors import Vector

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

# Fewer rows are compared as quickly as their codes are.
_FEWEST = 1024
# Edges of a graph's lowest layer for each of `maxEdges`.
_EDGES = 2
# Compared first, beside k: the k-th best of them says how far out another hit can seem to be.
_FIRST_COMPARED = 128
# In standard deviations: one in 740 of the k nearest seems farther out than this.
_MARGIN = 3.0
# So few rows are looked at without asking for their cells.
_LOOKED_AT_ONCE = 8192
# A filtered search goes on while more than this part of the hits is expected elsewhere.
_MISSED = 0.01


def nearest_approximately(
    snapshot: Snapshot,
    field: VectorField,
    query: Vector,
    k: int,
    candidates: int,
) -> Hits:
    """Return k near rows, or all that are eligible where those are fewer.

    Args:
        snapshot: the rows to search.
        field: how they are compared.
        query: of the rows' element type and dimensions, finite; not zero under cosine.
        k: how many, at least 1.
        candidates: how many rows a graph search would look at the neighbours of, at least k.
    """
    target = None if snapshot.cells is None else snapshot.cells.target(query.values)
    if snapshot.cells is None or target is None:
        return nearest(snapshot, field, query, k)
    search = _CellSearch(snapshot, snapshot.cells, target, k, candidates)
    rows = search.among_eligible() if snapshot.is_filtered else search.among_living()
    waiting = np.flatnonzero(snapshot.eligible[snapshot.merged :]) + snapshot.merged
    return nearest_among(snapshot, field, query, k, np.concatenate([np.sort(rows), waiting]))


class _CellSearch:
    """Finds the rows worth comparing for one query.

    Args:
        snapshot: as for `nearest_approximately`, and so `k` and `candidates`.
        cells: of the snapshot.
        target: (d,) float32, the point to search near.
    """

    def __init__(
        self, snapshot: Snapshot, cells: InvertedFile, target: Floats, k: int, candidates: int
    ) -> None:
        self._snapshot = snapshot
        self._cells = cells
        self._target = target
        self._k = k
        # One bit a dimension, as `quantization: binary` has it, decides alone which rows are
        # compared. Otherwise it only passes over those that it knows to be too far away.
        self._compared = candidates if cells.field.quantization == "binary" else None
        self._wanted = candidates * _EDGES * cells.field.max_edges
        self._approach = cells.approach(target)
        # The squared distance within which k rows are known to be.
        self._reach = inf

    def among_living(self) -> Ids:
        """Return what is worth comparing where nearly every row may be found."""
        snapshot = self._snapshot
        living = snapshot.eligible[: snapshot.merged]
        # As many rows of each cell are taken to live as of all.
        sizes = self._approach.sizes * (np.count_nonzero(living) / snapshot.merged)
        cells = self._nearest_cells(sizes)
        rows = self._living_of(cells)
        if len(rows) < self._k:
            return self.among_eligible()
        rows = self._worthwhile(rows)
        sizes[cells] = 0
        further = self._promising(sizes, rows)[::-1]
        # As many rows again, and no more.
        further = further[: int(np.searchsorted(np.cumsum(sizes[further]), self._wanted))]
        if len(further):
            rows = np.concatenate([rows, self._worthwhile(self._living_of(further))])
        return rows

    def among_eligible(self) -> Ids:
        """Return what is worth comparing where rows in any number may not be found."""
        eligible = np.flatnonzero(self._snapshot.eligible[: self._snapshot.merged])
        if len(eligible) <= max(_FEWEST, self._k):
            return eligible
        if len(eligible) <= max(_LOOKED_AT_ONCE, self._wanted):
            return self._worthwhile(eligible)
        counts = self._approach.counts(eligible)
        cells = self._nearest_cells(counts)
        rows = self._worthwhile(self._approach.within(eligible, cells))
        if self._snapshot.is_filtered:
            counts[cells] = 0
            further = self._promising(counts, rows)
            if len(further):
                more = self._worthwhile(self._approach.within(eligible, further))
                rows = np.concatenate([rows, more])
        return rows

    def _living_of(self, cells: Ids) -> Ids:
        rows = self._approach.rows_of(cells)
        rows = rows[rows < self._snapshot.merged]  # later ones are not of this snapshot
        living: Ids = rows[self._snapshot.eligible[rows]]
        return living

    def _nearest_cells(self, counts: Counts) -> Ids:
        """Return the nearest cells that have as many rows as are to be looked at."""
        order = np.argsort(self._approach.distances)
        enough = int(np.searchsorted(np.cumsum(counts[order]), self._wanted)) + 1
        return order[:enough]

    def _promising(self, counts: Counts, rows: Ids) -> Ids:
        """Return the cells where hits are to be expected beside some rows, the best last."""
        if self._reach == inf:
            self._compared_in_full(rows)
        expected = self._approach.expected_within(counts, self._reach)
        order = np.argsort(expected)
        left = np.searchsorted(np.cumsum(expected[order]), _MISSED * self._k)
        return order[left:]

    def _worthwhile(self, rows: Ids) -> Ids:
        """Return those of some rows that may be among the k nearest of them, by their codes."""
        k = self._k
        if len(rows) <= max(_FEWEST, k) and self._compared is None:
            return self._compared_in_full(rows)
        compared = k + _FIRST_COMPARED if self._compared is None else self._compared
        if len(rows) <= compared:
            return rows
        estimates = self._approach.estimates(rows)
        first = np.argpartition(estimates, compared)[:compared]
        if self._compared is not None:
            return rows[first]
        kept = self._compared_in_full(rows[first])
        limit = self._reach + self._cells.unevenness
        may_be_near = estimates - _MARGIN * self._approach.deviations(rows) <= limit
        may_be_near[first] = False  # known better by now
        return np.concatenate([kept, rows[may_be_near]])

    def _compared_in_full(self, rows: Ids) -> Ids:
        """Return those of some rows that may be among the k nearest, and bring in the reach."""
        rows = np.sort(rows)
        snapshot = self._snapshot
        nearest, farthest = self._cells.bounds(
            snapshot.matrix, snapshot.square_lengths, self._target, rows
        )
        if len(rows) >= self._k:
            kth = float(np.partition(farthest, self._k - 1)[self._k - 1])
            self._reach = min(self._reach, kth)
        kept: Ids = rows[nearest <= self._reach + self._cells.unevenness]
        return kept
