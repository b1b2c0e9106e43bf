"""Powers, roots and logarithms: `$pow`, `$sqrt`, `$exp`, `$ln`, `$log`, `$log10`.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/#arithmetic-expression-operators
"""

import math
from typing import Any

from bson import Decimal128

from ..bson_types import is_number, type_name
from ..expression_compiler import function
from ..numbers import (
    DECIMAL_CONTEXT,
    Number,
    is_integer_type,
    is_long,
    to_decimal,
    to_double,
    typed_int,
)
from .arithmetic import numeric
from .support import location, nullable, shown


@numeric("$sqrt")
def _sqrt(value: Any) -> Any:
    if to_double(value) < 0:
        raise location(28714, "$sqrt's argument must be greater than or equal to 0")
    if isinstance(value, Decimal128):
        return Decimal128(DECIMAL_CONTEXT.sqrt(value.to_decimal()))
    return math.sqrt(value)


@numeric("$exp")
def _exp(value: Any) -> Any:
    if isinstance(value, Decimal128):
        return Decimal128(DECIMAL_CONTEXT.exp(value.to_decimal()))
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


@numeric("$ln")
def _ln(value: Any) -> Any:
    _require_positive("$ln", value, 28766)
    if isinstance(value, Decimal128):
        return Decimal128(DECIMAL_CONTEXT.ln(value.to_decimal()))
    return math.log(value)


@numeric("$log10")
def _log10(value: Any) -> Any:
    _require_positive("$log10", value, 28761)
    if isinstance(value, Decimal128):
        return Decimal128(DECIMAL_CONTEXT.log10(value.to_decimal()))
    return math.log10(value)


def _require_positive(name: str, value: Any, code: int) -> None:
    if to_double(value) <= 0:
        raise location(code, f"{name}'s argument must be a positive number, but is {shown(value)}")


@function("$log", least=2, most=2)
@nullable
def _log(value: Any, base: Any) -> Any:
    if not is_number(value):
        raise location(28756, f"$log's argument must be numeric, not {type_name(value)}")
    if not is_number(base):
        raise location(28757, f"$log's base must be numeric, not {type_name(base)}")
    _require_positive("$log", value, 28758)
    if to_double(base) <= 0 or to_double(base) == 1:
        raise location(
            28759, f"$log's base must be a positive number not equal to 1, but is {shown(base)}"
        )
    if isinstance(value, Decimal128) or isinstance(base, Decimal128):
        context = DECIMAL_CONTEXT
        return Decimal128(
            context.divide(context.ln(to_decimal(value)), context.ln(to_decimal(base)))
        )
    return math.log(value) / math.log(base)


@function("$pow", least=2, most=2)
@nullable
def _pow(base: Any, exponent: Any) -> Any:
    if not is_number(base):
        raise location(28762, f"$pow's base must be numeric, not {type_name(base)}")
    if not is_number(exponent):
        raise location(28763, f"$pow's exponent must be numeric, not {type_name(exponent)}")
    if to_double(base) == 0 and to_double(exponent) < 0:
        raise location(28764, "$pow cannot take a base of 0 and a negative exponent")
    if isinstance(base, Decimal128) or isinstance(exponent, Decimal128):
        return Decimal128(DECIMAL_CONTEXT.power(to_decimal(base), to_decimal(exponent)))
    if is_integer_type(base) and is_integer_type(exponent) and exponent >= 0:
        return _integer_power(base, exponent)
    return _float_power(float(base), float(exponent))


def _integer_power(base: int, exponent: int) -> Number:
    long = is_long(base) or is_long(exponent)
    if abs(base) > 1 and exponent > 63:
        return _float_power(float(base), float(exponent))
    power = int(base) ** (2 + int(exponent) % 2 if exponent > 63 else int(exponent))
    try:
        return typed_int(power, long=long)
    except OverflowError:
        return _float_power(float(base), float(exponent))


def _float_power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.copysign(math.inf, base) if exponent % 2 == 1 else math.inf
    except ValueError:
        return math.nan
