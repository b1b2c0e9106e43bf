"""A limit on what is asked of one host at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from weakref import WeakValueDictionary

from app.fetching.errors import HostNotAsked


class Turns:
    """Lets so many threads at a time ask one host; the others wait, in no certain order."""

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        # A host is forgotten when nobody asks it or waits to: whoever writes the URLs may name
        # millions of hosts.
        self._hosts: WeakValueDictionary[str, BoundedSemaphore] = WeakValueDictionary()
        self._lock = Lock()

    @contextmanager
    def take(self, host: str, timeout_s: float | None) -> Iterator[float]:
        """Wait for a turn, hold it for the block, and yield the seconds that were waited.

        Raises:
            HostNotAsked: it did not come within `timeout_s`.
        """
        with self._lock:
            free = self._hosts.setdefault(host, BoundedSemaphore(self._per_host))
        start_s = time.monotonic()
        if not free.acquire(timeout=timeout_s):
            raise HostNotAsked(f"Too many pictures of the host {host} are being fetched.")
        try:
            yield time.monotonic() - start_s
        finally:
            free.release()
