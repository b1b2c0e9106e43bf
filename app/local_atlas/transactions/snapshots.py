"""Snapshots that sessions read from, each for some minutes after it was taken.

https://www.mongodb.com/docs/manual/reference/read-concern-snapshot/
"""

import threading
from typing import Final

from ..errors import CommandError
from ..store import Store
from .open_transaction import OpenTransaction

HISTORY_S: Final = 300.0  # minSnapshotHistoryWindowInSeconds of the real server
_MAX_KEPT: Final = 100


class SnapshotTable:
    """The snapshots that are kept, by the cluster time that they were taken at.

    Args:
        store: that they are of.
        history_s: how long each is kept.
    """

    def __init__(self, store: Store, history_s: float = HISTORY_S) -> None:
        self._store = store
        self._history_s = history_s
        self._lock = threading.Lock()
        self._kept: dict[int, tuple[OpenTransaction, threading.Timer]] = {}

    def take(self) -> tuple[int, OpenTransaction]:
        """Return a snapshot of what is committed now, and its cluster time as a number.

        Raises:
            CommandError: 246, there are too many already.
        """
        with self._store.locked(), self._lock:
            cluster_time = self._store.change_log.clock.latest
            if cluster_time in self._kept:
                return cluster_time, self._kept[cluster_time][0]
            if len(self._kept) >= _MAX_KEPT:
                message = f"LocalAtlas keeps {_MAX_KEPT} snapshots at most, each for some minutes."
                raise CommandError(246, "SnapshotUnavailable", message)
            snapshot = self._store.begin()
            timer = threading.Timer(self._history_s, self._drop, [cluster_time])
            timer.daemon = True
            timer.start()
            self._kept[cluster_time] = snapshot, timer
            return cluster_time, snapshot

    def at(self, cluster_time: int) -> OpenTransaction:
        """Return the snapshot that was taken at a cluster time.

        Raises:
            CommandError: 239, there is none any more, or never was.
        """
        kept = self._kept.get(cluster_time)
        if kept is None:
            raise CommandError(
                239,
                "SnapshotTooOld",
                "Read timestamp is older than the oldest available timestamp, or no snapshot was "
                "taken at it.",
            )
        return kept[0]

    def close(self) -> None:
        """Drop all of them."""
        for cluster_time in list(self._kept):
            self._drop(cluster_time)

    def _drop(self, cluster_time: int) -> None:
        with self._lock:
            snapshot, timer = self._kept.pop(cluster_time)
        timer.cancel()
        snapshot.close()
