"""Runs a well-formed $searchMeta on one index: how many documents are found, and their facets."""

from collections.abc import Mapping, Sequence
from typing import Any

from bson.int64 import Int64

from .definition import SearchIndexDefinition
from .knn_beta import check_stored_source, search
from .search_data import SearchData
from .search_query import Lexical, SearchQuery
from .text_checks import check_texts


def search_meta(
    definition: SearchIndexDefinition, data: SearchData, query: SearchQuery
) -> dict[str, Any]:
    """Return the one document of the stage.

    Raises:
        QueryError: the query does not fit the index.
    """
    if not isinstance(query.operator, Lexical):
        return described(query, len(search(definition, data, query).record_ids), {})
    condition = query.operator.operator.condition
    check_stored_source(definition, query)
    check_texts(definition.mapping, query.index, condition)
    check_facets(definition, query)
    count, values = data.counted(condition, query.facets)
    return described(query, count, values)


def meta_of_nothing() -> dict[str, Any]:
    """Return the one document of the stage where there is no such index, whatever is asked."""
    return {"count": {"total": Int64(0)}}


def meta_of(data: SearchData, query: SearchQuery, count: int) -> dict[str, Any]:
    """Return what $search says of all that it found, which were so many documents."""
    if not query.facets:
        return described(query, count, {})
    assert isinstance(query.operator, Lexical), "facets go with operators on texts and values"
    return described(query, *data.counted(query.operator.operator.condition, query.facets))


def check_facets(definition: SearchIndexDefinition, query: SearchQuery) -> None:
    """Refuse facets of fields that are not indexed for them.

    Raises:
        QueryError: naming the field.
    """
    for facet in query.facets.values():
        facet.check(definition.mapping)


def described(
    query: SearchQuery, count: int, values: Mapping[str, Sequence[tuple[str, int]]]
) -> dict[str, Any]:
    """Return the document that tells of a count and of the values of the facets."""
    meta: dict[str, Any] = {"count": {query.count_type: Int64(count)}}
    if query.facets:
        meta["facet"] = {
            name: {
                "buckets": [
                    {"_id": value, "count": Int64(times)} for value, times in values.get(name, ())
                ]
            }
            for name in query.facets
        }
    return meta
