"""When a server that was started automatically may end: nobody is there, nobody is expected.

A starter looks whether the server answers (a connection on which no driver introduces itself), then
connects with a driver. Between the two nobody is connected, so each look is a promise to stay for a
while; a driver that came and went has had what was promised.
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
        self._stay_until_s = 0.0
        self._promise()

    def opened(self) -> None:
        """Take notice that somebody has connected."""
        with self._lock:
            self._open += 1

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

    def is_over(self) -> bool:
        """Tell whether the server may end now."""
        with self._lock:
            return self._open == 0 and self._clock_s() >= self._stay_until_s

    def _promise(self) -> None:
        grace_s = _GRACE_FACTOR * self._linger_s
        self._stay_until_s = max(self._stay_until_s, self._clock_s() + grace_s)
