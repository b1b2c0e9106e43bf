"""Raw BSON documents on their way into the store: checked, `_id` first, otherwise byte for byte.

The server stores what the client sent. Decoding serves to check it and to read its indexed fields;
only a missing `_id` is added and one that is not first is moved, as the real server does.
"""

import struct
from collections.abc import Mapping
from typing import Any

import bson
from bson import ObjectId, Regex
from bson.errors import InvalidBSON, InvalidDocument

from .errors import CommandError, ProtocolError, bad_value
from .mql.rows import CODEC, decode

MAX_DOCUMENT_SIZE_BYTES = 16 * 1024 * 1024  # maxBsonObjectSize of the handshake
# Levels of documents and arrays, the outermost counted: mongod's maxBSONDepth, and what it leaves
# to stored documents, so that a command has room around them.
MAX_COMMAND_LEVELS = 200
MAX_DOCUMENT_LEVELS = 180

Document = dict[str, Any]

_INT32 = struct.Struct("<i")
_HEAD, _TAIL = _INT32.size, 1
_ID_NAME = b"_id\0"
_DOCUMENT, _ARRAY = 0x03, 0x04
_LEAST_LEVEL_BYTES = 7  # of an element with no name: its type, a zero, and an empty document
# What an element's value occupies: a fixed number of bytes, or a length that stands at its start
# and counts these bytes too few. Regular expressions (11) are two strings that end in zero.
_FIXED_SIZES = {
    0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0,
    0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0x7F: 0, 0xFF: 0,
}  # fmt: skip
_UNCOUNTED_BYTES = {0x02: 4, 0x03: 0, 0x04: 0, 0x05: 5, 0x0C: 16, 0x0D: 4, 0x0E: 4, 0x0F: 0}


def decode_checked(raw: bytes) -> Document:
    """Decode a document that came from a client, all the way down.

    Raises:
        ProtocolError: it is not valid BSON.
        CommandError: 15, it is nested deeper than the decoder can go.
    """
    try:
        return decode(raw)
    except InvalidBSON as error:
        if "recursion" in str(error):  # the decoder has no name of its own for it
            raise _too_deep(MAX_COMMAND_LEVELS) from error
        raise ProtocolError(f"A document in the message is not valid BSON: {error}.") from error


def encode_document(document: Document) -> bytes:
    """Encode a document that was made here.

    Raises:
        CommandError: 10334, it has more bytes than its length could say; 2, it has a name that no
            document can have.
    """
    try:
        return bson.encode(document, codec_options=CODEC)
    except InvalidDocument as error:
        raise bad_value(f"{error}.") from error
    except ValueError as error:
        message = f"BSONObj size is invalid: {error}"
        raise CommandError(10334, "BSONObjectTooLarge", message) from error


def with_id_first(raw: bytes, document: Document) -> tuple[bytes, Document]:
    """Return both forms with `_id` in front, an ObjectId where there was none.

    Args:
        raw: the document as it was sent.
        document: the same, decoded; not modified. Fields may be missing from it, but not `_id`.
    """
    if raw.startswith(_ID_NAME, _HEAD + 1):
        return raw, document
    if "_id" in document:
        start, end = _element_span(raw, "_id")
        element = raw[start:end]
        rest = raw[_HEAD:start] + raw[end:-_TAIL]
    else:
        document = {"_id": ObjectId(), **document}
        element = encode_document({"_id": document["_id"]})[_HEAD:-_TAIL]
        rest = raw[_HEAD:-_TAIL]
    return _document_of(element + rest), {"_id": document["_id"], **document}


def with_id_of(raw: bytes, owner: bytes) -> bytes:
    """Return a document that has no `_id` with that of `owner`, a stored document, in front."""
    start, end = _element_span(owner, "_id")
    return _document_of(owner[start:end] + raw[_HEAD:-_TAIL])


def embedded_document(raw: bytes, name: str) -> bytes:
    """Return the raw document in a top-level field of a valid document."""
    start, end = _element_span(raw, name)
    return raw[start + 1 + len(name.encode()) + 1 : end]


def with_names(raw: bytes, names: Mapping[str, str]) -> bytes:
    """Return a valid document whose top-level fields are called otherwise.

    Args:
        raw: the document.
        names: the new name by the old one; a field that has none here is left out.
    """
    elements: list[bytes] = []
    offset = _HEAD
    while offset < len(raw) - _TAIL:
        name_end = raw.index(b"\0", offset + 1)
        end = value_end(raw, raw[offset], name_end + 1)
        name = names.get(raw[offset + 1 : name_end].decode())
        if name is not None:
            elements += raw[offset : offset + 1], name.encode(), raw[name_end:end]
        offset = end
    return _document_of(b"".join(elements))


def with_elements(raw: bytes, elements: bytes) -> bytes:
    """Return a document with raw elements behind its own."""
    return _document_of(raw[_HEAD:-_TAIL] + elements)


def check_id(value: Any) -> None:
    """Refuse a value that cannot be an `_id`.

    Raises:
        CommandError: 53 for its type, 52 for a document with a `$` name in it.
    """
    if isinstance(value, list | Regex):
        kind = "array" if isinstance(value, list) else "regex"
        raise CommandError(53, "InvalidIdField", f"The '_id' value cannot be of type {kind}")
    if isinstance(value, dict):
        for name in value:
            if name.startswith("$"):
                raise CommandError(
                    52,
                    "DollarPrefixedFieldName",
                    f"_id fields may not contain '$'-prefixed fields: {name} is not valid for "
                    "storage.",
                )


def check_levels(raw: bytes, decoded: Document, limit: int) -> None:
    """Refuse what is nested deeper than `limit`.

    Args:
        raw: a document.
        decoded: the same; long arrays of numbers may be missing from it.
        limit: levels of documents and arrays, the outermost counted.

    Raises:
        CommandError: 15.
    """
    # Each level has a byte of its type, so that hardly any document is looked at closely.
    if len(raw) < limit * _LEAST_LEVEL_BYTES or raw.count(_DOCUMENT) + raw.count(_ARRAY) < limit:
        return
    level: list[Any] = [decoded]
    for _ in range(limit):
        level = [
            value
            for outer in level
            for value in (outer.values() if type(outer) is dict else outer)
            if type(value) is dict or type(value) is list
        ]
        if not level:
            return
    raise _too_deep(limit)


def check_storable(raw: bytes, decoded: Document) -> None:
    """Refuse a document over 16 MiB, or of more than 180 levels.

    Args:
        raw: the document.
        decoded: the same; long arrays of numbers may be missing from it.

    Raises:
        CommandError: 10334 or 15.
    """
    check_levels(raw, decoded, MAX_DOCUMENT_LEVELS)
    if len(raw) > MAX_DOCUMENT_SIZE_BYTES:
        raise CommandError(
            10334,
            "BSONObjectTooLarge",
            f"BSONObj size: {len(raw)} is invalid. Size must be between 0 and "
            f"{MAX_DOCUMENT_SIZE_BYTES}",
        )


def _too_deep(limit: int) -> CommandError:
    return CommandError(15, "Overflow", f"BSONObj exceeded maximum nested object depth: {limit}")


def _document_of(elements: bytes) -> bytes:
    return _INT32.pack(_HEAD + len(elements) + _TAIL) + elements + b"\0"


def _element_span(raw: bytes, name: str) -> tuple[int, int]:
    """Return where the top-level element `name` of a valid document starts and ends."""
    wanted = name.encode()
    offset = _HEAD
    while True:
        name_end = raw.index(b"\0", offset + 1)
        end = value_end(raw, raw[offset], name_end + 1)
        if raw[offset + 1 : name_end] == wanted:
            return offset, end
        offset = end


def value_end(raw: bytes, kind: int, start: int) -> int:
    """Return where the value of an element of this type ends."""
    if kind in _FIXED_SIZES:
        return start + _FIXED_SIZES[kind]
    if kind in _UNCOUNTED_BYTES:
        (length,) = _INT32.unpack_from(raw, start)
        return start + int(length) + _UNCOUNTED_BYTES[kind]
    pattern_end = raw.index(b"\0", start)
    return raw.index(b"\0", pattern_end + 1) + 1
