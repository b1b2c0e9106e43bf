"""Which index stands in for another: said in the database, where every process of a service looks.

A search index has no alias, and every pipeline names one. So INDEX_FILE goes on naming the old
index, and a document of the collection `search_index_switches`, in the same database, says which
one is asked instead. Without the document, the old one is asked again.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.errors import OperationFailure

from app.errors import IndexNotReady
from app.index_care.listing import Documents
from app.index_care.refusals import NOT_ALLOWED, IndexRefused, to_paste
from app.indexes import SearchIndex, read_vector_index

SWITCHES = "search_index_switches"

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Switch:
    """One index in the place of another.

    Attributes:
        instead_of: name of the index that INDEX_FILE names.
        content: of the other one's index file, as JSON: names of fields may hold what a database
            keeps out of its own names.
        since: when it was made.
    """

    instead_of: str
    content: str
    since: datetime

    @property
    def index(self) -> SearchIndex:
        """What is asked instead; raises `ValueError` where the content is no index."""
        return read_vector_index(json.loads(self.content))

    @property
    def name(self) -> str:
        """Name of what is asked instead, for people."""
        return str(json.loads(self.content)["name"])


def switch_over(collection: Documents, old_name: str, new: SearchIndex) -> None:
    """Have `new` asked instead of an index; the last of several calls counts.

    Raises:
        IndexRefused: the user may not write that down.
        The driver's other errors.
    """
    content = {**to_paste(new), "vectorType": new.vector_type}
    if new.type == "vectorSearch":
        content["filterTypes"] = dict(new.filter_types)
    document = {"index_file": json.dumps(content), "since": datetime.now(UTC)}
    with _written_by(collection):
        _switches(collection).replace_one(_key(collection, old_name), document, upsert=True)


def switch_back(collection: Documents, old_name: str) -> bool:
    """Have an index asked again itself; return whether it was not.

    Raises:
        IndexRefused: the user may not write that down.
        The driver's other errors.
    """
    with _written_by(collection):
        return _switches(collection).delete_one(_key(collection, old_name)).deleted_count == 1


def read_switch(collection: Documents, name: str) -> Switch | None:
    """Return what stands in for an index, None where it is asked itself.

    Raises:
        IndexNotReady: what is written down was not written here.
        The driver's errors.
    """
    document = _switches(collection).find_one(_key(collection, name))
    return None if document is None else _read(document)


def read_switches(collection: Documents) -> list[Switch]:
    """Return every switch of a collection's indexes; raises as `read_switch`."""
    found = _switches(collection).find({"_id.collection": collection.name}).sort("_id", 1)
    return [_read(document) for document in found]


def _switches(collection: Documents) -> Documents:
    return collection.database[SWITCHES]


def _key(collection: Documents, name: str) -> dict[str, Any]:
    return {"_id": {"collection": collection.name, "index": name}}


def _read(document: Document) -> Switch:
    try:
        switch = Switch(document["_id"]["index"], document["index_file"], document["since"])
        json.loads(switch.content)["name"]
    except (KeyError, TypeError, ValueError) as error:
        raise IndexNotReady(
            f"{document['_id']} of {SWITCHES} is not what migrate --switch writes; "
            f"migrate --back takes it away."
        ) from error
    return switch


@contextmanager
def _written_by(collection: Documents) -> Iterator[None]:
    try:
        yield
    except OperationFailure as error:
        if error.code not in NOT_ALLOWED:
            raise
        raise IndexRefused(
            f"The server does not let this user write {collection.database.name}.{SWITCHES}: ask "
            f"the administrator for the role readWrite, or name the other index's file in "
            f"INDEX_FILE, and restart one worker of the service after the other."
        ) from error
