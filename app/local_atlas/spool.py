"""Rows that wait to be written: in memory while they are few, in a temporary file beyond.

What a pipeline stores it reads to the end before it writes: so it may write to the collections
that it reads, and keeps no other writer waiting while it computes.
"""

import struct
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Final

from .mql.rows import Row
from .raw_documents import encode_document

_IN_MEMORY_BYTES: Final = 32 * 1024 * 1024
_BATCH: Final = 1000
_BATCH_BYTES: Final = 16 * 1024 * 1024
_LENGTH: Final = struct.Struct("<i")


class Spool:
    """The raw documents of rows, in their order.

    Args:
        rows: all of them are read at once.
    """

    def __init__(self, rows: Iterator[Row]) -> None:
        self._file = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by __exit__
        try:
            for row in rows:
                self._file.write(row.raw if row.raw is not None else encode_document(row.document))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def batches(self) -> Iterator[list[bytes]]:
        """Yield the documents some at a time: at most 1,000, and 16 MiB but for a single one."""
        self._file.seek(0)
        batch: list[bytes] = []
        size_bytes = 0
        while (raw := self._read()) is not None:
            if batch and (len(batch) == _BATCH or size_bytes + len(raw) > _BATCH_BYTES):
                yield batch
                batch, size_bytes = [], 0
            batch.append(raw)
            size_bytes += len(raw)
        if batch:
            yield batch

    def _read(self) -> bytes | None:
        head = self._file.read(_LENGTH.size)
        if not head:
            return None
        (length,) = _LENGTH.unpack(head)
        return head + self._file.read(length - _LENGTH.size)
