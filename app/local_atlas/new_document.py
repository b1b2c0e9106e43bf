"""A document on its way into the store: the bytes, and what of them had to be decoded so far."""

from functools import cached_property
from typing import Any

from .mql.bson_order import sort_key
from .mql.rows import decode

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
