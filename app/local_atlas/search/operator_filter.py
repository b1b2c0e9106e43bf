"""Search operators as a filter: on values, `text`, `phrase` and `compound`.

A path that is not mapped matches nothing; unlike in the MQL dialect no error tells of it.
Source: https://github.com/mongodb/mongot, `index/query/operators`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import NOT_EMULATED
from .conditions import AllOf, Among, AnyOf, Condition, Exists, InRange, Not, equal_to
from .filter_values import boxed, read_bound, read_non_null, read_same_values, read_value
from .parsing import (
    DocumentParser,
    Reader,
    document_of,
    non_empty_string,
    non_negative_integer,
    one_or_list_of,
    refuse,
    string,
)
from .query_paths import read_paths
from .score_modifiers import read_compound_score, read_score
from .text_operators import parse_phrase, parse_text
from .values import Value

# Every operator that the search server knows, in the order in which it lists them.
OPERATORS = (
    "autocomplete", "compound", "embeddedDocument", "equals", "exists", "geoShape", "geoWithin",
    "hasAncestor", "hasRoot", "in", "knnBeta", "moreLikeThis", "near", "phrase", "queryString",
    "range", "regex", "search", "span", "term", "text", "vectorSearch", "wildcard",
)  # fmt: skip


def read_operator_filter(value: Any, path: str) -> Condition:
    """Read a document that holds exactly one operator.

    Raises:
        ParseError: with the search server's path and text, or naming what is not emulated.
    """
    return document_of(_parse_operator)(value, path)


def _parse_operator(parser: DocumentParser) -> Condition:
    present: dict[str, Condition | None] = {
        name: parser.optional_or_none(name, _READERS.get(name, _refuse_operator))
        for name in OPERATORS
    }
    return parser.exactly_one(present)[1]


def _refuse_operator(value: Any, path: str) -> Condition:
    refuse(path, f"is an operator of the search engine {NOT_EMULATED}")


def _refuse_nested(name: str) -> Reader[Condition]:
    return lambda value, path: refuse(path, f"{name} is not allowed to be nested")


def _parse_equals(parser: DocumentParser) -> Condition:
    _accept_options(parser)
    path = parser.required("path", string)
    value = parser.nullable("value", boxed(read_value))
    if value is None:
        refuse(f"{parser.path}.value", "is required")
    return equal_to(path, value[0])


def _parse_in(parser: DocumentParser) -> Condition:
    _accept_options(parser)
    paths = parser.required("path", read_paths)
    values = parser.required("value", _read_one_or_more)
    contents = tuple(value.content for value in values)
    return _any_path(paths, lambda path: Among(path, values[0].kind, contents))


def _read_one_or_more(value: Any, path: str) -> list[Value]:
    return (
        read_same_values(value, path) if isinstance(value, list) else [read_non_null(value, path)]
    )


def _parse_range(parser: DocumentParser) -> Condition:
    bounds = {
        name: parser.optional_or_none(name, read_bound) for name in ("lt", "lte", "gt", "gte")
    }
    lower = parser.at_most_one({name: bounds[name] for name in ("gt", "gte")})
    upper = parser.at_most_one({name: bounds[name] for name in ("lt", "lte")})
    present = [bound[1] for bound in (lower, upper) if bound is not None]
    if not present:
        parser.refuse("must specify at least one of [lt, lte, gt, gte]")
    kind = present[0].kind
    if any(bound.kind != kind for bound in present):
        parser.refuse("bounds must be of the same type")
    if kind == "boolean":
        parser.refuse("range operator does not support BOOLEAN point type")
    if lower is not None and upper is not None:
        _refuse_empty_range(parser, lower, upper)
    _accept_options(parser)
    least = None if lower is None else lower[1].content
    greatest = None if upper is None else upper[1].content
    closed = (lower is None or lower[0] == "gte", upper is None or upper[0] == "lte")
    return _any_path(
        parser.required("path", read_paths),
        lambda path: InRange(path, kind, least, greatest, closed),
    )


def _refuse_empty_range(
    parser: DocumentParser, lower: tuple[str, Value], upper: tuple[str, Value]
) -> None:
    least, greatest = lower[1].content, upper[1].content
    if least > greatest:
        parser.refuse("gt/gte must not be greater than lt/lte")
    if least == greatest and (lower[0], upper[0]) != ("gte", "lte"):
        parser.refuse("bounds must both be inclusive if they are equal")


def _parse_exists(parser: DocumentParser) -> Condition:
    parser.optional_or_none("score", read_score)
    return Exists(parser.required("path", string))


def _parse_compound(parser: DocumentParser) -> Condition:
    clauses = {
        name: parser.optional_or_none(name, one_or_list_of(read_operator_filter))
        for name in ("filter", "must", "mustNot", "should")
    }
    if all(clause is None for clause in clauses.values()):
        parser.refuse(f"at least one of [{', '.join(clauses)}] must be present")
    is_dismax = parser.optional("score", read_compound_score, False)
    if not any(clauses.values()):
        parser.refuse("must have at least one clause")
    should = clauses["should"]
    if is_dismax:
        _check_dismax(parser, clauses)
    minimum = parser.optional_or_none("minimumShouldMatch", non_negative_integer)
    if minimum is not None and should is None:
        parser.refuse("should clause must not be empty when using minimumShouldMatch")
    if minimum is not None and minimum > len(should or ()):
        parser.refuse("minimumShouldMatch cannot be greater than number of should clauses")
    required = [*(clauses["filter"] or ()), *(clauses["must"] or ())]
    # Without a required clause, a document must meet one of `should` to be found at all.
    minimum = minimum or (1 if should and not required else 0)
    parser.optional_or_none("doesNotAffect", _read_paths_of_others)
    parts: list[Condition] = [*required, *(Not(clause) for clause in clauses["mustNot"] or ())]
    if minimum:
        parts.append(AnyOf(should or (), minimum))
    return AllOf(parts)


def _check_dismax(parser: DocumentParser, clauses: Mapping[str, object | None]) -> None:
    if clauses["should"] is None:
        parser.refuse("should clause must not be empty when using dismax score")
    if any(clauses[name] is not None for name in ("filter", "must", "mustNot")):
        parser.refuse("cannot use dismax when must, mustNot, or filter is present")


def _accept_options(parser: DocumentParser) -> None:
    """Check the options that change no match."""
    parser.optional_or_none("score", read_score)
    parser.optional_or_none("doesNotAffect", _read_paths_of_others)


_read_paths_of_others = one_or_list_of(non_empty_string)


def _any_path(paths: list[str], build: Callable[[str], Condition]) -> Condition:
    return AnyOf([build(path) for path in paths])


_READERS: dict[str, Reader[Condition]] = {
    "compound": document_of(_parse_compound),
    "equals": document_of(_parse_equals),
    "exists": document_of(_parse_exists),
    "in": document_of(_parse_in),
    "knnBeta": _refuse_nested("knnBeta"),
    "phrase": document_of(parse_phrase),
    "range": document_of(_parse_range),
    "text": document_of(parse_text),
    "vectorSearch": _refuse_nested("vectorSearch"),
}
