"""The moment at which a fetch is over."""

import time
from contextvars import ContextVar


class Deadline:
    """So many seconds from now.

    Attributes:
        seconds: that were given.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end_s = time.monotonic() + seconds

    def left_s(self, at_most_s: float | None = None) -> float:
        """Return the seconds left, never negative, and no more than `at_most_s`."""
        left_s = max(0.0, self._end_s - time.monotonic())
        return left_s if at_most_s is None else min(left_s, at_most_s)

    def extend(self, seconds: float) -> None:
        """Move the moment by time that shall not count."""
        self._end_s += seconds


# httpcore2 tells its streams nothing of the request they serve, which is served in one thread.
current_deadline: ContextVar[Deadline] = ContextVar("current_deadline")
