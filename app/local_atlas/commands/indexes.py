"""Commands on ordinary indexes; those on search indexes are in `search_indexes.py`."""

from typing import Any

from ..errors import CommandError, bad_value
from ..mql.bson_text import render
from ..mql.rows import Row
from ..ordinary_indexes import ID_INDEX_NAME, OrdinaryIndex
from ..query_plans import Hint, Natural
from ..store import StoredCollection
from ..views import refuse_view
from .fields import (
    collection_name,
    document_field,
    documents_field,
    int_field,
    list_field,
)
from .index_specifications import (
    checked_specification,
    exists_already,
    is_id_pattern,
    same_key,
)
from .table import CommandContext, command

Document = dict[str, Any]


@command("createIndexes", fields=("indexes", "commitQuorum", "ignoreUnknownIndexOptions"))
def create_indexes(context: CommandContext, body: Document) -> Document:
    """Create ordinary indexes, and the collection where it is missing."""
    name = collection_name(body)
    list_field(body, "indexes")  # it must be there
    wanted = documents_field(body, "indexes")
    if not wanted:
        raise bad_value("Must specify at least one index to create")
    specifications = [checked_specification(each) for each in wanted]
    with context.write() as transaction:
        collection = transaction.collection(context.database, name)
        is_new = collection is None
        if collection is None:
            collection = transaction.create_collection(context.database, name)
        refuse_view(collection.namespace, transaction.options_of(collection))
        before = len(transaction.indexes_of(collection)) + 1
        for specification in specifications:
            if not exists_already(transaction.indexes_of(collection), specification):
                transaction.create_index(collection, specification)
        after = len(transaction.indexes_of(collection)) + 1
    reply: Document = {
        "numIndexesBefore": before,
        "numIndexesAfter": after,
        "createdCollectionAutomatically": is_new,
    }
    return reply if after > before else {**reply, "note": "all indexes already exist"}


@command("listIndexes", fields=("cursor", "includeBuildUUIDs", "includeIndexBuildInfo"))
def list_indexes(context: CommandContext, body: Document) -> Document:
    """List the ordinary indexes of a collection."""
    collection = _existing(context, collection_name(body))
    rows = (Row(document=each) for each in collection.index_specifications())
    batch_size = int_field(document_field(body, "cursor"), "batchSize")
    return {"cursor": context.cursors.first_batch(collection.namespace, rows, batch_size)}


@command("dropIndexes", "deleteIndexes", fields=("index",))
def drop_indexes(context: CommandContext, body: Document) -> Document:
    """Drop ordinary indexes, by name, by key, or all but that of `_id` (`*`)."""
    collection = _existing(context, collection_name(body))
    count = len(collection.index_specifications())
    with context.write() as transaction:
        for index in _chosen(collection, body.get("index")):
            transaction.drop_index(collection, index)
    return {"nIndexesWas": count}


def find_index(collection: StoredCollection, hint: Any) -> OrdinaryIndex | None:
    """Return the index that a name or a key pattern means; None for that of `_id`.

    Raises:
        CommandError: 27, there is no such index.
    """
    if hint == ID_INDEX_NAME or is_id_pattern(hint):
        return None
    for index in collection.indexes:
        if _is_meant(hint, index):
            return index
    if isinstance(hint, dict):
        raise CommandError(27, "IndexNotFound", f"can't find index with key: {render(hint)}")
    raise CommandError(27, "IndexNotFound", f"index not found with name [{hint}]")


def resolve_hint(context: CommandContext, name: str, hint: Any) -> Hint:
    """Return the index that a hint names by its name or its key; None where there is no hint.

    Raises:
        CommandError: 2, there is no such index, or it is hidden.
    """
    collection = context.collection(name)
    if hint is None or hint == {} or collection is None:
        return None
    if isinstance(hint, dict) and "$natural" in hint:
        return Natural.ORDER
    if hint == ID_INDEX_NAME or is_id_pattern(hint):
        return collection.id_index
    for index in collection.indexes:
        if not index.is_hidden and _is_meant(hint, index):
            return index
    raise bad_value(
        "error processing query: planner returned error :: caused by :: hint provided does not "
        "correspond to an existing index"
    )


def _existing(context: CommandContext, name: str) -> StoredCollection:
    collection = context.collection(name)
    if collection is None:
        message = f"ns does not exist: {context.database}.{name}"
        raise CommandError(26, "NamespaceNotFound", message)
    refuse_view(collection.namespace, collection.options)
    return collection


def _chosen(collection: StoredCollection, wanted: Any) -> list[OrdinaryIndex]:
    if wanted == "*":
        return list(collection.indexes)
    for each in _as_list(wanted):
        same = [index.name for index in collection.indexes if _is_meant(each, index)]
        if len(same) > 1:
            message = f"{len(same)} indexes found for key: {render(each)}, identify by name instead"
            raise CommandError(181, "AmbiguousIndexKeyPattern", message)
    found = [find_index(collection, each) for each in _as_list(wanted)]
    if None in found:
        raise CommandError(72, "InvalidOptions", "cannot drop _id index")
    return [index for index in found if index is not None]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_meant(hint: Any, index: OrdinaryIndex) -> bool:
    return hint == index.name or (isinstance(hint, dict) and same_key(hint, index))
