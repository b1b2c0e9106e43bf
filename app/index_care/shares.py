"""Which share of a collection a filter keeps: measured on a sample, estimated for any filter.

Fields are taken to be independent of one another, as the planners of databases do.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bson import ObjectId

from app.field_paths import value_at
from app.filters import AllOf, AnyOf, Comparison, Filter, NoneOf

_KEPT_VALUES = 200
_QUANTILES = 200


@dataclass(frozen=True, slots=True)
class FieldShares:
    """What a sample says of one filterable field.

    Attributes:
        values: share of the documents that have a value, by `value_key`; the most frequent ones.
        quantiles: of its numbers, ascending; empty where it has none.
        other: share of a value that is not among `values`, at most.
        present: share of the documents that have the field.
    """

    values: Mapping[str, float]
    quantiles: Sequence[float]
    other: float
    present: float


Shares = Mapping[str, FieldShares]


def value_key(value: Any) -> str | None:
    """Return how a value is called in a file, None for values that are not counted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | ObjectId) else None


def measure_shares(sample: Sequence[Mapping[str, Any]], paths: Sequence[str]) -> Shares:
    """Count values and numbers of fields in a sample of documents, which must not be empty."""
    return {path: _measure([value_at(dict(one), path) for one in sample]) for path in paths}


def estimate_share(condition: Filter, shares: Shares) -> float | None:
    """Return about which share of the documents matches, None where that cannot be told."""
    match condition:
        case Comparison():
            return _of_comparison(condition, shares)
        case AllOf(clauses):
            known = [estimate_share(one, shares) for one in clauses]
            return None if None in known else float(np.prod([one or 0.0 for one in known]))
        case AnyOf(clauses) | NoneOf(clauses):
            known = [estimate_share(one, shares) for one in clauses]
            if None in known:
                return None
            either = min(1.0, sum(one or 0.0 for one in known))
            return either if isinstance(condition, AnyOf) else 1.0 - either


def _measure(values: Sequence[Any]) -> FieldShares:
    counts: Counter[str] = Counter()
    numbers: list[float] = []
    present = 0
    for value in values:
        several = value if isinstance(value, list) else [value]
        keys = {value_key(one) for one in several} - {None}
        counts.update(key for key in keys if key is not None)
        numbers += [float(one) for one in several if _is_number(one)]
        present += value is not None
    kept = counts.most_common(_KEPT_VALUES)
    others = counts.most_common()[_KEPT_VALUES:]
    total = len(values)
    quantiles = np.quantile(numbers, np.linspace(0, 1, _QUANTILES + 1)).tolist() if numbers else []
    return FieldShares(
        {key: count / total for key, count in kept},
        quantiles,
        max(1, others[0][1] if others else 1) / total,
        present / total,
    )


def _of_comparison(condition: Comparison, shares: Shares) -> float | None:
    field = shares.get(condition.path)
    if field is None:
        return None
    if condition.operator == "$exists":
        return field.present if condition.value else 1.0 - field.present
    if condition.operator in ("$eq", "$in"):
        wanted = condition.value if condition.operator == "$in" else [condition.value]
        known = [_of_value(one, field) for one in wanted]
        return None if None in known else min(1.0, sum(one or 0.0 for one in known))
    return _of_range(condition, field)


def _of_value(value: Any, field: FieldShares) -> float | None:
    key = value_key(value)
    if key is not None:
        return field.values.get(key, field.other)
    return field.other if _is_number(value) and field.quantiles else None


def _of_range(condition: Comparison, field: FieldShares) -> float | None:
    if not _is_number(condition.value) or not field.quantiles:
        return None
    bound, last = float(condition.value), len(field.quantiles) - 1
    if condition.operator in ("$lt", "$gte"):
        below = min(bisect_left(field.quantiles, bound) / last, 1.0)
    else:
        below = max(bisect_right(field.quantiles, bound) - 1, 0) / last
    kept = below if condition.operator in ("$lt", "$lte") else 1.0 - below
    return max(kept, 1 / last) * field.present


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
