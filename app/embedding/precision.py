"""In which numbers a network computes: float32, or bfloat16 where that is faster and safe.

Safe means that vectors of both kinds may lie side by side: each picture keeps its direction, and
searches keep their results. So the precision is no part of a model's fingerprint: a gallery that
was embedded in one is asked in the other. No torch here: the rules are about rows.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Precision = Literal["fp32", "bf16"]

MIN_COSINE = 0.999
MIN_OVERLAP = 0.97
NEIGHBOURS = 10


@dataclass(frozen=True, slots=True)
class PrecisionCheck:
    """How far a model's bfloat16 vectors are from its float32 ones.

    Attributes:
        pictures: how many were compared.
        min_cosine: of a picture's two vectors, the least.
        overlap_at_10: mean share of a picture's ten nearest others that both have in common.
    """

    pictures: int
    min_cosine: float
    overlap_at_10: float

    @property
    def is_safe(self) -> bool:
        """Whether vectors of both precisions may lie side by side."""
        return self.min_cosine >= MIN_COSINE and self.overlap_at_10 >= MIN_OVERLAP

    def rounded(self) -> "PrecisionCheck":
        """Return the check as a manifest keeps it."""
        return PrecisionCheck(
            self.pictures, round(self.min_cosine, 6), round(self.overlap_at_10, 4)
        )


def compare(exact: NDArray[np.float32], reduced: NDArray[np.float32]) -> PrecisionCheck:
    """Compare two embeddings of the same pictures.

    Args:
        exact: (n, d) rows of unit length, n above `NEIGHBOURS`.
        reduced: (n, d) rows of unit length, of the same pictures in the same order.
    """
    near, also_near = _nearest(exact), _nearest(reduced)
    shared = [len(set(a) & set(b)) for a, b in zip(near.tolist(), also_near.tolist(), strict=True)]
    return PrecisionCheck(
        pictures=len(exact),
        min_cosine=min_cosine(exact, reduced),
        overlap_at_10=float(np.mean(shared)) / NEIGHBOURS,
    )


def min_cosine(exact: NDArray[np.float32], reduced: NDArray[np.float32]) -> float:
    """Return the least cosine between rows of the same number; NaN where one is not finite."""
    return float((exact * reduced).sum(axis=1).min())


def made_pictures(count: int, side_px: int) -> NDArray[np.uint8]:
    """Draw pictures with coarse and fine structure, the same on every call.

    Returns:
        (count, side_px, side_px, 3) uint8.
    """
    random = np.random.default_rng(0)
    total = np.zeros((count, side_px, side_px, 3))
    for cells in (2, 7, 28, side_px):
        grid = random.normal(scale=160 / (1 + cells**0.5), size=(count, cells, cells, 3))
        rows = np.arange(side_px) * cells // side_px
        total += grid[:, rows][:, :, rows]
    drawn: NDArray[np.uint8] = (total + 128).clip(0, 255).astype(np.uint8)
    return drawn


def _nearest(rows: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return (n, NEIGHBOURS) numbers of the rows nearest to each row, itself left out."""
    scores = rows @ rows.T
    np.fill_diagonal(scores, -np.inf)
    return np.argpartition(-scores, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
