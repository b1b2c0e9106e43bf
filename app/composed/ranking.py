"""Candidates in an order beyond their scores: near-identical ones collapsed, then diversity."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.documents import Embedding

# Pictures whose embeddings have at least this cosine look the same to a customer.
NEAR_IDENTICAL_COSINE = 0.995


def near_identical(embeddings: Embedding, hashes: Sequence[str | None]) -> list[int]:
    """Say of each candidate which better one shows the same picture.

    Args:
        embeddings: (n, d) float32, rows of unit length or zero, best candidate first.
        hashes: of the pictures' bytes; None where there is none.

    Returns:
        For each candidate the position of the best kept one with the same hash or a cosine of at
        least 0.995; its own where there is none, which keeps it.
    """
    cosines: Embedding = embeddings @ embeddings.T
    alike: NDArray[np.bool_] = np.greater_equal(cosines, NEAR_IDENTICAL_COSINE)
    has_better: NDArray[np.bool_] = np.any(np.tril(alike, -1), axis=1)
    is_kept = np.zeros(len(embeddings), dtype=bool)
    kept_by_hash: dict[str, int] = {}
    same_as = []
    for i, picture_hash in enumerate(hashes):
        twins: list[int] = np.flatnonzero(alike[i] & is_kept)[:1].tolist() if has_better[i] else []
        if picture_hash is not None and picture_hash in kept_by_hash:
            twins.append(kept_by_hash[picture_hash])
        if twins:
            same_as.append(min(twins))
            continue
        same_as.append(i)
        is_kept[i] = True
        if picture_hash is not None:
            kept_by_hash[picture_hash] = i
    return same_as


def diversified(embeddings: Embedding, query: Embedding, diversity: float) -> list[int]:
    """Order candidates by maximal marginal relevance.

    Each place goes to the candidate with the largest (1 - diversity) cos(candidate, query) -
    diversity max cos(candidate, one before it) [Carbonell & Goldstein, SIGIR 1998,
    https://doi.org/10.1145/290941.291025, with lambda = 1 - diversity].

    Args:
        embeddings: (n, d) float32, rows of unit length, best candidate first.
        query: (d,) float32, unit length.
        diversity: 0 for the order of the cosines, 1 for the first and then what is least like all
            before it.

    Returns:
        The n positions, in their new order; ties in the old one.
    """
    cosines = embeddings @ embeddings.T
    relevance = embeddings @ query
    closest = np.zeros(len(embeddings), dtype=np.float32)
    is_free = np.ones(len(embeddings), dtype=bool)
    order: list[int] = []
    for _ in range(len(embeddings)):
        # The first place has nothing before it: whatever the diversity, it is the nearest's.
        gain = (1 - diversity) * relevance - diversity * closest if order else relevance
        best = int(np.argmax(np.where(is_free, gain, -np.inf)))
        closest = np.maximum(closest, cosines[best]) if order else cosines[best]
        is_free[best] = False
        order.append(best)
    return order
