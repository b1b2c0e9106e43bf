"""The stages that the search server answers: `$search` and its kin, and `$listSearchIndexes`.

A source checks its specification when it is called, not when its first row is asked for, so that a
bad stage fails the command and not a later `getMore`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from bson import Decimal128

from ..errors import NOT_EMULATED, CommandError
from ..mql.bson_types import type_name
from ..mql.matcher import compile_filter
from ..mql.rows import Row, SearchRows
from ..views import is_view
from .found_rows import FETCHED, explained, first_rows, rows_of, stored
from .knn_beta import search, search_and_explain
from .listing import checked_entries, read_selector
from .mql_filter import read_mql_filter
from .parsing import DocumentParser, non_empty_string, string
from .refusals import QueryError, refusals_of_aggregate
from .search_meta import check_facets, meta_of, meta_of_nothing, search_meta
from .search_query import Lexical, SearchQuery, parse_search
from .strict_queries import (
    check_search,
    check_vector_query,
    unknown_collection,
    unknown_index,
)
from .vector_criteria import parse_node_preference, parse_vector_criteria
from .vector_search import search_with_mql

if TYPE_CHECKING:
    from ..store import StoredCollection
    from .generation import Generation
    from .live_index import LiveIndex
    from .registry import SearchRegistry


class SearchEnvironment(Protocol):
    """What a source needs of the pipeline that it starts."""

    @property
    def collection(self) -> "StoredCollection | None":
        """The collection of the aggregate, None where it does not exist."""

    @property
    def namespace(self) -> str:
        """The `database.collection` of the aggregate."""

    def check_time(self) -> None:
        """Raise where the time of the command is up."""


class Source(Protocol):
    """A first stage."""

    def __call__(
        self, spec: Any, environment: SearchEnvironment, wanted: int | None = None
    ) -> Iterator[Row]:
        """Check the specification, raising CommandError, and return the rows.

        Where only the first `wanted` rows are read, the others need not be found.
        """


def search_sources(registry: "SearchRegistry") -> Mapping[str, Source]:
    """Return the stages by name, bound to the indexes that they ask."""
    return {
        "$search": partial(run_search, registry),
        "$searchMeta": partial(run_search_meta, registry),
        "$vectorSearch": partial(run_vector_search, registry),
        "$listSearchIndexes": partial(run_list_search_indexes, registry),
    }


def run_vector_search(
    registry: "SearchRegistry",
    spec: Any,
    environment: SearchEnvironment,
    wanted: int | None = None,
) -> Iterator[Row]:
    """Run $vectorSearch.

    Raises:
        CommandError: the database's own checks first, with their codes, then those of the search
            server in its order.
    """
    _check_vector_search(spec)
    collection = _collection(registry, environment)
    if collection is None:
        return iter(())
    with refusals_of_aggregate():
        parser = DocumentParser(spec)
        parse_node_preference(parser)
        index_name = parser.required("index", non_empty_string)
        criteria = parse_vector_criteria(parser, parser.required("path", string), read_mql_filter)
        if registry.is_strict:
            parser.close()
        index = _index(registry, collection, index_name)
        if index is None:
            return iter(())
        generation = index.queryable(environment)
        definition = generation.version.definition
        hits = search_with_mql(definition, generation.data, criteria)
        if registry.is_strict:
            check_vector_query(definition, generation.data, criteria)
    environment.check_time()
    rows = rows_of(collection, [hits], "vectorSearchScore")
    return stored(rows, definition) if criteria.return_stored_source else rows


def run_search(
    registry: "SearchRegistry",
    spec: Any,
    environment: SearchEnvironment,
    wanted: int | None = None,
) -> Iterator[Row]:
    """Run $search.

    Raises:
        CommandError: the specification is refused, or does not fit the index.
    """
    first = wanted if wanted is not None and wanted <= FETCHED else None
    with refusals_of_aggregate():
        asked = _asked("$search", registry, spec, environment)
        if asked is None or asked.generation is None:
            return iter(())
        collection, query, data = asked.collection, asked.query, asked.generation.data
        definition = asked.generation.version.definition
        check_facets(definition, query)
        explain = None
        if query.has_score_details:
            hits, explain = search_and_explain(definition, data, query)
        else:
            find_all = partial(search, definition, data, query)
            hits = find_all(wanted=first)
        if registry.is_strict:
            check_search(definition, data, query)
    environment.check_time()
    if explain is not None:
        rows = explained(collection, hits, explain)
    elif isinstance(query.operator, Lexical):
        rows = rows_of(collection, hits.best_first(first), "searchScore")
    elif len(hits.record_ids) == first:
        rows = first_rows(collection, hits, find_all, "searchScore")
    else:
        rows = rows_of(collection, [hits], "searchScore")
    kept = stored(rows, definition) if query.return_stored_source else rows
    return SearchRows(kept, meta_of(data, query, len(hits.record_ids)))


def run_search_meta(
    registry: "SearchRegistry",
    spec: Any,
    environment: SearchEnvironment,
    wanted: int | None = None,
) -> Iterator[Row]:
    """Run $searchMeta: one row, of what $search would find.

    Raises:
        CommandError: the specification is refused, or does not fit the index.
    """
    with refusals_of_aggregate():
        asked = _asked("$searchMeta", registry, spec, environment)
        if asked is None:
            return iter(())
        if asked.generation is None:
            return iter([Row(document=meta_of_nothing())])
        definition, data = asked.generation.version.definition, asked.generation.data
        meta = search_meta(definition, data, asked.query)
        if registry.is_strict:
            check_search(definition, data, asked.query)
    environment.check_time()
    return iter([Row(document=meta)])


def run_list_search_indexes(
    registry: "SearchRegistry",
    spec: Any,
    environment: SearchEnvironment,
    wanted: int | None = None,
) -> Iterator[Row]:
    """Run $listSearchIndexes: one row per index of the collection."""
    if not isinstance(spec, dict):
        raise _not_an_object(
            "The $listSearchIndexes stage specification must be an object. Found: ", spec
        )
    for name in spec:
        if name not in ("name", "id"):
            raise CommandError(
                40415,
                "IDLUnknownField",
                f"BSON field '$listSearchIndexes.{name}' is an unknown field.",
            )
    selector = read_selector("$listSearchIndexes", spec)
    if environment.collection is None:
        return iter(())
    entries = checked_entries(registry, environment.collection, selector)
    return (Row(document=entry) for entry in entries)


def _collection(
    registry: "SearchRegistry", environment: SearchEnvironment
) -> "StoredCollection | None":
    """Return the collection that is searched; None where the engine finds nothing in silence."""
    collection = environment.collection
    if collection is None and registry.is_strict:
        raise unknown_collection(environment.namespace)
    if collection is not None and is_view(collection.options):
        message = f"A search of the view {collection.namespace} {NOT_EMULATED}"
        raise CommandError(166, "CommandNotSupportedOnView", message)
    return collection


def _index(
    registry: "SearchRegistry", collection: "StoredCollection", name: str
) -> "LiveIndex | None":
    """Return the index that is asked; None where the engine finds nothing in silence."""
    index = registry.find(collection, name)
    if index is None and registry.is_strict:
        raise unknown_index(collection.namespace, name, registry.names(collection))
    return index


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a $search or $searchMeta asks, and of what.

    Attributes:
        collection: that is searched.
        query: what for.
        generation: the contents of the index; None where there is no such index.
    """

    collection: "StoredCollection"
    query: SearchQuery
    generation: "Generation | None"


def _asked(
    stage: str, registry: "SearchRegistry", spec: Any, environment: SearchEnvironment
) -> _Asked | None:
    """Read a $search or $searchMeta; None where there is no such collection."""
    if isinstance(spec, list):
        raise _not_an_object(f"The {stage} stage specification must be an object. Found: ", spec)
    if not isinstance(spec, dict):
        raise _unexpected(stage)
    if stage == "$search":
        _check_booleans(spec)
    collection = _collection(registry, environment)
    if collection is None:
        return None
    query = parse_search(spec)
    return _Asked(collection, query, _searched(registry, collection, query, environment))


def _searched(
    registry: "SearchRegistry",
    collection: "StoredCollection",
    query: SearchQuery,
    environment: SearchEnvironment,
) -> "Generation | None":
    """Return the contents of the index of a $search; None where there is no such index."""
    index = _index(registry, collection, query.index)
    if index is None:
        return None
    if index.type == "vectorSearch":
        raise QueryError(f"Cannot execute $search over vectorSearch index '{query.index}'")
    return index.queryable(environment)


def _check_vector_search(spec: Any) -> None:
    """Run the checks of the database, which come before those of the search server."""
    if not isinstance(spec, dict):
        raise _not_an_object("$vectorSearch value must be an object. Found: ", spec)
    limit = spec.get("limit")
    if isinstance(limit, Decimal128):
        limit = float(limit.to_decimal())
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        raise CommandError(
            8575100,
            "Location8575100",
            "Expected limit field to be a number in $vectorSearch",
        )
    if not limit >= 1:  # the database looks at the integer part
        raise CommandError(7912700, "Location7912700", "Expected limit to be positive")
    if "filter" in spec:
        if not isinstance(spec["filter"], dict):
            raise _unexpected("filter")
        compile_filter(spec["filter"])


def _check_booleans(spec: dict[str, Any]) -> None:
    """Check the options of $search that the database reads before the search server does."""
    for name in ("returnStoredSource", "scoreDetails"):
        value = spec.get(name, False)
        if not isinstance(value, bool):
            raise CommandError(
                13111,
                "Location13111",
                f"wrong type for field ({name}) {type_name(value)} != bool",
            )


def _unexpected(name: str) -> CommandError:
    return CommandError(10065, "Location10065", f"invalid parameter: expected an object ({name})")


def _not_an_object(message: str, spec: Any) -> CommandError:
    return CommandError(9, "FailedToParse", message + type_name(spec))
