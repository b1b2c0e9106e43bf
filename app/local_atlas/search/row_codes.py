"""One bit per dimension of every row, from which distances are estimated: 29 times smaller.

RaBitQ (Gao and Long, 2024, https://arxiv.org/abs/2405.12497), as FAISS has it: a row less the
centre of all, rotated at random, keeps the signs of its coordinates, its length and a correction.
The estimate is unbiased, and its error is known beforehand, whatever the data.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import pi, sqrt
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int64]

_MOST_SPARE = 2
_GROWTH = 1.25
_SEED = 20240521
# Of the signs' vector and the unit vector that it stands for, in many dimensions: sqrt(2 / pi) is
# the cosine of their angle, so an estimated product is off by sqrt(1 - 2 / pi) / sqrt(2 / pi).
_RELATIVE_ERROR = sqrt(pi / 2 - 1)


class CodeBook:
    """What turns rows into codes and back into distances: a centre and a rotation.

    Args:
        centre: (d,) float32, of the rows.
        radius: the root mean square of their distances from it.
        rotation: (d * d,) float32, an orthonormal matrix, row by row.
    """

    def __init__(self, centre: Floats, radius: float, rotation: Floats) -> None:
        self._dimensions = len(centre)
        self._centre = centre
        self._radius = radius
        self._rotation = faiss.LinearTransform(self._dimensions, self._dimensions)
        faiss.copy_array_to_vector(rotation, self._rotation.A)
        self._rotation.is_trained = True
        self._spare: list[faiss.IndexRaBitQ] = [self._index()]
        self.code_bytes = int(self._spare[0].sa_code_size())

    @classmethod
    def of(cls, rows: Floats) -> "CodeBook":
        """Return a code book for rows like these (n, d), n at least 1."""
        centre = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        square_distances = np.square(rows - centre, dtype=np.float64).sum(1)
        rotation = faiss.RandomRotationMatrix(len(centre), len(centre))
        rotation.init(_SEED)
        matrix = faiss.vector_to_array(rotation.A)
        return cls(centre, float(np.sqrt(square_distances.mean())), matrix)

    def state(self) -> dict[str, Any]:
        """Return what `CodeBook` makes an equal one of."""
        rotation = faiss.vector_to_array(self._rotation.A)
        return {"centre": self._centre, "radius": self._radius, "rotation": rotation}

    def encode(self, rows: Floats) -> Codes:
        """Return (n, code_bytes) uint8 codes of (n, d) rows."""
        index = self._borrowed()
        codes: Codes = index.sa_encode(self.rotated(rows))
        self._give_back(index)
        return codes

    @contextmanager
    def estimator(self, codes: Codes, rows: Ids, target: Floats) -> Iterator["Estimator"]:
        """Give what estimates the distances of some rows.

        Args:
            codes: (n, code_bytes) of all rows.
            rows: (m,) numbers of those that count.
            target: (d,) float32.
        """
        # The codes are gathered into an index of the thread's own: a selector would be asked for
        # every row, and a shared index could not grow meanwhile.
        index = self._borrowed()
        size_bytes = len(rows) * self.code_bytes
        room = index.codes  # type: ignore[attr-defined]  # FAISS has no hint for it
        room.resize(size_bytes)
        place = faiss.rev_swig_ptr(room.data(), size_bytes).reshape(len(rows), -1)
        # Any mode but the default one writes without a copy of its own.
        np.take(codes, rows, axis=0, out=place, mode="clip")
        index.ntotal = len(rows)
        distance = float(np.linalg.norm(target - self._centre))
        scale = 2 * distance * self._radius / sqrt(max(self._dimensions - 1, 1))
        try:
            target = self.rotated(target[np.newaxis])
            yield Estimator(index, rows, target, _RELATIVE_ERROR * scale)
        finally:
            self._give_back(index)

    def rotated(self, rows: Floats) -> Floats:
        """Return (n, d) rows less the centre, turned so that no dimension outweighs the others."""
        rotated: Floats = self._rotation.apply(rows - self._centre)
        return rotated

    def _borrowed(self) -> faiss.IndexRaBitQ:
        """Return an index that no other thread uses; its room is worth keeping."""
        try:
            return self._spare.pop()
        except IndexError:
            return self._index()

    def _give_back(self, index: faiss.IndexRaBitQ) -> None:
        if len(self._spare) < _MOST_SPARE:
            self._spare.append(index)

    def _index(self) -> faiss.IndexRaBitQ:
        index = faiss.IndexRaBitQ(self._dimensions, faiss.METRIC_L2)
        # The centre is taken off before the rotation.
        faiss.copy_array_to_vector(np.zeros(self._dimensions, np.float32), index.center)
        index.is_trained = True
        return index


class Estimator:
    """Estimates squared distances of rows to a target.

    Attributes:
        deviation: the standard deviation of the estimates' error.
    """

    def __init__(
        self, index: faiss.IndexRaBitQ, rows: Ids, target: Floats, deviation: float
    ) -> None:
        self.deviation = deviation
        self._index = index
        self._rows = rows
        self._target = target

    def nearest(self, count: int) -> Ids:
        """Return the rows that seem nearest, `count` or all."""
        faiss.omp_set_num_threads(1)
        _, places = self._index.search(self._target, min(count, len(self._rows)))
        found: Ids = self._rows[places[0]]
        return found

    def within(self, square_distance: float) -> Ids:
        """Return the rows that seem nearer than this."""
        faiss.omp_set_num_threads(1)
        _, _, places = self._index.range_search(self._target, square_distance)
        found: Ids = self._rows[places]
        return found


class RowCodes:
    """The codes of rows that are only ever appended; a view keeps what it has seen."""

    def __init__(self, book: CodeBook, capacity: int) -> None:
        self.book = book
        self._codes = np.empty((max(capacity, 1), book.code_bytes), np.uint8)
        self._count = 0

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "RowCodes":
        """Return the codes that `state` was taken of."""
        codes = cls(CodeBook(**state["book"]), 0)
        codes._codes, codes._count = state["codes"], len(state["codes"])
        return codes

    def state(self) -> dict[str, Any]:
        """Return what `restored` needs, which later changes leave alone."""
        return {"book": self.book.state(), "codes": self.view()}

    def append(self, rows: Floats) -> None:
        """Append the codes of (n, d) rows."""
        end = self._count + len(rows)
        if end > len(self._codes):
            grown = np.empty(
                (max(end, int(len(self._codes) * _GROWTH)), self.book.code_bytes), np.uint8
            )
            grown[: self._count] = self._codes[: self._count]
            self._codes = grown
        self._codes[self._count : end] = self.book.encode(rows)
        self._count = end

    def view(self) -> Codes:
        """Return the (n, code_bytes) codes as they are now."""
        return self._codes[: self._count]
