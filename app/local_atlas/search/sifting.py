"""Finding the rows worth comparing among many that a filter leaves, by their codes.

The rows that seem nearest are compared first. The k-th best distance among them says how far out
another one of the k nearest can seem to be, since the error of the estimates is known; whatever
seems nearer than that is worth comparing.
"""

import numpy as np
import numpy.typing as npt

from .snapshot import Snapshot

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

# Fewer rows are compared as quickly as their codes are.
_FEWEST = 2048
# As many codes are looked at in the time in which one row is compared.
_CODES_PER_ROW = 3
# Compared first, beside k.
_FIRST_COMPARED = 256
# In standard deviations: one in 160 of the k nearest seems farther out than this.
_MARGIN = 2.5


def sifted(snapshot: Snapshot, target: Floats, rows: Ids, k: int) -> Ids:
    """Return those of the rows that may be among the k nearest; all where nothing is gained.

    Args:
        snapshot: the rows of a graph, and others.
        target: (d,) float32, the point to search near.
        rows: numbers of the eligible rows, ascending; those that the graph has not got are kept.
        k: how many are wanted.

    Returns:
        Row numbers, ascending.
    """
    codes = None if snapshot.graph is None else snapshot.graph.codes
    end = int(np.searchsorted(rows, snapshot.merged))
    if codes is None or end < _FEWEST + k:
        return rows
    with codes.book.estimator(codes.view(), rows[:end], target) as estimator:
        first = np.sort(estimator.nearest(_FIRST_COMPARED + k))
        kth = float(np.partition(_square_distances(snapshot, target, first), k - 1)[k - 1])
        near = estimator.within(kth + _MARGIN * estimator.deviation)
    return np.concatenate([np.union1d(first, near), rows[end:]])


def scan_cost(count: int) -> float:
    """Return how many rows could be compared in the time that a search among so many takes."""
    return min(count, _FEWEST) + max(count - _FEWEST, 0) / _CODES_PER_ROW


def _square_distances(snapshot: Snapshot, target: Floats, rows: Ids) -> Doubles:
    products = snapshot.matrix.products(target, rows).astype(np.float64)
    wide = target.astype(np.float64)
    distances: Doubles = snapshot.square_lengths[rows] - 2 * products + wide @ wide
    return distances
