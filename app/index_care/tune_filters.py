"""Which filters to measure: some of the collection's own, of very different selectivity."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.field_paths import value_at
from app.filters import Comparison
from app.index_care.shares import Shares, estimate_share, value_key
from app.indexes import SearchIndex

TARGET_SHARES = (0.3, 0.05, 0.005)

# A filter stands for a share that it misses by this factor at most.
_NEAR = 3.0
_TYPES: Mapping[type, str] = {str: "token", bool: "boolean"}


def choose_filters(
    index: SearchIndex, sample: Sequence[Mapping[str, Any]], shares: Shares
) -> list[tuple[float, Comparison]]:
    """Return share and filter, at most one for each of `TARGET_SHARES`, the largest share first.

    A value is taken rather than a range of numbers: what has it tends to lie together, and a
    search that starts elsewhere has a long way to it.

    Args:
        index: says what can be filtered on.
        sample: of documents, with the filterable fields.
        shares: as measured on the sample.
    """
    values, ranges = list(_values(index, sample, shares)), list(_ranges(index, shares))
    chosen: dict[str, tuple[float, Comparison]] = {}
    for target in TARGET_SHARES:
        near = _nearest(values, target) or _nearest(ranges, target)
        if near is not None:
            chosen.setdefault(str(near[1]), near)
    return sorted(chosen.values(), key=lambda one: -one[0])


def _values(
    index: SearchIndex, sample: Sequence[Mapping[str, Any]], shares: Shares
) -> Iterator[tuple[float, Comparison]]:
    for path, field in shares.items():
        wanted = index.filter_types[path]
        known: dict[str, Any] = {}
        for document in sample:
            value = value_at(dict(document), path)
            key = value_key(value)
            if key is not None and _fits(value, wanted, index):
                known.setdefault(key, value)
        for key, value in known.items():
            if key in field.values:
                yield field.values[key], Comparison(path, "$eq", value)


def _fits(value: Any, wanted: str, index: SearchIndex) -> bool:
    return index.type == "vectorSearch" or _TYPES.get(type(value), "objectId") == wanted


def _ranges(index: SearchIndex, shares: Shares) -> Iterator[tuple[float, Comparison]]:
    for path, field in shares.items():
        if not field.quantiles or (index.type == "search" and index.filter_types[path] != "number"):
            continue
        for target in TARGET_SHARES:
            bound = field.quantiles[int(target * (len(field.quantiles) - 1))]
            condition = Comparison(path, "$lte", bound)
            yield estimate_share(condition, shares) or target, condition


def _nearest(
    candidates: Sequence[tuple[float, Comparison]], target: float
) -> tuple[float, Comparison] | None:
    def distance(candidate: tuple[float, Comparison]) -> float:
        return abs(math.log(candidate[0] / target))

    near = [one for one in candidates if one[0] > 0 and distance(one) <= math.log(_NEAR)]
    return min(near, key=distance, default=None)
