"""Reads the search operators, as a query or as a filter: on values and texts, and `compound`.

A path that is not mapped matches nothing; unlike in the MQL dialect no error tells of it.
Source: https://github.com/mongodb/mongot, `index/query/operators`.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from ..errors import NOT_EMULATED
from .conditions import Among, AnyOf, Condition, Exists, InRange, equal_to
from .filter_values import boxed, read_bound, read_non_null, read_same_values, read_value
from .operators import Clause, Compound, Operator
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
from .score_modifiers import Dismax, ScoreModifier, read_compound_score, read_score
from .text_operators import (
    parse_autocomplete,
    parse_phrase,
    parse_regex,
    parse_text,
    parse_wildcard,
)
from .values import Value

# Every operator that the search server knows, in the order in which it lists them.
OPERATORS = (
    "autocomplete", "compound", "embeddedDocument", "equals", "exists", "geoShape", "geoWithin",
    "hasAncestor", "hasRoot", "in", "knnBeta", "moreLikeThis", "near", "phrase", "queryString",
    "range", "regex", "search", "span", "term", "text", "vectorSearch", "wildcard",
)  # fmt: skip


def read_operator_filter(value: Any, path: str) -> Condition:
    """Read a document that holds exactly one operator, of which no score is asked.

    Raises:
        ParseError: with the search server's path and text, or naming what is not emulated.
    """
    return read_operator(value, path).condition


def read_operator(value: Any, path: str) -> Operator:
    """Read a document that holds exactly one operator; otherwise as `read_operator_filter`."""
    return document_of(_parse_operator)(value, path)


def _parse_operator(parser: DocumentParser) -> Operator:
    present: dict[str, Operator | None] = {
        name: parser.optional_or_none(name, READERS.get(name) or _NESTED.get(name, refuse_operator))
        for name in OPERATORS
    }
    return parser.exactly_one(present)[1]


def refuse_operator(value: Any, path: str) -> NoReturn:
    """Refuse an operator, or a collector, that LocalAtlas lacks.

    Raises:
        ParseError: naming it.
    """
    refuse(path, f"is an operator of the search engine {NOT_EMULATED}")


def _refuse_nested(name: str) -> Reader[Operator]:
    return lambda value, path: refuse(path, f"{name} is not allowed to be nested")


def _parse_equals(parser: DocumentParser) -> Operator:
    score = _parse_options(parser)
    path = parser.required("path", string)
    value = parser.nullable("value", boxed(read_value))
    if value is None:
        refuse(f"{parser.path}.value", "is required")
    return Clause(equal_to(path, value[0]), score)


def _parse_in(parser: DocumentParser) -> Operator:
    score = _parse_options(parser)
    paths = parser.required("path", read_paths)
    values = parser.required("value", _read_one_or_more)
    contents = tuple(value.content for value in values)
    return Clause(AnyOf([Among(path, values[0].kind, contents) for path in paths]), score)


def _read_one_or_more(value: Any, path: str) -> list[Value]:
    return (
        read_same_values(value, path) if isinstance(value, list) else [read_non_null(value, path)]
    )


def _parse_range(parser: DocumentParser) -> Operator:
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
    score = _parse_options(parser)
    least = None if lower is None else lower[1].content
    greatest = None if upper is None else upper[1].content
    closed = (lower is None or lower[0] == "gte", upper is None or upper[0] == "lte")
    clauses = [
        Clause(InRange(path, kind, least, greatest, closed))
        for path in parser.required("path", read_paths)
    ]
    return Compound(should=clauses, minimum=1, score=score)  # unlike `in`, paths add up


def _refuse_empty_range(
    parser: DocumentParser, lower: tuple[str, Value], upper: tuple[str, Value]
) -> None:
    least, greatest = lower[1].content, upper[1].content
    if least > greatest:
        parser.refuse("gt/gte must not be greater than lt/lte")
    if least == greatest and (lower[0], upper[0]) != ("gte", "lte"):
        parser.refuse("bounds must both be inclusive if they are equal")


def _parse_exists(parser: DocumentParser) -> Operator:
    score = parser.optional_or_none("score", read_score)
    return Clause(Exists(parser.required("path", string)), score)


def _parse_compound(parser: DocumentParser) -> Operator:
    clauses = {
        name: parser.optional_or_none(name, one_or_list_of(read_operator))
        for name in ("filter", "must", "mustNot", "should")
    }
    if all(clause is None for clause in clauses.values()):
        parser.refuse(f"at least one of [{', '.join(clauses)}] must be present")
    score = parser.optional_or_none("score", read_compound_score)
    if not any(clauses.values()):
        parser.refuse("must have at least one clause")
    should = clauses["should"]
    if isinstance(score, Dismax):
        _check_dismax(parser, clauses)
    minimum = parser.optional_or_none("minimumShouldMatch", non_negative_integer)
    if minimum is not None and should is None:
        parser.refuse("should clause must not be empty when using minimumShouldMatch")
    if minimum is not None and minimum > len(should or ()):
        parser.refuse("minimumShouldMatch cannot be greater than number of should clauses")
    required = [*(clauses["filter"] or ()), *(clauses["must"] or ())]
    parser.optional_or_none("doesNotAffect", _read_paths_of_others)
    return Compound(
        must=clauses["must"] or (),
        should=should or (),
        filter=clauses["filter"] or (),
        must_not=clauses["mustNot"] or (),
        # Without a required clause, a document must meet one of `should` to be found at all.
        minimum=minimum or (1 if should and not required else 0),
        tie_breaker=score.tie_breaker if isinstance(score, Dismax) else None,
        score=None if isinstance(score, Dismax) else score,
    )


def _check_dismax(parser: DocumentParser, clauses: Mapping[str, object | None]) -> None:
    if clauses["should"] is None:
        parser.refuse("should clause must not be empty when using dismax score")
    if any(clauses[name] is not None for name in ("filter", "must", "mustNot")):
        parser.refuse("cannot use dismax when must, mustNot, or filter is present")


def _parse_options(parser: DocumentParser) -> ScoreModifier | None:
    """Read `score`, and check what changes neither match nor score."""
    score = parser.optional_or_none("score", read_score)
    parser.optional_or_none("doesNotAffect", _read_paths_of_others)
    return score


_read_paths_of_others = one_or_list_of(non_empty_string)


# The operators that are emulated but for those on vectors.
READERS: dict[str, Reader[Operator]] = {
    "autocomplete": document_of(parse_autocomplete),
    "compound": document_of(_parse_compound),
    "equals": document_of(_parse_equals),
    "exists": document_of(_parse_exists),
    "in": document_of(_parse_in),
    "phrase": document_of(parse_phrase),
    "range": document_of(_parse_range),
    "regex": document_of(parse_regex),
    "text": document_of(parse_text),
    "wildcard": document_of(parse_wildcard),
}
_NESTED: dict[str, Reader[Operator]] = {
    name: _refuse_nested(name) for name in ("knnBeta", "vectorSearch")
}
