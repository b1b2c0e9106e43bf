"""What is asked: queries, the filter that goes with them, and the right answers.

Stored categories are numbered, and a cluster filter keeps the first of them: the queries come from
the clusters that it does not keep, as when the photo of a shoe is asked for dresses.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from scripts.benchmarking.dataset import Codes, Dataset, Floats, Items

LIMIT = 10
RANDOM_SHARES = (0.5, 0.05, 0.005)
CLUSTER_SHARES = (0.9, 0.5, 0.05)

_ROWS_AT_ONCE = 20_000

Ids = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PriceBelow:
    """Keeps a random share of the items."""

    share: float

    def keeps(self, items: Items) -> Bools:
        """Tell which items are kept: (n,)."""
        kept: Bools = items.prices < self.share
        return kept


@dataclass(frozen=True, slots=True)
class CategoryIn:
    """Keeps the first `count` categories whole."""

    count: int

    def keeps(self, items: Items) -> Bools:
        """Tell which items are kept: (n,)."""
        kept: Bools = items.codes < self.count
        return kept


Condition = PriceBelow | CategoryIn


@dataclass(frozen=True, slots=True)
class Question:
    """Queries that are asked with the same filter.

    Attributes:
        kind: "unfiltered", "filtered" or "filtered_clusters".
        share: of the items that the filter keeps, or of the clusters.
        condition: the filter, None for none.
        queries: (q, d) float32, rows of unit length.
        answers: the numbers of the nearest items of each query, fewer than `LIMIT` where the
            filter keeps fewer.
    """

    kind: str
    share: float
    condition: Condition | None
    queries: Floats
    answers: tuple[frozenset[int], ...]

    @property
    def name(self) -> str:
        """What reports and logs call the question."""
        return self.kind if self.condition is None else f"{self.kind} {self.share:g}"


class VectorSource(Protocol):
    """Where vectors come from."""

    count: int
    clusters: int

    def parts(self) -> Iterator[tuple[Floats, Codes]]:
        """Return the vectors to store with their clusters, some at a time."""

    def queries(self, count: int, codes: range) -> Floats:
        """Return vectors of some clusters that are not stored, `count` or as many as there are."""


def make_questions(
    source: VectorSource, dataset: Dataset, *, queries: int, filtered_queries: int
) -> list[Question]:
    """Draw the queries and find their answers in one pass over the vectors.

    Args:
        source: of the queries.
        dataset: what is stored.
        queries: how many without a filter.
        filtered_queries: how many with each filter.
    """
    everywhere = source.queries(queries, range(source.clusters))
    asked: list[tuple[str, float, Condition | None, Floats]] = []
    asked.append(("unfiltered", 1.0, None, everywhere))
    for share in RANDOM_SHARES:
        asked.append(("filtered", share, PriceBelow(share), everywhere[:filtered_queries]))
    for share in CLUSTER_SHARES:
        kept = min(max(1, round(source.clusters * share)), source.clusters - 1)
        elsewhere = source.queries(filtered_queries, range(kept, source.clusters))
        asked.append(("filtered_clusters", share, CategoryIn(kept), elsewhere))
    searches = [_Search(condition, rows) for _, _, condition, rows in asked]
    for items in dataset.batches(_ROWS_AT_ONCE):
        for search in searches:
            search.look_at(items)
    return [
        Question(*parts, search.answers()) for parts, search in zip(asked, searches, strict=True)
    ]


class _Search:
    """The nearest items of some queries among all that it has looked at."""

    def __init__(self, condition: Condition | None, queries: Floats) -> None:
        self._condition = condition
        self._queries = queries
        self._scores = np.empty((len(queries), 0), np.float32)
        self._numbers = np.empty((len(queries), 0), np.int64)

    def look_at(self, items: Items) -> None:
        numbers = np.arange(items.numbers.start, items.numbers.stop)
        embeddings = items.embeddings
        if self._condition is not None:
            kept = self._condition.keeps(items)
            numbers, embeddings = numbers[kept], embeddings[kept]
        scores = np.hstack([self._scores, self._queries @ embeddings.T])
        repeated = np.broadcast_to(numbers, (len(self._queries), len(numbers)))
        candidates = np.hstack([self._numbers, repeated])
        if scores.shape[1] > LIMIT:
            best = np.argpartition(-scores, LIMIT - 1, axis=1)[:, :LIMIT]
            scores = np.take_along_axis(scores, best, axis=1)
            candidates = np.take_along_axis(candidates, best, axis=1)
        self._scores, self._numbers = scores, candidates

    def answers(self) -> tuple[frozenset[int], ...]:
        return tuple(frozenset(row) for row in self._numbers.tolist())
