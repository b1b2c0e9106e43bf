"""Sorts waiting vectors into their cells, in the background and a step at a time.

What has to find an index at rest is done by the same thread.
"""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class IndexBuilder:
    """A thread that lives while there is something to do.

    Args:
        step: does the next step; returns whether there was one.
        rest: called when there was none; returns in how many seconds it is to be called again even
            if nobody wakes the thread, None for never.
    """

    def __init__(
        self, step: Callable[[], bool], rest: Callable[[], float | None] = lambda: None
    ) -> None:
        self._step = step
        self._rest = rest
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_wanted = False
        self._is_stopped = False

    def wake(self) -> None:
        """See to it that everything that waits now is done some time."""
        with self._changed:
            self._is_wanted = True
            self._changed.notify()
            if self._thread is None and not self._is_stopped:
                self._thread = threading.Thread(
                    target=self._work, name="search-index-builder", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """Let the step in hand be the last one."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()

    def wait(self) -> None:
        """Wait until nothing is left to do, or until the last step after `stop`."""
        while (thread := self._thread) is not None:
            thread.join()

    def _work(self) -> None:
        try:
            pause_s: float | None = None
            while self._goes_on(pause_s):
                while not self._is_stopped and self._step():
                    pass
                pause_s = None if self._is_stopped else self._rest()
        except Exception:
            # Whatever waits is found by a scan, so answers are right and only slower.
            logger.exception("A search index could not be built any further")
            with self._changed:
                self._is_stopped, self._thread = True, None

    def _goes_on(self, pause_s: float | None) -> bool:
        with self._changed:
            if pause_s is not None and not (self._is_wanted or self._is_stopped):
                self._changed.wait(pause_s)
                self._is_wanted = True
            if self._is_wanted and not self._is_stopped:
                self._is_wanted = False
                return True
            self._thread = None
            return False
