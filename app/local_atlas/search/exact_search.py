"""Exact search: every row that may be returned is compared with the query.

One matrix product for all rows (or for the few that a filter leaves) finds the candidates, and
those are scored exactly: a matrix product may give equal vectors scores that differ in the last
bit, and then ties would not come in indexing order.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .closeness import closeness, resolution, worst_error
from .mapping import VectorField
from .similarity import scores
from .snapshot import Snapshot
from .vectors import Vector

Ids = npt.NDArray[np.int64]
Slots = npt.NDArray[np.int32]

# Below this many numbers, scoring every row exactly is as fast as finding candidates first.
_SMALL = 1 << 15
# Rows are multiplied one by one where a filter keeps less than one in this many.
_SPARSE = 2
# So many hits are put in order before any others are, where nobody knows how many are wanted.
_BEST = 1000


@dataclass(frozen=True, slots=True)
class Hits:
    """Results, best first; equal scores in indexing order.

    Args:
        record_ids: (k,) int64.
        slots: (k,) int32, where the filter columns keep the documents.
        scores: (k,) float32.
    """

    record_ids: Ids
    slots: Slots
    scores: npt.NDArray[np.float32]

    def ordered(self) -> "Hits":
        """Return the same hits in their order, which other scores may have changed."""
        return self._taken(np.lexsort((self.record_ids, -self.scores)))

    def best_first(self, wanted: int | None = None) -> Iterator["Hits"]:
        """Yield hits that are in no order in their order: the best before the others are sorted.

        A word may be in all documents, of which a $limit leaves ten: those that are `wanted`.
        """
        first = wanted or _BEST
        others = len(self.scores) - first
        if others <= first:
            yield self.ordered()
            return
        bound = np.partition(self.scores, others)[others]
        is_best = self.scores > bound
        equal = np.flatnonzero(self.scores == bound)
        earliest = np.argsort(self.record_ids[equal], kind="stable")
        is_best[equal[earliest[: first - np.count_nonzero(is_best)]]] = True
        yield self._taken(np.flatnonzero(is_best)).ordered()
        yield self._taken(np.flatnonzero(~is_best)).ordered()

    def _taken(self, places: Ids) -> "Hits":
        return Hits(self.record_ids[places], self.slots[places], self.scores[places])

    def first(self, limit: int) -> "Hits":
        """Return the best hits."""
        return Hits(self.record_ids[:limit], self.slots[:limit], self.scores[:limit])


def nearest(snapshot: Snapshot, field: VectorField, query: Vector, k: int) -> Hits:
    """Return the k nearest eligible rows.

    Args:
        snapshot: the rows to search.
        field: how they are compared.
        query: of the rows' element type and dimensions, finite; not zero under cosine.
        k: how many, at least 1.
    """
    return nearest_among(snapshot, field, query, k, np.flatnonzero(snapshot.eligible))


def nearest_among(snapshot: Snapshot, field: VectorField, query: Vector, k: int, rows: Ids) -> Hits:
    """Return the k nearest of some rows, whose numbers ascend; otherwise as `nearest`."""
    if len(rows) > k and len(rows) * len(query.values) > _SMALL:
        rows = _candidates(snapshot, field, query, k, rows)
    values = snapshot.matrix.take(rows)
    lengths = snapshot.square_lengths[rows]
    row_scores = scores(query.element_type, field.similarity, query.values, values, lengths)
    return Hits(snapshot.record_ids[rows], snapshot.slots[rows], row_scores).ordered().first(k)


def _candidates(snapshot: Snapshot, field: VectorField, query: Vector, k: int, rows: Ids) -> Ids:
    """Return the rows that may be among the k nearest, ties and rounding errors included."""
    count = len(snapshot.slots)
    square_lengths = snapshot.square_lengths
    if len(rows) < count:
        square_lengths = square_lengths[rows]
    error = worst_error(field, query, square_lengths)
    if error is None:
        return rows
    if len(rows) * _SPARSE < count:
        near = closeness(snapshot.matrix, square_lengths, field, query, rows)
    else:
        near = closeness(snapshot.matrix, snapshot.square_lengths, field, query, None)
        near = near if len(rows) == count else near[rows]
    kth_best = float(np.partition(near, len(rows) - k)[len(rows) - k])
    margin = 2 * error + resolution(field, query, kth_best)
    candidates: Ids = rows[near >= kth_best - margin]
    return candidates
