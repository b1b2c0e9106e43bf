"""A transaction that is under way: it sees a snapshot and what it has written itself.

It is the `WriteTransaction` of its commands. Nothing of it is in the database before `commit.py`
puts it there; when it is closed without that, nothing of it was ever there.
"""

import itertools
import uuid as uuid_module
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, Final

from bson import Binary

from ..capped_writer import is_capped
from ..changes.recording import ChangeRecorder
from ..collection_writer import Claim, CollectionWriter
from ..errors import NOT_EMULATED, CommandError
from ..ordinary_indexes import IdIndex, OrdinaryIndex
from ..persistence import Persistence
from ..stored_collection import StoredCollection
from ..write_transaction import Document, WriteGuard, WriteTransaction
from .intents import WriteConflict, WriteIntents
from .overlay import Overlay, opened, temporary

FIRST_OWN_ID: Final = 1 << 61
"""Records, collections and indexes that only the transaction knows have greater numbers."""


class OpenTransaction(WriteTransaction):
    """What a transaction reads and writes until it is committed.

    Args:
        persistence: the file.
        collections: all that there are; called under the write lock, as this is.
        intents: of all open transactions.
        guard: gives what checks documents.
    """

    def __init__(
        self,
        persistence: Persistence,
        collections: Iterable[StoredCollection],
        intents: WriteIntents,
        guard: WriteGuard | None,
    ) -> None:
        connection = opened(persistence.file)
        recorder = ChangeRecorder(lambda _: True)  # what is not wanted is left out at the commit
        super().__init__(self._collection_seen, connection, recorder, guard)
        self.overlay = Overlay(connection)
        self.written: dict[StoredCollection, StoredCollection] = {}
        """The committed collection by the one that stands for it here."""
        # As they are now, with the indexes that are in the snapshot.
        self._seen = {(one.database, one.name): (copy(one), one) for one in collections}
        self._persistence = persistence
        self._intents = intents
        self._own_ids = itertools.count(FIRST_OWN_ID)
        self._is_closed = False

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one query that sees the snapshot and what was written to it.

        Raises:
            CommandError: 43, a cursor reads on after the end of its transaction.
        """
        if self._is_closed:
            raise CommandError(43, "CursorNotFound", "The transaction of the cursor has ended.")
        return super().read(sql, parameters)

    def writer(
        self, database: str, name: str, *, skips_validation: bool = False
    ) -> CollectionWriter:
        """Return what writes documents of this collection."""
        collection = self.collection(database, name)
        if collection is not None and is_capped(collection.options):
            raise CommandError(
                263,
                "OperationNotSupportedInTransaction",
                f"Collection '{collection.namespace}' is a capped collection. Writes in "
                "transactions are not allowed on capped collections.",
            )
        if collection is not None and collection not in self.created.values():
            self._hide(collection)
        return super().writer(database, name, skips_validation=skips_validation)

    def create_collection(
        self,
        database: str,
        name: str,
        options: Document | None = None,
        *,
        uuid: Binary | None = None,
    ) -> StoredCollection:
        """Create a collection that nobody else sees before the commit."""
        uuid = uuid or Binary(uuid_module.uuid4().bytes, 4)
        collection = StoredCollection(database, name, uuid, next(self._own_ids), options)
        self.overlay.copy("multikey_paths")
        self.connection.execute(temporary(collection.records.create_sql))
        collection.attach(self)
        self.created[database, name] = collection
        self._note_creation(collection)
        return collection

    def create_index(self, collection: StoredCollection, specification: Document) -> None:
        """Create an ordinary index on a collection of this transaction.

        Raises:
            CommandError: 263, the collection was there before; 2, it has documents.
        """
        if collection not in self.created.values():
            raise CommandError(
                263,
                "OperationNotSupportedInTransaction",
                f"Cannot create new indexes on existing collection {collection.namespace} in a "
                "multi-document transaction.",
            )
        if collection.count():
            message = f"Indexes on {collection.namespace} must be created before its documents"
            raise CommandError(2, "BadValue", f"{message} {NOT_EMULATED}")
        index = OrdinaryIndex(next(self._own_ids), specification)
        for table in index.tables:
            self.connection.execute(temporary(index.create_sql(table)))
        self.indexes[collection] = (*self.indexes_of(collection), index)
        self._note_index(collection, specification)

    def close(self) -> None:
        """Forget everything and let others write what was written here."""
        self._is_closed = True
        self._intents.release(self)
        self.connection.close()

    def claim_for(self, collection: StoredCollection) -> Claim | None:
        """Return what takes the documents of a collection that are about to be written."""
        if collection in self.created.values():
            return None
        return lambda id_keys: self._claim(collection, id_keys)

    def _collection_seen(self, database: str, name: str) -> StoredCollection | None:
        """Return the copy of a collection that reads here."""
        if (database, name) not in self._seen:
            return None
        seen, _ = self._seen[database, name]
        seen.attach(self)
        return seen

    def _hide(self, collection: StoredCollection) -> None:
        """Send what is written to a committed collection aside."""
        if collection in self.written:
            return
        self.overlay.hide_records(collection.records)
        # What SQLite is told of the index of the table, a view has not.
        collection.id_index = IdIndex((collection.records.name,))
        for index in collection.indexes:
            for table in index.tables:
                self.overlay.hide_index(table)
        self.overlay.copy("multikey_paths")
        collection.next_record_id = FIRST_OWN_ID
        _, self.written[collection] = self._seen[collection.database, collection.name]

    def _claim(self, collection: StoredCollection, id_keys: Sequence[bytes]) -> None:
        claimed = self._intents.claim(self, collection, id_keys)
        try:
            latest = collection.records.by_id_keys(self._persistence.read, claimed)
        except CommandError as error:  # it was dropped
            raise WriteConflict from error
        if latest != collection.records.by_id_keys(self.read, claimed):
            raise WriteConflict
