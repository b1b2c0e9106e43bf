"""The server's side of search indexes: what is live, how it differs from the file, create, wait."""

import time
from collections.abc import Mapping
from typing import Any, Literal

from pymongo.collection import Collection
from pymongo.errors import CollectionInvalid
from pymongo.operations import IndexModel, SearchIndexModel

from app.errors import IndexNotReady
from app.indexes import SearchIndex, parse_live_index

Entry = Mapping[str, Any]
Outcome = Literal["created", "updated", "unchanged"]

_FIRST_POLL_S, _LAST_POLL_S = 0.02, 2.0


def live_entries(collection: Collection[dict[str, Any]]) -> list[Entry]:
    """Return every search index of the collection as `$listSearchIndexes` describes it."""
    with collection.list_search_indexes() as cursor:
        return list(cursor)


def entry_problem(entries: list[Entry], index: SearchIndex, collection_name: str) -> str | None:
    """Return why the live index cannot serve `index`'s searches, in one sentence, or None."""
    entry = next((one for one in entries if one["name"] == index.name), None)
    if entry is None:
        names = ", ".join(sorted(one["name"] for one in entries)) or "none"
        return f"Search index {index.name} does not exist on {collection_name}, which has: {names}."
    differences = definition_differences(entry, index)
    if differences:
        return f"Search index {index.name} differs from its file: {'; '.join(differences)}."
    if not entry.get("queryable", False):
        return (
            f"Search index {index.name} is {entry.get('status', 'not queryable')}, not queryable."
        )
    return None


def definition_differences(entry: Entry, index: SearchIndex) -> list[str]:
    """Return how a live index differs from its file where a search would notice, file last."""
    try:
        live = parse_live_index(entry, index.filter_types, vector_type=index.vector_type)
    except ValueError as error:
        return [f"its live definition {error}"]
    differences = [
        f"{name} is {getattr(live, name)}, the file says {getattr(index, name)}"
        for name in ("type", "path", "dimensions", "similarity")
        if getattr(live, name) != getattr(index, name)
    ]
    if differences:
        return differences
    for path, kind in index.filter_types.items():
        if live.filter_types.get(path) != kind:
            differences.append(
                f"filter field {path} is {live.filter_types.get(path, 'missing')}, "
                f"the file says {kind}"
            )
    return differences


def create_collection(collection: Collection[dict[str, Any]]) -> bool:
    """Create the collection where it is missing; return whether it was."""
    database = collection.database
    if database.list_collection_names(filter={"name": collection.name}):
        return False
    try:
        database.create_collection(collection.name)
    except CollectionInvalid:  # somebody else was faster
        return False
    return True


def create_ordinary_indexes(
    collection: Collection[dict[str, Any]], index: SearchIndex
) -> dict[str, bool]:
    """Create the database's own indexes that ingestion and the service look things up with.

    Returns:
        Their names, and whether each was missing.
    """
    before = set(collection.index_information())
    visual, _, _ = index.path.rpartition(".")
    own = (f"{visual}.sha256",) if visual else ("image.sha256", "product_id")
    paths = (*own, index.embedded_by_path)
    names = collection.create_indexes([IndexModel([(path, 1)]) for path in paths])
    return {name: name not in before for name in names}


def apply_index(
    collection: Collection[dict[str, Any]], index: SearchIndex, *, update: bool
) -> Outcome:
    """Make the live index what the file says.

    Args:
        collection: must exist.
        index: what is wanted.
        update: whether a live index with another definition may be replaced; the old one goes on
            serving until the new one is built.

    Raises:
        IndexNotReady: it exists with another definition and `update` is false, or with another
            type, which the server cannot change.
    """
    entry = next((one for one in live_entries(collection) if one["name"] == index.name), None)
    if entry is None:
        model = SearchIndexModel(index.definition, name=index.name, type=index.type)
        collection.create_search_index(model)
        return "created"
    differences = definition_differences(entry, index)
    if not differences and _same_definition(entry, index):
        return "unchanged"
    if not update:
        why = "; ".join(differences) or "the definitions are not equal"
        raise IndexNotReady(
            f"Search index {index.name} exists with another definition ({why}); "
            f"--update replaces it."
        )
    if entry.get("type", index.type) != index.type:
        raise IndexNotReady(
            f"Search index {index.name} is of type {entry['type']} and the file says {index.type}; "
            f"a type cannot be changed, give the new index another name."
        )
    collection.update_search_index(index.name, index.definition)
    return "updated"


def wait_until_queryable(
    collection: Collection[dict[str, Any]], index: SearchIndex, *, timeout_s: float
) -> float:
    """Wait until the live index has the file's definition, is built and can be queried.

    Returns:
        Seconds waited.

    Raises:
        IndexNotReady: it FAILED, or `timeout_s` passed.
    """
    start_s, poll_s = time.monotonic(), _FIRST_POLL_S
    while True:
        entry = next((one for one in live_entries(collection) if one["name"] == index.name), None)
        waited_s = time.monotonic() - start_s
        if entry is not None and _is_built(entry, index):
            return waited_s
        status = entry.get("status") if entry is not None else "missing"
        if status == "FAILED":
            raise IndexNotReady(f"Search index {index.name} FAILED: {_failure(entry)}")
        if waited_s >= timeout_s:
            raise IndexNotReady(
                f"Search index {index.name} is {status} after {timeout_s:g} s; "
                f"the server goes on building it, run this again to wait on."
            )
        time.sleep(poll_s)
        poll_s = min(poll_s * 1.5, _LAST_POLL_S)


def _is_built(entry: Entry, index: SearchIndex) -> bool:
    return (
        entry.get("queryable") is True
        and entry.get("status") in ("READY", "STALE")
        and _same_definition(entry, index)
    )


def _same_definition(entry: Entry, index: SearchIndex) -> bool:
    return _covers(entry.get("latestDefinition"), index.definition)


def _covers(live: Any, wanted: Any) -> bool:
    """Compare definitions; a server may add defaults to the objects that it returns."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            key in live and _covers(live[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(_covers(one, other) for one, other in zip(live, wanted, strict=True))
        )
    return bool(live == wanted)


def _failure(entry: Entry | None) -> str:
    messages = [
        host.get("mainIndex", {}).get("message") or host.get("message")
        for host in (entry or {}).get("statusDetail", [])
    ]
    return next((message for message in messages if message), "the server gives no reason.")
