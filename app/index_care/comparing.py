"""Whether two indexes of a collection give the same exact answers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.bson_values import encode_value
from app.index_care.asking import MAX_TIME_MS, Query
from app.index_care.listing import Documents
from app.indexes import SearchIndex
from app.pipelines import engine_stages, score_name

LIMIT = 20

# Both compare the same float32 numbers, but may sum products in another order.
_SCORE_TOLERANCE = 1e-5
# What is written between two questions may change an answer; it has settled by the next time.
_ATTEMPTS = 5

Scores = dict[bytes, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many of the queries got the same answer of both."""

    queries: int
    same: int

    @property
    def is_same(self) -> bool:
        """Whether all of them did."""
        return self.queries == self.same


def compare_indexes(
    collection: Documents, one: SearchIndex, other: SearchIndex, queries: Sequence[Query]
) -> Comparison:
    """Ask both indexes, exactly; raises the driver's errors."""
    same = sum(_is_same(collection, one, other, query) for query in queries)
    return Comparison(len(queries), same)


def _is_same(collection: Documents, one: SearchIndex, other: SearchIndex, query: Query) -> bool:
    return any(
        _agree(_ask(collection, one, query), _ask(collection, other, query))
        for _ in range(_ATTEMPTS)
    )


def _ask(collection: Documents, index: SearchIndex, query: Query) -> Scores:
    stages = engine_stages(index, query.vector, limit=LIMIT, num_candidates=None)
    score = {"$meta": score_name(index, is_exact=True)}
    rows = collection.aggregate([*stages, {"$project": {"score": score}}], maxTimeMS=MAX_TIME_MS)
    return {encode_value(row["_id"]): row["score"] for row in rows}


def _agree(first: Scores, second: Scores) -> bool:
    """Tell whether two answers are one; of those that tie with the last, either may be there."""
    if len(first) != len(second):
        return False
    pairs = zip(
        sorted(first.values(), reverse=True), sorted(second.values(), reverse=True), strict=True
    )
    if not all(math.isclose(a, b, abs_tol=_SCORE_TOLERANCE) for a, b in pairs):
        return False
    both = first.keys() & second.keys()
    last = min(first.values(), default=0.0) + _SCORE_TOLERANCE
    return all(score <= last for key, score in (first | second).items() if key not in both)
