"""The command findAndModify: change or remove one document and return it, before or after."""

from collections.abc import Callable
from typing import Any

from ..collection_writer import CollectionWriter
from ..document_updates import DocumentUpdater, UpdateStatement
from ..errors import failed_to_parse
from ..mql.collation import under
from ..mql.expression_compiler import Scope
from ..mql.paths import MISSING
from ..mql.projection import compile_find_projection
from ..mql.rows import Row
from ..query_plans import Hint
from ..raw_documents import encode_document
from ..write_transaction import WriteTransaction
from .fields import (
    bool_field,
    collation_field,
    collection_name,
    document_field,
    documents_field,
    let_variables,
)
from .indexes import resolve_hint
from .retryable import run_write
from .statements import checked_update
from .table import CommandContext, command

Document = dict[str, Any]


@command(
    "findAndModify",
    "findandmodify",
    fields=(
        "query", "sort", "remove", "update", "new", "fields", "upsert", "arrayFilters",
        "bypassDocumentValidation", "collation", "hint", "let",
    ),
)  # fmt: skip
def find_and_modify(context: CommandContext, body: Document) -> Document:
    """Update, replace, upsert or remove the first document that matches."""
    name = collection_name(body)
    _refuse_contradictions(body)
    hint = resolve_hint(context, name, body.get("hint"))
    statement = modify_statement(body, hint)
    project = _projection(body, statement)
    change = _remove if bool_field(body, "remove") else _update

    def apply(transaction: WriteTransaction) -> Document:
        skips_validation = bool_field(body, "bypassDocumentValidation")
        writer = transaction.writer(context.database, name, skips_validation=skips_validation)
        updater = DocumentUpdater(writer, transaction.read, context.check_time)
        result, document = change(writer, updater, statement, bool_field(body, "new"))
        value = None if document is None else project(document)
        return {"lastErrorObject": result, "value": value}

    return run_write(context, body, apply)


def _remove(
    writer: CollectionWriter, updater: DocumentUpdater, statement: UpdateStatement, _: bool
) -> tuple[Document, Document | None]:
    match = next(updater.matches(statement), None)
    if match is None:
        return {"n": 0}, None
    record_id, row = match
    writer.delete_many([(record_id, row.stored())])
    return {"n": 1}, row.document


def _update(
    _: CollectionWriter, updater: DocumentUpdater, statement: UpdateStatement, wants_new: bool
) -> tuple[Document, Document | None]:
    outcome = updater.run(statement)
    document = outcome.after if wants_new else outcome.before
    if outcome.upserted_id is not MISSING:
        upserted = {"n": 1, "updatedExisting": False, "upserted": outcome.upserted_id}
        return upserted, document
    return {"n": outcome.matched, "updatedExisting": bool(outcome.matched)}, document


def modify_statement(body: Document, hint: Hint) -> UpdateStatement:
    """Return what a findAndModify is to do; where it removes, its update is empty."""
    collation = collation_field(body)
    body = under(collation, body)
    update = checked_update(body.get("update", {}))
    return UpdateStatement(
        query=document_field(body, "query"),
        update=update,
        raw_update=encode_document(update) if isinstance(update, dict) else None,
        collation=collation,
        is_upsert=bool_field(body, "upsert"),
        array_filters=documents_field(body, "arrayFilters"),
        variables=let_variables(body),
        sort=document_field(body, "sort"),
        hint=hint,
    )


def _projection(body: Document, statement: UpdateStatement) -> Callable[[Document], Document]:
    fields = document_field(body, "fields")
    if not fields:
        return lambda document: document
    scope = Scope(frozenset(statement.variables), metadata=frozenset())
    project = compile_find_projection(fields, statement.query, scope=scope)
    return lambda document: project(Row(document=document), statement.variables)


def _refuse_contradictions(body: Document) -> None:
    is_removal = bool_field(body, "remove")
    if not is_removal and "update" not in body:
        raise failed_to_parse("Either an update or remove=true must be specified")
    if not is_removal:
        return
    if "update" in body:
        raise failed_to_parse("Cannot specify both an update and remove=true")
    if bool_field(body, "upsert"):
        raise failed_to_parse("Cannot specify both upsert=true and remove=true ")
    if bool_field(body, "new"):
        raise failed_to_parse(
            "Cannot specify both new=true and remove=true; 'remove' always returns the deleted "
            "document"
        )
