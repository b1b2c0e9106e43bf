"""A document on its way into the store: the bytes, and what of them had to be decoded so far."""

from functools import cached_property
from typing import Any

from .long_arrays import outline
from .mql.bson_order import sort_key
from .mql.rows import decode
from .raw_documents import check_id, check_storable, decode_checked, with_id_first

Document = dict[str, Any]


class NewDocument:
    """A document to be stored.

    Args:
        raw: its bytes, `_id` first.
        decoded: the same decoded, or at least its `_id`.
        is_whole: whether it is all of it; otherwise the rest is decoded when somebody asks for it.
        id_key: the sort key of its `_id`, where it is known.
    """

    def __init__(
        self,
        raw: bytes,
        decoded: Document,
        *,
        is_whole: bool = True,
        id_key: bytes | None = None,
    ) -> None:
        self.raw = raw
        self.identity: Any = decoded["_id"]
        self.id_key = id_key if id_key is not None else sort_key(self.identity)
        if is_whole:
            self.document = decoded

    @cached_property
    def document(self) -> Document:
        """The decoded document."""
        return decode(self.raw)


def new_document(sent: bytes) -> NewDocument:
    """Return what an insert stores of a document: its bytes, `_id` in front, one where none was.

    Raises:
        CommandError: 53 or 52, its `_id` cannot be one; 10334 or 15, it is too large
            or too deep.
        ProtocolError: it is not valid BSON.
    """
    parts = outline(sent)
    raw, decoded = with_id_first(sent, decode_checked(parts.raw))
    check_id(decoded["_id"])
    check_storable(raw, decoded)
    return NewDocument(raw, decoded, is_whole=parts.is_whole)
