"""The logical sessions that clients have used of late."""

import threading
import time
from collections.abc import Iterable

SESSION_TIMEOUT_MINUTES = 30  # logicalSessionTimeoutMinutes of the handshake
_PRUNED_AT = 10_000  # so many are looked through for those that have expired


class SessionTable:
    """When each session was last used, by the bytes of its id."""

    def __init__(self) -> None:
        self._used_at_s: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def use(self, session: bytes) -> None:
        """Note that a command of a session has come."""
        now_s = time.time()
        with self._lock:
            self._used_at_s[session] = now_s
            if len(self._used_at_s) >= _PRUNED_AT:
                self._prune(now_s)

    def end(self, sessions: Iterable[bytes]) -> None:
        """Forget sessions that their clients have ended."""
        with self._lock:
            for session in sessions:
                self._used_at_s.pop(session, None)

    def live(self) -> dict[bytes, float]:
        """Return the sessions that have not expired, with the seconds since the epoch."""
        with self._lock:
            self._prune(time.time())
            return dict(self._used_at_s)

    def _prune(self, now_s: float) -> None:
        oldest_s = now_s - SESSION_TIMEOUT_MINUTES * 60
        for session in [each for each, at_s in self._used_at_s.items() if at_s < oldest_s]:
            del self._used_at_s[session]
