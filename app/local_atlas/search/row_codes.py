"""One bit per dimension of every row, from which distances are estimated: 28 times smaller.

RaBitQ (Gao and Long, 2024, https://arxiv.org/abs/2405.12497), as FAISS has it: what is coded is
rotated at random, and keeps the signs of its coordinates, its length and a correction. The estimate
is unbiased, and its error is known beforehand, whatever the data.
"""

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
# The query is rounded to so many bits a dimension, which adds next to nothing to the error.
_QUERY_BITS = 8
# Of the signs' vector and the unit vector that it stands for, in many dimensions: sqrt(2 / pi) is
# the cosine of their angle, so an estimated product is off by sqrt(1 - 2 / pi) / sqrt(2 / pi).
_RELATIVE_ERROR = sqrt(pi / 2 - 1)
# A code ends with two float32: the squared length of what it stands for, and what its products are
# multiplied with, which grows as the length does.
_FACTOR_BYTES = 8
# Of float32, in the sum that an estimate is.
_ROUNDING = 4 * float(np.finfo(np.float32).eps)


class CodeBook:
    """What turns rows into codes and back into distances: a centre and a rotation.

    Args:
        centre: (d,) float32, of the rows.
        rotation: (d * d,) float32, an orthonormal matrix, row by row.
    """

    def __init__(self, centre: Floats, rotation: Floats) -> None:
        self._dimensions = len(centre)
        self._centre = centre
        self._rotation = faiss.LinearTransform(self._dimensions, self._dimensions)
        faiss.copy_array_to_vector(rotation, self._rotation.A)
        self._rotation.is_trained = True
        self._spare: list[faiss.IndexRaBitQ] = [self._index()]
        self.code_bytes = int(self._spare[0].sa_code_size())

    @classmethod
    def of(cls, rows: Floats) -> "CodeBook":
        """Return a code book for rows like these (n, d), n at least 1."""
        centre = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        rotation = faiss.RandomRotationMatrix(len(centre), len(centre))
        rotation.init(_SEED)
        return cls(centre, faiss.vector_to_array(rotation.A))

    def state(self) -> dict[str, Any]:
        """Return what `CodeBook` makes an equal one of."""
        return {"centre": self._centre, "rotation": faiss.vector_to_array(self._rotation.A)}

    def rotated(self, rows: Floats) -> Floats:
        """Return (n, d) rows less the centre, turned so that no dimension outweighs the others."""
        rotated: Floats = self._rotation.apply(rows - self._centre)
        return rotated

    def encode(self, offsets: Floats) -> Codes:
        """Return (n, code_bytes) uint8 codes of (n, d) differences between rotated points."""
        lengths = np.sqrt(np.square(offsets).sum(axis=1, keepdims=True))
        index = self._borrowed()
        # FAISS takes lengths below 0.0003 for zero, so it gets none but 1.
        units = np.divide(offsets, lengths, out=np.zeros_like(offsets), where=lengths > 0)
        codes: Codes = index.sa_encode(units)
        self._give_back(index)
        factors = codes[:, -_FACTOR_BYTES:].view(np.float32)
        factors *= np.hstack([np.square(lengths), lengths])
        return codes

    def estimates(self, codes: Codes, rows: Ids, target: Floats) -> Floats:
        """Estimate squared distances to what was encoded.

        Args:
            codes: (n, code_bytes) of all rows.
            rows: (m,) numbers of those that count.
            target: (d,) float32.

        Returns:
            (m,) float32; see `deviation` for their error.
        """
        # FAISS estimates a run of codes at once, so they are gathered into an index of the
        # thread's own.
        index = self._borrowed()
        size_bytes = len(rows) * self.code_bytes
        room = index.codes  # type: ignore[attr-defined]  # FAISS has no hint for it
        room.resize(size_bytes)
        place = faiss.rev_swig_ptr(room.data(), size_bytes).reshape(len(rows), -1)
        # Any mode but the default one writes without a copy of its own.
        np.take(codes, rows, axis=0, out=place, mode="clip")
        index.ntotal = len(rows)
        faiss.omp_set_num_threads(1)
        # A range without an end holds every row, in their order.
        _, estimates, _ = index.range_search(target[np.newaxis], np.inf)
        self._give_back(index)
        found: Floats = estimates
        return found

    def deviation(self, distance: float, lengths: Floats) -> Floats:
        """Return the standard deviation of the error of estimated squared distances.

        Args:
            distance: of the target from where the codes' offsets begin: its length.
            lengths: of the offsets.
        """
        scale = 2 * distance * _RELATIVE_ERROR / sqrt(max(self._dimensions - 1, 1))
        rounding = np.float32(_ROUNDING * distance**2)
        deviations: Floats = lengths * (np.float32(scale) + np.float32(_ROUNDING) * lengths)
        return deviations + rounding

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
        index.qb = _QUERY_BITS
        faiss.copy_array_to_vector(np.zeros(self._dimensions, np.float32), index.center)
        index.is_trained = True
        return index


class GrowingRows:
    """Rows of an array that are only ever appended; a view keeps what it has seen.

    Args:
        capacity: how many rows to make room for.
        width: of a row; None for single numbers.
        dtype: of the numbers.
    """

    def __init__(self, capacity: int, width: int | None, dtype: type[np.generic]) -> None:
        shape = (max(capacity, 1),) if width is None else (max(capacity, 1), width)
        self._values: npt.NDArray[Any] = np.empty(shape, dtype)
        self._count = 0

    @classmethod
    def of(cls, values: npt.NDArray[Any]) -> "GrowingRows":
        """Return rows that begin with these, not copied."""
        rows = cls(0, None, np.uint8)
        rows._values, rows._count = values, len(values)
        return rows

    def __len__(self) -> int:
        return self._count

    def append(self, values: npt.NDArray[Any]) -> None:
        """Append rows; only one thread may do so."""
        end = self._count + len(values)
        if end > len(self._values):
            room = max(end, int(len(self._values) * _GROWTH))
            grown = np.empty((room, *self._values.shape[1:]), self._values.dtype)
            grown[: self._count] = self._values[: self._count]
            self._values = grown
        self._values[self._count : end] = values
        self._count = end

    def view(self) -> npt.NDArray[Any]:
        """Return the rows as they are now."""
        # The count first: an array that takes the place of another has all that was counted.
        count = self._count
        return self._values[:count]
