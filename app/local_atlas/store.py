"""Databases and collections: the catalog, reading, the order of writes, and who listens to them.

Reads run on their own connections and see what is committed; they hold no lock. Writes come one at
a time: `Store.write` takes the lock, gives a `WriteTransaction`, commits, then tells the listeners
what changed before it lets the next write in, so a search index sees writes in commit order.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from bson import Binary

from . import journal
from .capped_writer import is_capped
from .changes.change_log import ChangeLog
from .changes.events import Change, TransactionChanges
from .changes.log_entries import LogLimits
from .changes.recording import ChangeRecorder
from .journal import Position
from .mql.rows import decode
from .ordinary_indexes import OrdinaryIndex
from .persistence import Persistence
from .raw_documents import encode_document
from .signals import Signal
from .stored_collection import StoredCollection
from .transactions.intents import WriteIntents
from .transactions.open_transaction import OpenTransaction
from .upgrade import upgrade
from .write_transaction import Claims, WriteGuard, WriteTransaction

__all__ = ["Store", "StoredCollection", "WriteListener"]

Document = dict[str, Any]


class WriteListener(Protocol):
    """Told of every committed write, under the write lock and in commit order."""

    def on_write(
        self,
        collection: StoredCollection,
        changes: list[tuple[int, bytes | None]],
        position: Position | None,
    ) -> None:
        """Take the changed documents by record id; None means deleted.

        `position` contains them, where the writes to the collection are journaled.
        """

    def on_drop(self, collection: StoredCollection) -> None:
        """Take notice that a collection is gone with all its documents."""


class Store:
    """All databases of one data directory.

    Args:
        directory: that holds the file, or is to hold it.
        log_limits: how far back the log of changes goes.

    Raises:
        StorageError: the directory cannot be used.
    """

    def __init__(self, directory: Path, log_limits: LogLimits | None = None) -> None:
        self.persistence = Persistence(directory)
        self.change_log = ChangeLog(self.persistence, log_limits or LogLimits())
        self.capped_grown = Signal()
        """That there is more in a capped collection, or that it is gone."""
        self.intents = WriteIntents()
        self._lock = threading.RLock()
        self._listeners: list[WriteListener] = []
        self._guard: WriteGuard | None = None
        self._collections: dict[tuple[str, str], StoredCollection] = {}
        self._load_catalog()
        upgrade(self.persistence, self.collections())

    def collection(self, database: str, name: str) -> StoredCollection | None:
        """Return a collection, None where there is none."""
        return self._collections.get((database, name))

    def collections(self, database: str | None = None) -> list[StoredCollection]:
        """Return the collections of one database, or all, in the order of their names."""
        found = [
            (key, c) for key, c in list(self._collections.items()) if database in (None, key[0])
        ]
        return [collection for _, collection in sorted(found, key=lambda item: item[0])]

    def databases(self) -> list[str]:
        """Return the names of the databases that have a collection, in order."""
        return sorted({database for database, _ in list(self._collections)})

    def add_listener(self, listener: WriteListener) -> None:
        """Tell `listener` of every write from now on."""
        with self._lock:
            self._listeners.append(listener)

    def guard_writes(self, guard: WriteGuard) -> None:
        """Ask `guard` for a check of every document that is written from now on."""
        with self._lock:
            self._guard = guard

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep writes out, so that what is read in the block belongs together."""
        with self._lock:
            yield

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """Give a transaction; it is on disk when the block ends, and undone when it raises."""
        recorder = ChangeRecorder(self.change_log.is_recorded)
        with self._writing(recorder, self.intents.check_for) as transaction:
            yield transaction
            self._record(transaction, recorder.changes)

    @contextmanager
    def commit(self, recorded: TransactionChanges) -> Iterator[WriteTransaction]:
        """Give what writes the changes of an open transaction, which were noted as they were made.

        Args:
            recorded: what they were.
        """
        is_recorded = self.change_log.is_recorded
        with self._writing(ChangeRecorder(lambda _: False), None) as transaction:
            yield transaction
            changes = [one for one in recorded.changes if is_recorded(one.database)]
            self._record(transaction, changes, recorded.session)

    def begin(self) -> OpenTransaction:
        """Return a transaction of several commands, which sees what is committed now."""
        with self._lock:
            return OpenTransaction(self.persistence, self.collections(), self.intents, self._guard)

    @contextmanager
    def _writing(
        self, recorder: ChangeRecorder, claims: Claims | None
    ) -> Iterator[WriteTransaction]:
        with self._lock:
            with self.persistence.transaction() as connection:
                transaction = WriteTransaction(
                    self.collection, connection, recorder, self._guard, claims
                )
                yield transaction
                positions = _note(transaction)
            self.change_log.publish(transaction.head, transaction.changed_databases())
            self._publish(transaction, positions)

    def _record(
        self,
        transaction: WriteTransaction,
        changes: Sequence[Change],
        session: Mapping[str, Any] | None = None,
    ) -> None:
        """Write changes to the log, as a part of the transaction that makes them."""
        log = self.change_log
        transaction.head = log.append(transaction.connection, changes, session)

    def watch(self, database: str) -> int:
        """Record the changes of a database, and return the sequence number of this moment.

        Args:
            database: its name, or `change_log.CLUSTER` for all.
        """
        with self._lock:
            if not self.change_log.is_started(database):
                with self.persistence.transaction() as connection:
                    self.change_log.start(connection, database)
            return self.change_log.head

    def save_search_index(self, record: Mapping[str, Any]) -> None:
        """Store the definition of a search index under its `id`, replacing what was there."""
        with self._lock, self.persistence.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO search_indexes (id, record) VALUES (?, ?)",
                (record["id"], encode_document(dict(record))),
            )

    def delete_search_index(self, index_id: str) -> None:
        """Forget the definition of a search index."""
        with self._lock, self.persistence.transaction() as connection:
            connection.execute("DELETE FROM search_indexes WHERE id = ?", (index_id,))

    def load_search_indexes(self) -> list[Document]:
        """Return the stored definitions of search indexes, oldest first."""
        rows = self.persistence.read("SELECT record FROM search_indexes ORDER BY rowid")
        return [decode(raw) for (raw,) in rows]

    def mark(self, collection: StoredCollection) -> Position:
        """Journal the writes to a collection from now on, and return the position of this moment.

        What is read later contains it.
        """
        with self._lock, self.persistence.transaction() as connection:
            collection.is_journaled = True
            return journal.note(connection, collection.collection_id)

    def changes_after(
        self, collection: StoredCollection, position: Position
    ) -> tuple[list[int], Position] | None:
        """Return the record ids that changed after a position; see `journal.changes_after`."""
        return journal.changes_after(self.persistence.read, collection.collection_id, position)

    def prune_journal(self, collection: StoredCollection, position: Position) -> None:
        """Let nobody ask any more for what changed before a position."""
        with self._lock, self.persistence.transaction() as connection:
            journal.prune(connection, collection.collection_id, position)

    def forget_journals(self) -> None:
        """Forget what was journaled of collections that are not journaled any more."""
        with self._lock, self.persistence.transaction() as connection:
            journaled = {one.collection_id for one in self.collections() if one.is_journaled}
            journal.keep_only(connection, journaled)

    def stop_waiting(self) -> None:
        """Let nobody wait any more for what others write."""
        for signal in (self.capped_grown, self.change_log.grown, self.intents.released):
            signal.close()

    def close(self) -> None:
        """Wait for the write that is under way and close the file."""
        with self._lock:
            self.persistence.close()

    def _publish(
        self, transaction: WriteTransaction, positions: Mapping[StoredCollection, Position]
    ) -> None:
        """Make a committed transaction visible, first in the catalog, then to the listeners."""
        for collection in transaction.dropped:
            self._collections.pop((collection.database, collection.name), None)
        for collection, database, name in transaction.renamed:
            del self._collections[collection.database, collection.name]
            collection.database, collection.name = database, name
            self._collections[database, name] = collection
        for collection in transaction.created.values():
            collection.attach(self.persistence)
            self._collections[collection.database, collection.name] = collection
        for collection, indexes in transaction.indexes.items():
            collection.indexes = indexes
        for collection, options in transaction.options.items():
            collection.options = options
        for listener in self._listeners:
            _notify(listener, transaction, positions)
        if any(is_capped(one.options) for one in (*transaction.changes, *transaction.dropped)):
            self.capped_grown.announce()

    def _load_catalog(self) -> None:
        sql = (
            "SELECT database, name, uuid, collection_id, options "
            "FROM collections LEFT JOIN collection_options USING (collection_id)"
        )
        for database, name, uuid, collection_id, raw in self.persistence.read(sql):
            options = {} if raw is None else decode(raw)
            collection = StoredCollection(database, name, Binary(uuid, 4), collection_id, options)
            collection.attach(self.persistence)
            collection.indexes = tuple(self._load_indexes(collection_id))
            collection.next_record_id = collection.records.last_record_id(collection.read) + 1
            self._collections[database, name] = collection

    def _load_indexes(self, collection_id: int) -> Iterable[OrdinaryIndex]:
        sql = (
            "SELECT index_id, specification FROM indexes WHERE collection_id = ? ORDER BY index_id"
        )
        for index_id, specification in self.persistence.read(sql, (collection_id,)):
            positions = self.persistence.read(
                "SELECT position FROM multikey_paths WHERE index_id = ?", (index_id,)
            )
            multikey = {position for (position,) in positions}
            yield OrdinaryIndex(index_id, decode(specification), multikey)


def _note(transaction: WriteTransaction) -> dict[StoredCollection, Position]:
    """Journal what a transaction changed, as a part of it."""
    return {
        collection: journal.note(
            transaction.connection, collection.collection_id, (one for one, _ in changes)
        )
        for collection, changes in transaction.changes.items()
        if changes and collection.is_journaled
    }


def _notify(
    listener: WriteListener,
    transaction: WriteTransaction,
    positions: Mapping[StoredCollection, Position],
) -> None:
    for collection, changes in transaction.changes.items():
        if changes and collection not in transaction.dropped:
            listener.on_write(collection, changes, positions.get(collection))
    for collection in transaction.dropped:
        listener.on_drop(collection)
