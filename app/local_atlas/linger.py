"""When a server that was started automatically may end: nobody is there, nobody is expected.

A starter looks whether the server answers (a connection on which no driver introduces itself), then
connects with a driver. Between the two nobody is connected, so each look is a promise to stay for a
while; a driver that came and went has had what was promised.

The decision to end and the admission of a connection exclude each other: whoever was let in, and so
may have been told that the server is there, keeps it from ending; whoever comes after the decision
is turned away unanswered.
"""

import threading
import time
from collections.abc import Callable

_GRACE_FACTOR = 3  # a starter has this many times the linger time to connect


class Linger:
    """Counts connections and knows since when there is none.

    Args:
        linger_s: how long to stay after the last client has gone.
        clock_s: seconds that only grow.
    """

    def __init__(self, linger_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._linger_s = linger_s
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._open = 0
        self._has_ended = False
        self._stay_until_s = 0.0
        self._promise()

    def admit(self) -> bool:
        """Take notice that somebody has connected; False where it is too late for that."""
        with self._lock:
            if self._has_ended:
                return False
            self._open += 1
            return True

    def closed(self, *, was_driver: bool) -> None:
        """Take notice that somebody has gone.

        Args:
            was_driver: a driver had introduced itself on the connection.
        """
        with self._lock:
            self._open -= 1
            if was_driver:
                self._stay_until_s = self._clock_s() + self._linger_s
            else:
                self._promise()

    def try_end(self) -> bool:
        """Decide to end if nobody is there or expected; then nobody is admitted any more."""
        with self._lock:
            self._has_ended = self._open == 0 and self._clock_s() >= self._stay_until_s
            return self._has_ended

    def _promise(self) -> None:
        grace_s = _GRACE_FACTOR * self._linger_s
        self._stay_until_s = max(self._stay_until_s, self._clock_s() + grace_s)
