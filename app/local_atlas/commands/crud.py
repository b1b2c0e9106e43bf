"""Commands that write documents: insert, update and delete; one command is one commit."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from ..collection_writer import CollectionWriter
from ..document_updates import DocumentUpdater, UpdateOutcome
from ..errors import CommandError
from ..mql.paths import MISSING
from ..new_document import NewDocument, new_document
from ..query_plans import FindOptions
from ..write_transaction import WriteTransaction
from .batches import insert_batch, update_batch
from .fields import bool_field, collection_name, let_variables, missing_field
from .retryable import run_write
from .statements import DeleteStatement, parse_delete, parse_update
from .table import CommandContext, command
from .write_errors import WriteErrors

Document = dict[str, Any]

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
    documents = write_batch(context, body, "documents")
    is_ordered = bool_field(body, "ordered", default=True)

    def apply(transaction: WriteTransaction) -> Document:
        writer = _writer(context, body, transaction, name)
        errors = WriteErrors(is_ordered)
        new = list(prepared(documents, errors))
        return {"n": insert_batch(writer, new, errors), **errors.reply()}

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
        parse_update(context, name, raw, variables) for raw in write_batch(context, body, "updates")
    ]
    is_ordered = bool_field(body, "ordered", default=True)

    def apply(transaction: WriteTransaction) -> Document:
        writer = _writer(context, body, transaction, name)
        updater = DocumentUpdater(writer, transaction.read, context.check_time)
        errors = WriteErrors(is_ordered)
        outcomes = dict(update_batch(updater, statements, errors))
        return {**_update_counts(outcomes), **errors.reply()}

    return run_write(context, body, apply)


@command("delete", fields=("deletes", "ordered", "let"), raw_fields=("deletes",))
def delete(context: CommandContext, body: Document) -> Document:
    """Delete documents, each statement one or all that match."""
    name = collection_name(body)
    variables = let_variables(body)
    statements = [
        parse_delete(context, name, raw, variables) for raw in write_batch(context, body, "deletes")
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
                deleted += delete_matching(writer, transaction, statement)
            if errors.stop:
                break
        return {"n": deleted, **errors.reply()}

    return run_write(context, body, apply)


def _writer(
    context: CommandContext, body: Document, transaction: WriteTransaction, name: str
) -> CollectionWriter:
    skips_validation = bool_field(body, "bypassDocumentValidation")
    return transaction.writer(context.database, name, skips_validation=skips_validation)


def write_batch(context: CommandContext, body: Document, name: str) -> Sequence[bytes]:
    """Return the raw documents of a batch of writes.

    Raises:
        CommandError: 40414, they are missing; 16, they are none or too many.
    """
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


def prepared(documents: Sequence[bytes], errors: WriteErrors) -> Iterator[tuple[int, NewDocument]]:
    """Return what can be stored, with its place in the batch."""
    for index, sent in enumerate(documents):
        with errors.of(index):
            yield index, new_document(sent)
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


def delete_matching(
    writer: CollectionWriter, transaction: WriteTransaction, statement: DeleteStatement
) -> int:
    """Delete what a statement is about and return how many documents that were."""
    wanted = 1 if statement.is_single else None
    options = FindOptions(wanted=wanted, hint=statement.hint, collation=statement.collation)
    found = writer.collection.find(
        statement.query, statement.variables, read=transaction.read, options=options
    )
    matches = islice(found, 1) if statement.is_single else found
    deleted = 0
    while chunk := list(islice(matches, _CHUNK)):
        is_plain = statement.collation is None
        writer.delete_many((rid, row.document if is_plain else row.stored()) for rid, row in chunk)
        deleted += len(chunk)
    return deleted
