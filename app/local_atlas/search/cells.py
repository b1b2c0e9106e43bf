"""Cells of the space: every row belongs to the one whose centroid is nearest.

The k-means clustering of an inverted file (Jégou, Douze and Schmid, 2011,
https://doi.org/10.1109/TPAMI.2010.57). What the centroids and the sample that they were learnt from
say of a cell is also how near its rows are likely to come to a query.
"""

from math import pi, sqrt
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64] | npt.NDArray[np.float64]

_SEED = 20240521
_ITERATIONS = 6
# Sampled rows per centroid; FAISS warns below 39, more make the cells no better here.
SAMPLED_PER_CELL = 32
# The spread of rows around a centroid is measured as these many queries see their near cells.
_MEASURED_QUERIES, _MEASURED_CELLS = 256, 8
_LEAST_DEVIATION = 1e-12


class Cells:
    """Centroids, and how the rows of each cell lie around its own.

    Attributes:
        centroids: (c, d) float32.
        square_lengths: (c,) float32, of the centroids.
        square_radii: (c,) float32, the mean squared distance of a cell's rows from its centroid.
        spread: how the squared distances of a cell's rows from a near query vary, as a part of
            twice the product of the query's distance from the centroid and the cell's radius; in
            isotropic data about one over the root of the dimensions.
    """

    def __init__(self, centroids: Floats, square_radii: Floats, spread: float) -> None:
        self.centroids = np.ascontiguousarray(centroids)
        self.square_lengths = np.square(centroids).sum(axis=1)
        self.square_radii = square_radii
        self.spread = spread
        self._quantizer = faiss.IndexFlatL2(centroids.shape[1])
        self._quantizer.add(centroids)

    def __len__(self) -> int:
        return len(self.centroids)

    @classmethod
    def of(cls, sample: Floats, count: int) -> "Cells":
        """Learn `count` cells from (n, d) rows, or as many as there are rows."""
        count = min(count, len(sample))
        means = faiss.Kmeans(
            sample.shape[1],
            count,
            niter=_ITERATIONS,
            seed=_SEED,
            min_points_per_centroid=1,
            max_points_per_centroid=SAMPLED_PER_CELL,
        )
        means.train(sample)
        assert means.centroids is not None
        cells = cls(means.centroids, np.zeros(count, np.float32), 1.0)
        cells._measure(sample)
        return cells

    def state(self) -> dict[str, Any]:
        """Return what `Cells` makes an equal one of."""
        return {
            "centroids": self.centroids,
            "square_radii": self.square_radii,
            "spread": self.spread,
        }

    def nearest(self, rows: Floats) -> Ids:
        """Return the (n,) numbers of the cells to which (n, d) rows belong."""
        _, found = self._quantizer.search(rows, 1)
        return found[:, 0]

    def square_distances(self, target: Floats) -> Floats:
        """Return the (c,) squared distances of the centroids from a (d,) point."""
        # Not a product of numpy's, which would start threads for it.
        distances = np.empty(len(self), np.float32)
        output, query, points = map(faiss.swig_ptr, (distances, target, self.centroids))
        faiss.fvec_L2sqr_ny(  # type: ignore[attr-defined]  # FAISS has no hint for it
            output, query, points, self.centroids.shape[1], len(self)
        )
        return distances

    def expected_within(self, counts: Counts, distances: Floats, square_distance: float) -> Floats:
        """Return how many rows of each cell are to be expected nearer than a distance.

        Squared distances of a cell's rows are taken to be normal: in many dimensions, the offset of
        a row from its centroid is nearly orthogonal to that of the query.

        Args:
            counts: (c,) rows of each cell that count.
            distances: (c,) squared, of the centroids from the query.
            square_distance: from the query.

        Returns:
            (c,) float32, by upper bounds of the normal distribution's tail, which are close to it.
        """
        deviations = 2 * self.spread * np.sqrt(distances * self.square_radii)
        beyond = distances + self.square_radii - np.float32(square_distance)
        z = np.maximum(beyond, 0) / np.maximum(deviations, _LEAST_DEVIATION)
        # 1 / (z * sqrt(2 * pi)) is the better factor beyond 0.8 standard deviations.
        factor = np.minimum(0.5, 1 / np.maximum(z * sqrt(2 * pi), 1))
        tail = np.where(beyond > 0, factor * np.exp(-0.5 * z * z), 1.0)
        expected: Floats = (counts * tail).astype(np.float32)
        return expected

    def _measure(self, sample: Floats) -> None:
        distances, found = self._quantizer.search(sample, 1)
        squares, cells = distances[:, 0], found[:, 0]
        # A cell with few sampled rows is taken to be like all.
        totals = np.bincount(cells, squares, len(self)) + float(squares.mean())
        sizes = np.bincount(cells, minlength=len(self)) + 1
        self.square_radii = (totals / sizes).astype(np.float32)
        self.spread = self._measured_spread(sample, cells)

    def _measured_spread(self, sample: Floats, cells: Ids) -> float:
        order = np.argsort(cells, kind="stable")
        starts = np.searchsorted(cells[order], np.arange(len(self) + 1))
        total, count = 0.0, 0
        for query in range(0, len(sample), max(1, len(sample) // _MEASURED_QUERIES)):
            distances = self.square_distances(sample[query])
            near = np.argsort(distances)[: _MEASURED_CELLS + 1]
            for cell in near[near != cells[query]].tolist():
                rows = sample[order[starts[cell] : starts[cell + 1]]]
                radius, distance = float(self.square_radii[cell]), float(distances[cell])
                if radius > 0 and distance > 0:
                    squares = np.square(rows - sample[query]).sum(axis=1)
                    # Products of four coordinates could be beyond float32.
                    off = (squares - distance - radius) / (2 * sqrt(distance * radius))
                    total += float(np.square(off).sum())
                    count += len(rows)
        return sqrt(total / count) if count else 1.0
