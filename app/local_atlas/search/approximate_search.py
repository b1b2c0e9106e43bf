"""Searching rows by way of their cells.

A graph search, as the engine's, compares the query with the neighbours of `candidates` rows. As
many rows are looked at here, in the cells nearest to the query: first by their codes, and those
that the codes leave open are compared in full. So recall grows with `candidates`, as it does there.
Where hits are to be expected in other cells too, as many rows again are looked at there; where
those are few, they are looked at without asking.

Rows that a filter refuses do not count. Where it keeps other cells than the query's, the nearest
rows are spread over many; so a filtered search goes on until hardly any hit is to be expected in
the cells that are left.
"""

from math import inf

import numpy as np
import numpy.typing as npt

from .approach import Estimates
from .cells import Counts
from .exact_search import Hits, nearest, nearest_among
from .inverted_file import InvertedFile
from .mapping import VectorField
from .snapshot import Snapshot
from .vectors import Vector

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

# So few rows are compared without a look at their codes.
_FEWEST = 1024
# Edges of a graph's lowest layer for each of `maxEdges`.
_EDGES = 2
# Compared first, beside k: the k-th best of them says how far out another hit can seem to be.
_FIRST_COMPARED = 128
# In standard deviations: one in 160 of the k nearest seems farther out than this.
_MARGIN = 2.5
# Of rows in cells that were not the nearest, few are hits, and many seem as near as one.
_FURTHER_MARGIN = 1.5
# So few rows are to be looked at that as many again, at once, cost less than to ask for them.
_DOUBLED = 4096
# So few rows are looked at without asking for their cells.
_LOOKED_AT_ONCE = 8192
# Cells are read whole where at least one in so many of their rows is eligible.
_SPARSE = 4
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
        living = self._snapshot.eligible[: self._snapshot.merged]
        # As many rows of each cell are taken to live as of all.
        sizes = self._approach.sizes * (np.count_nonzero(living) / len(living))
        looks_once = self._wanted <= _DOUBLED
        cells = self._nearest_cells(sizes, self._wanted * (2 if looks_once else 1))
        rows = self._worthwhile(self._approach.into(cells, living))
        if len(rows) < self._k:
            return self.among_eligible()
        if looks_once:
            return rows
        sizes[cells] = 0
        further = self._promising(sizes, rows)[::-1]
        # As many rows again, and no more.
        further = further[: int(np.searchsorted(np.cumsum(sizes[further]), self._wanted))]
        if len(further):
            rows = np.concatenate([rows, self._worthwhile(self._approach.into(further, living))])
        return rows

    def among_eligible(self) -> Ids:
        """Return what is worth comparing where rows in any number may not be found."""
        eligible = np.flatnonzero(self._snapshot.eligible[: self._snapshot.merged])
        if len(eligible) <= max(_FEWEST, self._k):
            return eligible
        if len(eligible) <= max(_LOOKED_AT_ONCE, self._wanted):
            return self._worthwhile(self._approach.at(eligible))
        counts = self._approach.counts(eligible)
        cells = self._nearest_cells(counts, self._wanted)
        rows = self._worthwhile(self._looked_for(eligible, counts, cells))
        if self._snapshot.is_filtered:
            counts[cells] = 0
            further = self._promising(counts, rows)
            if len(further):
                more = self._worthwhile(self._looked_for(eligible, counts, further))
                rows = np.concatenate([rows, more])
        return rows

    def _looked_for(self, eligible: Ids, counts: Ids, cells: Ids) -> Estimates:
        """Look at the eligible rows of some cells."""
        if counts[cells].sum() * _SPARSE < self._approach.sizes[cells].sum():
            return self._approach.at(self._approach.within(eligible, cells))
        return self._approach.into(cells, self._snapshot.eligible[: self._snapshot.merged])

    def _nearest_cells(self, counts: Counts, wanted: int) -> Ids:
        """Return the nearest cells that have as many rows together."""
        order = np.argsort(self._approach.distances)
        enough = int(np.searchsorted(np.cumsum(counts[order]), wanted)) + 1
        return order[:enough]

    def _promising(self, counts: Counts, rows: Ids) -> Ids:
        """Return the cells where hits are to be expected beside some rows, the best last."""
        if self._reach == inf:
            self._compared_in_full(rows)
        expected = self._approach.expected_within(counts, self._reach)
        order = np.argsort(expected)
        left = np.searchsorted(np.cumsum(expected[order]), _MISSED * self._k)
        return order[left:]

    def _worthwhile(self, seen: Estimates) -> Ids:
        """Return the rows that may be among the k nearest, by their codes."""
        if self._compared is not None:
            return seen.rows[_first(seen.distances, self._compared)].astype(np.int64)
        kept, margin = np.empty(0, np.int64), _FURTHER_MARGIN
        if self._reach == inf:
            margin = _MARGIN
            first = _first(seen.distances, self._k + _FIRST_COMPARED)
            kept = self._compared_in_full(seen.rows[first].astype(np.int64))
            seen.distances[first] = np.nan  # known better by now
        nearest = seen.distances - margin * seen.deviations
        may_be_near = seen.rows[nearest <= self._reach + self._cells.unevenness]
        return np.concatenate([kept, self._compared_in_full(may_be_near.astype(np.int64))])

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


def _first(distances: Floats, count: int) -> Ids:
    """Return the places of the smallest distances, at most `count`, none of them NaN."""
    if len(distances) <= count:
        return np.flatnonzero(~np.isnan(distances))
    # Numbers are partitioned in a fraction of the time that their places are. NaN comes last.
    last = np.partition(distances, count - 1)[count - 1]
    is_near = ~np.isnan(distances) if np.isnan(last) else distances <= last
    return np.flatnonzero(is_near)[:count]
