"""One bit per dimension of every row, from which distances are estimated: 28 times smaller.

RaBitQ (Gao and Long, 2024, https://arxiv.org/abs/2405.12497), as FAISS has it: what is coded is
rotated at random, and keeps the signs of its coordinates, its length and a correction. The estimate
is unbiased, and its error is known beforehand, whatever the data.

The rotation is three rounds of random signs and a Walsh-Hadamard transform, which costs next to
nothing, where a matrix of random numbers would be read for every query. It takes a power of two of
dimensions; others are filled up with zeros, and codes have as many bits.
"""

from math import pi, sqrt
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]

_MOST_SPARE = 2
_SEED = 20240521
# Of signs and transform.
_ROUNDS = 3
_SIGNS = np.array([-1, 1], np.float32)
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
        signs: (3, bits) float32, each 1 or -1.

    Attributes:
        code_bytes: of a code.
    """

    def __init__(self, centre: Floats, signs: Floats) -> None:
        self.centre = centre
        self._signs = signs
        self._rotation = faiss.HadamardRotation(len(centre))
        for given, room in zip(signs, self._rooms(), strict=True):
            faiss.copy_array_to_vector(given, room)
        self._bits = int(self._rotation.d_out)
        self._spare: list[faiss.IndexRaBitQ] = [self._index()]
        self.code_bytes = int(self._spare[0].sa_code_size())

    @classmethod
    def of(cls, rows: Floats) -> "CodeBook":
        """Return a code book for rows like these (n, d), n at least 1."""
        centre = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        bits = int(faiss.HadamardRotation(len(centre)).d_out)
        signs = np.random.default_rng(_SEED).choice(_SIGNS, (_ROUNDS, bits))
        return cls(centre, signs)

    def state(self) -> dict[str, Any]:
        """Return what `CodeBook` makes an equal one of."""
        return {"centre": self.centre, "signs": self._signs}

    def rotated(self, points: Floats) -> Floats:
        """Return (n, d) points turned so that no dimension outweighs the others, (n, bits)."""
        rotated: Floats = self._rotation.apply(points)
        return rotated

    def encode(self, offsets: Floats) -> Codes:
        """Return (n, code_bytes) uint8 codes of (n, bits) differences between rotated points."""
        lengths = np.sqrt(np.square(offsets).sum(axis=1, keepdims=True))
        index = self._borrowed()
        # FAISS takes lengths below 0.0003 for zero, so it gets none but 1.
        units = np.divide(offsets, lengths, out=np.zeros_like(offsets), where=lengths > 0)
        codes: Codes = index.sa_encode(units)
        self._give_back(index)
        factors = codes[:, -_FACTOR_BYTES:].view(np.float32)
        factors *= np.hstack([np.square(lengths), lengths])
        return codes

    def estimates(self, codes: Codes, which: Ids | Places, target: Floats) -> Floats:
        """Estimate squared distances to what was encoded.

        Args:
            codes: (n, c * code_bytes), c codes in a row.
            which: (m,) numbers of the rows that count.
            target: (bits,) float32, rotated.

        Returns:
            (m * c,) float32; see `deviation` for their error.
        """
        # FAISS estimates a run of codes at once, so they are gathered into an index of the
        # thread's own.
        index = self._borrowed()
        size_bytes = len(which) * codes.shape[1]
        room = index.codes  # type: ignore[attr-defined]  # FAISS has no hint for it
        room.resize(size_bytes)
        place = faiss.rev_swig_ptr(room.data(), size_bytes).reshape(len(which), -1)
        # Any mode but the default one writes without a copy of its own.
        np.take(codes, which, axis=0, out=place, mode="clip")
        index.ntotal = size_bytes // self.code_bytes
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
        scale = 2 * distance * _RELATIVE_ERROR / sqrt(max(self._bits - 1, 1))
        rounding = np.float32(_ROUNDING * distance**2)
        deviations: Floats = lengths * (np.float32(scale) + np.float32(_ROUNDING) * lengths)
        return deviations + rounding

    def _rooms(self) -> tuple[Any, Any, Any]:
        rotation: Any = self._rotation  # FAISS has no hint for them
        return rotation.signs1, rotation.signs2, rotation.signs3

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
        index = faiss.IndexRaBitQ(self._bits, faiss.METRIC_L2)
        index.qb = _QUERY_BITS
        faiss.copy_array_to_vector(np.zeros(self._bits, np.float32), index.center)
        index.is_trained = True
        return index
