"""Hosts that are away: a feed of 50,000 pictures must not wait for each of them to time out."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from app.fetching.errors import FetchError, HostNotAsked

_MAX_HOSTS = 1024  # whoever writes the URLs may name millions; the longest forgotten goes first


@dataclass(slots=True)
class _Outage:
    failures: int = 0
    until_s: float = 0.0


class Outages:
    """Remembers which hosts have failed so often in a row that they are left alone for a while.

    Only failures that may pass count, and only fetches that have used up their retries: such a host
    has been away for as long as that took. One answer of any other kind, and it is back.

    Args:
        after_failures: in a row.
        pause_s: for which the host is not asked; then the next fetches try.
    """

    def __init__(self, *, after_failures: int, pause_s: float) -> None:
        self._after_failures = after_failures
        self._pause_s = pause_s
        self._hosts: OrderedDict[str, _Outage] = OrderedDict()
        self._lock = Lock()

    def check(self, host: str) -> None:
        """Refuse to ask a host that is away.

        Raises:
            HostNotAsked: it is.
        """
        with self._lock:
            outage = self._hosts.get(host)
            if outage is not None and time.monotonic() < outage.until_s:
                raise HostNotAsked(
                    f"The host {host} failed {outage.failures} times in a row and is left alone "
                    f"for {self._pause_s:g} s."
                )

    def note(self, host: str, error: FetchError | None) -> None:
        """Take note of how a fetch from a host went; `error` is None where it went well."""
        if isinstance(error, HostNotAsked):
            return
        with self._lock:
            if error is None or not error.retryable:
                self._hosts.pop(host, None)
                return
            outage = self._hosts.setdefault(host, _Outage())
            self._hosts.move_to_end(host)
            outage.failures += 1
            if outage.failures >= self._after_failures:
                outage.until_s = time.monotonic() + self._pause_s
            if len(self._hosts) > _MAX_HOSTS:
                self._hosts.popitem(last=False)
