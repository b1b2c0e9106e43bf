"""Deletes the documents that have expired by a TTL index, again and again in the background.

They go the way of every other deletion, so search indexes and change streams hear of them.
https://www.mongodb.com/docs/manual/core/index-ttl/
"""

import logging
import threading
import time
from itertools import islice
from typing import Final

from bson import DatetimeMS

from .index_scan import Counts, IndexScan
from .mql.index_bounds import constraints_on
from .mql.rows import decode
from .ordinary_indexes import OrdinaryIndex
from .store import Store
from .stored_collection import StoredCollection
from .transactions.intents import WriteConflict

logger = logging.getLogger(__name__)

INTERVAL_S: Final = 60.0  # ttlMonitorSleepSecs of the real server
_AT_ONCE: Final = 500  # documents of one commit


class Expiry:
    """The thread that looks for expired documents.

    Args:
        store: whose documents expire.
        interval_s: how long it waits between two looks.
    """

    def __init__(self, store: Store, interval_s: float = INTERVAL_S) -> None:
        self._store = store
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="expiry", daemon=True)

    def start(self) -> None:
        """Begin, with the first look an interval from now."""
        self._thread.start()

    def close(self) -> None:
        """Finish the deletion that is under way, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            for collection in self._store.collections():
                for index in collection.indexes:
                    self._look(collection, index)

    def _look(self, collection: StoredCollection, index: OrdinaryIndex) -> None:
        if index.lifetime_s is None:
            return
        deleted = 0
        try:
            while not self._stop.is_set() and (
                some := delete_expired(self._store, collection, index)
            ):
                deleted += some
        except WriteConflict:
            logger.debug("A transaction writes what has expired in %s", collection.namespace)
        except Exception:  # whatever is wrong with one collection, the others go on
            logger.exception("Documents of %s that have expired stay", collection.namespace)
        if deleted:
            logger.info("%d documents of %s have expired", deleted, collection.namespace)


def delete_expired(store: Store, collection: StoredCollection, index: OrdinaryIndex) -> int:
    """Delete some documents that have expired by an index, and return how many.

    Args:
        store: of the collection.
        collection: which may have been dropped in the meantime.
        index: one with a lifetime.
    """
    assert index.lifetime_s is not None
    threshold = DatetimeMS(int((time.time() - index.lifetime_s) * 1000))
    (path,) = index.paths
    (expired,) = constraints_on({path: {"$lte": threshold}}, path)
    with store.write() as transaction:
        current = transaction.collection(collection.database, collection.name)
        if current is not collection or index not in transaction.indexes_of(collection):
            return 0
        scan = IndexScan(index, (expired,))
        found = list(islice(scan.record_ids(transaction.read, _AT_ONCE, Counts()), _AT_ONCE))
        documents = collection.records.by_record_ids(transaction.read, found)
        if documents:
            writer = transaction.writer(collection.database, collection.name)
            writer.delete_many((rid, decode(raw)) for rid, raw in documents.items())
    return len(documents)
