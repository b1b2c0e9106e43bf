"""Sans-I/O framing of the MongoDB wire protocol: bytes in, messages out, and back.

Strategy:
1. Nothing here touches a socket. `FrameBuffer` takes bytes as they arrive and gives whole frames;
   `decode` turns one frame into a message, `encode` gives back exactly the bytes it came from.
2. Messages are frozen dataclasses named as in the specification. Documents stay raw bytes: what a
   client sends to be stored is never decoded and encoded again on its way.
3. OP_MSG carries everything. OP_QUERY and OP_REPLY exist for one purpose, the first hello of older
   drivers (PyMongo before 4.18 still sends it).
4. Whatever does not parse raises `ProtocolError`, which closes that one connection.
5. Lengths are checked before anything is allocated or sliced: they come from the peer.

https://github.com/mongodb/specifications/blob/master/source/message/OP_MSG.md
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .checksum import crc32c
from .errors import ProtocolError
from .frame_reader import FrameReader

MAX_MESSAGE_SIZE_BYTES = 48_000_000  # maxMessageSizeBytes of the handshake

OP_REPLY = 1
OP_QUERY = 2004
OP_MSG = 2013

CHECKSUM_PRESENT = 1 << 0
MORE_TO_COME = 1 << 1
EXHAUST_ALLOWED = 1 << 16
# "The first 16 bits (0-15) are required and parsers MUST error if an unknown bit is set."
_UNKNOWN_REQUIRED_FLAGS = 0xFFFF & ~(CHECKSUM_PRESENT | MORE_TO_COME)

_HEADER = struct.Struct("<iiii")
_UINT32 = struct.Struct("<I")
_INT32 = struct.Struct("<i")
_REPLY_HEAD = struct.Struct("<iqii")


@dataclass(frozen=True, slots=True)
class BodySection:
    """Section kind 0: the command itself, one raw BSON document."""

    document: bytes


@dataclass(frozen=True, slots=True)
class DocumentSequence:
    """Section kind 1: raw BSON documents that belong to the command's field `identifier`."""

    identifier: str
    documents: tuple[bytes, ...]


Section = BodySection | DocumentSequence


@dataclass(frozen=True, slots=True)
class OpMsg:
    """A command or its reply."""

    request_id: int
    response_to: int
    flag_bits: int
    sections: tuple[Section, ...]

    @property
    def body(self) -> bytes:
        """The raw document of the one section of kind 0."""
        return next(s.document for s in self.sections if isinstance(s, BodySection))

    @property
    def sequences(self) -> dict[str, tuple[bytes, ...]]:
        """The sections of kind 1 by their identifier."""
        return {s.identifier: s.documents for s in self.sections if isinstance(s, DocumentSequence)}


@dataclass(frozen=True, slots=True)
class OpQuery:
    """The first hello of older drivers."""

    request_id: int
    response_to: int
    flags: int
    full_collection_name: str
    number_to_skip: int
    number_to_return: int
    query: bytes
    return_fields_selector: bytes = b""


@dataclass(frozen=True, slots=True)
class OpReply:
    """The answer to an `OpQuery`."""

    request_id: int
    response_to: int
    response_flags: int
    cursor_id: int
    starting_from: int
    documents: tuple[bytes, ...]


Message = OpMsg | OpQuery | OpReply


class FrameBuffer:
    """Collects received bytes and hands out one whole frame at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive_data(self, data: bytes) -> None:
        """Add bytes in the order in which they arrived."""
        self._buffer += data

    def next_frame(self) -> bytes | None:
        """Return the next frame with its header, None while it is not whole yet.

        Raises:
            ProtocolError: the header is impossible; said at once, so that a peer which speaks
                something else is not waited for.
        """
        if len(self._buffer) < _INT32.size:
            return None
        (length,) = _INT32.unpack_from(self._buffer)
        if not _HEADER.size <= length <= MAX_MESSAGE_SIZE_BYTES:
            raise ProtocolError(
                f"messageLength ({length}) must be between {_HEADER.size} and "
                f"{MAX_MESSAGE_SIZE_BYTES}."
            )
        if len(self._buffer) >= _HEADER.size:
            _check_op_code(_HEADER.unpack_from(self._buffer)[3])
        if len(self._buffer) < length:
            return None
        frame = bytes(memoryview(self._buffer)[:length])
        del self._buffer[:length]
        return frame


def decode(frame: bytes) -> Message:
    """Decode one whole frame.

    Raises:
        ProtocolError: it is no message of the three kinds, or a length in it lies.
    """
    length, request_id, response_to, op_code = _HEADER.unpack_from(frame)
    assert length == len(frame)
    _check_op_code(op_code)
    return _DECODERS[op_code](frame, request_id, response_to)


def encode(message: Message) -> bytes:
    """Return the frame of a message; the checksum is computed where its flag is set."""
    if isinstance(message, OpMsg):
        return _encode_op_msg(message)
    if isinstance(message, OpQuery):
        return _frame(message, OP_QUERY, _query_payload(message))
    return _frame(message, OP_REPLY, _reply_payload(message))


def _check_op_code(op_code: int) -> None:
    if op_code not in _DECODERS:
        raise ProtocolError(f"opCode ({op_code}) must be OP_MSG, OP_QUERY or OP_REPLY.")


def _decode_op_msg(frame: bytes, request_id: int, response_to: int) -> OpMsg:
    reader = FrameReader(frame, _HEADER.size, len(frame))
    flag_bits = reader.unsigned()
    if flag_bits & _UNKNOWN_REQUIRED_FLAGS:
        raise ProtocolError(f"flagBits ({flag_bits:#x}) must have no unknown required bit set.")
    if flag_bits & CHECKSUM_PRESENT:
        _check_checksum(frame)
        reader.end -= _UINT32.size
    sections = []
    while reader.offset < reader.end:
        sections.append(_read_section(reader))
    bodies = sum(isinstance(section, BodySection) for section in sections)
    if bodies != 1:
        raise ProtocolError(f"OP_MSG has {bodies} sections of kind 0, it must have exactly one.")
    _check_identifiers(sections)
    return OpMsg(request_id, response_to, flag_bits, tuple(sections))


def _check_identifiers(sections: Sequence[Section]) -> None:
    names = [each.identifier for each in sections if isinstance(each, DocumentSequence)]
    if len(set(names)) < len(names):
        raise ProtocolError(f"OP_MSG has two sections of kind 1 with one identifier: {names}.")


def _check_checksum(frame: bytes) -> None:
    if len(frame) < _HEADER.size + 2 * _UINT32.size:
        raise ProtocolError("OP_MSG is too short for the checksum that its flags announce.")
    (expected,) = _UINT32.unpack_from(frame, len(frame) - _UINT32.size)
    actual = crc32c(frame[: -_UINT32.size])
    if actual != expected:
        raise ProtocolError(f"OP_MSG has checksum {actual:#x}, its sender says {expected:#x}.")


def _read_section(reader: FrameReader) -> Section:
    kind = reader.byte()
    if kind == 0:
        return BodySection(reader.document())
    if kind != 1:
        raise ProtocolError(f"Section kind ({kind}) must be 0 or 1.")
    section = reader.section()
    identifier = section.cstring()
    documents = []
    while section.offset < section.end:
        documents.append(section.document())
    return DocumentSequence(identifier, tuple(documents))


def _decode_op_query(frame: bytes, request_id: int, response_to: int) -> OpQuery:
    reader = FrameReader(frame, _HEADER.size, len(frame))
    flags, name = reader.unsigned(), reader.cstring()
    skip, limit, query = reader.signed(), reader.signed(), reader.document()
    selector = reader.document() if reader.offset < reader.end else b""
    reader.expect_end()
    return OpQuery(request_id, response_to, flags, name, skip, limit, query, selector)


def _decode_op_reply(frame: bytes, request_id: int, response_to: int) -> OpReply:
    if len(frame) < _HEADER.size + _REPLY_HEAD.size:
        raise ProtocolError("OP_REPLY is shorter than its fixed part.")
    flags, cursor_id, start, count = _REPLY_HEAD.unpack_from(frame, _HEADER.size)
    reader = FrameReader(frame, _HEADER.size, len(frame))
    reader.offset += _REPLY_HEAD.size
    documents = []
    while reader.offset < reader.end:
        documents.append(reader.document())
    if count != len(documents):
        raise ProtocolError(f"OP_REPLY holds {len(documents)} documents and announces {count}.")
    return OpReply(request_id, response_to, flags, cursor_id, start, tuple(documents))


_DECODERS: dict[int, Callable[[bytes, int, int], Message]] = {
    OP_MSG: _decode_op_msg,
    OP_QUERY: _decode_op_query,
    OP_REPLY: _decode_op_reply,
}


def _encode_op_msg(message: OpMsg) -> bytes:
    parts = [_UINT32.pack(message.flag_bits)]
    for section in message.sections:
        if isinstance(section, BodySection):
            parts += (b"\0", section.document)
        else:
            content = section.identifier.encode() + b"\0" + b"".join(section.documents)
            parts += (b"\1", _INT32.pack(_INT32.size + len(content)), content)
    if not message.flag_bits & CHECKSUM_PRESENT:
        return _frame(message, OP_MSG, parts)
    frame = _frame(message, OP_MSG, [*parts, bytes(_UINT32.size)])[: -_UINT32.size]
    return frame + _UINT32.pack(crc32c(frame))


def _query_payload(message: OpQuery) -> list[bytes]:
    return [
        _UINT32.pack(message.flags),
        message.full_collection_name.encode() + b"\0",
        _INT32.pack(message.number_to_skip),
        _INT32.pack(message.number_to_return),
        message.query,
        message.return_fields_selector,
    ]


def _reply_payload(message: OpReply) -> list[bytes]:
    head = _REPLY_HEAD.pack(
        message.response_flags, message.cursor_id, message.starting_from, len(message.documents)
    )
    return [head, *message.documents]


def _frame(message: Message, op_code: int, parts: list[bytes]) -> bytes:
    length = _HEADER.size + sum(map(len, parts))
    header = _HEADER.pack(length, message.request_id, message.response_to, op_code)
    return b"".join((header, *parts))
