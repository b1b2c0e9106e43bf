"""A graph in which near rows are found without comparing all: FAISS's HNSW.

One thread adds rows while any number search. Adding holds the graph's lock alone, so rows come in
small steps where queries are about.

Distances are euclidean. Where all lengths are (nearly) the same, they order rows as cosine and
dotProduct do; vectors of other lengths are not searched by a graph. The found rows are scored
exactly by others.
"""

import os
from abc import ABC, abstractmethod
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from .mapping import VectorField
from .row_codes import CodeBook, RowCodes
from .shared_lock import SharedLock

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

# How far squared lengths may lie from the first one under cosine and dotProduct.
UNEVENNESS = 0.002
# Squared distances beyond are not to be trusted in float32.
_LONGEST_SQUARE = 1e30


class ProximityGraph(ABC):
    """Rows numbered in the order in which they were added.

    Args:
        field: how the rows are compared, and the options of the graph.
        square_length: of the first row, which all others resemble where that matters.
        expected: how many rows to make room for.
        sample: (n, d) some of the rows to come, at least one; None where the graph is restored.

    Attributes:
        codes: of the same rows, None before the first ones are added.
    """

    # Set by those who make the graph.
    _index: faiss.IndexHNSW

    def __init__(
        self,
        field: VectorField,
        square_length: float,
        expected: int,
        sample: Floats | None = None,
    ) -> None:
        self.codes: RowCodes | None = None
        self._field = field
        self._square_length = square_length
        self._expected = expected
        self._sample = sample
        self._lock = SharedLock()

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return what restores it besides the rows; add none while it is used."""

    @abstractmethod
    def margin(self, square_distance: float) -> float:
        """Return how much farther than this a row may be found that scores no less."""

    def fits(self, square_lengths: Doubles) -> bool:
        """Tell whether rows of these squared lengths are ordered rightly by the graph."""
        if not len(square_lengths):
            return True
        shortest, longest = float(square_lengths.min()), float(square_lengths.max())
        if self._field.similarity == "euclidean":
            return longest < _LONGEST_SQUARE
        allowed = UNEVENNESS * self._square_length
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
        # The thread count belongs to the calling thread; a core is left to queries.
        faiss.omp_set_num_threads(max((os.cpu_count() or 1) - 1, 1))
        if self._sample is not None:
            self._begin(self._sample)
            self._sample = None
        assert self.codes is not None
        self.codes.append(rows)
        form = self._stored_form(rows)
        with self._lock.exclusive():
            self._index.add(form)

    def holds(self, rows: int) -> bool:
        """Tell whether the graph has these rows and no more, as where adding others failed."""
        codes = 0 if self.codes is None else len(self.codes.view())
        return 0 < rows == codes == self._index.ntotal

    def search(self, target: Floats, ef: int) -> tuple[Ids, Floats]:
        """Return what a search with this `ef` finds, nearest first.

        Returns:
            At most `ef` row numbers and their squared distances to the target; see `margin`.
        """
        options = faiss.SearchParametersHNSW(efSearch=ef)  # type: ignore[attr-defined]  # no hint
        faiss.omp_set_num_threads(1)
        form = self._stored_form(target[np.newaxis])
        with self._lock.shared():
            distances, found = self._index.search(form, ef, params=options)
        end = int(np.count_nonzero(found[0] >= 0))  # what is missing is missing at the end
        return found[0][:end], distances[0][:end]

    def _begin(self, sample: Floats) -> None:
        """Learn what is to be known of the rows before the first one is added."""
        self.codes = RowCodes(CodeBook.of(sample), self._expected)

    def _stored_form(self, rows: Floats) -> Floats:
        """Return rows as the graph's storage takes them."""
        return rows

    def _set_index(self, index: Any) -> None:
        index.hnsw.efConstruction = self._field.num_edge_candidates
        self._index = index
