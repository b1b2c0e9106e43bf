"""Reads which search indexes a collection has, and picks one."""

from typing import Any

from pymongo.collection import Collection

from app.errors import IndexNotReady
from app.index_care.builds import Entry, find_entry
from app.index_care.refusals import index_command_errors
from app.live_indexes import live_entries

Documents = Collection[dict[str, Any]]


def list_entries(collection: Documents) -> list[Entry]:
    """Return the entries of `$listSearchIndexes`.

    Raises:
        IndexRefused: the user may not list them.
        The driver's other errors.
    """
    with index_command_errors("listSearchIndexes", collection.full_name):
        return live_entries(collection)


def existing_entry(collection: Documents, name: str) -> Entry:
    """Return the entry of an index.

    Raises:
        IndexNotReady: there is none of that name; the message lists those there are. A search
            would have answered with no hits.
    """
    entries = list_entries(collection)
    entry = find_entry(entries, name)
    if entry is None:
        names = ", ".join(sorted(one["name"] for one in entries)) or "none"
        raise IndexNotReady(
            f"Search index {name} does not exist on {collection.full_name}, which has: {names}."
        )
    return entry
