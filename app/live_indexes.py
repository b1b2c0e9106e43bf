"""The server's side of search indexes: what is live, how it differs from the file, create, wait."""

import time
from collections.abc import Sequence
from typing import Any, Literal

from pymongo.collection import Collection
from pymongo.errors import CollectionInvalid
from pymongo.operations import IndexModel, SearchIndexModel

from app.errors import IndexNotReady
from app.index_care.builds import NO_REASON, Entry, find_entry, read_build
from app.index_care.definitions import differences
from app.index_care.planning import make_plan
from app.indexes import SearchIndex, parse_live_index
from app.layouts import written_at_path
from app.lexical_indexes import AnyIndex, LexicalIndex, parse_lexical

Outcome = Literal["created", "updated", "unchanged"]

_FIRST_POLL_S, _LAST_POLL_S = 0.02, 2.0


def live_entries(collection: Collection[dict[str, Any]]) -> list[Entry]:
    """Return every search index of the collection as `$listSearchIndexes` describes it."""
    with collection.list_search_indexes() as cursor:
        return list(cursor)


def entry_problem(entries: Sequence[Entry], index: AnyIndex, collection_name: str) -> str | None:
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


def definition_differences(entry: Entry, index: AnyIndex) -> list[str]:
    """Return how a live index differs from its file where a search would notice, file last."""
    try:
        live, compared = _parsed(entry, index)
    except ValueError as error:
        return [f"its live definition {error}"]
    differences = [
        f"{name} is {getattr(live, name)}, the file says {getattr(index, name)}"
        for name in compared
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


def _parsed(entry: Entry, index: AnyIndex) -> tuple[AnyIndex, tuple[str, ...]]:
    """Return a live index read as the file was, and which attributes of it are compared."""
    if isinstance(index, LexicalIndex):
        definition, kind = entry.get("latestDefinition"), entry.get("type", "search")
        content = {"name": entry["name"], "type": kind, "definition": definition}
        return parse_lexical(content), ("text_paths", "completions")
    live = parse_live_index(entry, index.filter_types, vector_type=index.vector_type)
    return live, ("type", "path", "dimensions", "similarity")


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
    paths = (*own, index.embedded_by_path, written_at_path(index))
    names = collection.create_indexes([IndexModel([(path, 1)]) for path in paths])
    return {name: name not in before for name in names}


def apply_index(
    collection: Collection[dict[str, Any]], index: AnyIndex, *, update: bool
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
    plan = make_plan(live_entries(collection), index)
    if plan.action == "create":
        model = SearchIndexModel(index.definition, name=index.name, type=index.type)
        collection.create_search_index(model)
        return "created"
    if plan.action == "nothing":
        return "unchanged"
    if not update:
        assert plan.entry is not None
        changes = definition_differences(plan.entry, index) or map(str, plan.differences)
        raise IndexNotReady(
            f"Search index {index.name} exists with another definition ({'; '.join(changes)}); "
            f"--update replaces it."
        )
    if plan.action == "other type":
        raise IndexNotReady(
            f"Search index {index.name} is of type {plan.live_type} and the file says "
            f"{index.type}; a type cannot be changed, give the new index another name."
        )
    collection.update_search_index(index.name, index.definition)
    return "updated"


def wait_until_queryable(
    collection: Collection[dict[str, Any]], index: AnyIndex, *, timeout_s: float
) -> float:
    """Wait until the live index has the file's definition, is built and can be queried.

    Returns:
        Seconds waited.

    Raises:
        IndexNotReady: it FAILED, or `timeout_s` passed.
    """
    start_s, poll_s = time.monotonic(), _FIRST_POLL_S
    while True:
        entry = find_entry(live_entries(collection), index.name)
        build = None if entry is None else read_build(entry)
        waited_s = time.monotonic() - start_s
        if build is not None and build.serves_latest and not _differs(entry, index):
            return waited_s
        status = "missing" if build is None else build.status
        if build is not None and status == "FAILED":
            raise IndexNotReady(f"Search index {index.name} FAILED: {build.message or NO_REASON}")
        if waited_s >= timeout_s:
            raise IndexNotReady(
                f"Search index {index.name} is {status} after {timeout_s:g} s; "
                f"the server goes on building it, run this again to wait on."
            )
        time.sleep(poll_s)
        poll_s = min(poll_s * 1.5, _LAST_POLL_S)


def _differs(entry: Entry | None, index: AnyIndex) -> bool:
    return entry is None or bool(differences(entry.get("latestDefinition", {}), index.definition))
