"""Commands that read documents: find, count, distinct, and the cursors they leave open."""

import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from ..environment import StoreEnvironment
from ..errors import NOT_EMULATED, bad_value
from ..mql.bson_order import sort_key
from ..mql.collation import under
from ..mql.expression_compiler import Scope
from ..mql.paths import MISSING, leaves_at
from ..mql.projection import compile_find_projection
from ..mql.rows import Row
from ..signals import Patience
from ..views import is_view
from .fields import (
    bool_field,
    collation_field,
    collection_name,
    document_field,
    int_field,
    integers_field,
    let_variables,
    non_negative_field,
    string_field,
)
from .indexes import resolve_hint
from .table import CommandContext, command
from .tailable import is_tailable, open_tailable

Document = dict[str, Any]

_AWAIT_S: Final = 1.0  # that a getMore waits for documents where it does not say how long


@command(
    "find",
    fields=(
        "filter", "projection", "sort", "skip", "limit", "batchSize", "singleBatch", "hint", "let",
        "collation", "allowDiskUse", "allowPartialResults", "noCursorTimeout",
        "tailable", "awaitData",
    ),
    refused_fields=("min", "max", "returnKey", "showRecordId"),
)  # fmt: skip
def find(context: CommandContext, body: Document) -> Document:
    """Return the documents that match, through a cursor."""
    name = collection_name(body)
    limit = int_field(body, "limit") or 0
    # A negative limit is the old way to ask for one batch.
    is_single = bool_field(body, "singleBatch") or limit < 0
    batch_size = non_negative_field(body, "batchSize")
    if is_tailable(body):
        return {"cursor": open_tailable(context, body, name, batch_size)}
    rows = find_rows(context, body, name, abs(limit))
    namespace = f"{context.database}.{name}"
    stays = bool_field(body, "noCursorTimeout")
    cursor = context.cursors.first_batch(namespace, rows, batch_size, single=is_single, stays=stays)
    context.deadline_s = None  # maxTimeMS is not to run on while the client reads its batch
    return {"cursor": cursor}


@command("count", fields=("query", "limit", "skip", "hint", "collation", "fields"))
def count(context: CommandContext, body: Document) -> Document:
    """Count the documents that match."""
    name = collection_name(body)
    environment = StoreEnvironment(context, name, collation=collation_field(body))
    query = under(collation_field(body), document_field(body, "query"))
    skip, limit = non_negative_field(body, "skip") or 0, abs(int_field(body, "limit") or 0)
    hint = resolve_hint(context, name, body.get("hint"))
    collection = context.store.collection(context.database, name)
    is_whole = not query and hint is None and not (collection and is_view(collection.options))
    if is_whole:
        total = 0 if collection is None else collection.count()
    else:
        total = sum(1 for _ in environment.rows(query))
    counted = max(0, total - skip)
    return {"n": min(counted, limit) if limit else counted}


@command("distinct", fields=("key", "query", "collation", "hint"))
def distinct(context: CommandContext, body: Document) -> Document:
    """Return each value of a path once, in the order in which they are met."""
    name = collection_name(body)
    path = string_field(body, "key")
    collation = collation_field(body)
    environment = StoreEnvironment(context, name, collation=collation)
    found: dict[bytes, Any] = {}
    hint = resolve_hint(context, name, body.get("hint"))
    environment = StoreEnvironment(context, name, hint=hint, collation=collation)
    for row in environment.rows(under(collation, document_field(body, "query"))):
        for value in _distinct_values(row.document, path):
            found.setdefault(sort_key(value), value)
    return {"values": list(found.values())}


@command("getMore", fields=("collection", "batchSize"), refused_fields=("maxAwaitTimeMS",))
def get_more(context: CommandContext, body: Document) -> Document:
    """Return the next batch of a cursor."""
    cursor_id = int_field(body, "getMore") or 0
    namespace = f"{context.database}.{string_field(body, 'collection')}"
    batch_size = non_negative_field(body, "batchSize") or None
    patience = None
    if context.cursors.is_awaiting(cursor_id):
        # Here maxTimeMS says how long to wait, and is no limit.
        until_s = context.deadline_s or time.monotonic() + _AWAIT_S
        context.deadline_s = None
        patience = Patience(until_s, context.connection.is_open)
    cursor = context.cursors.next_batch(cursor_id, namespace, batch_size, patience)
    return {"cursor": cursor}


@command("killCursors", fields=("cursors",))
def kill_cursors(context: CommandContext, body: Document) -> Document:
    """Close cursors that the client does not want any more."""
    wanted = integers_field(body, "cursors")
    killed = context.cursors.kill(wanted)
    missing = [cursor_id for cursor_id in wanted if cursor_id not in killed]
    return {
        "cursorsKilled": killed,
        "cursorsNotFound": missing,
        "cursorsAlive": [],
        "cursorsUnknown": [],
    }


def find_rows(context: CommandContext, body: Document, name: str, limit: int) -> Iterator[Row]:
    """Return the documents of a find, which are read as the iterator is."""
    hint = resolve_hint(context, name, body.get("hint"))
    collation = collation_field(body)
    body = under(collation, body)
    query, sort = document_field(body, "filter"), document_field(body, "sort")
    variables = let_variables(body)
    environment = StoreEnvironment(context, name, variables, hint=hint, collation=collation)
    projection = document_field(body, "projection")
    make_key = None if collation is None else collation.key
    scope = Scope(frozenset(variables), metadata=frozenset(), make_key=make_key)
    project = compile_find_projection(projection, query, scope=scope) if projection else None
    skip = non_negative_field(body, "skip") or 0
    if "$natural" in sort:
        rows = _natural_order(environment.rows(query), sort)
    else:
        rows = environment.rows(query, sort, skip + limit if limit else None)
    rows = islice(rows, skip, min(skip + limit, sys.maxsize) if limit else None)
    return rows if project is None else (row.with_document(project(row, variables)) for row in rows)


def _natural_order(rows: Iterator[Row], sort: Document) -> Iterator[Row]:
    if sort["$natural"] not in (1, -1) or len(sort) > 1:
        raise bad_value(f"$natural sort must be alone and 1 or -1, not {sort} {NOT_EMULATED}")
    return rows if sort["$natural"] == 1 else iter(list(rows)[::-1])


def _distinct_values(document: Document, path: str) -> Iterator[Any]:
    for value in leaves_at(document, path):
        if isinstance(value, list):
            yield from value
        elif value is not MISSING:
            yield value
