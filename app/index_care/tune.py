"""`tune`: the fewest candidates that find what an exact search finds, for each selectivity.

Queries are split in two: one half chooses the number, the other half says how good it is. How fast
it is, all of them say.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson import json_util

from app.errors import ConfigError, IndexNotReady
from app.filters import Filter, to_mql
from app.index_care.asking import Asker, Query, stored_queries
from app.index_care.listing import Documents
from app.index_care.shares import measure_shares
from app.index_care.timing import Timing, time_in_turns
from app.index_care.tune_filters import choose_filters
from app.index_care.tune_report import TuneReport
from app.index_care.tuning import TunedSetting, Tuning, usual_candidates
from app.indexes import SearchIndex
from app.pipelines import MAX_CANDIDATES

_SAMPLED = 5000
_FACTORS = (1, 1.5, 2, 3, 4, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000)


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted.

    Attributes:
        limit: hits of a query.
        target_recall: mean share of the exact hits that are to be found, above 0, at most 1.
        queries: how many to ask at each setting, half of them to choose by.
    """

    limit: int = 10
    target_recall: float = 0.95
    queries: int = 100


def tune_index(
    collection: Documents,
    index: SearchIndex,
    goal: Goal,
    vectors: Sequence[Query] | None = None,
) -> TuneReport:
    """Measure a live index.

    Args:
        collection: any.
        index: live, and at rest: what is written meanwhile changes the right answers.
        goal: what is wanted.
        vectors: asked instead of the vectors of random items; at least two.

    Raises:
        ConfigError: more hits are wanted than a server examines candidates for.
        IndexNotReady: there is nothing to ask with.
        The driver's errors.
    """
    if goal.limit >= MAX_CANDIDATES:
        raise ConfigError(
            f"--limit ({goal.limit:,}) must be below {MAX_CANDIDATES:,}, the most candidates that "
            f"a server examines."
        )
    queries = vectors or stored_queries(collection, index, goal.queries)
    if len(queries) < 2:
        raise IndexNotReady("One half of the queries chooses, the other checks; 2 are needed.")
    asker = Asker(collection, index, goal.limit)
    sample = _sample(collection, index)
    paths = [path for path in index.filter_types if path != "_id"]
    shares = measure_shares(sample, paths) if sample else {}
    conditions: list[tuple[float, Filter | None]] = [(1.0, None)]
    conditions += choose_filters(index, sample, shares)
    settings = [
        _tuned(asker, queries, share, condition, goal.target_recall)
        for share, condition in conditions
    ]
    tuning = Tuning(
        index=index.name,
        path=index.path,
        dimensions=index.dimensions,
        documents=collection.estimated_document_count(),
        limit=goal.limit,
        target_recall=goal.target_recall,
        settings=settings,
        shares=shares,
    )
    return TuneReport(tuning, collection.full_name, len(queries))


def _sample(collection: Documents, index: SearchIndex) -> list[Mapping[str, Any]]:
    stages: list[dict[str, Any]] = [
        {"$sample": {"size": _SAMPLED}},
        {"$project": {"_id": 1, **{path: 1 for path in index.filter_types if path != "_id"}}},
    ]
    return list(collection.aggregate(stages))


def _tuned(
    asker: Asker,
    queries: Sequence[Query],
    share: float,
    condition: Filter | None,
    target_recall: float,
) -> TunedSetting:
    half = len(queries) // 2
    choosing, checking = queries[:half], queries[half:]
    exact = asker.ask(choosing, None, condition)
    ladder = _ladder(asker.limit)

    def reaches(candidates: int) -> bool:
        return asker.ask(choosing, candidates, condition).recall(exact) >= target_recall

    step = _first(ladder, reaches)
    exact = asker.ask(checking, None, condition)
    while step < len(ladder) - 1:
        if asker.ask(checking, ladder[step], condition).recall(exact) >= target_recall:
            break
        step += 1
    return _measured(asker, queries, ladder[step], (share, condition), target_recall)


def _measured(
    asker: Asker,
    queries: Sequence[Query],
    candidates: int,
    kept: tuple[float, Filter | None],
    target_recall: float,
) -> TunedSetting:
    share, condition = kept
    usual = usual_candidates(asker.limit)
    checking = queries[len(queries) // 2 :]
    right = asker.ask(checking, None, condition)
    recall, usual_recall = (
        asker.ask(checking, one, condition).recall(right) for one in (candidates, usual)
    )
    chosen_ms, usual_ms, exact_ms = _timed(asker, queries, (candidates, usual, None), condition)
    exact_is = exact_ms.compared_with(chosen_ms)
    return TunedSetting(
        share=share,
        filter=None if condition is None else json.loads(json_util.dumps(to_mql(condition))),
        num_candidates=candidates,
        recall=recall,
        reaches_target=recall >= target_recall,
        p95_ms=chosen_ms.p95_ms,
        usual_recall=usual_recall,
        usual_p95_ms=usual_ms.p95_ms,
        usual_is=usual_ms.compared_with(chosen_ms),
        exact_p95_ms=exact_ms.p95_ms,
        exact_is=exact_is,
        is_exact_better=exact_is == "faster" or recall < target_recall,
    )


def _timed(
    asker: Asker,
    queries: Sequence[Query],
    settings: Sequence[int | None],
    condition: Filter | None,
) -> list[Timing]:
    def asks(candidates: int | None) -> Callable[[int], float]:
        return lambda i: asker.ask(queries[i : i + 1], candidates, condition).took_ms[0]

    return time_in_turns([asks(one) for one in settings], len(queries))


def _ladder(limit: int) -> list[int]:
    """Return the numbers to try: multiples of the hits, up to the most that a server takes."""
    steps = {min(round(limit * factor), MAX_CANDIDATES) for factor in _FACTORS}
    return sorted(steps | {MAX_CANDIDATES})


def _first(ladder: Sequence[int], reaches: Callable[[int], bool]) -> int:
    """Return the place of the first number that reaches the target, else the last, by bisection."""
    low, high = 0, len(ladder) - 1
    while low < high:
        middle = (low + high) // 2
        if reaches(ladder[middle]):
            high = middle
        else:
            low = middle + 1
    return low
