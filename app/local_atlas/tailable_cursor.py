"""A cursor that stays open at the end of a capped collection and goes on where it grows.

https://www.mongodb.com/docs/manual/core/tailable-cursors/
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from bson.raw_bson import RawBSONDocument

from .cursors import Batch
from .errors import CommandError
from .mql.rows import Row
from .raw_documents import MAX_DOCUMENT_SIZE_BYTES, encode_document
from .signals import Signal
from .stored_collection import StoredCollection

_CHUNK: Final = 100

Transform = Callable[[Row], Row | None]


class TailableCursor:
    """Reads a capped collection in its natural order, again and again.

    Args:
        collection: capped.
        transform: what one document becomes; None for those that are not wanted.
        skip: how many of these are left out first.
        limit: how many follow; 0 for all.
        grows: says that there may be more; None where one who finds nothing new does not wait.
    """

    def __init__(
        self,
        collection: StoredCollection,
        transform: Transform,
        *,
        skip: int,
        limit: int,
        grows: Signal | None,
    ) -> None:
        self.namespace = collection.namespace
        self.grows = grows
        # As on the real server, who begins where there is nothing has no place to go on from.
        self.is_exhausted = collection.count() == 0
        self._collection = collection
        self._transform = transform
        self._skip = skip
        self._left = limit or None
        self._last = 0
        self._records: deque[tuple[int, bytes]] = deque()
        self._ahead: bytes | None = None

    def take(self, batch_size: int | None) -> Batch:
        """Return the next documents that there are, at most `batch_size`, without waiting.

        Raises:
            CommandError: 136, the document at which the cursor stands has made room for others.
        """
        batch: Batch = []
        room_bytes = MAX_DOCUMENT_SIZE_BYTES
        while not self.is_exhausted and (batch_size is None or len(batch) < batch_size):
            raw = self._ahead or self._next()
            if raw is None:
                break
            room_bytes -= len(raw)
            self._ahead = raw if batch and room_bytes < 0 else None
            if self._ahead is not None:
                break
            batch.append(RawBSONDocument(raw))
            self.is_exhausted = self._left == len(batch)
        if self._left is not None:
            self._left -= len(batch)
        return batch

    def reply_fields(self) -> dict[str, Any]:
        """Return nothing: the cursor alone knows its place."""
        return {}

    def _next(self) -> bytes | None:
        """Return the next document that is wanted; None where there is none yet."""
        while (record := self._next_record()) is not None:
            self._last = record[0]
            row = self._transform(Row(raw=record[1]))
            if row is None:
                continue
            if self._skip:
                self._skip -= 1
                continue
            return row.raw if row.raw is not None else encode_document(row.document)
        return None

    def _next_record(self) -> tuple[int, bytes] | None:
        """Return the record behind the last one, which must be there still."""
        if not self._records:
            name = self._collection.records.name
            sql = (
                f"SELECT record_id, raw FROM {name} WHERE record_id >= ? ORDER BY record_id LIMIT ?"
            )
            found = self._collection.read(sql, (self._last, _CHUNK))
            if self._last:
                if not found or found[0][0] != self._last:
                    raise _lost(self._last)
                found = found[1:]
            self._records.extend(found)
        return self._records.popleft() if self._records else None


def _lost(record_id: int) -> CommandError:
    return CommandError(
        136,
        "CappedPositionLost",
        "CollectionScan died due to position in capped collection being deleted. Last seen record "
        f"id: RecordId({record_id})",
    )
