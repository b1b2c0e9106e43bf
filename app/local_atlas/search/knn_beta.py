"""Runs a well-formed $search on one index.

Source: https://github.com/mongodb/mongot, `LuceneSearchQueryFactoryDistributor`,
`KnnQueryFactory` and `SearchQueryTimeMappingChecks`.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from .definition import SearchIndexDefinition
from .exact_search import Hits
from .mapping import VectorField
from .refusals import QueryError
from .score_details import Details, detail
from .score_modifiers import ScoreModifier
from .search_data import SearchData
from .search_query import KnnBeta, Lexical, SearchQuery
from .text_checks import check_ranking, check_texts
from .vector_search import search_with_operators
from .vectors import Vector

# Tells of a hit, by its place among them, what its score is made of.
ExplainHit: TypeAlias = Callable[[int], Details]


def search(
    definition: SearchIndexDefinition,
    data: SearchData,
    query: SearchQuery,
    wanted: int | None = None,
) -> Hits:
    """Run the operator of a $search and apply its `score`.

    Args:
        definition: of the index.
        data: what is in it.
        query: what is asked.
        wanted: how many of knnBeta's candidates, the first ones, are needed; None for all. To tell
            which the others are takes longer than to find these.

    Returns:
        Hits best first; those of an operator on texts and values in any order.

    Raises:
        QueryError: the query does not fit the index, with the search server's text.
    """
    operator = query.operator
    _check(definition, query)
    if isinstance(operator, Lexical):
        return data.ranked(operator.operator)
    if isinstance(operator, KnnBeta):
        hits = _nearest(definition, data, operator, wanted)
    else:
        hits = search_with_operators(definition, data, operator.criteria)
    return hits if operator.score is None else _rescored(data, hits, operator.score)


def search_and_explain(
    definition: SearchIndexDefinition, data: SearchData, query: SearchQuery
) -> tuple[Hits, ExplainHit]:
    """Run a $search that asks for `scoreDetails`, best first; otherwise as `search`."""
    operator = query.operator
    if not isinstance(operator, Lexical):
        found = search(definition, data, query)
        k = operator.k if isinstance(operator, KnnBeta) else operator.criteria.limit
        return found, lambda place: detail(found.scores[place], f"within top {k} docs")
    _check(definition, query)
    hits, explain = data.ranked_and_explained(operator.operator)

    def explain_hit(place: int) -> Details:
        details = explain(int(hits.slots[place]))
        assert details is not None, "a hit is found by the operator"
        return details

    return hits, explain_hit


def _check(definition: SearchIndexDefinition, query: SearchQuery) -> None:
    operator = query.operator
    check_stored_source(definition, query)
    for condition in operator.filters:
        check_texts(definition.mapping, query.index, condition)
    if isinstance(operator, Lexical):
        check_ranking(definition.mapping, operator.operator.condition)


def check_stored_source(definition: SearchIndexDefinition, query: SearchQuery) -> None:
    """Refuse to return what an index does not store.

    Raises:
        QueryError: with the search server's text.
    """
    if query.return_stored_source and definition.stored_source.keeps_nothing:
        raise QueryError(
            "Before using returnStoredSource, index must be created with storedSource defined."
        )


def _nearest(
    definition: SearchIndexDefinition, data: SearchData, operator: KnnBeta, wanted: int | None
) -> Hits:
    fields = [_vector_field(definition, operator, path) for path in operator.paths]
    _check_vector(operator.vector, fields)
    vector, k, condition = operator.vector, operator.k, operator.filter
    # Another score, or that of a second path, may bring any of the candidates to the front.
    is_final = operator.score is None and len(operator.paths) == 1
    first = min(k, wanted) if wanted is not None and is_final else k
    found = [data.nearest(path, vector, first, condition, candidates=k) for path in operator.paths]
    return found[0] if len(found) == 1 else _summed(found)


def _vector_field(definition: SearchIndexDefinition, operator: KnnBeta, path: str) -> VectorField:
    mapping = definition.mapping.resolve(path)
    if mapping is None or mapping.vector is None or "knnVector" not in mapping.types:
        raise QueryError(f"{path} is not indexed as knnVector")
    field, vector = mapping.vector, operator.vector
    if vector.dimensions != field.dimensions:
        raise QueryError(
            f"knnVector field is indexed with {field.dimensions} dimensions "
            f"but queried with {vector.dimensions}"
        )
    return field


def _check_vector(vector: Vector, fields: Sequence[VectorField]) -> None:
    if vector.is_zero and any(field.similarity == "cosine" for field in fields):
        raise QueryError("Cosine similarity cannot be calculated against a zero knnVector.")
    if not vector.is_finite:
        position = int(np.flatnonzero(~np.isfinite(vector.values))[0])
        raise QueryError(
            f"non-finite value at vector[{position}]={_java_float(vector.values[position])}"
        )


def _java_float(value: np.float32) -> str:
    if np.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _summed(found: list[Hits]) -> Hits:
    """Return the union of several results; a document in two of them gets the sum."""
    scores: dict[int, np.float32] = {}
    slots: dict[int, int] = {}
    for hits in found:
        rows = zip(hits.record_ids.tolist(), hits.slots.tolist(), hits.scores, strict=True)
        for record_id, slot, score in rows:
            scores[record_id] = scores.get(record_id, np.float32(0)) + score
            slots[record_id] = slot
    ids = np.fromiter(scores, np.int64, len(scores))
    values = np.fromiter(scores.values(), np.float32, len(scores))
    return Hits(ids, np.fromiter(slots.values(), np.int32, len(slots)), values).ordered()


def _rescored(data: SearchData, hits: Hits, modify: ScoreModifier) -> Hits:
    record_ids = hits.record_ids.tolist()
    scores = modify(hits.scores, lambda path: data.numbers_at(path, record_ids))
    return Hits(hits.record_ids, hits.slots, scores).ordered()
