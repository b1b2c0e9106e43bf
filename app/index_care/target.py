"""The live index that a command is about, whoever made it: read from what the server lists."""

from collections import Counter
from typing import Any, cast

from app.documents import vector_type_of
from app.errors import IndexNotReady
from app.field_paths import projection, value_at
from app.index_care.builds import Entry, read_build
from app.index_care.definitions import filter_types, vector_fields
from app.index_care.listing import Documents, existing_entry
from app.index_care.planning import type_of
from app.indexes import FILTER_TYPES, FilterType, IndexType, SearchIndex, VectorType

_SAMPLED = 50


def live_index(collection: Documents, name: str, path: str | None = None) -> SearchIndex:
    """Return a live index by its name.

    Its vectors are taken to be of the element type that most of some stored ones have.

    Args:
        collection: any.
        name: of the index.
        path: of the vector field; None where the index has only one.

    Raises:
        IndexNotReady: there is no such index, it answers no query yet, or which of its vector
            fields is meant is not clear.
        IndexRefused: the user may not list indexes.
        The driver's other errors.
    """
    entry = existing_entry(collection, name)
    build = read_build(entry)
    if not build.is_queryable:
        raise IndexNotReady(f"Search index {name} is {build.status}, and no query is answered yet.")
    return index_of(entry, path, _stored_type(collection, _path(entry, path)))


def index_of(entry: Entry, path: str | None, vector_type: VectorType) -> SearchIndex:
    """Read an entry of `$listSearchIndexes`; raises `IndexNotReady` as `live_index`."""
    definition = read_build(entry).serving_definition
    chosen = _path(entry, path)
    options = vector_fields(definition)[chosen]
    return SearchIndex(
        name=entry["name"],
        type=cast(IndexType, type_of(entry)),
        definition=definition,
        path=chosen,
        dimensions=int(options.get("numDimensions", options.get("dimensions", 0))),
        similarity=str(options["similarity"]),
        vector_type=vector_type,
        filter_types=_filters(filter_types(definition)),
    )


def _path(entry: Entry, path: str | None) -> str:
    name, definition = entry["name"], read_build(entry).serving_definition
    if definition.get("nestedRoot"):
        raise IndexNotReady(
            f"Search index {name} has the nestedRoot {definition['nestedRoot']!r}; vectors of "
            f"nested documents are not looked into."
        )
    paths = sorted(vector_fields(definition))
    if path is None and len(paths) == 1:
        return paths[0]
    if path is not None and path in paths:
        return path
    if not paths:
        raise IndexNotReady(f"Search index {name} has no vector field, so no vector is in it.")
    wanted = "--path must name one of them" if path is None else f"none of them is {path!r}"
    raise IndexNotReady(f"Search index {name} has the vector fields {', '.join(paths)}; {wanted}.")


def _stored_type(collection: Documents, path: str) -> VectorType:
    stages: list[dict[str, Any]] = [
        {"$match": {path: {"$type": ["binData", "array"]}}},
        {"$limit": _SAMPLED},
        {"$project": projection([path])},
    ]
    types = (vector_type_of(value_at(one, path)) for one in collection.aggregate(stages))
    counted = Counter(one for one in types if one is not None)
    return counted.most_common(1)[0][0] if counted else "float32"


def _filters(declared: dict[str, frozenset[str]]) -> dict[str, FilterType]:
    """Return one type a path; a vectorSearch index, which takes all, says none."""
    chosen = {
        path: next((one for one in FILTER_TYPES if one in types), "token")
        for path, types in declared.items()
    }
    return cast(dict[str, FilterType], chosen)
