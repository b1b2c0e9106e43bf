"""The $search stage: one operator, on vectors or on texts and values, and its options.

Source: https://github.com/mongodb/mongot, `SearchQuery`, `KnnBetaOperator` and `KnnQueryFactory`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bson import Decimal128

from ..errors import NOT_EMULATED
from .conditions import Condition, Everything
from .facets import StringFacet, read_facets
from .operator_filter import (
    OPERATORS,
    READERS,
    read_operator,
    read_operator_filter,
    refuse_operator,
)
from .operators import Clause, Operator
from .parsing import (
    INT32_MAX,
    DocumentParser,
    Reader,
    boolean,
    document_of,
    integer_within,
    list_of,
    non_empty_string,
    non_negative_integer,
    one_of,
    refuse,
    string,
)
from .query_paths import read_paths
from .score_modifiers import ScoreModifier, read_score
from .vector_criteria import VectorCriteria, parse_node_preference, parse_vector_criteria
from .vectors import Vector, are_numbers, narrowed

_COLLECTORS = ("facet",)
# Known to the engine, and without a meaning that LocalAtlas could give them.
_REFUSED_OPTIONS = ("highlight", "returnScope", "searchAfter", "searchBefore", "sort", "sortBetaV1")
_POSITIVE_INT32 = integer_within(1, INT32_MAX)


@dataclass(frozen=True, slots=True)
class KnnBeta:
    """The k nearest documents for each of some paths, their scores summed."""

    paths: list[str]
    vector: Vector
    k: int
    filter: Condition | None
    score: ScoreModifier | None

    @property
    def filters(self) -> list[Condition]:
        """The filter, where there is one."""
        return [] if self.filter is None else [self.filter]


@dataclass(frozen=True, slots=True)
class VectorOperator:
    """`vectorSearch` inside of $search."""

    criteria: VectorCriteria[Condition]
    score: ScoreModifier | None

    @property
    def filters(self) -> list[Condition]:
        """The filters of nested documents and of their parents, as far as there are any."""
        both = (self.criteria.filter, self.criteria.parent_filter)
        return [one for one in both if one is not None]


@dataclass(frozen=True, slots=True)
class Lexical:
    """An operator on texts and values, which ranks what it finds."""

    operator: Operator

    @property
    def filters(self) -> list[Condition]:
        """What is found."""
        return [self.operator.condition]


AnyOperator: TypeAlias = KnnBeta | VectorOperator | Lexical


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A well-formed $search."""

    index: str
    operator: AnyOperator
    return_stored_source: bool
    count_type: str = "lowerBound"
    facets: Mapping[str, StringFacet] = field(default_factory=dict)
    has_score_details: bool = False


def parse_search(spec: dict[str, Any]) -> SearchQuery:
    """Read the specification of a $search stage, or of $searchMeta.

    Raises:
        ParseError: with the search server's path and text, or naming what is not emulated.
    """
    parser = DocumentParser(spec)
    operator = _parse_operator(parser)
    faceted = parser.optional_or_none("facet", _read_faceted)
    if faceted is not None and operator is not None:
        parser.refuse("Top-level operator is not allowed to be used with collector")
    operator, facets = faceted or (operator, {})
    _refuse_options(parser, operator)
    return_stored_source = parser.optional("returnStoredSource", boolean, False)
    parse_node_preference(parser)
    if operator is None:
        parser.refuse(
            f"Query should contain either an operator [{', '.join(OPERATORS)}] "
            f"or a collector [{', '.join(_COLLECTORS)}]"
        )
    index = parser.optional("index", non_empty_string, "default")
    count_type = parser.optional("count", document_of(_parse_count), "lowerBound")
    score_details = parser.optional("scoreDetails", boolean, False)
    parser.optional_or_none("concurrent", boolean)
    parser.optional_or_none("tracking", document_of(_parse_tracking))
    parser.close()
    return SearchQuery(
        index, operator, return_stored_source, count_type, facets, has_score_details=score_details
    )


def _parse_operator(parser: DocumentParser) -> AnyOperator | None:
    present: list[AnyOperator | None] = [
        parser.optional_or_none(name, read) for name, read in _VECTOR_READERS.items()
    ]
    lexical = [parser.optional_or_none(name, read) for name, read in READERS.items()]
    present += [Lexical(one) for one in lexical if one is not None]
    parser.at_most_one({name: name if parser.has(name) else None for name in OPERATORS})
    for name in OPERATORS:
        if name not in _VECTOR_READERS and name not in READERS:
            parser.optional_or_none(name, refuse_operator)
    return next((one for one in present if one is not None), None)


def _refuse_options(parser: DocumentParser, operator: AnyOperator | None) -> None:
    if isinstance(operator, KnnBeta) and (parser.has("sortBetaV1") or parser.has("sort")):
        parser.refuse("knnBeta is not allowed to be used with the sort option")
    if isinstance(operator, VectorOperator):
        _refuse_vector_options(parser)
    for name in _REFUSED_OPTIONS:
        parser.optional_or_none(name, _refuse_option)


def _refuse_option(value: Any, path: str) -> None:
    refuse(path, f"is an option of the search engine {NOT_EMULATED}")


def _refuse_vector_options(parser: DocumentParser) -> None:
    if parser.has("sortBetaV1") or parser.has("sort"):
        parser.refuse(
            "Sort option is not supported with the 'vectorSearch' operator. "
            "Use $sort stage instead."
        )
    if parser.has("searchBefore") or parser.has("searchAfter"):
        parser.refuse(
            "Pagination is not supported with the 'vectorSearch' operator. "
            "Use $skip and $limit stages instead."
        )
    if parser.has("highlight"):
        parser.refuse("Highlighting is not supported with the 'vectorSearch' operator.")
    if parser.has("tracking"):
        parser.refuse("Term tracking is not supported with the 'vectorSearch' operator.")


def _parse_knn_beta(parser: DocumentParser) -> KnnBeta:
    return KnnBeta(
        score=parser.optional_or_none("score", read_score),
        paths=parser.required("path", read_paths),
        vector=parser.required("vector", _read_vector),
        filter=parser.optional_or_none("filter", read_operator_filter),
        k=parser.required("k", _POSITIVE_INT32),
    )


def _parse_vector_operator(parser: DocumentParser) -> VectorOperator:
    score = parser.optional_or_none("score", read_score)
    paths = parser.required("path", read_paths)
    if len(paths) > 1:
        parser.refuse("vectorSearch can have only one field path")
    return VectorOperator(parse_vector_criteria(parser, paths[0], read_operator_filter), score)


def _read_vector(value: Any, path: str) -> Vector:
    if isinstance(value, list) and value and are_numbers(value):
        return Vector("float32", narrowed(value))
    numbers = list_of(_read_number, may_be_empty=False)(value, path)
    return Vector("float32", narrowed(numbers))


def _read_number(value: Any, path: str) -> float:
    if isinstance(value, Decimal128):
        return float(value.to_decimal())
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(path, "is required" if value is None else "must be a int32, int64, or double")
    return value


def _parse_count(parser: DocumentParser) -> str:
    parser.optional("threshold", non_negative_integer, 1000)  # any lower bound is exact here
    return parser.optional("type", one_of("lowerBound", "total"), "lowerBound")


def _parse_faceted(parser: DocumentParser) -> tuple[Lexical, Mapping[str, StringFacet]]:
    operator = parser.optional_or_none("operator", read_operator)
    return Lexical(operator or Clause(Everything())), parser.required("facets", read_facets)


_read_faceted = document_of(_parse_faceted)


def _parse_tracking(parser: DocumentParser) -> None:
    parser.required("searchTerms", string)


_VECTOR_READERS: dict[str, Reader[KnnBeta | VectorOperator]] = {
    "knnBeta": document_of(_parse_knn_beta),
    "vectorSearch": document_of(_parse_vector_operator),
}
