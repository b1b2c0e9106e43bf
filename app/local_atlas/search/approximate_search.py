"""Searching rows by way of their graph.

Like the engine, a search looks at `candidates` rows that may be returned: rows that are dead or
that a filter refuses are walked over and do not count. So where rows are refused, `ef` is larger by
their share, and grows until enough accepted ones were among the nearest; where that would cost more
than scanning the matches does, they are scanned.
A filter that keeps other clusters than the query's finds its rows far out, where a graph search
knows a part of the rows only. So the first accepted ones have to be among the nearest found.
"""

from math import ceil

import numpy as np
import numpy.typing as npt

from .exact_search import Hits, nearest, nearest_among
from .mapping import VectorField
from .proximity_graph import ProximityGraph
from .sifting import scan_cost, sifted
from .snapshot import Snapshot
from .vectors import Vector

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

# A graph search takes as long per candidate as comparing this many rows does: 2.5 to 6.5 us against
# 0.12 to 0.2 us were measured at 512 dimensions and 20,000 to 100,000 rows.
_ROWS_PER_CANDIDATE = 24
# Accepted rows are not spread evenly, so more than their share is looked at.
_HEADROOM = 1.5
# One in so many of the wanted rows has to be among the nearest found: in the part that is its due
# where accepted rows are spread evenly, or in so many times that part.
_NEAR = 10
_NEARNESS = 2
# Distances of equal rows, which are not always summed in the same order, differ by less.
_EQUAL = 1 + 1e-5


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
        candidates: how many rows are looked at, at least k.
    """
    target = None if snapshot.graph is None else snapshot.graph.target(query.values)
    if snapshot.graph is None or target is None:
        return nearest(snapshot, field, query, k)
    merged = snapshot.eligible[: snapshot.merged]
    if not snapshot.is_filtered or merged.all():
        found = _living(snapshot.graph, target, merged, k, candidates)
    else:
        found = _accepted(snapshot.graph, target, merged, k, candidates)
    if found is None:
        rows = sifted(snapshot, target, np.flatnonzero(snapshot.eligible), k)
    else:
        waiting = np.flatnonzero(snapshot.eligible[snapshot.merged :]) + snapshot.merged
        rows = np.concatenate([np.sort(found), waiting])
    return nearest_among(snapshot, field, query, k, rows)


def _living(
    graph: ProximityGraph, target: Floats, alive: Bools, k: int, candidates: int
) -> Ids | None:
    """Return the rows alive among `candidates` found, None where a scan is cheaper or finds more.

    Dead rows are looked at in excess of `candidates`; nothing else ever is, so that recall measured
    here is what the engine's would be.
    """
    matches = int(np.count_nonzero(alive))
    if not matches:
        return np.empty(0, np.int64)
    ef = ceil(candidates * len(alive) / matches)
    if ef * _ROWS_PER_CANDIDATE >= scan_cost(matches):
        return None
    found, distances = _found(graph, target, ef, len(alive))
    places = np.flatnonzero(alive[found])[:candidates]
    if len(places) < min(k, matches) or _is_stuck(distances):
        return None
    return _nearest(graph, found[places], distances[places], k)


def _accepted(
    graph: ProximityGraph, target: Floats, eligible: Bools, k: int, candidates: int
) -> Ids | None:
    """Return the nearest rows that a filter leaves, None where a scan is cheaper."""
    matches = int(np.count_nonzero(eligible))
    if not matches:
        return np.empty(0, np.int64)
    near = ceil(candidates / _NEAR)
    share = matches / len(eligible)
    ef = ceil(_HEADROOM * candidates / share)
    while ef * _ROWS_PER_CANDIDATE < scan_cost(matches):
        found, distances = _found(graph, target, ef, len(eligible))
        places = np.flatnonzero(eligible[found])
        if len(places) < near or _is_stuck(distances):
            return None
        reach = int(places[near - 1]) + 1
        if len(places) >= candidates and reach * _NEAR <= _NEARNESS * ef:
            return _nearest(graph, found[places], distances[places], k)
        share = min(near / reach, len(places) / ef)
        ef = max(2 * ef, ceil(_HEADROOM * candidates / share))
    return None


def _found(graph: ProximityGraph, target: Floats, ef: int, end: int) -> tuple[Ids, Floats]:
    found, distances = graph.search(target, ef)
    is_known = found < end  # later rows are not of this snapshot
    return found[is_known], distances[is_known]


def _is_stuck(distances: Floats) -> bool:
    """Tell whether the farther half of what was found is equally far.

    Where many vectors are equal, all their edges lead to one another: a search that comes among
    them does not get out again, however far from them its target is.
    """
    return len(distances) > 2 and bool(distances[-1] <= distances[len(distances) // 2] * _EQUAL)


def _nearest(graph: ProximityGraph, rows: Ids, distances: Floats, k: int) -> Ids:
    """Return those of some rows, nearest first, that may be among the k nearest of them."""
    if len(rows) <= k:
        return rows
    kth = float(distances[k - 1])
    return rows[: int(np.searchsorted(distances, kth + graph.margin(kth), side="right"))]
