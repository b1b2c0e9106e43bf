"""The operators that only the projection of a find knows: `$slice`, `$elemMatch` and `a.$`.

https://www.mongodb.com/docs/manual/reference/operator/projection/
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import CommandError
from .bson_types import is_number, type_name
from .expression_compiler import Evaluate, Variables
from .matcher import compile_filter, elem_match_test
from .numbers import to_int64
from .paths import MISSING
from .rows import Row

Trim = Callable[[Any], Any]


def compile_slice(operand: Any) -> Trim | None:
    """Compile `{$slice: n}` or `{$slice: [skip, n]}`; None where it is the aggregation operator."""
    if is_number(operand):
        count = to_int64(operand) or 0
        return lambda value: _first_or_last(value, count)
    if not isinstance(operand, list) or len(operand) != 2 or not is_number(operand[0]):
        return None
    if not is_number(operand[1]):
        return None
    skip, limit = (to_int64(part) or 0 for part in operand)
    if limit <= 0:
        message = f"$slice limit must be positive, got {limit}"
        raise CommandError(31259, "Location31259", message)
    return lambda value: _window(value, skip, limit)


def _first_or_last(value: Any, count: int) -> Any:
    if not isinstance(value, list):
        return value
    return value[:count] if count >= 0 else value[count:]


def _window(value: Any, skip: int, limit: int) -> Any:
    if not isinstance(value, list):
        return value
    start = skip if skip >= 0 else max(0, len(value) + skip)
    return value[start : start + limit]


def compile_elem_match(path: str, operand: Mapping[str, Any]) -> Evaluate:
    """Compile `{$elemMatch: query}`: an array of the first element that matches."""
    query = operand["$elemMatch"]
    if not isinstance(query, dict):
        raise CommandError(
            31274,
            "Location31274",
            f"elemMatch: Invalid argument, object required, but got {type_name(query)}",
        )
    test = elem_match_test(query)

    def evaluate(row: Row, variables: Variables) -> Any:
        array = row.document.get(path, MISSING)
        if not isinstance(array, list):
            return MISSING
        return next(([item] for item in array if test([item])), MISSING)

    return evaluate


def compile_position_trim(path: str, query: Mapping[str, Any] | None) -> Trim:
    """Compile the projection `path.$`: an array of the first element that the query matches."""
    name = path.partition(".")[0]
    conditions = {
        field: operand
        for field, operand in (query or {}).items()
        if field == name or field.startswith(f"{name}.")
    }
    if not conditions:
        raise CommandError(
            31277,
            "Location31277",
            f"Positional projection '{path}.$' does not match the query document.",
        )
    matches = compile_filter(conditions)

    def trim(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return next(([item] for item in value if matches({name: [item]})), [])

    return trim
