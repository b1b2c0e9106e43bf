"""Folds: the state that an accumulator keeps while values go by, in tables by operator.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/#accumulators---group-
"""

import operator
from collections.abc import Callable
from functools import partial
from heapq import nlargest, nsmallest
from typing import Any, Final

from .bson_order import sort_key
from .fold import Fold
from .number_folds import NUMBER_FOLDS
from .operators.objects import merge_objects
from .operators.support import is_null
from .paths import MISSING


class _Extreme(Fold):
    """The least or greatest value; null and missing are passed over."""

    __slots__ = ("_best", "_is_better", "_key")

    def __init__(self, is_better: Callable[[bytes, bytes], bool]) -> None:
        self._is_better = is_better
        self._key: bytes | None = None
        self._best: Any = None

    def add(self, value: Any) -> None:
        if is_null(value):
            return
        key = sort_key(value)
        if self._key is None or self._is_better(key, self._key):
            self._key, self._best = key, value

    def result(self) -> Any:
        return self._best


class _First(Fold):
    """The first value."""

    __slots__ = ("_is_set", "_value")

    def __init__(self) -> None:
        self._is_set = False
        self._value: Any = None

    def add(self, value: Any) -> None:
        if not self._is_set:
            self._is_set, self._value = True, value

    def result(self) -> Any:
        return None if self._value is MISSING else self._value


class _Last(Fold):
    """The last value."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value: Any = None

    def add(self, value: Any) -> None:
        self._value = value

    def result(self) -> Any:
        return None if self._value is MISSING else self._value


class _Push(Fold):
    """All values in order, but for missing ones."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: list[Any] = []

    def add(self, value: Any) -> None:
        if value is not MISSING:
            self._values.append(value)

    def result(self) -> Any:
        return self._values


class _AddToSet(Fold):
    """The different values, but for missing ones, in the order of their first appearance."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[bytes, Any] = {}

    def add(self, value: Any) -> None:
        if value is not MISSING:
            self._values.setdefault(sort_key(value), value)

    def result(self) -> Any:
        return list(self._values.values())


class _MergeObjects(Fold):
    """One document with the fields of all, later ones winning."""

    __slots__ = ("_merged",)

    def __init__(self) -> None:
        self._merged: dict[str, Any] = {}

    def add(self, value: Any) -> None:
        self._merged = merge_objects(self._merged, value)

    def result(self) -> Any:
        return self._merged


class _FirstN(Fold):
    """The first `n` values; a missing one counts as null."""

    __slots__ = ("_n", "_values")

    def __init__(self, n: int) -> None:
        self._n = n
        self._values: list[Any] = []

    def add(self, value: Any) -> None:
        if len(self._values) < self._n:
            self._values.append(None if value is MISSING else value)

    def result(self) -> Any:
        return self._values


class _LastN(_FirstN):
    """The last `n` values; a missing one counts as null."""

    __slots__ = ()

    def add(self, value: Any) -> None:
        self._values.append(None if value is MISSING else value)
        if len(self._values) > self._n:
            del self._values[0]


class _ExtremeN(Fold):
    """The `n` least or greatest values, best first; null and missing are passed over."""

    __slots__ = ("_n", "_select", "_values")

    def __init__(self, n: int, *, is_greatest: bool) -> None:
        self._n = n
        self._select = nlargest if is_greatest else nsmallest
        self._values: list[Any] = []

    def add(self, value: Any) -> None:
        if not is_null(value):
            self._values.append(value)
        if len(self._values) > 2 * self._n + 16:
            self._values = self.result()

    def result(self) -> Any:
        return self._select(self._n, self._values, key=sort_key)


class _TopN(Fold):
    """The outputs of the `n` first or last rows of a sort order; values are (key, output)."""

    __slots__ = ("_is_bottom", "_n", "_rows")

    def __init__(self, n: int, *, is_bottom: bool) -> None:
        self._n = n
        self._is_bottom = is_bottom
        self._rows: list[tuple[bytes, Any]] = []

    def add(self, value: Any) -> None:
        self._rows.append(value)
        if len(self._rows) > 2 * self._n + 16:
            self._rows = self._selected()

    def _selected(self) -> list[tuple[bytes, Any]]:
        ordered = sorted(self._rows, key=lambda row: row[0])
        return ordered[-self._n :] if self._is_bottom else ordered[: self._n]

    def result(self) -> Any:
        return [None if output is MISSING else output for _, output in self._selected()]


class _Only(Fold):
    """The single value of a fold that makes a list of one."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Fold) -> None:
        self._inner = inner

    def add(self, value: Any) -> None:
        self._inner.add(value)

    def result(self) -> Any:
        values = self._inner.result()
        return values[0] if values else None


def top_fold(n: int | None, *, is_bottom: bool) -> Fold:
    """Return the fold of `$topN` or `$bottomN` over (key, output), of `$top` without an `n`."""
    return _Only(_TopN(1, is_bottom=is_bottom)) if n is None else _TopN(n, is_bottom=is_bottom)


FOLDS: Final[dict[str, Callable[[], Fold]]] = {
    **NUMBER_FOLDS,
    "$min": partial(_Extreme, operator.lt),
    "$max": partial(_Extreme, operator.gt),
    "$first": _First,
    "$last": _Last,
    "$push": _Push,
    "$addToSet": _AddToSet,
    "$mergeObjects": _MergeObjects,
}
FOLDS_OF_N: Final[dict[str, Callable[[int], Fold]]] = {
    "$firstN": _FirstN,
    "$lastN": _LastN,
    "$minN": partial(_ExtremeN, is_greatest=False),
    "$maxN": partial(_ExtremeN, is_greatest=True),
}
