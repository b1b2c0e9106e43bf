"""Filters: a query document, compiled once into a function that tells which documents match.

Here are the query's own structure (fields, `$and`, `$or`, `$nor`, `$not`, `$elemMatch`, `$expr`)
and the implicit walk along paths; what one operator asks of one value is in `conditions.py`.
https://www.mongodb.com/docs/manual/reference/operator/query/
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bson import Regex

from ..errors import bad_value
from ..mongodb_names import QUERY_OPERATORS, note_on
from .bson_types import is_true
from .conditions import (
    SIMPLE_OPERATORS,
    Condition,
    Constraint,
    Negation,
    Test,
    equality,
    is_operator_document,
    parse_regex,
    regex_test,
)
from .expression_compiler import Scope, Variables
from .expressions import compile_expression
from .filters import NO_VARIABLES, Filter, all_of, any_of, none_of, on_path
from .json_schema import compile_schema
from .paths import Document, as_document
from .rows import Row


def compile_filter(query: Mapping[str, Any], *, scope: Scope | None = None) -> Filter:
    """Compile a query.

    Args:
        query: the filter; not to be modified while the result is in use.
        scope: what `$expr` may refer to; by default the system's variables only.

    Raises:
        CommandError: the query is malformed, or uses what is not emulated.
    """
    return _compile_query(query, scope if scope is not None else Scope(), is_root=True)


def _compile_value_test(operators: Mapping[str, Any]) -> Test:
    """Compile a document of operators, such as `{$gte: 5}`, into a test of single values."""
    return _value_test(_parse_operators("", operators))


def equality_values(query: Mapping[str, Any], path: str) -> list[Any] | None:
    """Return the values one of which a matching document must hold at `path`, None if unknown.

    For the use of an index: every document that matches has one of the values at the path itself or
    as an element of an array there. Null (it also matches missing fields), arrays and regular
    expressions give None.
    """
    for name, operand in query.items():
        values = None
        if name == path:
            values = _pinned_values(operand)
        elif name == "$and" and isinstance(operand, list):
            parts = (equality_values(part, path) for part in operand if isinstance(part, dict))
            values = next((part for part in parts if part is not None), None)
        if values is not None:
            return values
    return None


def _pinned_values(operand: Any) -> list[Any] | None:
    values = [operand]
    if is_operator_document(operand):
        values = operand["$in"] if "$in" in operand else [operand.get("$eq")]
    if not isinstance(values, list):
        return None
    unusable = any(value is None or isinstance(value, list | Regex) for value in values)
    return None if unusable else values


def _compile_query(query: Mapping[str, Any], scope: Scope, *, is_root: bool) -> Filter:
    filters = []
    for name, operand in query.items():
        if name.startswith("$") and name not in _DBREF_FIELDS:
            if name != "$comment":
                filters.append(_compile_top_level(name, operand, scope, is_root=is_root))
        else:
            filters += [on_path(name, each) for each in _parse_field(name, operand)]
    return all_of(filters)


def _compile_top_level(name: str, operand: Any, scope: Scope, *, is_root: bool) -> Filter:
    if name in _COMBINATIONS:
        if not isinstance(operand, list):
            raise bad_value(f"{name} must be an array")
        if not operand:
            raise bad_value("$and/$or/$nor must be a nonempty array")
        if not all(isinstance(part, dict) for part in operand):
            raise bad_value("$or/$and/$nor entries need to be full objects")
        parts = [_compile_query(part, scope, is_root=is_root) for part in operand]
        return _COMBINATIONS[name](parts)
    if name == "$expr":
        if not is_root:
            raise bad_value("$expr can only be applied to the top-level document")
        return _compile_expr(operand, scope)
    if name == "$jsonSchema":
        violations = compile_schema(operand)
        return lambda document, variables=NO_VARIABLES: not violations(document)
    if name == "$not":
        raise bad_value(
            "unknown top level operator: $not. If you are trying to negate an entire expression, "
            "use $nor."
        )
    raise bad_value(
        f"unknown top level operator: {name}. If you have a field name that starts with a '$' "
        f"symbol, consider using $getField or $setField.{note_on(name, QUERY_OPERATORS)}"
    )


def _compile_expr(expression: Any, scope: Scope) -> Filter:
    evaluate = compile_expression(expression, scope)

    def matches(document: Document, variables: Variables = NO_VARIABLES, /) -> bool:
        return is_true(evaluate(Row(document=document), variables))

    return matches


def _parse_field(path: str, operand: Any) -> list[Constraint]:
    if is_operator_document(operand):
        return _parse_operators(path, operand)
    if isinstance(operand, Regex):
        return [Condition(regex_test(operand))]
    return [equality(operand)]


def _parse_operators(path: str, operators: Mapping[str, Any]) -> list[Constraint]:
    return [
        constraint for name in operators for constraint in _parse_operator(path, name, operators)
    ]


def _parse_operator(path: str, name: str, operators: Mapping[str, Any]) -> list[Constraint]:
    operand = operators[name]
    if name in SIMPLE_OPERATORS:
        return SIMPLE_OPERATORS[name](path, operand)
    if name in _NESTING_OPERATORS:
        return _NESTING_OPERATORS[name](path, operand)
    if name == "$regex":
        return [Condition(parse_regex(operators).test)]
    if name == "$options":
        if "$regex" not in operators:
            raise bad_value("$options needs a $regex")
        return []
    if name == "$where":
        raise bad_value("$where cannot be applied to a field")
    raise bad_value(f"unknown operator: {name}{note_on(name, QUERY_OPERATORS)}")


def _parse_not(path: str, operand: Any) -> list[Constraint]:
    if isinstance(operand, Regex):
        return [Negation((Condition(regex_test(operand)),))]
    if not isinstance(operand, dict):
        raise bad_value("$not needs a regex or a document")
    if not operand:
        raise bad_value("$not cannot be empty")
    return [Negation(tuple(_parse_operators(path, operand)))]


def _parse_elem_match(path: str, operand: Any) -> list[Constraint]:
    query = as_document(operand)  # one that names the parts of a DBRef is decoded to one
    if query is None:
        raise bad_value("$elemMatch needs an Object")
    return [Condition(elem_match_test(query), whole=True)]


def elem_match_test(operand: Mapping[str, Any]) -> Test:
    """Compile `$elemMatch`: a test for an array that has an element which meets all of it."""
    first = next(iter(operand), "")
    is_query_of_documents = (
        not first.startswith("$") or first in _TOP_LEVEL or first in _DBREF_FIELDS
    )
    element_test = (
        _document_test(_compile_query(operand, Scope(), is_root=False))
        if is_query_of_documents
        else _compile_value_test(operand)
    )
    return lambda value: isinstance(value, list) and any(map(element_test, value))


def _document_test(matches: Filter) -> Test:
    def test(value: Any) -> bool:
        if isinstance(value, list):  # an array counts as the document of its positions
            value = {str(index): item for index, item in enumerate(value)}
        document = as_document(value)
        return document is not None and matches(document)

    return test


def _parse_all(path: str, operand: Any) -> list[Constraint]:
    if not isinstance(operand, list):
        raise bad_value("$all needs an array")
    if operand and _first_name(operand[0]) == "$elemMatch":
        if any(_first_name(item) != "$elemMatch" for item in operand):
            raise bad_value("$all/$elemMatch has to be consistent")
        return [each for item in operand for each in _parse_elem_match(path, item["$elemMatch"])]
    if any(is_operator_document(item) for item in operand):
        raise bad_value("no $ expressions in $all")
    parsed = [each for item in operand for each in _parse_field(path, item)]
    return parsed or [Condition(lambda value: False)]


def _first_name(value: Any) -> str | None:
    return next(iter(value), None) if isinstance(value, dict) else None


def _value_test(constraints: Sequence[Constraint]) -> Test:
    tests = [
        each.test if isinstance(each, Condition) else _negated(_value_test(each.constraints))
        for each in constraints
    ]
    if len(tests) == 1:
        return tests[0]
    return lambda value: all(test(value) for test in tests)


def _negated(test: Test) -> Test:
    return lambda value: not test(value)


_COMBINATIONS: Final[dict[str, Callable[[Sequence[Filter]], Filter]]] = {
    "$and": all_of,
    "$or": any_of,
    "$nor": none_of,
}
_TOP_LEVEL: Final = frozenset(
    {*_COMBINATIONS, "$expr", "$comment", "$where", "$text", "$jsonSchema"}
)
_DBREF_FIELDS: Final = frozenset({"$ref", "$id", "$db"})
_NESTING_OPERATORS: Final[dict[str, Callable[[str, Any], list[Constraint]]]] = {
    "$not": _parse_not,
    "$elemMatch": _parse_elem_match,
    "$all": _parse_all,
}
