"""Commands on collections and databases as a whole: drop, list, rename, sizes."""

from collections.abc import Iterator, Sequence
from typing import Any

from bson import Int64

from ..errors import CommandError
from ..mql.matcher import compile_filter
from ..mql.rows import Row
from ..persistence import PAGE_SIZE_BYTES
from ..statistics import bson_bytes, storage_statistics
from ..store import StoredCollection
from ..views import is_view, refuse_view
from .fields import (
    bool_field,
    collection_name,
    document_field,
    int_field,
    split_namespace,
    string_field,
)
from .table import CommandContext, command

Document = dict[str, Any]


@command("drop", fields=())
def drop(context: CommandContext, body: Document) -> Document:
    """Drop a collection; one that does not exist is no error."""
    name = collection_name(body)
    with context.store.write() as transaction:
        collection = transaction.collection(context.database, name)
        if collection is None:
            return {}
        index_count = len(collection.index_specifications())
        transaction.drop_collection(collection)
    return {"nIndexesWas": index_count, "ns": f"{context.database}.{name}"}


@command("dropDatabase", fields=())
def drop_database(context: CommandContext, body: Document) -> Document:
    """Drop every collection of the database."""
    with context.store.write() as transaction:
        collections = context.store.collections(context.database)
        for collection in collections:
            transaction.drop_collection(collection)
        if collections:
            transaction.recorder.note_database(context.database, "dropDatabase")
    return {"dropped": context.database}


@command("renameCollection", fields=("to", "dropTarget"))
def rename_collection(context: CommandContext, body: Document) -> Document:
    """Give a collection another name, in its own database or in another."""
    source, target = string_field(body, "renameCollection"), string_field(body, "to")
    with context.store.write() as transaction:
        collection = transaction.collection(*split_namespace(source))
        if collection is None:
            message = f"Source collection {source} does not exist"
            raise CommandError(26, "NamespaceNotFound", message)
        refuse_view(collection.namespace, collection.options)
        if source == target:
            raise CommandError(20, "IllegalOperation", "Can't rename a collection to itself")
        occupant = transaction.collection(*split_namespace(target))
        if occupant is not None:
            if not bool_field(body, "dropTarget"):
                raise CommandError(48, "NamespaceExists", "target namespace exists")
            transaction.drop_collection(occupant)
        replaced = None if occupant is None else occupant.uuid
        new_name = split_namespace(target)
        transaction.rename_collection(collection, *new_name, replaced=replaced)
    return {}


@command("listCollections", fields=("filter", "cursor", "nameOnly", "authorizedCollections"))
def list_collections(context: CommandContext, body: Document) -> Document:
    """List the collections of the database."""
    entries = [_collection_entry(each) for each in context.store.collections(context.database)]
    matching = _matching(entries, document_field(body, "filter"))
    if bool_field(body, "nameOnly"):
        matching = ({"name": entry["name"], "type": entry["type"]} for entry in matching)
    batch_size = int_field(document_field(body, "cursor"), "batchSize")
    rows = (Row(document=entry) for entry in matching)
    namespace = f"{context.database}.$cmd.listCollections"
    return {"cursor": context.cursors.first_batch(namespace, rows, batch_size)}


@command("listDatabases", fields=("filter", "nameOnly", "authorizedDatabases"))
def list_databases(context: CommandContext, body: Document) -> Document:
    """List the databases that have a collection."""
    entries = [
        {"name": name, "sizeOnDisk": Int64(_size_bytes(context, name)), "empty": False}
        for name in context.store.databases()
    ]
    matching = list(_matching(entries, document_field(body, "filter")))
    if bool_field(body, "nameOnly"):
        return {"databases": [{"name": entry["name"]} for entry in matching]}
    total_bytes = sum(entry["sizeOnDisk"] for entry in matching)
    return {
        "databases": matching,
        "totalSize": Int64(total_bytes),
        "totalSizeMb": Int64(total_bytes // 2**20),
    }


@command("collStats", "collstats", fields=("scale",))
def collection_stats(context: CommandContext, body: Document) -> Document:
    """Return counts and BSON sizes of a collection; zeros for one that does not exist."""
    name = collection_name(body)
    collection = context.store.collection(context.database, name)
    scale = int_field(body, "scale") or 1
    return {"ns": f"{context.database}.{name}", **storage_statistics(collection, scale)}


@command("dbStats", "dbstats", fields=("scale", "freeStorage"))
def database_stats(context: CommandContext, body: Document) -> Document:
    """Return counts and BSON sizes of a database."""
    entries = context.store.collections(context.database)
    collections = [each for each in entries if not is_view(each.options)]
    count, size_bytes = _count(collections), bson_bytes(collections)
    scale = int_field(body, "scale") or 1
    return {
        "db": context.database,
        "collections": Int64(len(collections)),
        "views": Int64(len(entries) - len(collections)),
        "objects": Int64(count),
        "avgObjSize": size_bytes / count if count else 0.0,
        "dataSize": size_bytes / scale,
        "storageSize": size_bytes / scale,
        "indexes": Int64(sum(len(each.index_specifications()) for each in collections)),
        "scaleFactor": scale,
    }


def _collection_entry(collection: StoredCollection) -> Document:
    if is_view(collection.options):
        return {
            "name": collection.name,
            "type": "view",
            "options": collection.options,
            "info": {"readOnly": True},
        }
    return {
        "name": collection.name,
        "type": "collection",
        "options": collection.options,
        "info": {"readOnly": False, "uuid": collection.uuid},
        "idIndex": collection.index_specifications()[0],
    }


def _matching(entries: Sequence[Document], query: Document) -> Iterator[Document]:
    matches = compile_filter(query)
    return (entry for entry in entries if matches(entry))


def _size_bytes(context: CommandContext, database: str) -> int:
    """Return the size of a database's documents, one page at least, as it would be on disk."""
    pages = -(-bson_bytes(context.store.collections(database)) // PAGE_SIZE_BYTES)
    return max(1, pages) * PAGE_SIZE_BYTES


def _count(collections: Sequence[StoredCollection]) -> int:
    return sum(collection.count() for collection in collections)
