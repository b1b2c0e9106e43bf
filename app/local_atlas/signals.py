"""Lets connections wait for something new without looking again and again."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_CHECK_S: Final = 0.5  # how often one who waits asks whether anybody still wants to know


class Signal:
    """Wakes those who wait, each time that there may be something new."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._is_closed = False
        self.waiting = 0
        """How many wait."""
        self.count = 0
        """How often there was something new; read before looking for it."""

    def announce(self) -> None:
        """Say that there may be something new."""
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def wait(self, seen: int, until_s: float, is_wanted: Callable[[], bool]) -> bool:
        """Wait for something new after what was seen.

        Args:
            seen: the `count` of before one looked.
            until_s: how long at most, on the monotonic clock.
            is_wanted: asked now and then; False ends the waiting.

        Returns:
            Whether there was something; at once where there was already.
        """
        with self._condition:
            self.waiting += 1
            try:
                while self.count == seen:
                    left_s = until_s - time.monotonic()
                    if left_s <= 0 or self._is_closed or not is_wanted():
                        return False
                    self._condition.wait(min(left_s, _CHECK_S))
                return True
            finally:
                self.waiting -= 1

    def wake(self) -> None:
        """Let everybody who waits ask whether it is still wanted."""
        with self._condition:
            self._condition.notify_all()

    def close(self) -> None:
        """Let nobody wait any more."""
        self._is_closed = True
        self.wake()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one command waits.

    Attributes:
        until_s: how long at most, on the monotonic clock.
        is_connected: whether the client is still there.
    """

    until_s: float
    is_connected: Callable[[], bool]
