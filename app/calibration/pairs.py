"""Labelled pairs of pictures: the closest that a gallery has, or those that people judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.documents import Embedding

Chosen = NDArray[np.bool_]

# Rows that are compared with all others at a time: 1,024 x 100,000 cosines are 400 MB.
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of pictures.

    Attributes:
        cosines: (n,) float64, of the embeddings of both.
        is_match: (n,) bool.
    """

    cosines: NDArray[np.float64]
    is_match: NDArray[np.bool_]

    @property
    def matches(self) -> int:
        """How many match."""
        return int(self.is_match.sum())

    @property
    def weights(self) -> NDArray[np.float64]:
        """(n,) float64: half for all matches together, half for all mismatches."""
        shares = np.where(self.is_match, self.matches, len(self.is_match) - self.matches)
        return 0.5 / shares


class PairSource(Protocol):
    """Pictures, and which of their pairs match."""

    @property
    def pictures(self) -> int:
        """How many pictures there are."""

    def pairs(self, chosen: Chosen) -> Pairs:
        """Return the pairs among the chosen pictures, (pictures,) bool."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPictures:
    """Pictures that match where their labels are equal.

    Of each picture two pairs count: with its nearest other of the same label, and with the nearest
    of any other label. That is what a search offers first where the gallery has a match, and where
    it has none; among random pairs, hardly one would be as close as a hit.

    Attributes:
        embeddings: (n, d) float32, rows of unit length.
        labels: of each row.
    """

    embeddings: Embedding
    labels: Sequence[str]

    @property
    def pictures(self) -> int:
        """How many pictures there are."""
        return len(self.labels)

    def pairs(self, chosen: Chosen) -> Pairs:
        """Return two pairs a picture, or one where it has no other of its label or none else."""
        embeddings = self.embeddings[chosen]
        codes = np.unique(np.array(self.labels), return_inverse=True)[1][chosen]
        matches, mismatches = [], []
        for start in range(0, len(embeddings), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            cosines = embeddings[rows] @ embeddings.T
            is_same = codes[rows, None] == codes[None, :]
            itself = np.arange(len(cosines))
            cosines[itself, start + itself] = -np.inf
            matches.append(np.where(is_same, cosines, -np.inf).max(axis=1))
            mismatches.append(np.where(is_same, -np.inf, cosines).max(axis=1))
        nearest = np.concatenate([*matches, *mismatches, np.empty(0)]).astype(np.float64)
        is_match = np.arange(len(nearest)) < len(embeddings)
        exists = np.isfinite(nearest)
        return Pairs(nearest[exists], is_match[exists])


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPictures:
    """Pictures of which people said what matches.

    Attributes:
        embeddings: (n, d) float32, rows of unit length.
        first: (p,) int64, the row of one picture of each pair.
        second: (p,) int64, that of the other.
        is_match: (p,) bool.
    """

    embeddings: Embedding
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    is_match: NDArray[np.bool_]

    @property
    def pictures(self) -> int:
        """How many pictures there are."""
        return len(self.embeddings)

    def pairs(self, chosen: Chosen) -> Pairs:
        """Return the judged pairs of which both pictures are chosen."""
        kept = chosen[self.first] & chosen[self.second]
        one, other = self.embeddings[self.first[kept]], self.embeddings[self.second[kept]]
        return Pairs(np.einsum("ij,ij->i", one, other).astype(np.float64), self.is_match[kept])
