"""The cluster time: the seconds of the wall clock and a counter, which together only grow.

A write gets a time of its own. Drivers hand the latest one that they have seen back with every
command (`$clusterTime`), and a server never answers with an earlier one, even after a restart.
https://www.mongodb.com/docs/manual/reference/method/Session/#session-options
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from bson import Binary, Int64
from bson.timestamp import Timestamp

from ..raw_documents import encode_document

_INCREMENT_BITS: Final = 32
_MAX_AHEAD_S: Final = 365 * 24 * 3600  # maxAcceptableLogicalClockDriftSecs


class ClusterClock:
    """Gives times that only grow.

    Args:
        earliest: no time that is given comes before this one, as `to_number` returns it.
        clock_s: seconds since the epoch.
    """

    def __init__(self, earliest: int = 0, clock_s: Callable[[], float] = time.time) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._latest = max(earliest, int(clock_s()) << _INCREMENT_BITS)
        self._gossip = (0, b"")
        self.tick()

    @property
    def latest(self) -> int:
        """The time of the last write, as a number."""
        return self._latest

    def tick(self) -> int:
        """Return a time after all that were given, as a number."""
        with self._lock:
            now = int(self._clock_s()) << _INCREMENT_BITS
            self._latest = max(self._latest, now) + 1
            return self._latest

    def gossip(self) -> bytes:
        """Return the BSON elements that end every reply: `operationTime` and `$clusterTime`."""
        latest, elements = self._gossip
        if latest != self._latest:
            latest = self._latest
            elements = _gossip_of(to_timestamp(latest))
            self._gossip = latest, elements
        return elements

    def advance(self, number: int) -> bool:
        """Take notice of a time that somebody has seen; False where it is too far ahead."""
        if number > self._latest:
            if (number >> _INCREMENT_BITS) > self._clock_s() + _MAX_AHEAD_S:
                return False
            with self._lock:
                self._latest = max(self._latest, number)
        return True


def _gossip_of(timestamp: Timestamp) -> bytes:
    # Where nobody has to prove who they are, as here, the real server signs with zeros.
    signature = {"hash": Binary(bytes(20)), "keyId": Int64(0)}
    cluster_time = {"clusterTime": timestamp, "signature": signature}
    document = encode_document({"operationTime": timestamp, "$clusterTime": cluster_time})
    return document[4:-1]


def to_number(timestamp: Timestamp) -> int:
    """Return a timestamp as one number, in the same order."""
    return (timestamp.time << _INCREMENT_BITS) | timestamp.inc


def to_timestamp(number: int) -> Timestamp:
    """Return the timestamp of a number."""
    return Timestamp(number >> _INCREMENT_BITS, number & ((1 << _INCREMENT_BITS) - 1))
