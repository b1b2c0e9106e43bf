"""What a strict server refuses of a query: whatever the engine answers with silence.

An unknown collection or index, a path that nothing is indexed under, and a query vector of an
element type that no stored vector has all give an empty result there.
"""

from collections.abc import Iterator, Sequence

from ..errors import CommandError
from .completions import HasCompletion
from .conditions import AllOf, Among, AnyOf, Condition, Exists, InRange, IsNull, Not
from .definition import SearchIndexDefinition
from .mql_filter import MqlFilter
from .query_paths import TextPath
from .refusals import QueryError
from .search_data import SearchData
from .search_query import KnnBeta, Lexical, SearchQuery
from .term_patterns import HasPattern
from .text_conditions import HasPhrase, HasText
from .vector_criteria import VectorCriteria
from .vectors import Vector


def unknown_collection(namespace: str) -> CommandError:
    """Return the refusal of a search in a collection that is not there."""
    return CommandError(26, "NamespaceNotFound", f"Collection '{namespace}' does not exist.")


def unknown_index(namespace: str, name: str, existing: Sequence[str]) -> CommandError:
    """Return the refusal of a search by an index that is not there; it names those there are."""
    there = f"there are {', '.join(map(repr, existing))}" if existing else "there is none"
    return CommandError(
        27, "IndexNotFound", f"No search index {name!r} exists in namespace {namespace}: {there}."
    )


def check_vector_query(
    definition: SearchIndexDefinition,
    data: SearchData,
    criteria: VectorCriteria[MqlFilter] | VectorCriteria[Condition],
) -> None:
    """Refuse a vector search of which a part can find nothing.

    Raises:
        QueryError: naming the path.
    """
    _check_element_type(data, criteria.path, criteria.vector)
    for part in (criteria.filter, criteria.parent_filter):
        _check_paths(definition, part.condition if isinstance(part, MqlFilter) else part)


def check_search(definition: SearchIndexDefinition, data: SearchData, query: SearchQuery) -> None:
    """Refuse a $search of which a part can find nothing.

    Raises:
        QueryError: naming the path.
    """
    operator = query.operator
    if isinstance(operator, Lexical):
        _check_paths(definition, operator.operator.condition, "query")
        return
    if not isinstance(operator, KnnBeta):
        check_vector_query(definition, data, operator.criteria)
        return
    for path in operator.paths:
        _check_element_type(data, path, operator.vector)
    _check_paths(definition, operator.filter)


def _check_element_type(data: SearchData, path: str, vector: Vector) -> None:
    stored = data.element_types(path)
    if stored and vector.element_type not in stored:
        raise QueryError(
            f"The query vector is {vector.element_type} and meets only such vectors, "
            f"but those at {path} are {', '.join(stored)}."
        )


def _check_paths(
    definition: SearchIndexDefinition, condition: Condition | None, part: str = "filter"
) -> None:
    for path, kind in _uses(condition):
        mapping = definition.mapping.resolve(path)
        if mapping is None or (definition.type == "vectorSearch" and not mapping.types):
            raise QueryError(f"Path '{path}' of the {part} is not indexed.")
        if kind is not None and kind not in mapping.types:
            raise QueryError(f"Path '{path}' of the {part} is not indexed as {kind}.")


def _uses(condition: Condition | None) -> Iterator[tuple[str, str | None]]:
    """Yield every path that a condition looks at, and the type that it wants there."""
    if _is_match_all(condition):
        return
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _uses(part)
    elif isinstance(condition, Not):
        yield from _uses(condition.part)
    elif isinstance(condition, Exists | IsNull):
        yield condition.path, None
    elif isinstance(condition, InRange | Among):
        yield condition.path, condition.kind
    elif isinstance(condition, HasCompletion):
        yield condition.path, "autocomplete"
    elif isinstance(condition, HasText | HasPhrase | HasPattern):
        paths = (path for path in condition.search.paths if isinstance(path, TextPath))
        yield from ((path.path, "string") for path in paths)


def _is_match_all(condition: Condition | None) -> bool:
    """Tell whether it is a `compound` of one `mustNot: exists` and nothing else.

    The operators have no match-all: whoever needs one asks that a path which no document has does
    not exist. So an unmapped path is meant there, and a mistake everywhere else.
    """
    match condition:
        case AllOf(parts=[Not(part=Exists())]):
            return True
        case _:
            return False
