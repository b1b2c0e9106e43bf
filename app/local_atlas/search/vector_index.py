"""The vectors of one path and one element type, searched exactly.

Strategy: rows are only ever appended. Replacing or deleting a document marks its row dead, and
when too many rows are dead, the living ones move into fresh arrays. So a query takes the arrays
and the number of rows under the lock, and computes outside it: whatever happens meanwhile happens
behind its end of the arrays or in other arrays.
A query is one matrix product for all rows (or for the few that a filter leaves) that finds the
candidates, and an exact scoring of those: a matrix product may give equal vectors scores that
differ in the last bit, and then ties would not come in indexing order.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .mapping import VectorField
from .similarity import scores
from .vectors import ElementType, Vector

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Ids = npt.NDArray[np.int64]
Slots = npt.NDArray[np.int32]
Doubles = npt.NDArray[np.float64]

_FIRST_CAPACITY = 64
_GROWTH = 1.5
# Below this many numbers, scoring every row exactly is as fast as finding candidates first.
_SMALL = 1 << 16
# A filter that keeps less than one row in this many is cheaper searched row by row.
_SPARSE = 8
# Rows of int8 or packed bits that are widened at once for the matrix product.
_BLOCK_ROWS = 8192
# A float32 product of vectors whose lengths multiply to something outside is not to be trusted.
_TRUSTED = (1e-25, 1e30)


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
        order = np.lexsort((self.record_ids, -self.scores))
        return Hits(self.record_ids[order], self.slots[order], self.scores[order])

    def first(self, limit: int) -> "Hits":
        """Return the best hits."""
        return Hits(self.record_ids[:limit], self.slots[:limit], self.scores[:limit])


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rows of a moment: (n, d) values, (n,) record ids, slots, squared lengths and life."""

    values: Array
    record_ids: Ids
    slots: Slots
    square_lengths: Doubles
    alive: Bools


class VectorIndex:
    """Rows of vectors with the record and the slot that each belongs to; not locked by itself."""

    def __init__(self, field: VectorField, element_type: ElementType, expected: int = 0) -> None:
        self.field = field
        self.element_type: ElementType = element_type
        self._width = field.dimensions // (8 if element_type == "packed_bit" else 1)
        self._dtype = {"float32": np.float32, "int8": np.int8, "packed_bit": np.uint8}[element_type]
        self._count = 0
        self._dead = 0
        self._row_of_slot: dict[int, int] = {}
        # Room that is never written to costs no memory, and growing costs twice the memory.
        self._allocate(max(expected, _FIRST_CAPACITY))

    def __len__(self) -> int:
        return self._count - self._dead

    def add(self, slots: list[int], record_ids: list[int], vectors: list[Vector]) -> None:
        """Append one row per vector; none of the slots has a row yet."""
        if not slots:
            return
        end = self._count + len(slots)
        self._reserve(end)
        rows = slice(self._count, end)
        self._values[rows] = np.stack([vector.values for vector in vectors])
        self._slots[rows] = slots
        self._record_ids[rows] = record_ids
        self._alive[rows] = True
        if self.element_type != "packed_bit":
            wide = self._values[rows].astype(np.float64)
            self._square_lengths[rows] = np.einsum("ij,ij->i", wide, wide)
        self._row_of_slot.update(zip(slots, range(self._count, end), strict=True))
        self._count = end

    def remove(self, slot: int) -> None:
        """Mark the row of a slot dead, where it has one."""
        row = self._row_of_slot.pop(slot, None)
        if row is not None:
            self._alive[row] = False
            self._dead += 1

    def compact(self) -> None:
        """Move the living rows into fresh arrays where more than a third are dead."""
        if self._dead <= max(_FIRST_CAPACITY, self._count // 3):
            return
        rows = np.flatnonzero(self._alive[: self._count])
        old = self._values, self._record_ids, self._slots, self._square_lengths
        self._allocate(len(rows))
        end = len(rows)  # the arrays have room for one row at least
        self._values[:end] = old[0][rows]
        self._record_ids[:end] = old[1][rows]
        self._slots[:end] = old[2][rows]
        self._square_lengths[:end] = old[3][rows]
        self._alive[:end] = True
        self._count, self._dead = end, 0
        self._row_of_slot = dict(zip(self._slots[:end].tolist(), range(end), strict=True))

    def snapshot(self) -> Snapshot:
        """Return the rows as they are now; to be called under the lock, and used without it."""
        end = self._count
        return Snapshot(
            self._values[:end],
            self._record_ids[:end],
            self._slots[:end],
            self._square_lengths[:end],
            self._alive[:end].copy(),
        )

    def _allocate(self, capacity: int) -> None:
        capacity = max(capacity, 1)
        self._values = np.empty((capacity, self._width), self._dtype)
        self._record_ids = np.empty(capacity, np.int64)
        self._slots = np.empty(capacity, np.int32)
        self._square_lengths = np.zeros(capacity, np.float64)
        self._alive = np.zeros(capacity, np.bool_)

    def _reserve(self, capacity: int) -> None:
        if capacity <= len(self._slots):
            return
        end = self._count
        old = self._values, self._record_ids, self._slots, self._square_lengths, self._alive
        self._allocate(max(capacity, int(len(self._slots) * _GROWTH)))
        self._values[:end] = old[0][:end]
        self._record_ids[:end] = old[1][:end]
        self._slots[:end] = old[2][:end]
        self._square_lengths[:end] = old[3][:end]
        self._alive[:end] = old[4][:end]


def nearest(
    snapshot: Snapshot, field: VectorField, query: Vector, k: int, allowed: Bools | None = None
) -> Hits:
    """Return the k nearest rows.

    Args:
        snapshot: the rows to search.
        field: how they are compared.
        query: of the rows' element type and dimensions, finite; not zero under cosine.
        k: how many, at least 1.
        allowed: (capacity,) by slot, or None for no filter.
    """
    eligible = snapshot.alive if allowed is None else snapshot.alive & allowed[snapshot.slots]
    rows = np.flatnonzero(eligible)
    if len(rows) > k and len(rows) * len(query.values) > _SMALL:
        rows = _candidates(snapshot, field, query, k, rows)
    row_scores = scores(query.element_type, field.similarity, query.values, snapshot.values[rows])
    return Hits(snapshot.record_ids[rows], snapshot.slots[rows], row_scores).ordered().first(k)


def _candidates(snapshot: Snapshot, field: VectorField, query: Vector, k: int, rows: Ids) -> Ids:
    """Return the rows that may be among the k nearest, ties and rounding errors included."""
    square_lengths = snapshot.square_lengths[rows]
    error = _worst_error(field, query, square_lengths)
    if error is None:
        return rows
    if len(rows) * _SPARSE < len(snapshot.slots):
        closeness = _closeness(snapshot.values[rows], square_lengths, field, query)
    else:
        closeness = _closeness(snapshot.values, snapshot.square_lengths, field, query)[rows]
    kth_best = float(np.partition(closeness, len(rows) - k)[len(rows) - k])
    margin = 2 * error + _resolution(field, query, kth_best)
    candidates: Ids = rows[closeness >= kth_best - margin]
    return candidates


def _resolution(field: VectorField, query: Vector, closeness: float) -> float:
    """Return how far closenesses may lie apart where the scores, in float32, are equal."""
    # A score is the result of a few roundings.
    roundings = 8 * float(np.finfo(np.float32).eps)
    length = float(np.linalg.norm(query.values.astype(np.float64)))
    if query.element_type == "packed_bit":
        return 0.0
    if field.similarity == "cosine":
        return roundings * length
    if field.similarity == "euclidean":
        return roundings * (1 + max(length**2 - closeness, 0.0))
    scale = 2.0**14 * len(query.values) if query.element_type == "int8" else 1.0
    return roundings * (scale + abs(closeness))


def _worst_error(field: VectorField, query: Vector, square_lengths: Doubles) -> float | None:
    """Return by how much a closeness may be wrong, or None where float32 cannot hold it."""
    if query.element_type == "packed_bit":
        return 0.0
    length = float(np.linalg.norm(query.values.astype(np.float64)))
    shortest, longest = np.sqrt(square_lengths.min()), np.sqrt(square_lengths.max())
    if longest * length > _TRUSTED[1] or longest**2 > _TRUSTED[1]:
        return None
    # Products are summed in at least eight lanes.
    relative = float(np.finfo(np.float32).eps) * (len(query.values) / 8 + 16)
    if field.similarity == "cosine":
        return relative * length if shortest * length > _TRUSTED[0] else None
    if field.similarity == "dotProduct":
        return float(relative * longest * length)
    return float(2 * relative * (longest + length) ** 2)


def _closeness(values: Array, square_lengths: Doubles, field: VectorField, query: Vector) -> Array:
    """Return a float32 number per row that falls as the score does."""
    if query.element_type == "packed_bit":
        distances = np.bitwise_count(values ^ query.values).sum(axis=1, dtype=np.int32)
        few_differences: Array = -distances.astype(np.float32)
        return few_differences
    target = query.values.astype(np.float32)
    products = _products(values, target)
    # Dead rows may lie outside of what float32 holds; nobody looks at what they get.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if field.similarity == "cosine":
            cosines: Array = products / np.sqrt(square_lengths).astype(np.float32)
            return cosines
        if field.similarity == "dotProduct":
            # Scores of less than 0 are 0, and so equal; those of int8 are never cut off.
            is_cut = query.element_type == "float32"
            return np.maximum(products, np.float32(-1)) if is_cut else products
        near: Array = 2 * products - square_lengths.astype(np.float32)
        return near


def _products(values: Array, target: Array) -> Array:
    if values.dtype == np.float32:
        with np.errstate(over="ignore", invalid="ignore"):
            return values @ target
    products = np.empty(len(values), np.float32)
    for start in range(0, len(values), _BLOCK_ROWS):
        block = values[start : start + _BLOCK_ROWS].astype(np.float32)
        products[start : start + _BLOCK_ROWS] = block @ target
    return products
