"""One write command's transaction: what it changes, in the file at once and in memory on commit.

Everything here runs under the store's write lock and inside one SQLite transaction. The catalog in
memory is not touched: `Store` applies what was created, dropped, renamed and changed after the
commit, so a command that fails leaves nothing behind.
"""

import sqlite3
import time
import uuid as uuid_module
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bson import Binary

from .capped_writer import CappedWriter, is_capped
from .changes.images import keeps_images
from .changes.recording import ChangeRecorder
from .collection_writer import Claim, CollectionWriter, DocumentCheck, Written
from .document_validation import validator_of
from .errors import CommandError
from .index_entries import build_index, drop_entries
from .mql.rows import decode
from .ordinary_indexes import OrdinaryIndex
from .persistence import run_query
from .raw_documents import encode_document
from .stored_collection import StoredCollection
from .views import is_view, refuse_view

Document = dict[str, Any]
Catalog = Callable[[str, str], StoredCollection | None]
WriteGuard = Callable[[StoredCollection], DocumentCheck | None]
"""Gives what checks the documents of a collection, None where nothing does."""
Claims = Callable[[StoredCollection], Claim | None]
"""Gives what is told of the documents that are about to be written, None where nobody is."""

_RETRY_WINDOW_S = 30 * 60  # logicalSessionTimeoutMinutes of the handshake


class WriteTransaction:
    """Creates, changes and drops collections and their documents."""

    def __init__(
        self,
        catalog: Catalog,
        connection: sqlite3.Connection,
        recorder: ChangeRecorder,
        guard: WriteGuard | None = None,
        claims: Claims | None = None,
    ) -> None:
        self.connection = connection
        self.recorder = recorder
        self.head = 0  # of the log of changes, once they are in it
        self.created: dict[tuple[str, str], StoredCollection] = {}
        self.dropped: list[StoredCollection] = []
        self.renamed: list[tuple[StoredCollection, str, str]] = []
        self.indexes: dict[StoredCollection, tuple[OrdinaryIndex, ...]] = {}
        self.options: dict[StoredCollection, Document] = {}
        self.changes: dict[StoredCollection, list[tuple[int, bytes | None]]] = {}
        self._check_time: Callable[[], None] = _never_late
        self._catalog = catalog
        self._guard = guard
        self._claims = claims

    def read(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run one query that sees what this transaction has written."""
        self._check_time()
        return run_query(self.connection, sql, parameters)

    @contextmanager
    def limited(self, check_time: Callable[[], None]) -> Iterator[None]:
        """Call `check_time` before each read in the block; it raises where the time is up."""
        self._check_time = check_time
        try:
            yield
        finally:
            self._check_time = _never_late

    def collection(self, database: str, name: str) -> StoredCollection | None:
        """Return a collection as this transaction sees it."""
        found = self.created.get((database, name)) or self._catalog(database, name)
        return None if found in self.dropped else found

    def changed_databases(self) -> set[str]:
        """Return the databases in which there is something to tell of."""
        written = (collection for collection, changes in self.changes.items() if changes)
        touched = (*written, *self.created.values(), *self.dropped, *self.options, *self.indexes)
        return {collection.database for collection in touched}

    def writer(
        self, database: str, name: str, *, skips_validation: bool = False
    ) -> CollectionWriter:
        """Return what writes documents of this collection, created where it is missing.

        Raises:
            CommandError: 166, it is a view.
        """
        collection = self.collection(database, name) or self.create_collection(database, name)
        options = self.options_of(collection)
        refuse_view(collection.namespace, options)
        validator = None if skips_validation else validator_of(collection.namespace, options)
        changes = self.changes.setdefault(collection, [])
        indexes = self.indexes_of(collection)
        check = None if self._guard is None else self._guard(collection)
        recorder = self.recorder.documents_of(collection, keeps_images=keeps_images(options))
        written = Written(changes, recorder, self.claim_for(collection))
        kind = CappedWriter if is_capped(options) else CollectionWriter
        return kind(self.connection, collection, indexes, written, check, validator)

    def create_collection(
        self,
        database: str,
        name: str,
        options: Document | None = None,
        *,
        uuid: Binary | None = None,
    ) -> StoredCollection:
        """Create a collection that does not exist, under a new uuid unless it has one."""
        uuid = uuid or Binary(uuid_module.uuid4().bytes, 4)
        cursor = self.connection.execute(
            "INSERT INTO collections (database, name, uuid) VALUES (?, ?, ?)",
            (database, name, bytes(uuid)),
        )
        assert cursor.lastrowid is not None
        collection = StoredCollection(database, name, uuid, cursor.lastrowid)
        self.connection.execute(collection.records.create_sql)
        if options:
            self.set_options(collection, options)
            collection.options = options
        self.created[database, name] = collection
        self._note_creation(collection)
        return collection

    def set_options(self, collection: StoredCollection, options: Document) -> None:
        """Give a collection the options that replace those it has."""
        self.connection.execute(
            "INSERT OR REPLACE INTO collection_options (collection_id, options) VALUES (?, ?)",
            (collection.collection_id, encode_document(options)),
        )
        self.options[collection] = options

    def options_of(self, collection: StoredCollection) -> Document:
        """Return the options of a collection as this transaction sees them."""
        return self.options.get(collection, collection.options)

    def drop_collection(self, collection: StoredCollection) -> None:
        """Drop a collection with its documents and ordinary indexes."""
        for index in self.indexes_of(collection):
            self._drop_keys(collection, index)
        self.connection.execute(collection.records.drop_sql)
        for table in ("collections", "collection_options", "capped_totals"):
            self.connection.execute(
                f"DELETE FROM {table} WHERE collection_id = ?", (collection.collection_id,)
            )
        self.dropped.append(collection)
        self.recorder.note(collection, "drop")

    def rename_collection(
        self, collection: StoredCollection, database: str, name: str, *, replaced: Binary | None
    ) -> None:
        """Give a collection another name; it keeps its documents, its indexes and its uuid.

        Args:
            collection: to be renamed.
            database: that it moves to.
            name: its new one.
            replaced: the uuid of the collection that had the name and was dropped for it.
        """
        self.connection.execute(
            "UPDATE collections SET database = ?, name = ? WHERE collection_id = ?",
            (database, name, collection.collection_id),
        )
        self.renamed.append((collection, database, name))
        target = {"db": database, "coll": name}
        dropped = {} if replaced is None else {"dropTarget": replaced}
        description = {"to": target, **dropped}
        self.recorder.note(
            collection, "rename", {"to": target, "operationDescription": description}
        )

    def indexes_of(self, collection: StoredCollection) -> tuple[OrdinaryIndex, ...]:
        """Return the ordinary indexes of a collection as this transaction sees them."""
        return self.indexes.get(collection, collection.indexes)

    def create_index(self, collection: StoredCollection, specification: Document) -> None:
        """Create an ordinary index and fill it from the documents.

        Raises:
            CommandError: 11000, two documents share a key of a unique index.
        """
        cursor = self.connection.execute(
            "INSERT INTO indexes (collection_id, specification) VALUES (?, ?)",
            (collection.collection_id, encode_document(specification)),
        )
        assert cursor.lastrowid is not None
        index = OrdinaryIndex(cursor.lastrowid, specification)
        try:
            documents = collection.scan(self.read)
            build_index(self.connection, index, documents, collection.namespace)
        except CommandError as error:
            prefix = f"Index build failed: {collection.namespace} :: caused by :: "
            error.message = prefix + error.message
            raise
        self.indexes[collection] = (*self.indexes_of(collection), index)
        self._note_index(collection, specification)

    def change_index(
        self, collection: StoredCollection, index: OrdinaryIndex, specification: Document
    ) -> None:
        """Change options of an ordinary index that its keys do not depend on."""
        self.connection.execute(
            "UPDATE indexes SET specification = ? WHERE index_id = ?",
            (encode_document(specification), index.index_id),
        )
        changed = OrdinaryIndex(index.index_id, specification, index.multikey)
        indexes = self.indexes_of(collection)
        self.indexes[collection] = tuple(changed if each is index else each for each in indexes)

    def drop_index(self, collection: StoredCollection, index: OrdinaryIndex) -> None:
        """Drop an ordinary index."""
        self._drop_keys(collection, index)
        description = {"indexes": [index.specification]}
        self.recorder.note(collection, "dropIndexes", {"operationDescription": description})

    def _drop_keys(self, collection: StoredCollection, index: OrdinaryIndex) -> None:
        drop_entries(self.connection, index)
        for table in ("indexes", "multikey_paths"):
            self.connection.execute(f"DELETE FROM {table} WHERE index_id = ?", (index.index_id,))
        remaining = (other for other in self.indexes_of(collection) if other is not index)
        self.indexes[collection] = tuple(remaining)

    def claim_for(self, collection: StoredCollection) -> Claim | None:
        """Return what is told of the documents of a collection that are about to be written."""
        return None if self._claims is None else self._claims(collection)

    def _note_creation(self, collection: StoredCollection) -> None:
        kind = "view" if is_view(collection.options) else "collection"
        description = {"idIndex": collection.index_specifications()[0], **collection.options}
        self.recorder.note(
            collection, "create", {"nsType": kind, "operationDescription": description}
        )

    def _note_index(self, collection: StoredCollection, specification: Document) -> None:
        description = {"indexes": [specification]}
        self.recorder.note(collection, "createIndexes", {"operationDescription": description})

    def recall_reply(self, session: bytes, txn_number: int) -> Document | None:
        """Return the reply that this retryable write was already given, None if it is new.

        Raises:
            CommandError: 225, the session has gone on to a later write.
        """
        sql = "SELECT txn_number, reply FROM retryable_writes WHERE session = ?"
        rows = self.read(sql, (session,))
        if not rows or rows[0][0] < txn_number:
            return None
        last, reply = rows[0]
        if last > txn_number:
            raise CommandError(
                225,
                "TransactionTooOld",
                f"Retryable write with txnNumber {txn_number} is prohibited on this session "
                f"because a newer retryable write with txnNumber {last} has already started.",
            )
        return decode(reply)

    def remember_reply(self, session: bytes, txn_number: int, reply: Document) -> None:
        """Keep the reply of a retryable write, in the same commit as what it wrote."""
        now_s = int(time.time())
        self.connection.execute(
            "INSERT OR REPLACE INTO retryable_writes VALUES (?, ?, ?, ?)",
            (session, txn_number, encode_document(reply), now_s),
        )
        if txn_number == 1:  # a new session: look for those that have expired
            self.connection.execute(
                "DELETE FROM retryable_writes WHERE used_at < ?", (now_s - _RETRY_WINDOW_S,)
            )


def _never_late() -> None:
    """Take all the time there is."""
