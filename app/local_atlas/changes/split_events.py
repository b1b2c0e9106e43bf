"""Splits events that are larger than a document may be into fragments.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/changeStreamSplitLargeEvent/
"""

from typing import Any, Final

from ..errors import CommandError
from ..mql.rows import decode
from ..raw_documents import MAX_DOCUMENT_SIZE_BYTES, encode_document

Document = dict[str, Any]

NOT_RESUMABLE: Final = {"errorLabels": ["NonResumableChangeStreamError"]}
"""Goes with an error that would come again."""

_COMMON_BYTES: Final = 512  # of a fragment: its `_id`, with the resume token, and `splitEvent`


def split_event(raw: bytes) -> list[Document]:
    """Return the fields of an event in as few fragments as hold them, small fields first.

    Args:
        raw: the event.

    Returns:
        The fragments, without `_id` and `splitEvent`.

    Raises:
        CommandError: 10334, a field alone is too large.
    """
    fields = [(name, value) for name, value in decode(raw).items() if name != "_id"]
    sized = [(len(encode_document({name: value})), name, value) for name, value in fields]
    fragments: list[Document] = []
    room_bytes = 0
    for size_bytes, name, value in sorted(sized, key=lambda each: each[0]):
        if size_bytes > room_bytes:
            if size_bytes > MAX_DOCUMENT_SIZE_BYTES - _COMMON_BYTES:
                raise too_large(size_bytes)
            fragments.append({})
            room_bytes = MAX_DOCUMENT_SIZE_BYTES - _COMMON_BYTES
        fragments[-1][name] = value
        room_bytes -= size_bytes
    return fragments


def too_large(size_bytes: int) -> CommandError:
    """Return error 10334."""
    return CommandError(
        10334,
        "BSONObjectTooLarge",
        f"BSONObj size: {size_bytes} is invalid. Size must be between 0 and "
        f"{MAX_DOCUMENT_SIZE_BYTES}",
        NOT_RESUMABLE,
    )
