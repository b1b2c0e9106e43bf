"""A graph whose storage is the one copy of the vectors that it holds.

The storage has room to spare: it never moves under a view, and where it is full, a larger one takes
its place while views keep the old one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from .graph_storage import empty_storage
from .mapping import VectorField
from .proximity_graph import UNEVENNESS, Floats, ProximityGraph
from .row_codes import RowCodes

_EPSILON = float(np.finfo(np.float32).eps)
_GROWTH = 2  # room that is not used takes no memory


class FloatGraph(ProximityGraph):
    """A graph of float32 rows, see `ProximityGraph`."""

    def __init__(
        self,
        field: VectorField,
        square_length: float,
        expected: int,
        sample: Floats | None = None,
    ) -> None:
        super().__init__(field, square_length, expected, sample)
        # Whoever makes a graph has no time to wait for the room; who adds to it has.
        self._capacity = 0
        self._storage = empty_storage(field.dimensions, 0)
        # FAISS's type hints do not know that a storage may be given.
        self._set_index(faiss.IndexHNSW(self._storage, field.max_edges))  # type: ignore[arg-type]

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
    ) -> "FloatGraph":
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

    def margin(self, square_distance: float) -> float:
        """Return how much farther than this a row may be found that scores no less."""
        # Distances are summed in at least eight lanes.
        rounding = 4 * _EPSILON * (self._field.dimensions / 8 + 16)
        if self._field.similarity == "euclidean":
            return rounding * (1 + square_distance)
        # Cosines and products order rows as distances do but for their uneven lengths.
        return (2 * UNEVENNESS + rounding) * max(self._square_length, square_distance)

    def add(self, rows: Floats) -> None:
        """Append rows; only one thread may do so."""
        if self._storage.ntotal + len(rows) > self._capacity:
            self._grow(self._storage.ntotal + len(rows))
        super().add(rows)

    def _grow(self, needed: int) -> None:
        capacity = max(needed, self._expected, self._capacity * _GROWTH)
        storage = empty_storage(self._field.dimensions, capacity)
        storage.add(self.rows)
        with self._lock.exclusive():
            self._index.storage = storage
            # SWIG takes what is assigned for the index's own, which never frees it.
            storage.this.own(True)  # type: ignore[attr-defined]  # no hint
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
