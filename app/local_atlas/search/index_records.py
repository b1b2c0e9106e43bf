"""Versions of indexes, and the records by which the store remembers the last one of each."""

import time
from typing import Any

from bson.datetime_ms import DatetimeMS

from .definition import SearchIndexDefinition, parse_definition
from .generation import Version
from .live_index import LiveIndex


def new_version(
    number: int, document: dict[str, Any], definition: SearchIndexDefinition
) -> Version:
    """Return a version that is created now; `document` is what `definition` was read from."""
    return Version(number, DatetimeMS(int(time.time() * 1000)), document, definition)


def key_of(index_id: str, version: Version) -> str:
    """Return what names a version of an index among all of a server."""
    return f"{index_id}.{version.number}"


def to_record(index: LiveIndex, version: Version) -> dict[str, Any]:
    """Return the record of an index whose last version this is."""
    return {
        "id": index.id,
        "name": index.name,
        "type": index.type,
        "uuid": index.collection.uuid,
        "version": version.number,
        "createdAt": version.created_at,
        "definition": version.document,
    }


def version_of(record: dict[str, Any]) -> Version:
    """Return the version that is in a record.

    Raises:
        ParseError: this version of LocalAtlas does not take the definition.
        CommandError: likewise.
    """
    definition = parse_definition(record["type"], record["definition"], allow_unknown=True)
    return Version(record["version"], record["createdAt"], record["definition"], definition)
