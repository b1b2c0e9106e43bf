"""The log of changes: a table of the database file, written in the commit of what it tells.

A database is recorded from the time when the first stream is opened on it, for nobody can hold a
token of an earlier time; who never watches pays nothing. Where no stream has read for as long as
the log goes back, recording ends. The log is capped in size and in age: what falls out of it is
lost to streams, which are told so (286) instead of skipping it.
"""

import time
from collections.abc import Mapping, Sequence, Set
from sqlite3 import Connection
from typing import Any, Final

from ..errors import CommandError
from ..persistence import Persistence
from ..raw_documents import encode_document
from ..signals import Signal
from .clock import ClusterClock
from .events import Change
from .log_entries import Entry, LogLimits, Start
from .resume_tokens import ResumeToken, TokenKind

CLUSTER: Final = ""
"""Stands for all databases where the name of one is expected."""

_TRIM_TO: Final = 0.9  # of the greatest size, so that not every write has to trim
_TIDY_S: Final = 60.0
_ROW_BYTES: Final = 64  # beside the documents
_CHUNK: Final = 1000
_INSERT: Final = "INSERT INTO change_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SIZE: Final = (
    f"length(details) + coalesce(length(document), 0) + coalesce(length(before), 0) + {_ROW_BYTES}"
)
_SAVE_START: Final = "INSERT OR REPLACE INTO change_log_databases VALUES (?, ?, ?)"


class ChangeLog:
    """What changed in the databases that somebody watches.

    The methods that take a connection are called under the write lock, inside its transaction.
    """

    def __init__(self, persistence: Persistence, limits: LogLimits) -> None:
        self._persistence = persistence
        self._limits = limits
        self.grown = Signal()
        """That there are changes which were not there before."""
        rows = persistence.read(
            "SELECT database, since_sequence, since_time FROM change_log_databases"
        )
        self._starts = {database: Start(*start) for database, *start in rows}
        self.head = self._last_sequence()
        """The sequence number of the last change that is committed."""
        self._size_bytes = persistence.read(f"SELECT coalesce(sum({_SIZE}), 0) FROM change_log")[0][
            0
        ]
        last = persistence.read(
            "SELECT cluster_time FROM change_log WHERE sequence = ?", (self.head,)
        )
        self.clock = ClusterClock(last[0][0] if last else 0)
        self._unrecorded: dict[str, int] = {}
        self._opened_at = self.clock.latest - 1
        self._next_tidy_s = 0.0
        self._read_at_s = dict.fromkeys(self._starts, time.monotonic())

    def is_recorded(self, database: str) -> bool:
        """Tell whether the changes of a database are written to the log."""
        starts = self._starts
        return bool(starts) and (database in starts or CLUSTER in starts)

    def is_started(self, database: str) -> bool:
        """Tell whether `start` was called for this one."""
        return database in self._starts

    def start(self, connection: Connection, database: str) -> None:
        """Record the changes of a database from now on, of all for `CLUSTER`."""
        self._read_at_s[database] = time.monotonic()
        start = self._starts.get(CLUSTER) or Start(self.head, self._last_unrecorded(database))
        connection.execute(_SAVE_START, (database, *start))
        self._starts = {**self._starts, database: start}

    def append(
        self,
        connection: Connection,
        changes: Sequence[Change],
        session: Mapping[str, Any] | None = None,
    ) -> int:
        """Write changes to the log; `publish` follows when they are committed.

        Args:
            connection: of the transaction that made them.
            changes: in their order.
            session: `lsid` and `txnNumber` where they are of one multi-document transaction, whose
                changes all have the same time.

        Returns:
            The sequence number of the last one.
        """
        if not changes:
            return self.head
        rows: list[Entry] = []
        size_bytes = 0
        wall_ms, cluster_time = int(time.time() * 1000), self.clock.tick()
        for sequence, change in enumerate(changes, start=self.head + 1):
            if rows and session is None:
                cluster_time = self.clock.tick()
            details = encode_document({**change.details, **(session or {})})
            name = change.operation, change.database, change.collection
            documents = change.document, change.before
            rows.append(Entry(sequence, cluster_time, wall_ms, *name, details, *documents))
            size_bytes += sum(map(len, filter(None, (details, change.document, change.before))))
        connection.executemany(_INSERT, rows)
        self._size_bytes += size_bytes + _ROW_BYTES * len(rows)
        self._trim(connection)
        return self.head + len(rows)

    def publish(self, head: int, databases: Set[str]) -> None:
        """Take notice of a commit.

        Args:
            head: what `append` returned.
            databases: that it wrote to.
        """
        if head > self.head:
            self.head = head
            self.grown.announce()
            return
        if databases:
            self._unrecorded.update(dict.fromkeys(databases, self.clock.tick()))

    def read(self, database: str, after: int, limit: int) -> list[Entry]:
        """Return the next changes of a database, or of all, that are committed.

        Args:
            database: its name, or `CLUSTER`.
            after: the sequence number before the first one.
            limit: how many at most.

        Raises:
            CommandError: 286, some of them are not in the log any more.
        """
        self._read_at_s[database] = time.monotonic()
        if after >= self.head and after >= self._start_of(database).sequence:
            return []
        where, parameters = ("", ()) if database == CLUSTER else ("AND database = ?", (database,))
        rows = self._persistence.read(
            f"SELECT * FROM change_log WHERE sequence > ? AND sequence <= ? {where} "
            "ORDER BY sequence LIMIT ?",
            (after, self.head, *parameters, limit),
        )
        # Looked at afterwards: what was trimmed while the rows were read is missing from them.
        if after < self._start_of(database).sequence:
            raise history_lost()
        return [Entry(*row) for row in rows]

    def place_of(self, database: str, token: ResumeToken) -> int:
        """Return the sequence number at a token.

        Raises:
            CommandError: 286, what followed is not in the log any more; 280, it is not of this log.
        """
        # Recording may have ended and begun anew without a change in between.
        if (token.sequence, token.cluster_time) < self._start_of(database):
            raise history_lost()
        sql = "SELECT cluster_time FROM change_log WHERE sequence = ?"
        rows = self._persistence.read(sql, (token.sequence,))
        is_other = token.kind is not TokenKind.HIGH_WATER_MARK and rows != [(token.cluster_time,)]
        if token.sequence > self.head or (rows and is_other):
            message = f"cannot resume stream; the resume token was not found. {token.document()}"
            raise CommandError(280, "ChangeStreamFatalError", message)
        return token.sequence

    def place_before(self, database: str, cluster_time: int) -> int:
        """Return the sequence number before the first change at or after a time.

        Raises:
            CommandError: 286, changes since then are not in the log.
        """
        start = self._start_of(database)
        if cluster_time <= start.cluster_time:
            raise history_lost()
        return self._last_before(cluster_time, start.sequence)

    def high_water_mark(self, sequence: int) -> ResumeToken:
        """Return the token of who has seen everything up to a sequence number."""
        return ResumeToken(self.clock.latest, sequence, TokenKind.HIGH_WATER_MARK)

    def _start_of(self, database: str) -> Start:
        starts = self._starts
        found = [starts[name] for name in {database, CLUSTER} if name in starts]
        if not found:
            raise history_lost()
        return min(found)

    def _last_unrecorded(self, database: str) -> int:
        """Return the time of the last change that is not in the log."""
        if database != CLUSTER:
            return self._unrecorded.get(database, self._opened_at)
        return max(self._unrecorded.values(), default=self._opened_at)

    def _last_before(self, cluster_time: int, low: int) -> int:
        """Search by halves: times grow with sequence numbers, of which none is left out."""
        high = self.head
        sql = "SELECT cluster_time FROM change_log WHERE sequence = ?"
        while low < high:
            middle = (low + high + 1) // 2
            rows = self._persistence.read(sql, (middle,))
            if rows and rows[0][0] >= cluster_time:
                high = middle - 1
            else:
                low = middle
        return low

    def _last_sequence(self) -> int:
        sql = "SELECT seq FROM sqlite_sequence WHERE name = 'change_log'"
        rows = self._persistence.read(sql)
        return int(rows[0][0]) if rows else 0

    def _trim(self, connection: Connection) -> None:
        """Forget what is too old or too much, and stop recording what nobody reads."""
        if self._size_bytes > self._limits.size_bytes:
            self._trim_size(connection)
        now_s = time.monotonic()
        if now_s < self._next_tidy_s:
            return
        self._next_tidy_s = now_s + _TIDY_S
        oldest = int(time.time() - self._limits.age_s) << 32
        self._forget(connection, self._last_before(oldest, 0))
        unread = [
            name for name, at_s in self._read_at_s.items() if now_s - at_s > self._limits.age_s
        ]
        for name in unread:
            connection.execute("DELETE FROM change_log_databases WHERE database = ?", (name,))
            del self._read_at_s[name]
        self._starts = {name: start for name, start in self._starts.items() if name not in unread}

    def _trim_size(self, connection: Connection) -> None:
        excess = self._size_bytes - int(_TRIM_TO * self._limits.size_bytes)
        last = 0
        sql = (
            f"SELECT sequence, {_SIZE} FROM change_log WHERE sequence > ? ORDER BY sequence LIMIT ?"
        )
        while excess > 0 and (rows := connection.execute(sql, (last, _CHUNK)).fetchall()):
            for sequence, size_bytes in rows:
                last = sequence
                excess -= size_bytes
                if excess <= 0:
                    break
        self._forget(connection, last)

    def _forget(self, connection: Connection, last: int) -> None:
        """Delete the changes up to a sequence number."""
        sql = f"SELECT sum({_SIZE}), max(cluster_time) FROM change_log WHERE sequence <= ?"
        size_bytes, cluster_time = connection.execute(sql, (last,)).fetchone()
        if size_bytes is None:
            return
        connection.execute("DELETE FROM change_log WHERE sequence <= ?", (last,))
        self._size_bytes -= size_bytes
        forgotten = Start(last, cluster_time)
        self._starts = {name: max(start, forgotten) for name, start in self._starts.items()}
        connection.executemany(
            _SAVE_START, [(name, *start) for name, start in self._starts.items()]
        )


def history_lost() -> CommandError:
    """Return error 286."""
    return CommandError(
        286,
        "ChangeStreamHistoryLost",
        "Resume of change stream was not possible, as the resume point may no longer be in the "
        "oplog.",
    )
