"""Writes the documents of one collection inside a transaction, with their index keys.

Many documents at a time go in with one statement for each table. Only when a unique key stands in
the way is the batch undone, and tried again one by one to find which document it was.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .changes.recording import DocumentRecorder
from .document_validation import DocumentValidator
from .index_entries import add_entries, remove_entries, replace_entries
from .mql.bson_order import sort_key
from .new_document import NewDocument
from .ordinary_indexes import ID_INDEX_NAME, OrdinaryIndex, duplicate_key_error
from .persistence import savepoint
from .stored_collection import StoredCollection

Document = dict[str, Any]
DocumentCheck = Callable[[bytes], None]
"""Raises CommandError where a raw document is not to be stored."""
Claim = Callable[[Sequence[bytes]], None]
"""Is told the sort keys of the `_id`s that are about to be written; raises where they may not."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """A stored document and what takes its place; both have the same `_id`."""

    record_id: int
    old_document: Document | None
    """None where nobody needs it, see `CollectionWriter.needs_old_documents`."""
    new: NewDocument
    old_raw: bytes | None = None
    """None where nobody keeps what was there before."""
    description: Document | None = None
    """What an update changed; None where the whole document is replaced."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a transaction has written to one collection.

    Attributes:
        records: the changed documents by record id, None for deleted ones; for the listeners.
        recorder: notes the changes for the log, where somebody watches.
        claim: is told of what is about to be written, where there are open transactions.
    """

    records: list[tuple[int, bytes | None]]
    recorder: DocumentRecorder | None = None
    claim: Claim | None = None

    @contextmanager
    def kept_if_done(self) -> Iterator[None]:
        """Forget what was noted in the block when it raises."""
        mark = len(self.records)
        recorded = 0 if self.recorder is None else self.recorder.mark()
        try:
            yield
        except BaseException:
            del self.records[mark:]
            if self.recorder is not None:
                self.recorder.undo(recorded)
            raise


class CollectionWriter:
    """Inserts, replaces and deletes; the changes are collected for the listeners.

    Args:
        connection: in whose transaction everything happens.
        collection: whose documents are written.
        indexes: its ordinary indexes.
        written: what is written is noted there.
        check: refuses documents before anything of a call is written.
        validator: the collection's own, which does the same.

    Raises:
        CommandError: 11000 from every method, nothing of that call is written.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        collection: StoredCollection,
        indexes: Sequence[OrdinaryIndex],
        written: Written,
        check: DocumentCheck | None = None,
        validator: DocumentValidator | None = None,
    ) -> None:
        self._connection = connection
        self.collection = collection
        self.needs_old_documents = bool(indexes) or validator is not None
        self._indexes = indexes
        self.recorder = written.recorder
        self._written = written
        self._check = check
        self._validator = validator

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Undo everything that the block wrote when it raises."""
        with self._written.kept_if_done(), savepoint(self._connection):
            yield

    def insert(self, new: NewDocument) -> None:
        """Insert one document."""
        self.insert_many([new])

    def insert_many(self, batch: Sequence[NewDocument]) -> None:
        """Insert all of them or none."""
        if self._validator is not None:
            for new in batch:
                self._validator.check(new.document)
        self._check_all(batch)
        self._claim(new.id_key for new in batch)
        collection = self.collection
        first = collection.next_record_id
        collection.next_record_id += len(batch)
        rows = [(record_id, new.id_key, new.raw) for record_id, new in enumerate(batch, first)]
        with self.atomic():
            try:
                self._execute_many(collection.records.insert_sql, rows)
            except sqlite3.IntegrityError as error:
                raise self._duplicate_id(batch[0]) from error
            if self._indexes:
                documents = {rid: new.document for rid, new in enumerate(batch, first)}
                for index in self._indexes:
                    add_entries(self._connection, index, documents, collection.namespace)
        self._written.records.extend((record_id, raw) for record_id, _, raw in rows)
        if self.recorder is not None:
            self.recorder.inserted(batch)

    def replace_many(self, batch: Sequence[Replacement]) -> None:
        """Replace all of them or none; no document may be in the batch twice."""
        if self._validator is not None:
            for each in batch:
                self._validator.check_change(each.old_document, each.new.document)
        self._check_all(replacement.new for replacement in batch)
        self._claim(replacement.new.id_key for replacement in batch)
        rows = [(replacement.new.raw, replacement.record_id) for replacement in batch]
        with self.atomic():
            if self._indexes:
                changes = {
                    each.record_id: (_known(each.old_document), each.new.document) for each in batch
                }
                for index in self._indexes:
                    replace_entries(self._connection, index, changes, self.collection.namespace)
            self._execute_many(self.collection.records.replace_sql, rows)
        self._written.records.extend((record_id, raw) for raw, record_id in rows)
        if self.recorder is not None:
            for replacement in batch:
                self.recorder.replaced(replacement)

    def delete_many(self, batch: Iterable[tuple[int, Document]]) -> None:
        """Delete documents, given by their record id and decoded."""
        batch = list(batch)
        self._claim(sort_key(document["_id"]) for _, document in batch)
        for index in self._indexes:
            remove_entries(self._connection, index, batch)
        self._execute_many(self.collection.records.delete_sql, [(rid,) for rid, _ in batch])
        self._written.records.extend((record_id, None) for record_id, _ in batch)
        if self.recorder is not None:
            self.recorder.deleted(document for _, document in batch)

    def _claim(self, id_keys: Iterable[bytes]) -> None:
        if self._written.claim is not None:
            self._written.claim(list(id_keys))

    def _check_all(self, batch: Iterable[NewDocument]) -> None:
        if self._check is not None:
            for new in batch:
                self._check(new.raw)

    def _execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)

    def _duplicate_id(self, new: NewDocument) -> Exception:
        value = {"_id": new.identity}
        return duplicate_key_error(self.collection.namespace, ID_INDEX_NAME, {"_id": 1}, value)


def _known(old_document: Document | None) -> Document:
    assert old_document is not None, "an index needs the document that is replaced"
    return old_document
