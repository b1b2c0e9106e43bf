"""Commands that write documents: insert, update and delete; one command is one commit."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from ..collection_writer import CollectionWriter
from ..document_updates import (
    DocumentUpdater,
    UpdateOutcome,
    UpdateStatement,
    replaced_id_key,
)
from ..errors import CommandError
from ..long_arrays import outline
from ..mql.paths import MISSING
from ..new_document import NewDocument
from ..raw_documents import check_id, check_size, decode_checked, with_id_first
from ..write_transaction import WriteTransaction
from .fields import bool_field, collection_name, let_variables, missing_field
from .retryable import run_write
from .statements import DeleteStatement, parse_delete, parse_update
from .table import CommandContext, command
from .write_errors import WriteErrors

Document = dict[str, Any]
_Run = dict[bytes | None, tuple[int, UpdateStatement]]
"""By the sort key of the `_id` that a replacement is about; None for a statement by itself."""

_MAX_BATCH = 100_000  # maxWriteBatchSize of the handshake
_CHUNK = 100  # documents that a multi-delete removes at a time


@command(
    "insert",
    fields=("documents", "ordered", "bypassDocumentValidation"),
    raw_fields=("documents",),
)
def insert(context: CommandContext, body: Document) -> Document:
    """Insert documents."""
    name = collection_name(body)
    documents = _batch(context, body, "documents")
    is_ordered = bool_field(body, "ordered", default=True)

    def apply(transaction: WriteTransaction) -> Document:
        writer = transaction.writer(context.database, name)
        errors = WriteErrors(is_ordered)
        new = list(_prepared(documents, errors))
        try:
            writer.insert_many([document for _, document in new])
            inserted = len(new)
        except CommandError:
            inserted = _insert_one_by_one(writer, new, errors)
        return {"n": inserted, **errors.reply()}

    return run_write(context, body, apply)


@command(
    "update",
    fields=("updates", "ordered", "bypassDocumentValidation", "let"),
    raw_fields=("updates",),
)
def update(context: CommandContext, body: Document) -> Document:
    """Update documents, each statement one, many, or as an upsert."""
    name = collection_name(body)
    variables = let_variables(body)
    statements = [
        parse_update(context, name, raw, variables) for raw in _batch(context, body, "updates")
    ]
    is_ordered = bool_field(body, "ordered", default=True)

    def apply(transaction: WriteTransaction) -> Document:
        writer = transaction.writer(context.database, name)
        updater = DocumentUpdater(writer, transaction.read, context.check_time)
        errors = WriteErrors(is_ordered)
        outcomes = dict(_update_in_runs(updater, statements, errors))
        return {**_update_counts(outcomes), **errors.reply()}

    return run_write(context, body, apply)


@command("delete", fields=("deletes", "ordered", "let"), raw_fields=("deletes",))
def delete(context: CommandContext, body: Document) -> Document:
    """Delete documents, each statement one or all that match."""
    name = collection_name(body)
    variables = let_variables(body)
    statements = [
        parse_delete(context, name, raw, variables) for raw in _batch(context, body, "deletes")
    ]
    is_ordered = bool_field(body, "ordered", default=True)

    def apply(transaction: WriteTransaction) -> Document:
        if transaction.collection(context.database, name) is None:
            return {"n": 0}
        writer = transaction.writer(context.database, name)
        errors = WriteErrors(is_ordered)
        deleted = 0
        for index, statement in enumerate(statements):
            context.check_time()
            with errors.of(index):
                deleted += _delete(writer, transaction, statement)
            if errors.stop:
                break
        return {"n": deleted, **errors.reply()}

    return run_write(context, body, apply)


def _batch(context: CommandContext, body: Document, name: str) -> Sequence[bytes]:
    documents = context.raw_documents.get(name)
    if documents is None:
        raise missing_field(body, name)
    if not 1 <= len(documents) <= _MAX_BATCH:
        raise CommandError(
            16,
            "InvalidLength",
            f"Write batch sizes must be between 1 and {_MAX_BATCH}. Got {len(documents)} "
            "operations.",
        )
    return documents


def _prepared(documents: Sequence[bytes], errors: WriteErrors) -> Iterator[tuple[int, NewDocument]]:
    """Return what can be stored, with its place in the batch."""
    for index, sent in enumerate(documents):
        with errors.of(index):
            parts = outline(sent)
            raw, decoded = with_id_first(sent, decode_checked(parts.raw))
            check_id(decoded["_id"])
            check_size(raw)
            yield index, NewDocument(raw, decoded, is_whole=parts.is_whole)
        if errors.stop:
            return


def _insert_one_by_one(
    writer: CollectionWriter, batch: Sequence[tuple[int, NewDocument]], errors: WriteErrors
) -> int:
    inserted = 0
    for index, document in batch:
        try:
            writer.insert(document)
            inserted += 1
        except CommandError as error:
            errors.add(index, error)
            if errors.is_ordered:
                break
    return inserted


def _update_in_runs(
    updater: DocumentUpdater, statements: Sequence[UpdateStatement], errors: WriteErrors
) -> Iterator[tuple[int, UpdateOutcome]]:
    for run in _runs(statements):
        yield from _update_run(updater, run, errors)
        if errors.stop:
            return


def _runs(statements: Sequence[UpdateStatement]) -> Iterator[_Run]:
    """Split into runs of replacements by `_id`, no `_id` twice in one, and single others."""
    run: _Run = {}
    for index, statement in enumerate(statements):
        key = replaced_id_key(statement)
        if run and (key is None or key in run):
            yield run
            run = {}
        if key is None:
            yield {None: (index, statement)}
        else:
            run[key] = index, statement
    if run:
        yield run


def _update_run(
    updater: DocumentUpdater, run: _Run, errors: WriteErrors
) -> Iterator[tuple[int, UpdateOutcome]]:
    if len(run) > 1:
        try:
            outcomes = updater.replace_by_id({key: one for key, (_, one) in run.items() if key})
        except CommandError:
            pass  # one of them is at fault: which one shows below
        else:
            yield from zip((index for index, _ in run.values()), outcomes, strict=True)
            return
    for index, statement in run.values():
        with errors.of(index):
            yield index, updater.run(statement)
        if errors.stop:
            return


def _update_counts(outcomes: dict[int, UpdateOutcome]) -> Document:
    upserted = [
        {"index": index, "_id": outcome.upserted_id}
        for index, outcome in outcomes.items()
        if outcome.upserted_id is not MISSING
    ]
    counts = {
        "n": sum(outcome.matched for outcome in outcomes.values()) + len(upserted),
        "nModified": sum(outcome.modified for outcome in outcomes.values()),
    }
    return {**counts, "upserted": upserted} if upserted else counts


def _delete(
    writer: CollectionWriter, transaction: WriteTransaction, statement: DeleteStatement
) -> int:
    found = writer.collection.find(statement.query, statement.variables, read=transaction.read)
    matches = islice(found, 1) if statement.is_single else found
    deleted = 0
    while chunk := list(islice(matches, _CHUNK)):
        writer.delete_many((record_id, row.document) for record_id, row in chunk)
        deleted += len(chunk)
    return deleted
