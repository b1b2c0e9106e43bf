"""Open cursors: the rest of results that did not fit their first batch."""

import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from bson import Int64
from bson.raw_bson import RawBSONDocument

from .errors import CommandError
from .mql.rows import Row
from .raw_documents import MAX_DOCUMENT_SIZE_BYTES, encode_document
from .sessions import SESSION_TIMEOUT_MINUTES
from .signals import Patience, Signal

IDLE_TIMEOUT_S = 10 * 60  # cursorTimeoutMillis of the real server
_STAYS_S = SESSION_TIMEOUT_MINUTES * 60  # with noCursorTimeout: its session ends then
FIRST_BATCH_SIZE = 101
# What an array takes for a document besides the document: type, position in digits, a zero byte.
_ELEMENT_BYTES = 9

Batch = list[RawBSONDocument]


class Cursor(Protocol):
    """What a client fetches from, batch by batch."""

    namespace: str
    """`database.collection`, as its replies show it."""
    grows: Signal | None
    """Says that there may be more; None where one who finds nothing new does not wait."""

    @property
    def is_exhausted(self) -> bool:
        """Whether there is nothing more to fetch, and never will be."""

    def take(self, batch_size: int | None) -> Batch:
        """Return the next documents: at most `batch_size`, and what a reply of 16 MiB holds."""

    def reply_fields(self) -> dict[str, Any]:
        """Return what a reply says of the cursor after a batch."""


class ResultCursor:
    """The rest of one result.

    Args:
        namespace: `database.collection`, as its replies show it.
        rows: the rows that are still to be fetched, computed as they are asked for.
    """

    grows: Signal | None = None

    def __init__(self, namespace: str, rows: Iterator[Row]) -> None:
        self.namespace = namespace
        self.is_exhausted = False
        self._rows = rows
        self._next: bytes | None = None
        self._advance()

    def take(self, batch_size: int | None) -> Batch:
        """Return the next documents: at most `batch_size`, and what a reply of 16 MiB holds."""
        batch: Batch = []
        room_bytes = MAX_DOCUMENT_SIZE_BYTES
        while self._next is not None and (batch_size is None or len(batch) < batch_size):
            room_bytes -= len(self._next) + _ELEMENT_BYTES
            if batch and room_bytes < 0:
                break
            batch.append(RawBSONDocument(self._next))
            self._advance()
        return batch

    def reply_fields(self) -> dict[str, Any]:
        """Return nothing: a result needs no more than its documents."""
        return {}

    def _advance(self) -> None:
        # One row ahead, so that the cursor is known to be exhausted with its last document.
        row = next(self._rows, None)
        if row is None:
            self._next, self.is_exhausted = None, True
        else:
            self._next = row.raw if row.raw is not None else encode_document(row.document)


@dataclass(slots=True)
class _Entry:
    cursor: Cursor
    lock: threading.Lock = field(default_factory=threading.Lock)
    used_at_s: float = field(default_factory=time.monotonic)
    is_killed: bool = False
    stays: bool = False
    """Whether it may be idle for as long as a session may."""


class CursorTable:
    """All open cursors of the server, by their id."""

    def __init__(self, idle_timeout_s: float = IDLE_TIMEOUT_S) -> None:
        self._idle_timeout_s = idle_timeout_s
        self._entries: dict[int, _Entry] = {}
        self._lock = threading.Lock()

    def first_batch(
        self,
        namespace: str,
        rows: Iterator[Row],
        batch_size: int | None,
        *,
        single: bool = False,
        stays: bool = False,
    ) -> dict[str, Any]:
        """Return the `cursor` field of a reply with the first documents; keep the rest.

        Args:
            namespace: `database.collection`.
            rows: the whole result.
            batch_size: None for the default of 101 documents.
            single: nothing is kept for a second batch.
            stays: it may be idle longer than others (`noCursorTimeout`).
        """
        return self.open(ResultCursor(namespace, rows), batch_size, single=single, stays=stays)

    def open(
        self,
        cursor: Cursor,
        batch_size: int | None,
        *,
        single: bool = False,
        stays: bool = False,
    ) -> dict[str, Any]:
        """Return the `cursor` field of a reply with a cursor's first documents; keep it."""
        batch = cursor.take(FIRST_BATCH_SIZE if batch_size is None else batch_size)
        cursor_id = 0 if cursor.is_exhausted or single else self._keep(cursor, stays)
        # Always int64: the Node driver and mongosh fail on an int32.
        shown = {"firstBatch": batch, "id": Int64(cursor_id), "ns": cursor.namespace}
        return {**shown, **cursor.reply_fields()}

    def next_batch(
        self,
        cursor_id: int,
        namespace: str,
        batch_size: int | None,
        patience: Patience | None = None,
    ) -> dict[str, Any]:
        """Return the `cursor` field of a getMore reply; an exhausted cursor is closed.

        Args:
            cursor_id: of an open cursor.
            namespace: that it was opened on.
            batch_size: None for as many as fit.
            patience: how to wait where there is nothing yet.

        Raises:
            CommandError: 43, there is no such cursor; 13, it is of another collection; 12051, it is
                in use by another connection; 237, it was killed while this one waited.
        """
        entry = self._entry(cursor_id)
        if entry.cursor.namespace != namespace:
            raise CommandError(
                13,
                "Unauthorized",
                f"Requested getMore on namespace '{namespace}', but cursor belongs to a different "
                f"namespace {entry.cursor.namespace}",
            )
        if not entry.lock.acquire(blocking=False):
            raise CommandError(12051, "CursorInUse", f"cursor id {cursor_id} is already in use")
        try:
            batch = _next_batch(entry, batch_size, patience)
            entry.used_at_s = time.monotonic()
        except BaseException:
            self.kill([cursor_id])
            raise
        finally:
            entry.lock.release()
        if entry.cursor.is_exhausted:
            self.kill([cursor_id])
        remaining_id = 0 if entry.cursor.is_exhausted else cursor_id
        shown = {"nextBatch": batch, "id": Int64(remaining_id), "ns": namespace}
        return {**shown, **entry.cursor.reply_fields()}

    def is_awaiting(self, cursor_id: int) -> bool:
        """Tell whether a getMore of this cursor waits for documents."""
        entry = self._entries.get(cursor_id)
        return entry is not None and entry.cursor.grows is not None

    def kill(self, cursor_ids: list[int]) -> list[int]:
        """Close these cursors and return those that were open."""
        killed = []
        with self._lock:
            for cursor_id in cursor_ids:
                entry = self._entries.pop(cursor_id, None)
                if entry is not None:
                    entry.is_killed = True
                    killed.append(cursor_id)
                    if entry.cursor.grows is not None:
                        entry.cursor.grows.wake()  # somebody may be waiting
        return killed

    def count(self) -> int:
        """Return the number of open cursors."""
        return len(self._entries)

    def _keep(self, cursor: Cursor, stays: bool) -> int:
        self._drop_idle()
        with self._lock:
            cursor_id = secrets.randbits(62) + 1
            while cursor_id in self._entries:
                cursor_id = secrets.randbits(62) + 1
            self._entries[cursor_id] = _Entry(cursor, stays=stays)
            return cursor_id

    def _entry(self, cursor_id: int) -> _Entry:
        self._drop_idle()
        with self._lock:
            entry = self._entries.get(cursor_id)
        if entry is None:
            raise CommandError(43, "CursorNotFound", f"cursor id {cursor_id} not found")
        return entry

    def _drop_idle(self) -> None:
        now_s = time.monotonic()
        with self._lock:
            idle = [
                cursor_id
                for cursor_id, entry in self._entries.items()
                if now_s - entry.used_at_s > (_STAYS_S if entry.stays else self._idle_timeout_s)
            ]
            for cursor_id in idle:
                del self._entries[cursor_id]


def _next_batch(entry: _Entry, batch_size: int | None, patience: Patience | None) -> Batch:
    """Return the next documents; wait for them where the cursor has none and somebody waits."""
    cursor, signal = entry.cursor, entry.cursor.grows
    if patience is None or signal is None:
        return cursor.take(batch_size)

    def is_wanted() -> bool:
        return not entry.is_killed and patience.is_connected()

    while True:
        seen = signal.count
        batch = cursor.take(batch_size)
        if batch or cursor.is_exhausted:
            return batch
        if not signal.wait(seen, patience.until_s, is_wanted):
            if entry.is_killed:
                raise CommandError(237, "CursorKilled", "operation was interrupted")
            return batch
