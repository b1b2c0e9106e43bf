"""Synthetic vectors: clusters around random centres, wide enough to be hard to search.

A vector is its cluster's centre plus noise `SPREAD` times as long, scaled to unit length. So its
cluster explains an eighth of it, neighbours of one cluster are nearly as far as strangers, and a
graph search has to look at many of them: plain HNSW with M = 16 misses more than three hits in
a hundred at ef 64.
"""

from collections.abc import Iterator

import numpy as np

from scripts.benchmarking.dataset import Codes, Floats

SPREAD = 2.6
CLUSTERS = 100
_AT_ONCE = 20_000


class ClusteredVectors:
    """Draws vectors and queries, the same ones for the same seed.

    Args:
        count: how many vectors are stored.
        dimensions: of each.
        seed: of everything that is drawn.
    """

    def __init__(self, count: int, dimensions: int, seed: int) -> None:
        self.count = count
        self.clusters = CLUSTERS
        self._seed = seed
        centres = np.random.default_rng([seed, 0]).standard_normal((CLUSTERS, dimensions))
        self._centres = _unit(centres.astype(np.float32))

    def parts(self) -> Iterator[tuple[Floats, Codes]]:
        """Draw the stored vectors with their clusters, some at a time."""
        random = np.random.default_rng([self._seed, 1])
        for start in range(0, self.count, _AT_ONCE):
            codes = random.integers(CLUSTERS, size=min(_AT_ONCE, self.count - start))
            yield self._around(codes, random), codes.astype(np.int32)

    def queries(self, count: int, codes: range) -> Floats:
        """Draw vectors that are not stored, from some of the clusters."""
        random = np.random.default_rng([self._seed, 2, codes.start, codes.stop])
        return self._around(random.integers(codes.start, codes.stop, size=count), random)

    def _around(self, codes: np.ndarray, random: np.random.Generator) -> Floats:
        dimensions = self._centres.shape[1]
        noise = random.standard_normal((len(codes), dimensions), np.float32)
        return _unit(self._centres[codes] + noise * np.float32(SPREAD / dimensions**0.5))


def _unit(rows: Floats) -> Floats:
    scaled: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled
