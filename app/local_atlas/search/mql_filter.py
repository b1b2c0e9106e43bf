"""The `filter` of $vectorSearch: a subset of MQL with rules of its own.

Unlike in MQL, null means an explicit null and never a missing field, nested arrays are flattened,
and each operator of a field may be met by another element of an array.
Source: https://github.com/mongodb/mongot, `index/query/operators/mql`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .conditions import AllOf, Among, AnyOf, Condition, Everything, Exists, InRange, Not, equal_to
from .filter_values import boxed, read_bound, read_same_values, read_value
from .parsing import DocumentParser, boolean, child, document, document_of, list_of
from .values import Kind, Value

_BOUNDS = ("$gt", "$gte", "$lt", "$lte")
_OPERATORS = (*_BOUNDS, "$eq", "$ne", "$in", "$nin", "$exists", "$not")


@dataclass(frozen=True, slots=True)
class PathUse:
    """What a filter wants of a path: values of a kind, or (None) only whether it exists."""

    path: str
    kind: Kind | None


@dataclass(frozen=True, slots=True)
class MqlFilter:
    """A parsed filter and the paths that an index must have for it, in the order of checking."""

    condition: Condition
    uses: tuple[PathUse, ...]


@dataclass(frozen=True, slots=True)
class _Operator:
    """Operators of a field before the path is known; a comparison with null uses no kind."""

    build: Callable[[str], Condition]
    kinds: tuple[Kind | None, ...] = ()


def read_mql_filter(value: Any, path: str) -> MqlFilter:
    """Read a filter document.

    Raises:
        ParseError: with the search server's path and text.
    """
    parts = list(_clauses(document(value, path), path))
    if len(parts) == 1:
        return parts[0]
    condition = AllOf([part.condition for part in parts]) if parts else Everything()
    return MqlFilter(condition, _uses(parts))


def _clauses(filter_document: Mapping[str, Any], path: str) -> Iterator[MqlFilter]:
    for name, value in filter_document.items():
        if name in ("$and", "$or", "$nor"):
            yield _logical(name, value, path)
        else:
            yield _field(name, value, path)


def _logical(name: str, value: Any, path: str) -> MqlFilter:
    parts = list_of(read_mql_filter, may_be_empty=False)(value, path)
    conditions = [part.condition for part in parts]
    if name == "$and":
        return MqlFilter(AllOf(conditions), _uses(parts))
    either = AnyOf(conditions)
    return MqlFilter(either if name == "$or" else Not(either), _uses(parts))


def _uses(parts: list[MqlFilter]) -> tuple[PathUse, ...]:
    return tuple(use for part in parts for use in part.uses)


def _field(name: str, value: Any, path: str) -> MqlFilter:
    if isinstance(value, Mapping) and any(key.startswith("$") for key in value):
        operator = document_of(_parse_operators)(value, child(path, name))
    else:
        operator = _equality(read_value(value, path))  # the engine names the filter, not the field
    return MqlFilter(operator.build(name), tuple(PathUse(name, kind) for kind in operator.kinds))


def _parse_operators(parser: DocumentParser) -> _Operator:
    found = [*_ranges(parser), *_comparisons(parser)]
    exists = parser.optional_or_none("$exists", boolean)
    if exists is not None:
        found.append(_Operator(Exists if exists else _missing, (None,)))
    negated = parser.optional_or_none("$not", document_of(_parse_operators))
    if negated is not None:
        found.append(_complement(negated))
    if not found:
        parser.refuse(f"at least one of [{', '.join(_OPERATORS)}] must be present")
    kinds = tuple(kind for operator in found for kind in operator.kinds)
    return _Operator(lambda path: AllOf([operator.build(path) for operator in found]), kinds)


def _ranges(parser: DocumentParser) -> Iterator[_Operator]:
    for name in _BOUNDS:
        bound = parser.nullable(name, read_bound)
        if bound is not None:
            yield _range(name, bound)


def _comparisons(parser: DocumentParser) -> Iterator[_Operator]:
    equal = parser.nullable("$eq", boxed(read_value))
    if equal is not None:
        yield _equality(equal[0])
    unequal = parser.nullable("$ne", boxed(read_value))
    if unequal is not None:
        yield _complement(_equality(unequal[0]))
    among = parser.nullable("$in", read_same_values)
    if among is not None:
        yield _membership(among)
    outside = parser.nullable("$nin", read_same_values)
    if outside is not None:
        yield _complement(_membership(outside))


def _range(name: str, bound: Value) -> _Operator:
    content, closed = bound.content, (name == "$gte", name == "$lte")
    if name in ("$gt", "$gte"):
        return _Operator(
            lambda path: InRange(path, bound.kind, lower=content, closed=closed), (bound.kind,)
        )
    return _Operator(
        lambda path: InRange(path, bound.kind, upper=content, closed=closed), (bound.kind,)
    )


def _equality(value: Value | None) -> _Operator:
    return _Operator(lambda path: equal_to(path, value), () if value is None else (value.kind,))


def _membership(values: list[Value]) -> _Operator:
    kind, contents = values[0].kind, tuple(value.content for value in values)
    return _Operator(lambda path: Among(path, kind, contents), (kind,))


def _complement(operator: _Operator) -> _Operator:
    return _Operator(lambda path: Not(operator.build(path)), operator.kinds)


def _missing(path: str) -> Condition:
    return Not(Exists(path))
