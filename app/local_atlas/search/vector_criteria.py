"""What a vector search asks for, read in the search server's order.

Shared by the $vectorSearch stage, whose filter is MQL, and by the `vectorSearch` operator of
$search, whose filter is a search operator.
Source: https://github.com/mongodb/mongot, `VectorSearchQuery` and `VectorSearchCriteria`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from ..errors import NOT_EMULATED
from ..mql.bson_types import is_string
from .nested import ScoreMode
from .parsing import (
    DocumentParser,
    Reader,
    boolean,
    document,
    document_of,
    integer_within,
    list_of,
    non_empty_string,
    one_of,
    positive_integer,
    string,
)
from .vectors import Vector, bson_type_name, read_query_vector

F = TypeVar("F")

_NUM_CANDIDATES = integer_within(1, 10_000)
_SCORE_MODE = one_of("max", "avg")


@dataclass(frozen=True, slots=True)
class VectorCriteria(Generic[F]):
    """A well-formed vector search; whether it fits an index is checked against that index.

    `num_candidates` is None for an exact search.
    """

    path: str
    vector: Vector
    limit: int
    num_candidates: int | None
    filter: F | None
    parent_filter: F | None
    wants_explain: bool
    return_stored_source: bool
    score_mode: ScoreMode | None


def parse_vector_criteria(
    parser: DocumentParser, path: str, read_filter: Reader[F]
) -> VectorCriteria[F]:
    """Read everything but index and path; unknown fields are left to the caller.

    Raises:
        ParseError: with the search server's text, in its order.
    """
    num_candidates: int | None = None
    if parser.optional("exact", boolean, False):
        if parser.optional_or_none("numCandidates", _NUM_CANDIDATES) is not None:
            parser.refuse('"numCandidates" must be omitted when "exact" is set to true')
    else:
        num_candidates = _parse_num_candidates(parser)
    return VectorCriteria(
        path=path,
        num_candidates=num_candidates,
        vector=_parse_vector(parser),
        filter=parser.optional_or_none("filter", read_filter),
        parent_filter=parser.optional_or_none("parentFilter", read_filter),
        # Of an exact search it is read only here: what is wrong with the filter comes first.
        limit=parser.required("limit", positive_integer),
        wants_explain=parser.optional("explainOptions", document_of(_parse_explain), False),
        return_stored_source=parser.optional("returnStoredSource", boolean, False),
        score_mode=parser.optional_or_none("nestedOptions", document_of(_parse_nested_options)),
    )


def parse_node_preference(parser: DocumentParser) -> None:
    """Check the field that routes a search between nodes; here there is one."""
    parser.optional_or_none("searchNodePreference", _read_preference)


def _read_preference(value: Any, path: str) -> None:
    # Left open: the server takes no offence at other fields.
    DocumentParser(document(value, path), path).required("key", non_empty_string)


def _parse_num_candidates(parser: DocumentParser) -> int:
    num_candidates = parser.optional_or_none("numCandidates", _NUM_CANDIDATES)
    if num_candidates is None:
        parser.refuse("numCandidates is required for approximate vector search")
    limit = parser.required("limit", positive_integer)
    if limit > num_candidates:
        parser.refuse("limit should be less than or equal to numCandidates")
    return num_candidates


def _parse_vector(parser: DocumentParser) -> Vector:
    vector = parser.optional_or_none("queryVector", read_query_vector)
    has_query = parser.has("query")
    if parser.optional_or_none("model", non_empty_string) is not None and not has_query:
        parser.refuse(
            "model can only be specified when using 'query' for auto-embedding, "
            "not with 'queryVector'"
        )
    query = parser.optional_or_none("query", lambda value, _: value)
    if has_query and not is_string(query) and not isinstance(query, Mapping):
        parser.refuse(f"query must be a string or document, but got {bson_type_name(query)}")
    if isinstance(query, Mapping):
        document_of(_parse_query_document)(query, parser.path)
    if (vector is None) != has_query:
        parser.refuse("Exactly one and only one of query and queryVector can be present")
    if vector is None:
        parser.refuse(f"query asks for auto-embedding {NOT_EMULATED}")
    if not vector.is_finite:
        position = int(np.flatnonzero(~np.isfinite(vector.values))[0])
        parser.refuse(
            "'queryVector' contains a non-finite value (Infinity or NaN) at position "
            f'[{position}]. All values in "queryVector" must be finite.'
        )
    return vector


def _parse_query_document(parser: DocumentParser) -> None:
    parser.optional_or_none("text", string)


def _parse_explain(parser: DocumentParser) -> bool:
    parser.optional("traceDocumentIds", list_of(_any, may_be_empty=False), [])
    return True


def _any(value: Any, path: str) -> Any:
    return value


def _parse_nested_options(parser: DocumentParser) -> ScoreMode:
    return "avg" if parser.optional("scoreMode", _SCORE_MODE, "max") == "avg" else "max"
