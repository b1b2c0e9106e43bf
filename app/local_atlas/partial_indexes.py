"""Filters of partial indexes: which may be one, and whether a query stays within one.

https://www.mongodb.com/docs/manual/core/index-partial/
"""

from collections.abc import Mapping
from typing import Any, Final

from bson import Regex

from .errors import CommandError
from .mql.bson_order import is_nan
from .mql.bson_text import render
from .mql.bson_types import is_true
from .mql.conditions import is_operator_document
from .mql.index_bounds import constraints_on, is_within, requires_field
from .mql.matcher import compile_filter

_COMPARISONS: Final = frozenset({"$eq", "$gt", "$gte", "$lt", "$lte", "$in"})
_ALLOWED: Final = _COMPARISONS | {"$exists", "$type"}


def check_partial_filter(partial: Mapping[str, Any]) -> None:
    """Refuse what cannot be the filter of a partial index.

    Raises:
        CommandError: 67, or that of the malformed filter.
    """
    compile_filter(partial)
    for name, operand in partial.items():
        if name in ("$and", "$or"):
            for part in operand:
                check_partial_filter(part)
        elif name.startswith("$") or not _is_allowed(operand):
            raise CommandError(
                67,
                "CannotCreateIndex",
                f"Expression not supported in partial index: {render({name: operand})}",
            )


def stays_within(query: Mapping[str, Any], partial: Mapping[str, Any]) -> bool:
    """Tell whether every document that a query matches is one of a partial index.

    False where that is not plain to see.
    """
    return all(_implies(query, name, operand) for name, operand in partial.items())


def _implies(query: Mapping[str, Any], name: str, operand: Any) -> bool:
    if name == "$and":
        return all(stays_within(query, part) for part in operand)
    if name == "$or":
        return any(stays_within(query, part) for part in operand)
    if name in query and query[name] == operand and type(query[name]) is type(operand):
        return True
    operators = operand if is_operator_document(operand) else {"$eq": operand}
    return all(_implies_one(query, name, each, operators[each]) for each in operators)


def _implies_one(query: Mapping[str, Any], path: str, operator: str, value: Any) -> bool:
    if operator == "$exists":
        return requires_field(query, path)
    if operator not in _COMPARISONS or _is_inexact(operator, value):
        return False
    # Of an array, one element that meets the query's condition meets this one.
    allowed = constraints_on({path: {operator: value}}, path)
    asked = constraints_on(query, path)
    return bool(allowed) and any(is_within(each, allowed[0]) for each in asked)


def _is_inexact(operator: str, value: Any) -> bool:
    """Tell whether the interval of a comparison holds values that do not meet it."""
    if operator == "$in":
        return any(isinstance(item, list | Regex) for item in value)
    if operator in ("$gt", "$lt") and (value is None or is_nan(value)):
        return True
    return isinstance(value, list | Regex)


def _is_allowed(operand: Any) -> bool:
    if isinstance(operand, Regex):
        return False
    if not is_operator_document(operand):
        return True
    return operand.keys() <= _ALLOWED and is_true(operand.get("$exists", True))
