"""Brings waiting vectors into their graphs, in the background and a step at a time."""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class GraphBuilder:
    """A thread that lives while there is something to do.

    Args:
        step: does the next step; returns whether there was one.
    """

    def __init__(self, step: Callable[[], bool]) -> None:
        self._step = step
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_wanted = False
        self._is_stopped = False

    def wake(self) -> None:
        """See to it that everything that waits now is done some time."""
        with self._lock:
            self._is_wanted = True
            if self._thread is None and not self._is_stopped:
                self._thread = threading.Thread(
                    target=self._work, name="search-graph-builder", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """Let the step in hand be the last one."""
        self._is_stopped = True

    def wait(self) -> None:
        """Wait until nothing is left to do, or until the last step after `stop`."""
        while (thread := self._thread) is not None:
            thread.join()

    def _work(self) -> None:
        try:
            while self._goes_on():
                while not self._is_stopped and self._step():
                    pass
        except Exception:
            # Whatever waits is found by a scan, so answers are right and only slower.
            logger.exception("The graph of a search index could not be built any further")
            with self._lock:
                self._is_stopped, self._thread = True, None

    def _goes_on(self) -> bool:
        with self._lock:
            if self._is_wanted and not self._is_stopped:
                self._is_wanted = False
                return True
            self._thread = None
            return False
