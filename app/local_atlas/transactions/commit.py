"""Puts what a transaction has written into the database: all of it at once, or nothing."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from ..collection_writer import CollectionWriter, Replacement
from ..errors import CommandError
from ..mql.rows import decode
from ..new_document import NewDocument
from ..stored_collection import StoredCollection
from ..write_transaction import WriteTransaction
from .intents import WriteConflict
from .open_transaction import FIRST_OWN_ID, OpenTransaction

_T = TypeVar("_T")
_BATCH = 1000
_DUPLICATE_KEY = 11000


def write_all(transaction: WriteTransaction, opened: OpenTransaction) -> None:
    """Write everything that an open transaction has written.

    Args:
        transaction: what the database is written by.
        opened: not modified.

    Raises:
        WriteConflict: a document is not any more what the transaction has seen, or a key is taken.
    """
    try:
        for (database, name), made in opened.created.items():
            _create(transaction, opened, database, name, made)
        for seen, committed in opened.written.items():
            if transaction.collection(seen.database, seen.name) is not committed:
                raise WriteConflict
            writer = transaction.writer(seen.database, seen.name, skips_validation=True)
            _write_changes(transaction, writer, opened, seen)
    except CommandError as error:
        if error.code == _DUPLICATE_KEY:
            raise WriteConflict from error
        raise


def _create(
    transaction: WriteTransaction,
    opened: OpenTransaction,
    database: str,
    name: str,
    made: StoredCollection,
) -> None:
    if transaction.collection(database, name) is not None:
        raise WriteConflict
    collection = transaction.create_collection(database, name, made.options, uuid=made.uuid)
    for index in opened.indexes_of(made):
        transaction.create_index(collection, index.specification)
    writer = transaction.writer(database, name, skips_validation=True)
    for batch in _batches(made.scan()):
        writer.insert_many([_document(raw) for _, raw in batch])


def _write_changes(
    transaction: WriteTransaction,
    writer: CollectionWriter,
    opened: OpenTransaction,
    seen: StoredCollection,
) -> None:
    """Write the changes to one collection: first what frees keys, then what takes them."""
    gone = opened.overlay.gone(seen.records)
    current = seen.records.by_record_ids(transaction.read, list(gone))
    if current != gone:
        raise WriteConflict
    changed = {rid: raw for rid, raw in opened.overlay.put(seen.records) if rid < FIRST_OWN_ID}
    deleted = [(rid, decode(raw)) for rid, raw in gone.items() if rid not in changed]
    writer.delete_many(deleted)
    writer.replace_many(
        [
            Replacement(rid, decode(gone[rid]), _document(raw), gone[rid])
            for rid, raw in changed.items()
        ]
    )
    inserted = (raw for rid, raw in opened.overlay.put(seen.records) if rid >= FIRST_OWN_ID)
    for batch in _batches(inserted):
        writer.insert_many([_document(raw) for raw in batch])


def _document(raw: bytes) -> NewDocument:
    return NewDocument(raw, decode(raw))


def _batches(values: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(values)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
