"""Folds of numbers, in a table by operator: sum, mean, standard deviation; no others count.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/sum/
"""

import math
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Final

from bson import Decimal128

from .bson_types import is_number
from .fold import Fold
from .numbers import DECIMAL_CONTEXT, is_long, to_double, typed_int


class _Sum(Fold):
    """The sum of the numbers, in the widest type seen; other values are passed over.

    Integers are added exactly, doubles with compensation as the server does.
    """

    __slots__ = ("_compensation", "_decimals", "_doubles", "_has_long", "_integers", "count")

    def __init__(self) -> None:
        self.count = 0
        self._integers = 0
        self._has_long = False
        self._doubles: float | None = None
        self._compensation = 0.0
        self._decimals: Decimal | None = None

    def add(self, value: Any) -> None:
        if not is_number(value):
            return
        self.count += 1
        if isinstance(value, Decimal128):
            total = self._decimals if self._decimals is not None else Decimal(0)
            self._decimals = DECIMAL_CONTEXT.add(total, value.to_decimal())
        elif isinstance(value, float):
            self._add_double(value)
        else:
            self._integers += int(value)
            self._has_long = self._has_long or is_long(value)

    def _add_double(self, value: float) -> None:
        old = self._doubles if self._doubles is not None else 0.0
        total = old + value
        if math.isfinite(total):
            larger, smaller = (old, value) if abs(old) >= abs(value) else (value, old)
            self._compensation += (larger - total) + smaller
        self._doubles = total

    def result(self) -> Any:
        if self._decimals is not None:
            rest = Decimal(self._integers) + Decimal(self._double_sum())
            return Decimal128(DECIMAL_CONTEXT.add(self._decimals, rest))
        if self._doubles is not None:
            return self._double_sum() + self._integers
        try:
            return typed_int(self._integers, long=self._has_long)
        except OverflowError:
            return float(self._integers)

    def _double_sum(self) -> float:
        total = self._doubles if self._doubles is not None else 0.0
        return total + self._compensation if math.isfinite(total) else total


class _Average(Fold):
    """The mean of the numbers, null where there are none."""

    __slots__ = ("_sum",)

    def __init__(self) -> None:
        self._sum = _Sum()

    def add(self, value: Any) -> None:
        self._sum.add(value)

    def result(self) -> Any:
        if not self._sum.count:
            return None
        total = self._sum.result()
        if isinstance(total, Decimal128):
            mean = DECIMAL_CONTEXT.divide(total.to_decimal(), Decimal(self._sum.count))
            return Decimal128(mean)
        return float(total) / self._sum.count


class _Deviation(Fold):
    """The standard deviation of the numbers, by Welford's method.

    Args:
        is_sample: divide by one less than the count.
    """

    __slots__ = ("_count", "_is_sample", "_mean", "_squares")

    def __init__(self, *, is_sample: bool) -> None:
        self._is_sample = is_sample
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0

    def add(self, value: Any) -> None:
        if not is_number(value):
            return
        number = to_double(value)
        self._count += 1
        delta = number - self._mean
        self._mean += delta / self._count
        self._squares += delta * (number - self._mean)

    def result(self) -> Any:
        divisor = self._count - self._is_sample
        return math.sqrt(self._squares / divisor) if divisor > 0 else None


NUMBER_FOLDS: Final[dict[str, Callable[[], Fold]]] = {
    "$sum": _Sum,
    "$avg": _Average,
    "$stdDevPop": partial(_Deviation, is_sample=False),
    "$stdDevSamp": partial(_Deviation, is_sample=True),
}
