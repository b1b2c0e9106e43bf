"""The command bulkWrite: inserts, updates and deletes of several collections, in their order.

Its operations are those of the commands insert, update and delete under other names; runs of one
kind on one collection go the way of those commands' batches.
https://www.mongodb.com/docs/manual/reference/command/bulkWrite/
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from ..collection_writer import CollectionWriter
from ..document_updates import DocumentUpdater, UpdateOutcome, UpdateStatement
from ..errors import CommandError, bad_value
from ..long_arrays import outline
from ..mql.paths import MISSING
from ..mql.rows import Row, decode
from ..raw_documents import decode_checked, embedded_document, encode_document, with_names
from ..write_transaction import WriteTransaction
from .batches import insert_batch, update_batch
from .crud import delete_matching, prepared, write_batch
from .fields import (
    bool_field,
    document_field,
    documents_field,
    int_field,
    let_variables,
    missing_field,
    non_negative_field,
    split_namespace,
    string_field,
    unknown_field,
)
from .retryable import run_write
from .statements import DeleteStatement, parse_delete, parse_update
from .table import CommandContext, command
from .write_errors import WriteErrors

Document = dict[str, Any]
Operation = bytes | UpdateStatement | DeleteStatement
"""A document to be inserted, or what to update or delete."""

_CURSOR_NAMESPACE = "admin.$cmd.bulkWrite"
_SAME = ("hint", "collation", "sampleId")
_UPDATE_NAMES = {
    "filter": "q", "updateMods": "u", "constants": "c", "multi": "multi", "upsert": "upsert",
    "arrayFilters": "arrayFilters", "sort": "sort", "upsertSupplied": "upsertSupplied",
    **{name: name for name in _SAME},
}  # fmt: skip
_DELETE_NAMES = {"filter": "q", **{name: name for name in _SAME}}
_FIELDS = {
    "insert": frozenset({"insert", "document"}),
    "update": frozenset({"update", *_UPDATE_NAMES}),
    "delete": frozenset({"delete", "multi", *_DELETE_NAMES}),
}


@dataclass(frozen=True, slots=True)
class _Step:
    """One operation: its kind, the context and the name of its collection, and what to do."""

    kind: str
    context: CommandContext
    collection: str
    operation: Operation

    @property
    def run(self) -> tuple[str, str, str]:
        """Operations in a row that have this in common are done together."""
        return self.kind, self.context.database, self.collection


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of an operation: as the cursor shows it, and what it adds to the totals."""

    reply: Document
    counts: Mapping[str, int]


@command(
    "bulkWrite",
    fields=(
        "ops", "nsInfo", "ordered", "errorsOnly", "bypassDocumentValidation", "let", "cursor",
    ),
    raw_fields=("ops",),
)  # fmt: skip
def bulk_write(context: CommandContext, body: Document) -> Document:
    """Run many writes and tell of each what came of it, through a cursor."""
    if context.database != "admin":
        message = "bulkWrite may only be run against the admin database."
        raise CommandError(13, "Unauthorized", message)
    raw_operations = write_batch(context, body, "ops")
    namespaces = [_namespace(context, each) for each in documents_field(body, "nsInfo")]
    variables = let_variables(body)
    steps = [_step(raw, namespaces, variables) for raw in raw_operations]
    is_ordered = bool_field(body, "ordered", default=True)
    skips_validation = bool_field(body, "bypassDocumentValidation")
    errors_only = bool_field(body, "errorsOnly")
    batch_size = non_negative_field(document_field(body, "cursor"), "batchSize")

    def apply(transaction: WriteTransaction) -> Document:
        totals: Counter[str] = Counter()
        shown = []
        for result in _results(
            transaction, steps, totals, is_ordered=is_ordered, skips_validation=skips_validation
        ):
            totals["nErrors"] += not result["ok"]
            if not (errors_only and result["ok"]):
                shown.append(Row(raw=encode_document(result)))
        size = len(shown) if batch_size is None else batch_size
        cursor = context.cursors.first_batch(_CURSOR_NAMESPACE, iter(shown), size)
        names = ("nErrors", "nInserted", "nMatched", "nModified", "nUpserted", "nDeleted")
        return {"cursor": cursor, **{name: totals[name] for name in names}}

    return run_write(context, body, apply)


def _namespace(context: CommandContext, entry: Document) -> tuple[CommandContext, str]:
    namespace = string_field({"bulkWrite.nsInfo": 1, **entry}, "ns")
    database, name = split_namespace(namespace)
    return replace(context, database=database), name


def _step(
    raw: bytes, namespaces: Sequence[tuple[CommandContext, str]], variables: Document
) -> _Step:
    """Read one element of the field `ops`.

    Raises:
        CommandError: it is none of the three kinds, or a field of it is not as it must be.
    """
    kind, position = _kind(raw)
    if not 0 <= position < len(namespaces):
        raise bad_value(
            f"BulkWrite ops entry {kind} has an invalid nsInfo index: {position}, there are "
            f"{len(namespaces)}."
        )
    context, name = namespaces[position]
    operation: Operation
    if kind == "insert":
        operation = embedded_document(raw, "document")
    elif kind == "update":
        operation = parse_update(context, name, with_names(raw, _UPDATE_NAMES), variables)
    else:
        limit = 0 if bool_field(decode(raw), "multi") else 1
        statement = {**decode(with_names(raw, _DELETE_NAMES)), "limit": limit}
        operation = parse_delete(context, name, encode_document(statement), variables)
    return _Step(kind, context, name, operation)


def _kind(raw: bytes) -> tuple[str, int]:
    """Return the kind of an operation and the position of its namespace."""
    decoded = decode_checked(outline(raw).raw)
    kind = next(iter(decoded), "")
    if kind not in _FIELDS:
        raise CommandError(
            9, "FailedToParse", f"A bulkWrite op must be an insert, update or delete, not '{kind}'"
        )
    for name in decoded:
        if name not in _FIELDS[kind]:
            raise unknown_field("bulkWrite.ops", name)
    for name in ("document",) if kind == "insert" else ("filter",):
        if not isinstance(decoded.get(name), dict):
            raise missing_field({"bulkWrite.ops": 1}, name)
    if kind == "update" and "updateMods" not in decoded:
        raise missing_field({"bulkWrite.ops": 1}, "updateMods")
    position = int_field(decoded, kind)
    return kind, -1 if position is None else position


def _results(
    transaction: WriteTransaction,
    steps: Sequence[_Step],
    totals: Counter[str],
    *,
    is_ordered: bool,
    skips_validation: bool,
) -> Iterator[Document]:
    """Do the operations and yield what came of each that was tried; `totals` is added to."""
    first = 0
    for _, group in groupby(steps, key=lambda step: step.run):
        run = list(group)
        errors = WriteErrors(is_ordered)
        done: dict[int, _Done] = {}
        database, name = run[0].context.database, run[0].collection
        try:
            writer = transaction.writer(database, name, skips_validation=skips_validation)
        except CommandError as error:
            for index in range(len(run)):
                errors.add(index, error)
        else:
            done = dict(_do(transaction, writer, run, errors))
        for index in range(len(run)):
            failed = errors.at(index)
            if failed is not None:
                yield _failure(first + index, failed)
                if is_ordered:
                    return
            elif index in done:
                totals.update(done[index].counts)
                yield {"ok": 1.0, "idx": first + index, **done[index].reply}
        first += len(run)


def _do(
    transaction: WriteTransaction,
    writer: CollectionWriter,
    run: Sequence[_Step],
    errors: WriteErrors,
) -> Iterator[tuple[int, _Done]]:
    operations, check_time = [step.operation for step in run], run[0].context.check_time
    if run[0].kind == "insert":
        yield from _insert(writer, [each for each in operations if isinstance(each, bytes)], errors)
    elif run[0].kind == "update":
        updater = DocumentUpdater(writer, transaction.read, check_time)
        statements = [each for each in operations if isinstance(each, UpdateStatement)]
        for index, outcome in update_batch(updater, statements, errors):
            yield index, _updated(outcome)
    else:
        for index, statement in enumerate(operations):
            assert isinstance(statement, DeleteStatement)
            check_time()
            with errors.of(index):
                n = delete_matching(writer, transaction, statement)
                yield index, _Done({"n": n}, {"nDeleted": n})
            if errors.stop:
                return


def _insert(
    writer: CollectionWriter, documents: Sequence[bytes], errors: WriteErrors
) -> Iterator[tuple[int, _Done]]:
    new = list(prepared(documents, errors))
    insert_batch(writer, new, errors)
    for index, _ in new:
        if errors.at(index) is not None:
            if errors.is_ordered:
                return
        else:
            yield index, _Done({"n": 1}, {"nInserted": 1})


def _updated(outcome: UpdateOutcome) -> _Done:
    if outcome.upserted_id is not MISSING:
        reply = {"n": 1, "nModified": 0, "upserted": {"_id": outcome.upserted_id}}
        return _Done(reply, {"nUpserted": 1})
    counts = {"nMatched": outcome.matched, "nModified": outcome.modified}
    return _Done({"n": outcome.matched, "nModified": outcome.modified}, counts)


def _failure(index: int, error: CommandError) -> Document:
    return {
        "ok": 0.0,
        "idx": index,
        "code": error.code,
        "errmsg": error.message,
        "n": 0,
        **error.extra,
    }
