"""What one query operator asks of one value: `{$gt: 5}`, `{$in: [...]}`, `{$type: "string"}`.

A `Condition` knows nothing of paths; `matcher.py` decides which values it is tried against. Two
values compare only within one type bracket, numbers across their types, booleans never as numbers.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from bson import Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex

from ..errors import CommandError, bad_value, failed_to_parse, type_mismatch
from .bit_conditions import BIT_OPERATORS, bit_test
from .bson_order import is_nan, sort_key
from .bson_text import render, render_field
from .bson_types import NUMERIC_TYPES, TYPE_NUMBERS, is_number, is_string, is_true, type_name
from .collated import CollatedString
from .numbers import exact_int64, to_int64
from .paths import MISSING
from .regex import compile_pattern, compile_value

Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one value.

    Attributes:
        test: called with a BSON value or `MISSING`.
        whole: an array at the end of the path is tested whole, not element by element.
    """

    test: Test
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Negation:
    """True where not all of these hold; on a path: where no value there makes them hold."""

    constraints: "tuple[Constraint, ...]"


Constraint = Condition | Negation


def is_operator_document(value: Any) -> bool:
    """Tell whether the value of a query field holds operators instead of being a value."""
    return isinstance(value, dict) and next(iter(value), "").startswith("$")


def equality(wanted: Any) -> Condition:
    """Return the test for equality; null also matches a missing field."""
    return Condition(_equality_test(wanted))


def _equality_test(wanted: Any) -> Test:
    kind = type(wanted)
    if kind is str or kind is ObjectId:
        return lambda value: type(value) is kind and value == wanted
    if kind is bool:
        return lambda value: value is wanted
    if wanted is None:
        return lambda value: value is None or value is MISSING
    key = sort_key(wanted)
    if is_number(wanted) and not isinstance(wanted, Decimal128) and not is_nan(wanted):
        return lambda value: (
            value == wanted
            if type(value) in _FAST_NUMBERS
            else type(value) is Decimal128 and sort_key(value) == key
        )
    return lambda value: value is not MISSING and sort_key(value) == key


def _order_test(wanted: Any, compare: Callable[[Any, Any], bool], *, or_equal: bool) -> Test:
    key = sort_key(wanted)
    if is_nan(wanted):
        return lambda value: or_equal and is_nan(value)
    if isinstance(wanted, MinKey | MaxKey):  # these compare with every type
        return lambda value: compare(sort_key(value), key)
    if type(wanted) is str:
        return lambda value: type(value) is str and compare(value, wanted)
    if is_number(wanted) and not isinstance(wanted, Decimal128):
        return lambda value: (
            compare(value, wanted)
            if type(value) in _FAST_NUMBERS
            else type(value) is Decimal128 and not is_nan(value) and compare(sort_key(value), key)
        )
    kind = key[:1]

    def test(value: Any) -> bool:
        found = sort_key(value)
        return found[:1] == kind and compare(found, key) and not is_nan(value)

    return test


def _parse_order(
    compare: Callable[[Any, Any], bool], *, or_equal: bool
) -> "Callable[[str, Any], list[Constraint]]":
    def parse(path: str, operand: Any) -> list[Constraint]:
        if isinstance(operand, Regex):
            raise bad_value(f"Can't have RegEx as arg to predicate over field '{path}'.")
        return [Condition(_order_test(operand, compare, or_equal=or_equal))]

    return parse


def _parse_eq(path: str, operand: Any) -> list[Constraint]:
    return [equality(operand)]


def _parse_ne(path: str, operand: Any) -> list[Constraint]:
    if isinstance(operand, Regex):
        raise bad_value("Can't have regex as arg to $ne.")
    return [Negation((equality(operand),))]


def _parse_in(path: str, operand: Any) -> list[Constraint]:
    return [Condition(_membership_test("$in", operand))]


def _parse_nin(path: str, operand: Any) -> list[Constraint]:
    return [Negation((Condition(_membership_test("$nin", operand)),))]


def _membership_test(name: str, operand: Any) -> Test:
    if not isinstance(operand, list):
        raise bad_value(f"{name} needs an array")
    if any(map(is_operator_document, operand)):
        raise bad_value(f"cannot nest $ under {name}")
    patterns = [regex_test(item) for item in operand if isinstance(item, Regex)]
    values = [item for item in operand if not isinstance(item, Regex)]
    strings = frozenset(item for item in values if type(item) is str)
    keys = frozenset(sort_key(item) for item in values if type(item) is not str)

    def test(value: Any) -> bool:
        found = value in strings if type(value) is str else bool(keys) and sort_key(value) in keys
        return found or any(matches(value) for matches in patterns)

    return test


def regex_test(wanted: "Regex[Any]") -> Test:
    """Return the test for a regular expression: matching strings, and the expression itself."""
    search = compile_value(wanted).search
    key = sort_key(wanted)

    def test(value: Any) -> bool:
        if type(value) in _STRINGS:
            return search(value) is not None
        return isinstance(value, Regex) and sort_key(value) == key

    return test


def parse_regex(operators: Mapping[str, Any]) -> Condition:
    """Parse `$regex` with its `$options`, which may stand before or behind it."""
    pattern, options = operators["$regex"], operators.get("$options", "")
    if not is_string(options):
        raise bad_value("$options has to be a string")
    if is_string(pattern):
        search = compile_pattern(pattern, options).search
        return Condition(lambda value: type(value) in _STRINGS and search(value) is not None)
    if not isinstance(pattern, Regex):
        raise bad_value("$regex has to be a string")
    if not options:
        return Condition(regex_test(pattern))
    if pattern.flags:
        first = next(name for name in operators if name in {"$regex", "$options"})
        code = 51075 if first == "$regex" else 51074
        raise CommandError(code, f"Location{code}", "options set in both $regex and $options")
    return parse_regex({"$regex": pattern.pattern, "$options": options})


def _parse_exists(path: str, operand: Any) -> list[Constraint]:
    exists = Condition(lambda value: value is not MISSING, whole=True)
    return [exists] if is_true(operand) else [Negation((exists,))]


def _parse_type(path: str, operand: Any) -> list[Constraint]:
    wanted: set[str] = set()
    for item in operand if isinstance(operand, list) else [operand]:
        wanted |= _type_names(item)
    if not wanted:
        raise failed_to_parse(f"{path} must match at least one type")
    return [Condition(lambda value: type_name(value) in wanted)]


def _type_names(operand: Any) -> frozenset[str]:
    if is_string(operand):
        if operand == "number":
            return NUMERIC_TYPES
        if operand not in TYPE_NUMBERS:
            raise bad_value(f"Unknown type name alias: {operand}")
        return frozenset({operand})
    if not is_number(operand):
        raise type_mismatch("type must be represented as a number or a string")
    for name, number in TYPE_NUMBERS.items():
        if sort_key(number) == sort_key(operand):
            return frozenset({name})
    raise bad_value(f"Invalid numerical type code: {render(operand)}")


def _parse_size(path: str, operand: Any) -> list[Constraint]:
    reason = _why_no_size(operand)
    if reason is not None:
        raise bad_value(f"Failed to parse $size. {reason}: {render_field('$size', operand)}")
    size = exact_int64(operand)
    return [Condition(lambda value: isinstance(value, list) and len(value) == size, whole=True)]


def _why_no_size(operand: Any) -> str | None:
    if not is_number(operand):
        return "Expected a number in"
    whole = exact_int64(operand)
    if whole is None:
        return "Expected an integer"
    return "Expected a non-negative number in" if whole < 0 else None


def _parse_mod(path: str, operand: Any) -> list[Constraint]:
    if not isinstance(operand, list):
        raise bad_value("malformed mod, needs to be an array")
    if len(operand) != 2:
        amount = "not enough" if len(operand) < 2 else "too many"
        raise bad_value(f"malformed mod, {amount} elements")
    divisor, remainder = _mod_part("divisor", operand[0]), _mod_part("remainder", operand[1])
    if divisor == 0:
        raise bad_value("divisor cannot be 0")

    def test(value: Any) -> bool:
        dividend = to_int64(value) if is_number(value) else None
        if dividend is None:
            return False
        rest = abs(dividend) % abs(divisor)  # the sign is the dividend's, as in C++
        return (rest if dividend >= 0 else -rest) == remainder

    return [Condition(test)]


def _parse_bits(name: str, path: str, operand: Any) -> list[Constraint]:
    return [Condition(bit_test(name, operand))]


def _mod_part(role: str, operand: Any) -> int:
    if not is_number(operand):
        raise bad_value(f"malformed mod, {role} not a number")
    whole = to_int64(operand)
    if whole is None:
        raise bad_value(
            f"malformed mod, {role} value is invalid :: caused by :: "
            f"Unable to coerce {render(operand)} to integral type"
        )
    return whole


_STRINGS: Final = frozenset({str, CollatedString})
_FAST_NUMBERS: Final = frozenset({int, float, Int64})

SIMPLE_OPERATORS: Final[dict[str, Callable[[str, Any], list[Constraint]]]] = {
    "$eq": _parse_eq,
    "$ne": _parse_ne,
    "$gt": _parse_order(operator.gt, or_equal=False),
    "$gte": _parse_order(operator.ge, or_equal=True),
    "$lt": _parse_order(operator.lt, or_equal=False),
    "$lte": _parse_order(operator.le, or_equal=True),
    "$in": _parse_in,
    "$nin": _parse_nin,
    "$exists": _parse_exists,
    "$type": _parse_type,
    "$size": _parse_size,
    "$mod": _parse_mod,
    **{name: partial(_parse_bits, name) for name in sorted(BIT_OPERATORS)},
}
