"""What the server can tell of its collections and sessions: sizes, counts, times."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bson import Binary, DatetimeMS

from .capped_writer import is_capped
from .errors import CommandError
from .mql.bson_types import is_number
from .mql.rows import Row
from .ordinary_indexes import ID_INDEX_NAME
from .stored_collection import StoredCollection
from .views import refuse_view

if TYPE_CHECKING:
    from .commands.table import CommandContext

Document = dict[str, Any]

# The bytes by which the real server tells the owner of a session where there are no users.
NOBODY = Binary(hashlib.sha256(b"").digest())


def storage_statistics(collection: StoredCollection | None, scale: int = 1) -> Document:
    """Return counts and BSON sizes of a collection; zeros for one that does not exist.

    Raises:
        CommandError: 166, it is a view.
    """
    if collection is not None:
        refuse_view(collection.namespace, collection.options)
    options = {} if collection is None else collection.options
    capped = is_capped(options)
    count = 0 if collection is None else collection.count()
    size_bytes = 0 if collection is None else bson_bytes([collection])
    index_sizes = {} if collection is None else _index_bytes(collection)
    index_bytes = sum(index_sizes.values())
    return {
        "size": size_bytes // scale,
        "count": count,
        "avgObjSize": size_bytes // count if count else 0,
        "storageSize": size_bytes // scale,
        "freeStorageSize": 0,
        "nindexes": len(index_sizes),
        "indexBuilds": [],
        "totalIndexSize": index_bytes // scale,
        "totalSize": (size_bytes + index_bytes) // scale,
        "indexSizes": {name: size // scale for name, size in index_sizes.items()},
        "capped": capped,
        **({"max": options.get("max", 0), "maxSize": options["size"]} if capped else {}),
        "scaleFactor": scale,
    }


def _index_bytes(collection: StoredCollection) -> dict[str, int]:
    """Return the size of the keys in each index, by its name."""

    def size_bytes(keys: Sequence[str], tables: Sequence[str]) -> int:
        lengths = " + ".join(f"length({key})" for key in keys)
        sums = (f"SELECT coalesce(sum({lengths}), 0) FROM {table}" for table in tables)
        return sum(int(collection.read(each, ())[0][0]) for each in sums)

    of_ids = {ID_INDEX_NAME: size_bytes(["id_key"], [collection.records.name])}
    of_others = {each.name: size_bytes(each.columns, each.tables) for each in collection.indexes}
    return of_ids | of_others


def bson_bytes(collections: Sequence[StoredCollection]) -> int:
    """Return the BSON size of all documents of some collections."""
    return sum(each.records.size_bytes(each.read) for each in collections)


def statistics_rows(
    context: "CommandContext", name: str, operand: Mapping[str, Any], collection_name: str
) -> Iterator[Row]:
    """Return what a stage of this name finds.

    Raises:
        CommandError: 26, the collection does not exist; 166, it is a view.
    """
    if name == "$listLocalSessions":
        return (Row(document=_session(*each)) for each in context.sessions.live().items())
    collection = context.store.collection(context.database, collection_name)
    namespace = f"{context.database}.{collection_name}"
    if collection is None:
        message = f"Collection [{namespace}] not found."
        raise CommandError(26, "NamespaceNotFound", message)
    found: Document = {
        "ns": namespace,
        "host": context.server.address,
        "localTime": DatetimeMS(int(time.time() * 1000)),
    }
    if "storageStats" in operand:
        scale = operand["storageStats"].get("scale", 1)
        scale = int(scale) if is_number(scale) and scale >= 1 else 1
        found["storageStats"] = storage_statistics(collection, scale)
    if "count" in operand:
        refuse_view(namespace, collection.options)
        found["count"] = collection.count()
    return iter([Row(document=found)])


def _session(session: bytes, used_at_s: float) -> Document:
    return {
        "_id": {"id": Binary(session, 4), "uid": NOBODY},
        "lastUse": DatetimeMS(int(used_at_s * 1000)),
    }
