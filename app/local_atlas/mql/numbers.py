"""BSON arithmetic: the type of a result, overflow and the conversions between the number types.

The wider of two types wins: int32, int64, double, Decimal128. A sum or product of int32 that does
not fit becomes int64; what int64 cannot hold raises `OverflowError`, and the caller says what then
(an update fails, an expression goes on with doubles).
"""

import math
import operator
from collections.abc import Callable
from decimal import ROUND_DOWN, Context, Decimal
from typing import Any, Final, TypeGuard

from bson import Decimal128, Int64
from bson.decimal128 import create_decimal128_context

from .bson_types import INT32_MAX, INT32_MIN, is_number

Number = int | float | Decimal128

INT64_MIN: Final = -(1 << 63)
INT64_MAX: Final = (1 << 63) - 1
DECIMAL_CONTEXT: Final[Context] = create_decimal128_context()


def is_integer_type(value: Any) -> TypeGuard[int]:
    """Tell whether a value is an int32 or int64."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_long(value: int) -> bool:
    """Tell whether an integer is stored as int64."""
    return isinstance(value, Int64) or not INT32_MIN <= value <= INT32_MAX


def typed_int(value: int, *, long: bool) -> int:
    """Return an integer as int64 where asked or needed, else as int32.

    Raises:
        OverflowError: it does not fit 64 bits.
    """
    if not INT64_MIN <= value <= INT64_MAX:
        raise OverflowError(value)
    return Int64(value) if long or not INT32_MIN <= value <= INT32_MAX else int(value)


def add(a: Number, b: Number) -> Number:
    """Add two numbers."""
    return _combine(a, b, operator.add, DECIMAL_CONTEXT.add)


def subtract(a: Number, b: Number) -> Number:
    """Subtract `b` from `a`."""
    return _combine(a, b, operator.sub, DECIMAL_CONTEXT.subtract)


def multiply(a: Number, b: Number) -> Number:
    """Multiply two numbers."""
    return _combine(a, b, operator.mul, DECIMAL_CONTEXT.multiply)


def _combine(
    a: Number,
    b: Number,
    apply: Callable[[Any, Any], Any],
    apply_decimal: Callable[[Decimal, Decimal], Decimal],
) -> Number:
    if isinstance(a, Decimal128) or isinstance(b, Decimal128):
        return Decimal128(apply_decimal(to_decimal(a), to_decimal(b)))
    if isinstance(a, float) or isinstance(b, float):
        return float(apply(float(a), float(b)))
    return typed_int(apply(int(a), int(b)), long=is_long(a) or is_long(b))


def to_decimal(value: Number) -> Decimal:
    """Return a number as a decimal; a double keeps 15 significant digits, as in the server."""
    if isinstance(value, Decimal128):
        return value.to_decimal()
    if isinstance(value, float):
        return Decimal(f"{value:.14e}") if math.isfinite(value) else Decimal(value)
    return Decimal(int(value))


def to_double(value: Number) -> float:
    """Return a number as the nearest double."""
    return float(value.to_decimal()) if isinstance(value, Decimal128) else float(value)


def to_int64(value: Any) -> int | None:
    """Truncate a number towards zero; None where the result is no 64-bit integer."""
    if isinstance(value, Decimal128):
        decimal = value.to_decimal()
        if not decimal.is_finite() or decimal.adjusted() > 19:
            return None
        whole = int(decimal.to_integral_value(rounding=ROUND_DOWN))
    elif isinstance(value, float):
        if not math.isfinite(value):
            return None
        whole = int(value)
    else:
        whole = int(value)
    return whole if INT64_MIN <= whole <= INT64_MAX else None


def exact_int64(value: Any) -> int | None:
    """Return the 64-bit integer that a BSON value equals; None for any other value."""
    whole = to_int64(value) if is_number(value) else None
    if whole is None:
        return None
    exact = value.to_decimal() if isinstance(value, Decimal128) else value
    return whole if whole == exact else None
