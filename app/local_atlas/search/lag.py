"""Writes that are to become searchable some time after they were acknowledged."""

import threading
import time
from collections import deque
from collections.abc import Callable

Delivery = Callable[[], None]


class Lag:
    """Does what it is given a fixed time later, in the order in which it came, in one thread.

    Args:
        lag_s: how much later.
    """

    def __init__(self, lag_s: float) -> None:
        self._lag_s = lag_s
        self._changed = threading.Condition()
        self._waiting: deque[tuple[float, Delivery]] = deque()
        self._is_closing = False
        self._thread = threading.Thread(target=self._deliver, name="index-lag", daemon=True)
        self._thread.start()

    def put(self, deliver: Delivery) -> None:
        """Call `deliver`, which raises nothing, when its time has come."""
        with self._changed:
            self._waiting.append((time.monotonic() + self._lag_s, deliver))
            self._changed.notify()

    def close(self) -> None:
        """Do at once what still waits, and end the thread."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _deliver(self) -> None:
        while (deliver := self._next()) is not None:
            deliver()

    def _next(self) -> Delivery | None:
        """Wait for the next delivery; None where there will be none."""
        with self._changed:
            while not self._is_closing:
                if not self._waiting:
                    self._changed.wait()
                    continue
                left_s = self._waiting[0][0] - time.monotonic()
                if left_s <= 0:
                    break
                self._changed.wait(left_s)
            return self._waiting.popleft()[1] if self._waiting else None
