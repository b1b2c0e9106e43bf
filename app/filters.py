"""One filter language, compiled to the dialect of either index type.

A `Filter` is a small tree; `app.filter_parser` reads it from what a caller wrote. `to_mql` writes
it for `$vectorSearch`, `to_operator` as Atlas Search operators for knnBeta. Both select the same
documents:

- Both flatten arrays, bracket by type, and take `null` as an explicit null, never as missing.
- Two bounds in one Atlas Search `range` must hold for the same array element, in MQL they need not:
  every bound becomes a `range` of its own.
- `range` refuses booleans: an order on booleans becomes `equals` or `in`.
- `in` on numbers compares integers: a fractional number becomes an `$or` of `$eq`.
- Atlas Search has no match-all operator: `{}` is "a path that no document has does not exist".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Exists in no document.
_NO_SUCH_PATH = "_no_such_path"

_RANGES = {"$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`; the operator is one of `$eq $gt $gte $lt $lte $in $exists`."""

    path: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every clause matches; with none, everything does."""

    clauses: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one clause matches."""

    clauses: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """No clause matches."""

    clauses: tuple["Filter", ...]


Filter = Comparison | AllOf | AnyOf | NoneOf


def all_of(*filters: Filter | None) -> Filter | None:
    """Join filters; None stands for no condition."""
    given = tuple(one for one in filters if one is not None and one != AllOf(()))
    if len(given) > 1:
        return AllOf(given)
    return given[0] if given else None


def to_mql(condition: Filter) -> dict[str, Any]:
    """Write a filter for `$vectorSearch`."""
    match condition:
        case Comparison(path, "$in", values) if _has_fraction(values):
            return {"$or": [{path: {"$eq": value}} for value in values]}
        case Comparison(path, operator, value):
            return {path: {operator: value}}
        case AllOf(()):
            return {}
        case AllOf(clauses):
            return {"$and": [to_mql(clause) for clause in clauses]}
        case AnyOf(clauses):
            return {"$or": [to_mql(clause) for clause in clauses]}
        case NoneOf(clauses):
            return {"$nor": [to_mql(clause) for clause in clauses]}


def to_operator(condition: Filter) -> dict[str, Any]:
    """Write a filter as an Atlas Search operator, for knnBeta."""
    match condition:
        case Comparison():
            return _comparison_operator(condition)
        case AllOf(()):
            return {"compound": {"mustNot": [{"exists": {"path": _NO_SUCH_PATH}}]}}
        case AllOf(clauses):
            return {"compound": {"filter": [to_operator(clause) for clause in clauses]}}
        case AnyOf(clauses):
            return _any(*(to_operator(clause) for clause in clauses))
        case NoneOf(clauses):
            return {"compound": {"mustNot": [to_operator(clause) for clause in clauses]}}


def _comparison_operator(comparison: Comparison) -> dict[str, Any]:
    path, operator, value = comparison.path, comparison.operator, comparison.value
    if operator == "$exists":
        return {"exists": {"path": path}}
    if operator == "$eq":
        return {"equals": {"path": path, "value": value}}
    if operator == "$in":
        if _has_fraction(value):
            return _any(*({"equals": {"path": path, "value": one}} for one in value))
        return {"in": {"path": path, "value": value}}
    if isinstance(value, bool):
        return _boolean_range(path, operator, value)
    return {"range": {"path": path, _RANGES[operator]: value}}


def _boolean_range(path: str, operator: str, bound: bool) -> dict[str, Any]:
    holds: dict[str, Callable[[bool], bool]] = {
        "$gt": lambda value: value > bound,
        "$gte": lambda value: value >= bound,
        "$lt": lambda value: value < bound,
        "$lte": lambda value: value <= bound,
    }
    kept = [value for value in (False, True) if holds[operator](value)]
    if not kept:
        return to_operator(NoneOf((AllOf(()),)))
    return _any(*({"equals": {"path": path, "value": value}} for value in kept))


def _any(*operators: dict[str, Any]) -> dict[str, Any]:
    if len(operators) == 1:
        return operators[0]
    return {"compound": {"should": list(operators), "minimumShouldMatch": 1}}


def _has_fraction(values: list[Any]) -> bool:
    return any(isinstance(value, float) and not value.is_integer() for value in values)
