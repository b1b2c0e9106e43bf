"""Filters evaluated document by document, straight from the rules.

Values are decoded BSON. Slow, obvious and independent of the code under test.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

from bson import Binary, Decimal128, ObjectId
from bson.datetime_ms import DatetimeMS
from bson.int64 import Int64

MISSING = object()
DOUBLE_MAX = 1.7976931348623157e308

Test = Callable[[dict[str, Any]], bool]


def leaves(value: Any, names: list[str], *, in_array: bool = False) -> Iterator[Any]:
    """Yield what lies at a path: arrays flattened to any depth, documents and empty arrays too."""
    if isinstance(value, list):
        if not names and not in_array:
            yield []  # the field exists
        for element in value:
            yield from leaves(element, names, in_array=True)
    elif not names:
        yield value
    elif isinstance(value, dict) and names[0] in value:
        yield from leaves(value[names[0]], names[1:], in_array=False)


def at(document: dict[str, Any], path: str) -> list[Any]:
    return list(leaves(document, path.split(".")))


def kind(value: Any) -> str | None:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    for types, name in (
        ((str,), "string"),
        ((DatetimeMS,), "date"),
        ((ObjectId,), "objectId"),
    ):
        if isinstance(value, types):
            return name
    return "uuid" if isinstance(value, Binary) and value.subtype == 4 else None


def sort_form(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, DatetimeMS):
        return int(value)
    if isinstance(value, ObjectId):
        return value.binary
    return bytes(value) if isinstance(value, Binary) else value


def equal(a: Any, b: Any) -> bool:
    return kind(a) is not None and kind(a) == kind(b) and sort_form(a) == sort_form(b)


def is_finite(wanted: Any) -> bool:
    """Whether equality can find a value at all; unlike a list it finds no infinity or NaN."""
    return not isinstance(wanted, float) or math.isfinite(wanted)


def in_list(value: Any, wanted: list[Any], *, cuts_doubles: bool) -> bool:
    """Equality, but that a double in the list also finds the int that it is cut to."""
    for one in wanted:
        if equal(value, one):
            return True
        is_int = isinstance(value, int) and not isinstance(value, bool)
        if cuts_doubles and is_int and isinstance(one, float):
            cut = 0 if math.isnan(one) else math.trunc(one) if math.isfinite(one) else None
            if value == cut:
                return True
    return False


def within(value: Any, bounds: dict[str, Any]) -> bool:
    """Whether one value meets all bounds, given as gt, gte, lt and lte."""
    reference = next(iter(bounds.values()))
    if kind(value) is None or kind(value) != kind(reference):
        return False
    beyond_all = (bounds.get("gt") or bounds.get("gte")) == math.inf
    if beyond_all or (bounds.get("lt") or bounds.get("lte")) == -math.inf:
        return False  # not even an infinity is there
    is_open_above = not ({"lt", "lte"} & bounds.keys())
    is_open_below = not ({"gt", "gte"} & bounds.keys())
    if isinstance(value, float) and is_open_above and value > DOUBLE_MAX:
        return False
    if isinstance(value, float) and is_open_below and value < -DOUBLE_MAX:
        return False
    compare = {
        "gt": lambda a, b: a > b,
        "gte": lambda a, b: a >= b,
        "lt": lambda a, b: a < b,
        "lte": lambda a, b: a <= b,
    }
    return all(compare[name](sort_form(value), sort_form(bound)) for name, bound in bounds.items())


def mql(condition: dict[str, Any], document: dict[str, Any], *, cuts_doubles: bool) -> bool:
    """Whether a document meets an MQL filter, by the rules of $vectorSearch."""
    for name, value in condition.items():
        if name in ("$and", "$or", "$nor"):
            met = [mql(part, document, cuts_doubles=cuts_doubles) for part in value]
            result = all(met) if name == "$and" else any(met) ^ (name == "$nor")
        else:
            operators = value if isinstance(value, dict) else {"$eq": value}
            result = all(
                _operator(name, operator, operand, document, cuts_doubles)
                for operator, operand in operators.items()
            )
        if not result:
            return False
    return True


def _operator(
    path: str, operator: str, operand: Any, document: dict[str, Any], cuts_doubles: bool
) -> bool:
    values = at(document, path)
    match operator:
        case "$eq":
            if operand is None:
                return any(value is None for value in values)
            return is_finite(operand) and any(equal(value, operand) for value in values)
        case "$in":
            return any(in_list(value, operand, cuts_doubles=cuts_doubles) for value in values)
        case "$ne":
            return not _operator(path, "$eq", operand, document, cuts_doubles)
        case "$nin":
            return not _operator(path, "$in", operand, document, cuts_doubles)
        case "$not":
            return not mql({path: operand}, document, cuts_doubles=cuts_doubles)
        case "$exists":
            return bool(values) == operand
        case _:
            return any(within(value, {operator[1:]: operand}) for value in values)


def search_operator(operator: dict[str, Any], document: dict[str, Any]) -> bool:
    """Whether a document meets a search operator."""
    ((name, spec),) = operator.items()
    if name == "compound":
        return _compound(spec, document)
    paths = spec["path"] if isinstance(spec["path"], list) else [spec["path"]]
    values = [value for path in paths for value in at(document, path)]
    if name == "exists":
        return bool(values)
    if name == "equals":
        wanted = spec["value"]
        if wanted is None:
            return any(value is None for value in values)
        return is_finite(wanted) and any(equal(value, wanted) for value in values)
    if name == "in":
        wanted = spec["value"] if isinstance(spec["value"], list) else [spec["value"]]
        return any(in_list(value, wanted, cuts_doubles=False) for value in values)
    bounds = {bound: spec[bound] for bound in ("gt", "gte", "lt", "lte") if bound in spec}
    # Both bounds hold for one and the same value; a path is not mixed with another.
    return any(within(value, bounds) for value in values)


def _compound(spec: dict[str, Any], document: dict[str, Any]) -> bool:
    def met(clause: str) -> list[bool]:
        parts = spec.get(clause, [])
        parts = parts if isinstance(parts, list) else [parts]
        return [search_operator(part, document) for part in parts]

    required = met("filter") + met("must")
    should = met("should")
    minimum = spec.get("minimumShouldMatch", 0) or (1 if should and not required else 0)
    return all(required) and not any(met("mustNot")) and sum(should) >= minimum


def comparable_pool() -> list[Any]:
    """Values that meet each other in all the interesting ways."""
    return [
        True,
        False,
        0,
        5,
        -3,
        Int64(2**53 + 1),
        5.0,
        5.5,
        -3.5,
        math.inf,
        -math.inf,
        "",
        "a",
        "b",
        "Ä",
        "\U0001f455",
        DatetimeMS(0),
        DatetimeMS(-5),
        DatetimeMS(1_700_000_000_000),
        ObjectId("0" * 24),
        ObjectId("f" * 24),
        Binary(bytes(16), 4),
        Binary(bytes(15) + b"\x01", 4),
    ]


def document_pool() -> list[Any]:
    """Those, and values that no filter can compare."""
    other = [None, Decimal128("5"), b"x", Binary(bytes(16), 3), {}, {"b": 1, "c": None}, []]
    return [*comparable_pool(), math.nan, *other]
