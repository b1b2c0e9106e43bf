"""createSearchIndexes, updateSearchIndex, dropSearchIndex and listSearchIndexes.

The database checks the shape of a command, the search server the definitions in it; both answer
with their own codes and texts.
"""

from typing import Any

from bson import Int64, ObjectId

from ..errors import NOT_EMULATED, CommandError
from ..mql.bson_types import is_string
from ..search.definition import IndexType, parse_definition
from ..search.index_requests import IndexRequest, IndexSelector
from ..search.listing import checked_entries, read_selector
from ..search.parsing import ParseError, one_of, string
from ..search.refusals import command_refusal
from ..store import StoredCollection
from ..views import is_view
from .fields import (
    checked_document,
    collection_name,
    document_field,
    list_field,
    missing_field,
    unknown_field,
    wrong_type,
)
from .table import CommandContext, command

Document = dict[str, Any]

_DEFAULT_NAME = "default"
_INDEX_TYPE = one_of("search", "vectorSearch")
_INDEX_FIELDS = ("name", "type", "definition")


@command("createSearchIndexes", fields=("indexes",))
def create_search_indexes(context: CommandContext, body: Document) -> Document:
    """Create all of the indexes or, where one cannot be, none."""
    _refuse_concerns(body)
    specifications = list_field(body, "indexes")
    for position, specification in enumerate(specifications):
        _check_shape(position, specification)
    collection = _collection(context, body)
    try:
        requests = [
            _request(specification, f"userCommand.indexes[{position}]", context.search.is_strict)
            for position, specification in enumerate(specifications)
        ]
    except ParseError as error:
        raise command_refusal(error) from error
    created = context.search.create(collection, requests)
    return {"indexesCreated": [{"name": name, "id": index_id} for name, index_id in created]}


@command("updateSearchIndex", fields=("name", "id", "type", "definition"))
def update_search_index(context: CommandContext, body: Document) -> Document:
    """Give an index another definition."""
    _refuse_concerns(body)
    if "definition" not in body:
        raise missing_field(body, "definition")
    document = checked_document(body, "definition", body["definition"])
    selector = read_selector("updateSearchIndex", body)
    if selector is None:
        raise CommandError(72, "InvalidOptions", "Must set either 'name' or 'id'.")
    collection = _collection(context, body)
    _check_id(selector)
    if body.get("type") is not None:
        try:
            index_type = _INDEX_TYPE(body["type"], "userCommand.type")
        except ParseError as error:
            raise command_refusal(error) from error
        context.search.check_type(collection, selector, index_type)
    context.search.update(collection, selector, document)
    return {}


@command("dropSearchIndex", fields=("name", "id"))
def drop_search_index(context: CommandContext, body: Document) -> Document:
    """Drop an index."""
    _refuse_concerns(body)
    selector = read_selector("dropSearchIndex", body)
    collection = _collection(context, body)
    if selector is None:
        raise command_refusal(ParseError("", "one of [id, name] must be present"))
    _check_id(selector)
    context.search.drop(collection, selector)
    return {}


@command("listSearchIndexes", fields=("name", "id"))
def list_search_indexes(context: CommandContext, body: Document) -> Document:
    """List the indexes of a collection in one batch."""
    _refuse_concerns(body)
    selector = read_selector("listSearchIndexes", body)
    collection = _collection(context, body)
    entries = checked_entries(context.search, collection, selector)
    return {"cursor": {"id": Int64(0), "ns": collection.namespace, "firstBatch": entries}}


def _refuse_concerns(body: Document) -> None:
    """Refuse what these commands, which no node of the replica set runs itself, cannot keep."""
    if "writeConcern" in body:
        raise CommandError(72, "InvalidOptions", "Command does not support writeConcern")
    level = document_field(body, "readConcern").get("level", "local")
    if level != "local":
        raise CommandError(
            72,
            "InvalidOptions",
            f'Command {next(iter(body))} does not support {{ readConcern: {{ level: "{level}", '
            'provenance: "clientSupplied" } } :: caused by :: read concern not supported',
        )


def _collection(context: CommandContext, body: Document) -> StoredCollection:
    name = collection_name(body)
    collection = context.store.collection(context.database, name)
    if collection is None:
        raise CommandError(
            26, "NamespaceNotFound", f"Collection '{context.database}.{name}' does not exist."
        )
    if is_view(collection.options):
        message = f"A search index on the view {collection.namespace} {NOT_EMULATED}"
        raise CommandError(166, "CommandNotSupportedOnView", message)
    return collection


def _check_shape(position: int, specification: Any) -> None:
    path = "createSearchIndexes.indexes"
    if not isinstance(specification, dict):
        raise wrong_type({path: None}, str(position), specification, "object")
    for field in specification:
        if field not in _INDEX_FIELDS:
            raise unknown_field(path, field)
    inner = {path: None, **specification}
    if "definition" not in specification:
        raise missing_field(inner, "definition")
    checked_document(inner, "definition", specification["definition"])
    for field in ("name", "type"):
        value = specification.get(field)
        if value is not None and not is_string(value):
            raise wrong_type(inner, field, value, "string")


def _request(specification: Document, path: str, is_strict: bool) -> IndexRequest:
    name = specification.get("name")
    given_type = specification.get("type")
    index_type: IndexType = "search"
    if given_type is not None and _INDEX_TYPE(given_type, f"{path}.type") == "vectorSearch":
        index_type = "vectorSearch"
    document = specification["definition"]
    definition = parse_definition(index_type, document, prefix=path, allow_unknown=not is_strict)
    return IndexRequest(
        name=_DEFAULT_NAME if name is None else string(name, f"{path}.name"),
        type=index_type,
        document=document,
        definition=definition,
    )


def _check_id(selector: IndexSelector) -> None:
    if selector.id is not None and not ObjectId.is_valid(selector.id):
        raise command_refusal(ParseError("userCommand.id", "must be a ObjectId"))
