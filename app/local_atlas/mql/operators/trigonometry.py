"""Angles: `$sin`, `$cos`, `$tan`, their inverses, their hyperbolic kin, degrees and radians.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/#trigonometry-expression-operators
"""

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from bson import Decimal128

from ...errors import NOT_EMULATED
from ..bson_types import is_number, type_name
from ..expression_compiler import function
from .arithmetic import numeric
from .support import location, nullable, shown


class _Domain(NamedTuple):
    """The arguments that a function takes, NaN aside, and how an error shows them."""

    contains: Callable[[float], bool]
    text: str


_FINITE: Final = _Domain(math.isfinite, "(-inf,inf)")
_UNIT: Final = _Domain(lambda value: -1 <= value <= 1, "[-1,1]")
_ANY: Final = _Domain(lambda value: True, "[-inf,inf]")
_FROM_ONE: Final = _Domain(lambda value: value >= 1, "[1,inf]")


def _sinh(value: float) -> float:
    try:
        return math.sinh(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _cosh(value: float) -> float:
    try:
        return math.cosh(value)
    except OverflowError:
        return math.inf


def _atanh(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) == 1 else math.atanh(value)


_FUNCTIONS: Final[dict[str, tuple[Callable[[float], float], _Domain]]] = {
    "$sin": (math.sin, _FINITE),
    "$cos": (math.cos, _FINITE),
    "$tan": (math.tan, _FINITE),
    "$asin": (math.asin, _UNIT),
    "$acos": (math.acos, _UNIT),
    "$atan": (math.atan, _ANY),
    "$sinh": (_sinh, _ANY),
    "$cosh": (_cosh, _ANY),
    "$tanh": (math.tanh, _ANY),
    "$asinh": (math.asinh, _ANY),
    "$acosh": (math.acosh, _FROM_ONE),
    "$atanh": (_atanh, _UNIT),
    "$degreesToRadians": (math.radians, _ANY),
    "$radiansToDegrees": (math.degrees, _ANY),
}


def _register(name: str, apply: Callable[[float], float], domain: _Domain) -> None:
    @numeric(name)
    def evaluate(value: Any) -> float:
        number = _double(name, value)
        if math.isnan(number):
            return number
        if not domain.contains(number):
            message = f"cannot apply {name} to {shown(value)}, value must be in {domain.text}"
            raise location(50989, message)
        return apply(number)


for _name, (_apply, _domain) in _FUNCTIONS.items():
    _register(_name, _apply, _domain)


@function("$atan2", least=2, most=2)
@nullable
def _atan2(y: Any, x: Any) -> float:
    for value in (y, x):
        if not is_number(value):
            kind = type_name(value)
            raise location(51044, f"$atan2 only supports numeric types, not {kind}")
    return math.atan2(_double("$atan2", y), _double("$atan2", x))


def _double(name: str, value: Any) -> float:
    if isinstance(value, Decimal128):
        raise location(28765, f"{name} of a decimal {NOT_EMULATED}")
    return float(value)
