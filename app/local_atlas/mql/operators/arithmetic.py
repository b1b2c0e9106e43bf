"""Arithmetic: `$add`, `$divide`, `$mod`, `$round`, ...

What int64 cannot hold goes on as a double; null or missing makes null.
https://www.mongodb.com/docs/manual/reference/operator/aggregation/#arithmetic-expression-operators
"""

import math
import random
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any

from bson import DatetimeMS, Decimal128, Int64

from ...errors import CommandError, bad_value, type_mismatch
from ..bson_types import is_number, type_name
from ..expression_compiler import Evaluate, Scope, function, special_form
from ..numbers import (
    DECIMAL_CONTEXT,
    INT64_MIN,
    Number,
    add,
    exact_int64,
    is_integer_type,
    is_long,
    multiply,
    subtract,
    to_decimal,
    typed_int,
)
from .support import is_null, location, nullable

_Combine = Callable[[Number, Number], Number]


def _widening(combine: _Combine, a: Number, b: Number) -> Number:
    try:
        return combine(a, b)
    except OverflowError:
        return combine(float(int(a)), float(int(b)))  # type: ignore[arg-type]


@function("$add", least=0, most=None)
def _add(*values: Any) -> Any:
    if any(map(is_null, values)):
        return None
    dates = [value for value in values if isinstance(value, DatetimeMS)]
    if len(dates) > 1:
        raise location(16612, "only one date allowed in an $add expression")
    total: Number = 0
    for value in values:
        if isinstance(value, DatetimeMS):
            continue
        if not is_number(value):
            kind = type_name(value)
            raise type_mismatch(f"$add only supports numeric or date types, not {kind}")
        total = _widening(add, total, value)
    return _moved(dates[0], total) if dates else total


def _moved(date: DatetimeMS, amount_ms: Number) -> DatetimeMS:
    exact = to_decimal(amount_ms)
    if not exact.is_finite() or abs(exact) > 1 << 62:
        raise CommandError(15, "Overflow", "date overflow")
    return DatetimeMS(int(date) + int(exact.to_integral_value(rounding=ROUND_HALF_EVEN)))


@function("$subtract", least=2, most=2)
@nullable
def _subtract(a: Any, b: Any) -> Any:
    if is_number(a) and is_number(b):
        return _widening(subtract, a, b)
    if isinstance(a, DatetimeMS):
        if isinstance(b, DatetimeMS):
            return Int64(int(a) - int(b))
        if is_number(b):
            return _moved(a, multiply(b, -1))
    raise type_mismatch(f"can't $subtract {type_name(b)} from {type_name(a)}")


@function("$multiply", least=0, most=None)
def _multiply(*values: Any) -> Any:
    if any(map(is_null, values)):
        return None
    product: Number = 1
    for value in values:
        if not is_number(value):
            raise type_mismatch(f"$multiply only supports numeric types, not {type_name(value)}")
        product = _widening(multiply, product, value)
    return product


@function("$divide", least=2, most=2)
@nullable
def _divide(a: Any, b: Any) -> Any:
    if not (is_number(a) and is_number(b)):
        kinds = f"{type_name(a)} and {type_name(b)}"
        raise type_mismatch(f"$divide only supports numeric types, not {kinds}")
    if to_decimal(b) == 0:
        raise bad_value("can't $divide by zero")
    if isinstance(a, Decimal128) or isinstance(b, Decimal128):
        return Decimal128(DECIMAL_CONTEXT.divide(to_decimal(a), to_decimal(b)))
    return float(a) / float(b)


@function("$mod", least=2, most=2)
@nullable
def _mod(a: Any, b: Any) -> Any:
    if not (is_number(a) and is_number(b)):
        kinds = f"{type_name(a)} and {type_name(b)}"
        raise location(16611, f"$mod only supports numeric types, not {kinds}")
    if to_decimal(b) == 0:
        raise location(16610, "can't $mod by zero")
    if isinstance(a, Decimal128) or isinstance(b, Decimal128):
        return Decimal128(DECIMAL_CONTEXT.remainder(to_decimal(a), to_decimal(b)))
    if isinstance(a, float) or isinstance(b, float):
        return math.nan if math.isinf(a) else math.fmod(a, b)
    rest = abs(int(a)) % abs(int(b))  # the sign is the dividend's, as in C++
    return typed_int(rest if a >= 0 else -rest, long=is_long(a) or is_long(b))


def numeric(name: str, *, code: int = 28765) -> Callable[[Callable[[Any], Any]], Any]:
    """Register a function of one number."""

    def register(apply: Callable[[Any], Any]) -> Callable[..., Any]:
        def checked(value: Any) -> Any:
            if not is_number(value):
                raise location(code, f"{name} only supports numeric types, not {type_name(value)}")
            return apply(value)

        return function(name)(nullable(checked))

    return register


@numeric("$abs")
def _abs(value: Any) -> Any:
    if isinstance(value, Decimal128):
        return Decimal128(abs(value.to_decimal()))
    if isinstance(value, float):
        return abs(value)
    if value == INT64_MIN:
        raise location(28680, "can't take $abs of long long min")
    return typed_int(abs(int(value)), long=is_long(value))


def _to_whole(value: Any, rounding: str, whole_of: Callable[[float], int]) -> Any:
    if isinstance(value, Decimal128):
        return Decimal128(value.to_decimal().to_integral_value(rounding=rounding))
    if isinstance(value, float):
        return float(whole_of(value)) if math.isfinite(value) else value
    return value


@numeric("$ceil")
def _ceil(value: Any) -> Any:
    return _to_whole(value, ROUND_CEILING, math.ceil)


@numeric("$floor")
def _floor(value: Any) -> Any:
    return _to_whole(value, ROUND_FLOOR, math.floor)


def _rounding(name: str, mode: str) -> None:
    @function(name, least=1, most=2)
    def _round(value: Any, place: Any = 0) -> Any:
        if is_null(value) or is_null(place):
            return None
        if not is_number(value):
            raise location(51081, f"{name} only supports numeric types, not {type_name(value)}")
        places = exact_int64(place)
        if places is None:
            raise location(51082, f"precision argument to  {name} must be a integral value")
        if not -20 <= places <= 100:
            raise location(
                51083,
                f"cannot apply {name} with precision value {places} value must be in [-20, 100]",
            )
        return _round_to(value, places, mode)


def _round_to(value: Any, places: int, mode: str) -> Any:
    exact = value.to_decimal() if isinstance(value, Decimal128) else Decimal(value)
    if not exact.is_finite() or (is_integer_type(value) and places >= 0):
        return value
    exact = DECIMAL_CONTEXT.plus(exact)
    wide = DECIMAL_CONTEXT.copy()
    wide.prec = 500  # a double or Decimal128 never has more digits before the rounded one
    rounded = exact.quantize(Decimal(1).scaleb(-places), rounding=mode, context=wide)
    if isinstance(value, Decimal128):
        return Decimal128(DECIMAL_CONTEXT.plus(rounded))
    if isinstance(value, float):
        return float(rounded)
    return typed_int(int(rounded), long=is_long(value))


_rounding("$round", ROUND_HALF_EVEN)
_rounding("$trunc", ROUND_DOWN)


@special_form("$rand")
def _rand(operand: Any, scope: Scope) -> Evaluate:
    if operand not in ({}, []):
        raise location(3040501, "$rand does not currently accept arguments")
    return lambda row, variables: random.random()
