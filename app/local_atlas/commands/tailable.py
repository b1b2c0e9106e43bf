"""Opens tailable cursors: finds that go on where a capped collection grows.

https://www.mongodb.com/docs/manual/core/tailable-cursors/
"""

from typing import Any

from ..capped_writer import is_capped
from ..errors import CommandError, bad_value, failed_to_parse
from ..mql.expression_compiler import Scope
from ..mql.matcher import compile_filter
from ..mql.projection import compile_find_projection
from ..mql.rows import Row
from ..tailable_cursor import TailableCursor, Transform
from .fields import (
    bool_field,
    collation_field,
    document_field,
    int_field,
    let_variables,
    non_negative_field,
)
from .table import CommandContext

Document = dict[str, Any]


def is_tailable(body: Document) -> bool:
    """Tell whether a find asks for a tailable cursor.

    Raises:
        CommandError: 9, it asks to wait for documents without one.
    """
    if bool_field(body, "awaitData") and not bool_field(body, "tailable"):
        raise failed_to_parse("Cannot set 'awaitData' without also setting 'tailable'")
    return bool_field(body, "tailable")


def open_tailable(
    context: CommandContext, body: Document, name: str, batch_size: int | None
) -> Document:
    """Return the `cursor` field of the reply to a find that asks for a tailable cursor.

    Raises:
        CommandError: 2, the collection is not capped or there is another order than the natural
            one; 263, in a transaction.
    """
    if context.transaction is not None:
        message = "tailable cursors must not be opened in a multi-document transaction"
        raise CommandError(263, "OperationNotSupportedInTransaction", message)
    if document_field(body, "sort") not in ({}, {"$natural": 1}):
        raise bad_value("cannot use tailable option with a sort other than {$natural: 1}")
    if bool_field(body, "singleBatch"):
        raise failed_to_parse("cannot use tailable option with the 'singleBatch' option")
    if collation_field(body) is not None:
        raise bad_value("a tailable cursor under a collation (not emulated by LocalAtlas)")
    collection = context.collection(name)
    if collection is None:
        return context.cursors.first_batch(f"{context.database}.{name}", iter(()), batch_size)
    if not is_capped(collection.options):
        raise bad_value(
            "error processing query: tailable cursor requested on non capped collection "
            f"{collection.namespace}"
        )
    cursor = TailableCursor(
        collection,
        _transform(body),
        skip=non_negative_field(body, "skip") or 0,
        limit=int_field(body, "limit") or 0,
        grows=context.store.capped_grown if bool_field(body, "awaitData") else None,
    )
    return context.cursors.open(cursor, batch_size)


def _transform(body: Document) -> Transform:
    query, projection = document_field(body, "filter"), document_field(body, "projection")
    variables = let_variables(body)
    scope = Scope(frozenset(variables), metadata=frozenset())
    matches = compile_filter(query, scope=scope)
    project = compile_find_projection(projection, query, scope=scope) if projection else None

    def transform(row: Row) -> Row | None:
        if query and not matches(row.document, variables):
            return None
        return row if project is None else row.with_document(project(row, variables))

    return transform
