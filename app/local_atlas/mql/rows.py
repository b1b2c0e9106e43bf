"""The unit that flows through a pipeline: one document, decoded only when somebody looks at it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument

from .paths import MISSING

# Types survive a decode and encode byte for byte: int64 stays Int64, dates stay DatetimeMS (any
# range), binary keeps its subtype.
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict, datetime_conversion=DatetimeConversion.DATETIME_MS
)

_UNREAD: Final = object()
# Where the type, the name and the value of a document's first field begin.
_TYPE, _NAME, _VALUE = 4, 5, 9
_ID_NAME = b"_id\0"
# How many bytes an ObjectId, an int32 and an int64 take; a string (2) says so itself.
_ID_SIZES = {0x07: 12, 0x10: 4, 0x12: 8}


def decode(raw: bytes) -> dict[str, Any]:
    """Decode one BSON document with every type kept."""
    return bson.decode(raw, CODEC)


class Row:
    """One document of a pipeline with the metadata that stages attach to it (`searchScore`, ...).

    A row that no stage has looked into leaves the pipeline as the bytes that were stored.
    """

    __slots__ = ("_document", "_id", "metadata", "raw")

    def __init__(
        self,
        *,
        raw: bytes | None = None,
        document: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.raw = raw
        self._document = document
        self._id: Any = _UNREAD
        self.metadata: dict[str, Any] = metadata if metadata is not None else {}

    @property
    def document(self) -> dict[str, Any]:
        """The decoded document; not to be modified, `with_document` makes a changed row."""
        if self._document is None:
            assert self.raw is not None
            self._document = decode(self.raw)
        return self._document

    @property
    def id(self) -> Any:
        """The `_id`, `MISSING` where there is none; a stored document is not decoded for it."""
        if self._id is _UNREAD:
            document = None
            if self._document is None:
                assert self.raw is not None
                document = _only_id(self.raw)
            whole = self.document if document is None else decode(document)
            self._id = whole.get("_id", MISSING)
        return self._id

    def stored(self) -> dict[str, Any]:
        """Return the document as it was stored, its strings not collated."""
        return self.document if self.raw is None else decode(self.raw)

    def with_document(self, document: dict[str, Any]) -> "Row":
        """Return a row of another document that keeps this row's metadata."""
        return Row(document=document, metadata=self.metadata)

    def with_metadata(self, metadata: dict[str, Any]) -> "Row":
        """Return a row of the same document with other metadata."""
        return Row(raw=self.raw, document=self._document, metadata=metadata)

    def output(self) -> Any:
        """Return what goes into the reply: the stored bytes where nothing changed them."""
        return RawBSONDocument(self.raw) if self.raw is not None else self._document


def _only_id(raw: bytes) -> bytes | None:
    """Return a document of its `_id` alone; None where that is not first, or of a rare type."""
    if not raw.startswith(_ID_NAME, _NAME):
        return None
    size = _ID_SIZES.get(raw[_TYPE])
    if raw[_TYPE] == 0x02:
        size = 4 + int.from_bytes(raw[_VALUE : _VALUE + 4], "little")
    if size is None:
        return None
    element = raw[_TYPE : _VALUE + size]
    return (_TYPE + len(element) + 1).to_bytes(4, "little") + element + b"\0"


class SearchRows(Iterator[Row]):
    """The rows of $search, and what it says of all of them.

    Args:
        rows: what it found.
        meta: the value of `$$SEARCH_META`.
    """

    def __init__(self, rows: Iterator[Row], meta: Mapping[str, Any]) -> None:
        self._rows = rows
        self.meta = meta

    def __next__(self) -> Row:
        return next(self._rows)
