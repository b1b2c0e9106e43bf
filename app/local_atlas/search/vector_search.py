"""Runs a well-formed vector search on one index: the checks against its mapping, then the search.

Source: https://github.com/mongodb/mongot, `VectorSearchQueryFactory` and
`MappingCompatibilityValidator`.
"""

from .conditions import Condition
from .definition import SearchIndexDefinition
from .exact_search import Hits
from .mapping import VectorField
from .mql_filter import MqlFilter, PathUse
from .refusals import QueryError
from .search_data import SearchData
from .vector_criteria import VectorCriteria

_SIMILARITY_NAMES = {"cosine": "COSINE", "dotProduct": "DOT_PRODUCT", "euclidean": "EUCLIDEAN"}


def search_with_mql(
    definition: SearchIndexDefinition, data: SearchData, criteria: VectorCriteria[MqlFilter]
) -> Hits:
    """Run a $vectorSearch.

    Raises:
        QueryError: the query does not fit the index, with the search server's text.
    """
    _check_returnable(definition, criteria)
    field = _vector_field(definition, criteria)
    for part in (criteria.filter, criteria.parent_filter):
        for use in part.uses if part is not None else ():
            _check_path(definition, use)
    _check_vector(field, criteria)
    condition = criteria.filter.condition if criteria.filter is not None else None
    parents = criteria.parent_filter.condition if criteria.parent_filter is not None else None
    return _hits(definition, data, criteria, condition, parents)


def search_with_operators(
    definition: SearchIndexDefinition, data: SearchData, criteria: VectorCriteria[Condition]
) -> Hits:
    """Run the `vectorSearch` operator of a $search.

    Raises:
        QueryError: the query does not fit the index, with the search server's text.
    """
    _check_vector(_vector_field(definition, criteria), criteria)
    return _hits(definition, data, criteria, criteria.filter, criteria.parent_filter)


def _hits(
    definition: SearchIndexDefinition,
    data: SearchData,
    criteria: VectorCriteria[MqlFilter] | VectorCriteria[Condition],
    condition: Condition | None,
    parents: Condition | None,
) -> Hits:
    path, vector, candidates = criteria.path, criteria.vector, criteria.num_candidates
    if _is_nested(definition, path):
        mode = criteria.score_mode or "max"
        hits = data.nearest_parents(path, vector, candidates, condition, mode)
    elif parents is None:
        return data.nearest(path, vector, criteria.limit, condition, candidates=candidates)
    else:
        # The engine meets the parents' filter after the search for candidates.
        k = candidates or max(len(data), 1)
        hits = data.nearest(path, vector, k, condition, candidates=candidates)
    if parents is not None:
        hits = data.meeting(hits, parents)
    return hits.first(criteria.limit)


def _is_nested(definition: SearchIndexDefinition, path: str) -> bool:
    root = definition.nested_root
    return root is not None and path.startswith(f"{root}.")


def _check_returnable(
    definition: SearchIndexDefinition, criteria: VectorCriteria[MqlFilter]
) -> None:
    if criteria.return_stored_source and definition.stored_source.keeps_nothing:
        raise QueryError(
            "Before using returnStoredSource, index must be created with storedSource defined."
        )


def _vector_field(
    definition: SearchIndexDefinition,
    criteria: VectorCriteria[MqlFilter] | VectorCriteria[Condition],
) -> VectorField:
    path = criteria.path
    if criteria.score_mode is not None and not _is_nested(definition, path):
        raise QueryError(
            "nestedOptions can only be specified for embedded vector fields, "
            f"but '{path}' is not embedded"
        )
    field = definition.vectors.get(path)
    if field is None:
        raise QueryError(
            f"{path} is not indexed as vector"
            if definition.type == "vectorSearch"
            else f'{path} must be indexed as "vector".'
        )
    dimensions = criteria.vector.dimensions
    if dimensions != field.dimensions:
        raise QueryError(
            f"vector field is indexed with {field.dimensions} dimensions "
            f"but queried with {dimensions}"
        )
    return field


def _check_path(definition: SearchIndexDefinition, use: PathUse) -> None:
    mapping = definition.mapping.resolve(use.path)
    types = mapping.types if mapping is not None else {}
    if definition.type == "vectorSearch":
        if not types:
            raise QueryError(f"Path '{use.path}' needs to be indexed as filter")
    elif use.kind is None:
        if mapping is None:
            raise QueryError(f"Path '{use.path}' needs to be indexed")
    elif use.kind not in types:
        raise QueryError(f"Path '{use.path}' needs to be indexed as {use.kind}")


def _check_vector(
    field: VectorField, criteria: VectorCriteria[MqlFilter] | VectorCriteria[Condition]
) -> None:
    if field.similarity == "cosine" and criteria.vector.is_zero:
        raise QueryError("Cosine similarity cannot be calculated against a zero vector.")
    if field.similarity != "euclidean" and criteria.vector.element_type == "packed_bit":
        raise QueryError(
            "Binary vectors can only be used with fields indexed with Euclidean similarity "
            f"but indexed similarity is {_SIMILARITY_NAMES[field.similarity]}"
        )
    if criteria.wants_explain:
        raise QueryError("Query must be run in explain mode, because 'explainOptions' are present.")
