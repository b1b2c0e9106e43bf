"""How good a ranking is: arrays in, floats out.

A query's ranking is a row of booleans, best result first: whether each result is relevant (of the
query's class). Rows may differ in length; a row that is shorter than `k` counts as if the missing
results were not relevant.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Ranking = NDArray[np.bool_]


def recall_at_k(rankings: Sequence[Ranking], k: int) -> float:
    """Return the share of queries with a relevant result among the first `k`.

    This is Recall@K of metric learning (https://arxiv.org/abs/1511.06452, section 4), which asks
    whether anything was found, not how much of it.

    Raises:
        ValueError: there is no query.
    """
    return _mean([float(ranking[:k].any()) for ranking in rankings])


def precision_at_k(rankings: Sequence[Ranking], k: int) -> float:
    """Return the mean share of relevant results among the first `k`.

    Raises:
        ValueError: there is no query.
    """
    return _mean([float(ranking[:k].sum()) / k for ranking in rankings])


def map_at_r(rankings: Sequence[Ranking], relevant_counts: Sequence[int]) -> float:
    """Return the mean average precision at R, R being how many relevant items there are to find.

    For one query: the sum over ranks i up to R of precision at i where rank i is relevant, by R.
    Musgrave, Belongie, Lim: A Metric Learning Reality Check, https://arxiv.org/abs/2003.08505,
    section 3.2.

    Args:
        rankings: one per query.
        relevant_counts: R of each query, at least 1.

    Raises:
        ValueError: there is no query, or nothing to find for one.
    """
    if any(count < 1 for count in relevant_counts):
        raise ValueError("a query without a relevant item has no average precision")
    return _mean(
        [
            _average_precision(ranking[:count], count)
            for ranking, count in zip(rankings, relevant_counts, strict=True)
        ]
    )


def mean_reciprocal_rank(rankings: Sequence[Ranking]) -> float:
    """Return the mean of 1 / rank of the first relevant result, 0 for a query without one.

    Raises:
        ValueError: there is no query.
    """
    return _mean(
        [1.0 / (int(ranking.argmax()) + 1) if ranking.any() else 0.0 for ranking in rankings]
    )


def ann_recall(
    approximate: Sequence[Sequence[Hashable]], exact: Sequence[Sequence[Hashable]]
) -> float:
    """Return the mean share of the exact results that an approximate search found, in any order.

    Args:
        approximate: ids of each query's results.
        exact: ids of the same queries' exact results; an empty one counts as found.

    Raises:
        ValueError: there is no query.
    """
    return _mean(
        [
            len(set(found) & set(wanted)) / len(wanted) if wanted else 1.0
            for found, wanted in zip(approximate, exact, strict=True)
        ]
    )


def _average_precision(ranking: Ranking, relevant_count: int) -> float:
    precisions = np.cumsum(ranking) / np.arange(1, len(ranking) + 1)
    return float(precisions[ranking].sum()) / relevant_count


def _mean(values: Sequence[float]) -> float:
    if not values:
        raise ValueError("a mean over no query is not defined")
    return float(np.mean(values))
