"""A FAISS HNSW graph whose storage is the one copy of the vectors that it holds.

One thread adds rows while any number search. Adding holds the graph's lock alone, so rows come in
small steps where queries are about. The storage has room to spare: it never moves under a view,
and where it is full, a larger one takes its place while views keep the old one.

Distances are euclidean. Where all lengths are (nearly) the same, they order rows as cosine and
dotProduct do; vectors of other lengths are not searched by a graph. The found rows are scored
exactly by others.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from .graph_storage import empty_storage
from .mapping import VectorField
from .row_codes import CodeBook, RowCodes
from .shared_lock import SharedLock

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

_GROWTH = 2  # room that is not used takes no memory
# How far squared lengths may lie from the first one under cosine and dotProduct.
_UNEVENNESS = 0.002
# Squared distances beyond are not to be trusted in float32.
_LONGEST_SQUARE = 1e30


class ProximityGraph:
    """Rows numbered in the order in which they were added.

    Args:
        field: how the rows are compared, and the options of the graph.
        square_length: of the first row, which all others resemble where that matters.
        expected: how many rows to make room for.
        sample: (n, d) some of the rows to come, at least one; None where `codes` are set.

    Attributes:
        codes: of the same rows, None before the first ones are added.
    """

    def __init__(
        self,
        field: VectorField,
        square_length: float,
        expected: int,
        sample: Floats | None = None,
    ) -> None:
        self.codes: RowCodes | None = None
        self._sample = sample
        self._field = field
        self._square_length = square_length
        self._lock = SharedLock()
        self._expected = expected
        # Whoever makes a graph has no time to wait for the room; who adds to it has.
        self._capacity = 0
        self._storage = empty_storage(field.dimensions, 0)
        # FAISS's type hints do not know that a storage may be given.
        self._index = faiss.IndexHNSW(self._storage, field.max_edges)  # type: ignore[arg-type]
        self._index.hnsw.efConstruction = field.num_edge_candidates

    @property
    def rows(self) -> Floats:
        """The (n, d) rows, not copied; what is added later is not in it."""
        storage = self._storage
        flat = faiss.rev_swig_ptr(storage.get_xb(), storage.ntotal * storage.d)
        return np.asarray(_Pinned(storage, flat.reshape(storage.ntotal, storage.d)))

    def state(self) -> dict[str, Any]:
        """Return what `restored` needs besides the rows, not copied: add none while it is used."""
        hnsw: Any = self._index.hnsw  # FAISS's type hints know a part of it
        vectors = {"levels": hnsw.levels, "offsets": hnsw.offsets, "neighbors": hnsw.neighbors}
        arrays = {name: _pinned(self._index, vector) for name, vector in vectors.items()}
        ends = {"entry_point": hnsw.entry_point, "max_level": hnsw.max_level}
        assert self.codes is not None, "a graph without rows is not worth saving"
        codes = self.codes.state()
        return {"square_length": self._square_length, "codes": codes, **ends, **arrays}

    @classmethod
    def restored(
        cls, field: VectorField, state: Mapping[str, Any], rows: Iterable[Floats], expected: int
    ) -> "ProximityGraph":
        """Return the graph that `state` was taken of.

        Args:
            field: as when it was built.
            state: of the graph.
            rows: all its rows, in blocks that are copied.
            expected: how many rows to make room for.
        """
        graph = cls(field, state["square_length"], expected)
        graph._grow(expected)
        graph.codes = RowCodes.restored(state["codes"])
        for block in rows:
            graph._storage.add(block)
        hnsw: Any = graph._index.hnsw
        neighbors = state["neighbors"]
        faiss.copy_array_to_vector(state["levels"], hnsw.levels)
        faiss.copy_array_to_vector(state["offsets"], hnsw.offsets)
        hnsw.neighbors.resize(len(neighbors))
        faiss.rev_swig_ptr(hnsw.neighbors.data(), len(neighbors))[:] = neighbors
        hnsw.entry_point, hnsw.max_level = state["entry_point"], state["max_level"]
        graph._index.ntotal = graph._storage.ntotal
        return graph

    def fits(self, square_lengths: Doubles) -> bool:
        """Tell whether rows of these squared lengths are ordered rightly by the graph."""
        if not len(square_lengths):
            return True
        shortest, longest = float(square_lengths.min()), float(square_lengths.max())
        if self._field.similarity == "euclidean":
            return longest < _LONGEST_SQUARE
        allowed = _UNEVENNESS * self._square_length
        return (
            1 / _LONGEST_SQUARE < self._square_length < _LONGEST_SQUARE
            and shortest >= self._square_length - allowed
            and longest <= self._square_length + allowed
        )

    def target(self, query: Floats) -> Floats | None:
        """Return the point to search near, or None where a graph cannot answer the query."""
        wide = query.astype(np.float64)
        square_length = float(wide @ wide)
        if self._field.similarity == "euclidean":
            return query if square_length < _LONGEST_SQUARE else None
        if square_length == 0:
            return None
        # Only the direction counts; at the rows' own length their small differences count least.
        scaled: Floats = (wide * np.sqrt(self._square_length / square_length)).astype(np.float32)
        return scaled

    def expect(self, rows: int) -> None:
        """Make room for this many rows when there has to be more."""
        self._expected = rows

    def add(self, rows: Floats) -> None:
        """Append rows; only one thread may do so."""
        if self._storage.ntotal + len(rows) > self._capacity:
            self._grow(self._storage.ntotal + len(rows))
        # The thread count belongs to the calling thread; a core is left to queries.
        faiss.omp_set_num_threads(max((os.cpu_count() or 1) - 1, 1))
        self._encode(rows)
        with self._lock.exclusive():
            self._index.add(rows)

    def search(self, target: Floats, ef: int) -> Ids:
        """Return the rows that a search with this `ef` finds, at most as many, nearest first."""
        options = faiss.SearchParametersHNSW(efSearch=ef)  # type: ignore[attr-defined]  # no hint
        faiss.omp_set_num_threads(1)
        with self._lock.shared():
            _, found = self._index.search(target[np.newaxis], ef, params=options)
        rows: Ids = found[0][found[0] >= 0]
        return rows

    def _encode(self, rows: Floats) -> None:
        if self._sample is not None:
            self.codes = RowCodes(CodeBook.of(self._sample), self._capacity)
            self._sample = None
        assert self.codes is not None
        self.codes.append(rows)

    def _grow(self, needed: int) -> None:
        capacity = max(needed, self._expected, self._capacity * _GROWTH)
        storage = empty_storage(self._field.dimensions, capacity)
        storage.add(self.rows)
        with self._lock.exclusive():
            self._index.storage = storage
            # FAISS's wrapper would keep the first storage as long as the index lives.
            self._index.referenced_objects = [storage]  # type: ignore[attr-defined]  # no hint
            self._storage, self._capacity = storage, capacity


class _Pinned:
    """Memory of FAISS as numpy wants it; an array made of it keeps its owner alive."""

    def __init__(self, owner: Any, array: npt.NDArray[Any]) -> None:
        self.owner = owner
        self.__array_interface__ = array.__array_interface__


def _pinned(owner: Any, vector: Any) -> npt.NDArray[Any]:
    """Return a C++ vector of numbers as an array, not copied."""
    return np.asarray(_Pinned(owner, faiss.rev_swig_ptr(vector.data(), vector.size())))
