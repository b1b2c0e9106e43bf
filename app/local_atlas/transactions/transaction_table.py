"""The transactions of all sessions: begun, found again by their number, ended.

https://github.com/mongodb/specifications/blob/master/source/transactions/transactions.md
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from bson import Int64

from ..changes.events import TransactionChanges
from ..errors import CommandError
from ..raw_documents import encode_document
from ..store import Store
from .commit import write_all
from .open_transaction import OpenTransaction
from .snapshots import SnapshotTable

LIFETIME_LIMIT_S: Final = 60.0  # transactionLifetimeLimitSeconds of the real server
_MAX_REMEMBERED: Final = 10_000  # sessions whose last transaction has ended

Document = dict[str, Any]


class State(Enum):
    """What became of a transaction."""

    IN_PROGRESS = "in progress"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(slots=True)
class SessionTransaction:
    """The last transaction of one session.

    Attributes:
        lsid: of the session, as its events show it.
        number: its `txnNumber`.
        opened: what it reads and writes; None once it has ended.
        state: what became of it.
        lock: held by the one command that runs in it.
    """

    lsid: Document
    number: int
    opened: OpenTransaction | None
    state: State = State.IN_PROGRESS
    lock: threading.Lock = field(default_factory=threading.Lock)
    timer: threading.Timer | None = None


class TransactionTable:
    """The last transaction of each session.

    Args:
        store: that they read and write.
        lifetime_limit_s: how long one may be open.
    """

    def __init__(self, store: Store, lifetime_limit_s: float = LIFETIME_LIMIT_S) -> None:
        self.snapshots = SnapshotTable(store)
        self._store = store
        self._lifetime_limit_s = lifetime_limit_s
        self._lock = threading.Lock()
        self._by_session: dict[bytes, SessionTransaction] = {}

    def begin(self, lsid: Document, number: int) -> None:
        """Begin a transaction; one of the session that is under way is aborted.

        Raises:
            CommandError: 225, the session has had a later one; 50911, it has had this one.
        """
        last = self._by_session.get(lsid["id"])
        latest = max(self._last_write(lsid), -1 if last is None else last.number)
        if number < latest:
            raise _too_old(number, latest)
        if number == latest:
            raise CommandError(
                50911,
                "Location50911",
                f"Cannot start a transaction at given transaction number {number}: a transaction "
                "or a retryable write with the same number has begun already",
            )
        if last is not None:
            self._abort(last)
        begun = SessionTransaction(lsid, number, self._store.begin())
        begun.timer = threading.Timer(self._lifetime_limit_s, self._abort, [begun])
        begun.timer.daemon = True
        begun.timer.start()
        with self._lock:
            self._by_session[lsid["id"]] = begun
            self._prune()

    @contextmanager
    def using(self, lsid: Document, number: int) -> Iterator[OpenTransaction]:
        """Give a transaction under way to one command; it is aborted if that raises.

        Raises:
            CommandError: 251, there is no such one; 225, the session has had a later one; 256, it
                is committed.
        """
        found = self._found(lsid, number)
        with found.lock:
            opened = _in_progress(found)
            try:
                yield opened
            except BaseException:
                self._end(found, State.ABORTED)
                raise

    def abort(self, lsid: Document, number: int) -> None:
        """Undo a transaction.

        Raises:
            CommandError: as `using`.
        """
        found = self._found(lsid, number)
        with found.lock:
            _in_progress(found)
            self._end(found, State.ABORTED)

    def commit(self, lsid: Document, number: int) -> None:
        """Make a transaction visible to all; one that is committed already stays so.

        Raises:
            CommandError: as `using`; 112, somebody has written what it has written.
        """
        found = self._by_session.get(lsid["id"])
        if (found is None or found.number < number) and self._last_write(lsid) == number:
            return  # before a restart
        found = self._found(lsid, number)
        with found.lock:
            if found.state is State.COMMITTED:
                return
            opened = _in_progress(found)
            try:
                if opened.changed_databases():
                    self._write(found, opened)
            except BaseException:
                self._end(found, State.ABORTED)
                raise
            self._end(found, State.COMMITTED)

    def supersede(self, session_id: bytes, number: int) -> None:
        """Abort the transaction of a session that has gone on to a retryable write.

        Raises:
            CommandError: 225, the session has had a later transaction.
        """
        last = self._by_session.get(session_id)
        if last is None:
            return
        if number < last.number:
            raise _too_old(number, last.number)
        if number > last.number:
            self._abort(last)

    def end_sessions(self, session_ids: Iterable[bytes]) -> None:
        """Abort the transactions of sessions that have ended, and forget them."""
        for session_id in session_ids:
            with self._lock:
                last = self._by_session.pop(session_id, None)
            if last is not None:
                self._abort(last)

    def close(self) -> None:
        """Abort everything that is under way."""
        self.end_sessions(list(self._by_session))
        self.snapshots.close()

    def _found(self, lsid: Document, number: int) -> SessionTransaction:
        found = self._by_session.get(lsid["id"])
        if found is not None and number < found.number:
            raise _too_old(number, found.number)
        if found is None or number > found.number:
            active = -1 if found is None else found.number
            raise _no_such(
                f"Given transaction number {number} does not match any in-progress transactions. "
                f"The active transaction number is {active}"
            )
        return found

    def _write(self, found: SessionTransaction, opened: OpenTransaction) -> None:
        session = {"lsid": found.lsid, "txnNumber": Int64(found.number)}
        recorded = TransactionChanges(opened.recorder.changes, session)
        with self._store.commit(recorded) as transaction:
            write_all(transaction, opened)
            # So that a commit that is tried again is known after a restart, too.
            transaction.remember_reply(_session_key(found.lsid), found.number, {})

    def _last_write(self, lsid: Document) -> int:
        """Return the number of the last write of a session that is on disk; -1 without one."""
        sql = "SELECT txn_number FROM retryable_writes WHERE session = ?"
        rows = self._store.persistence.read(sql, (_session_key(lsid),))
        return int(rows[0][0]) if rows else -1

    def _abort(self, one: SessionTransaction) -> None:
        with one.lock:
            if one.state is State.IN_PROGRESS:
                self._end(one, State.ABORTED)

    def _end(self, one: SessionTransaction, state: State) -> None:
        if one.timer is not None:
            one.timer.cancel()
        if one.opened is not None:
            one.opened.close()
        one.state, one.opened, one.timer = state, None, None

    def _prune(self) -> None:
        """Forget the oldest transactions that have ended, where there are very many."""
        excess = len(self._by_session) - _MAX_REMEMBERED
        ended = [key for key, one in self._by_session.items() if one.opened is None]
        for key in ended[: max(0, excess)]:
            del self._by_session[key]


def _session_key(lsid: Document) -> bytes:
    return encode_document({"id": lsid["id"]})


def _in_progress(found: SessionTransaction) -> OpenTransaction:
    if found.state is State.COMMITTED:
        raise CommandError(
            256,
            "TransactionCommitted",
            f"Transaction with {{ txnNumber: {found.number} }} has been committed.",
        )
    if found.opened is None:
        raise _no_such(f"Transaction with {{ txnNumber: {found.number} }} has been aborted.")
    return found.opened


def _no_such(message: str) -> CommandError:
    return CommandError(251, "NoSuchTransaction", message)


def _too_old(number: int, latest: int) -> CommandError:
    return CommandError(
        225,
        "TransactionTooOld",
        f"Cannot start transaction with {{ txnNumber: {number} }} on session because a newer "
        f"transaction with txnNumber {latest} has already started on the session.",
    )
