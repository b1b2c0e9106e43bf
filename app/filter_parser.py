"""Filters as callers write them: checked, and every value converted to the type of its field.

The language is the MQL subset that `$vectorSearch` takes, on the fields that the index file
declares: `$eq $ne $gt $gte $lt $lte $in $nin $exists $not $and $or $nor`, and `{field: value}`.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId

from app.errors import BadRequest
from app.filters import AllOf, AnyOf, Comparison, Filter, NoneOf
from app.indexes import FilterType

MAX_DEPTH = 10
MAX_CLAUSES = 100
MAX_LIST_VALUES = 1000
# Every integer up to here is a double of its own; `number` fields index doubles.
MAX_EXACT_INTEGER = 2**53

_RANGES = ("$gt", "$gte", "$lt", "$lte")
_LISTS = ("$in", "$nin")
_FIELD_OPERATORS = ("$eq", "$ne", *_RANGES, *_LISTS, "$exists", "$not")
_LOGICAL_OPERATORS = ("$and", "$or", "$nor")


def parse_filter(mql: Any, filter_types: Mapping[str, FilterType]) -> Filter:
    """Check a filter as it came from outside and convert its values.

    Args:
        mql: the decoded JSON.
        filter_types: filterable path -> type of its values; dates are ISO 8601, ids 24 hex digits.

    Raises:
        BadRequest: an unknown field or operator, a value of another type, deeper than 10, more than
            100 clauses.
    """
    return _Parser(filter_types).document(mql, 1)


def field_filter(path: str, text: str, filter_types: Mapping[str, FilterType]) -> Filter:
    """Return `path == text`, the text converted from a query string to the type of the field.

    Raises:
        BadRequest: the field is not filterable, or the text is no value of its type.
    """
    kind = _declared(path, filter_types)
    value: Any = text
    if kind == "number":
        value = _number_from_text(path, text)
    elif kind == "boolean":
        if text not in ("true", "false"):
            raise BadRequest(f"{path} ({text!r}) must be true or false.")
        value = text == "true"
    return Comparison(path, "$eq", _converted(path, value, kind))


class _Parser:
    """Walks one filter, counting clauses."""

    def __init__(self, filter_types: Mapping[str, FilterType]) -> None:
        self._types = filter_types
        self._clauses = 0

    def document(self, mql: Any, depth: int) -> Filter:
        if not isinstance(mql, dict):
            raise BadRequest(f"filter ({mql!r}) must be an object.")
        if depth > MAX_DEPTH:
            raise BadRequest(f"filter must not be nested deeper than {MAX_DEPTH}.")
        if not mql:
            self._count_clause()
        clauses: list[Filter] = []
        for key, value in mql.items():
            if key.startswith("$"):
                clauses.append(self._logical(key, value, depth))
            else:
                clauses.extend(self._field(key, value, depth))
        return clauses[0] if len(clauses) == 1 else AllOf(tuple(clauses))

    def _logical(self, operator: str, value: Any, depth: int) -> Filter:
        if operator not in _LOGICAL_OPERATORS:
            raise BadRequest(
                f"filter operator {operator} is unknown here, expected one of "
                f"{' '.join(_LOGICAL_OPERATORS)} or a field."
            )
        if not isinstance(value, list) or not value:
            raise BadRequest(f"filter operator {operator} must have a non-empty array.")
        clauses = tuple(self.document(one, depth + 1) for one in value)
        if operator == "$and":
            return AllOf(clauses)
        return AnyOf(clauses) if operator == "$or" else NoneOf(clauses)

    def _field(self, path: str, condition: Any, depth: int) -> list[Filter]:
        kind = _declared(path, self._types)
        if not isinstance(condition, dict):
            condition = {"$eq": condition}
        if not condition:
            raise BadRequest(f"filter on {path} must not be empty.")
        return [
            self._comparison(path, operator, value, kind, depth)
            for operator, value in condition.items()
        ]

    def _comparison(
        self, path: str, operator: str, value: Any, kind: FilterType, depth: int
    ) -> Filter:
        self._count_clause()
        if operator not in _FIELD_OPERATORS:
            raise BadRequest(
                f"filter operator {operator} on {path} is unknown, expected one of "
                f"{' '.join(_FIELD_OPERATORS)}."
            )
        if operator == "$not":
            return self._negated(path, value, depth)
        if operator == "$exists":
            if not isinstance(value, bool):
                raise BadRequest(f"filter {path}: $exists ({value!r}) must be true or false.")
            comparison = Comparison(path, "$exists", True)
            return comparison if value else NoneOf((comparison,))
        if operator in _LISTS:
            comparison = Comparison(path, "$in", self._list(path, operator, value, kind))
            return comparison if operator == "$in" else NoneOf((comparison,))
        if value is None and operator in _RANGES:
            raise BadRequest(f"filter {path}: {operator} must not be null.")
        converted = None if value is None else _converted(path, value, kind)
        if operator == "$ne":
            return NoneOf((Comparison(path, "$eq", converted),))
        return Comparison(path, operator, converted)

    def _negated(self, path: str, value: Any, depth: int) -> Filter:
        if not isinstance(value, dict):
            raise BadRequest(f"filter {path}: $not ({value!r}) must be an object of operators.")
        if depth >= MAX_DEPTH:
            raise BadRequest(f"filter must not be nested deeper than {MAX_DEPTH}.")
        return NoneOf((AllOf(tuple(self._field(path, value, depth + 1))),))

    def _list(self, path: str, operator: str, values: Any, kind: FilterType) -> list[Any]:
        if not isinstance(values, list) or not values:
            raise BadRequest(f"filter {path}: {operator} must have a non-empty array.")
        if len(values) > MAX_LIST_VALUES:
            raise BadRequest(
                f"filter {path}: {operator} must not have over {MAX_LIST_VALUES} values."
            )
        return [_converted(path, value, kind) for value in values]

    def _count_clause(self) -> None:
        self._clauses += 1
        if self._clauses > MAX_CLAUSES:
            raise BadRequest(f"filter must not have more than {MAX_CLAUSES} clauses.")


def _declared(path: str, filter_types: Mapping[str, FilterType]) -> FilterType:
    if path not in filter_types:
        declared = ", ".join(sorted(filter_types)) or "none"
        raise BadRequest(f"filter field {path!r} is not in the index, which has: {declared}.")
    return filter_types[path]


def _converted(path: str, value: Any, kind: FilterType) -> Any:
    converted = _CONVERTERS[kind](value)
    if converted is None:
        raise BadRequest(f"filter {path} ({value!r}) must be {_EXPECTED[kind]}.")
    return converted


def _token(value: Any) -> str | None:
    return value if isinstance(value, str) and _is_unicode(value) else None


def _is_unicode(text: str) -> bool:
    """Tell text from the lone halves of characters that JSON can write and BSON cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    exact = math.isfinite(value) if isinstance(value, float) else abs(value) <= MAX_EXACT_INTEGER
    return value if exact else None


def _date(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        date = datetime.fromisoformat(value)
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # of the year 0 in UTC
        return None


def _object_id(value: Any) -> ObjectId | None:
    try:
        return ObjectId(value) if isinstance(value, str) else None
    except InvalidId:
        return None


def _number_from_text(path: str, text: str) -> int | float:
    # Python reads 1_000 and the digits of every script, too.
    if text.isascii() and "_" not in text:
        for convert in (int, float):
            try:
                return convert(text)
            except ValueError:
                continue
    raise BadRequest(f"{path} ({text!r}) must be a number.")


_CONVERTERS: dict[FilterType, Callable[[Any], Any]] = {
    "token": _token,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "objectId": _object_id,
}
_EXPECTED: dict[FilterType, str] = {
    "token": "a string",
    "number": f"a finite number, integers up to {MAX_EXACT_INTEGER}",
    "boolean": "true or false",
    "date": "a date in ISO 8601, such as 2026-01-31T12:00:00Z",
    "objectId": "24 hexadecimal digits",
}
