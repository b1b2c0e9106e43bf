"""Frames that real drivers sent, frames that nobody should send, and the way between."""

import struct
from pathlib import Path

import bson
import pytest

from app.local_atlas import wire
from app.local_atlas.checksum import crc32c
from app.local_atlas.errors import ProtocolError
from app.local_atlas.wire import BodySection, DocumentSequence, FrameBuffer, OpMsg, OpQuery, OpReply

FRAMES = {
    path.stem: bytes.fromhex(path.read_text())
    for path in sorted((Path(__file__).parent / "frames").glob("*.hex"))
}
PING = bson.encode({"ping": 1, "$db": "admin"})


def frame_of(payload: bytes, op_code: int = wire.OP_MSG, length: int | None = None) -> bytes:
    actual = 16 + len(payload)
    return struct.pack("<iiii", actual if length is None else length, 7, 0, op_code) + payload


def op_msg(sections: bytes, flag_bits: int = 0) -> bytes:
    return frame_of(struct.pack("<I", flag_bits) + sections)


def sequence(identifier: bytes, documents: bytes, length: int | None = None) -> bytes:
    content = identifier + documents
    return b"\1" + struct.pack("<i", 4 + len(content) if length is None else length) + content


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_captured_frame_encodes_to_the_bytes_it_was_decoded_from(frame: bytes) -> None:
    assert wire.encode(wire.decode(frame)) == frame


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_captured_frame_survives_being_fed_byte_by_byte(frame: bytes) -> None:
    buffer = FrameBuffer()
    for index in range(len(frame)):
        assert buffer.next_frame() is None
        buffer.receive_data(frame[index : index + 1])

    assert buffer.next_frame() == frame
    assert buffer.next_frame() is None


def test_frames_that_arrive_together_come_out_one_by_one() -> None:
    frames = list(FRAMES.values())
    buffer = FrameBuffer()

    buffer.receive_data(b"".join(frames) + frames[0][:20])

    assert [buffer.next_frame() for _ in frames] == frames
    assert buffer.next_frame() is None


def test_documents_of_an_insert_arrive_as_the_bytes_that_were_sent() -> None:
    message = wire.decode(FRAMES["pymongo_4_20_insert_many"])

    assert isinstance(message, OpMsg)
    assert next(iter(bson.decode(message.body))) == "insert"
    assert message.sequences == {
        "documents": (bson.encode({"_id": 1, "a": "x"}), bson.encode({"_id": 2, "a": "y"}))
    }


@pytest.mark.parametrize("name", ["pymongo_4_10_hello", "node_7_hello"])
def test_hello_of_older_drivers_is_a_query_of_the_admin_commands(name: str) -> None:
    message = wire.decode(FRAMES[name])

    assert isinstance(message, OpQuery)
    assert message.full_collection_name == "admin.$cmd"
    assert bson.decode(message.query)["ismaster"] == 1


def test_unacknowledged_message_says_so() -> None:
    message = wire.decode(FRAMES["node_7_end_sessions"])

    assert isinstance(message, OpMsg)
    assert message.flag_bits & wire.MORE_TO_COME


@pytest.mark.parametrize(
    "message",
    [
        OpMsg(1, 2, 0, (BodySection(PING), DocumentSequence("documents", ()))),
        OpMsg(1, 2, wire.EXHAUST_ALLOWED, (DocumentSequence("d", (PING, PING)), BodySection(PING))),
        OpMsg(2**31 - 1, -1, wire.CHECKSUM_PRESENT, (BodySection(PING),)),
        OpQuery(1, 0, 4, "admin.$cmd", 0, -1, PING, bson.encode({"a": 1})),
        OpReply(1, 2, 8, 2**40, 3, (PING, bson.encode({}))),
        OpReply(1, 2, 8, 0, 0, ()),
    ],
    ids=["empty sequence", "body last", "checksum", "selector", "reply", "empty reply"],
)
def test_message_is_decoded_to_what_was_encoded(message: wire.Message) -> None:
    assert wire.decode(wire.encode(message)) == message


def test_checksum_is_the_castagnoli_crc() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # check value of CRC-32C, RFC 3720


def test_wrong_checksum_is_a_protocol_error() -> None:
    frame = bytearray(wire.encode(OpMsg(1, 0, wire.CHECKSUM_PRESENT, (BodySection(PING),))))
    frame[-1] ^= 1

    with pytest.raises(ProtocolError, match="checksum"):
        wire.decode(bytes(frame))


@pytest.mark.parametrize(
    "length", [0, 15, -1, -(2**31), 48_000_001, 2**31 - 1], ids=lambda length: f"length {length}"
)
def test_impossible_message_length_is_refused_before_anything_is_collected(length: int) -> None:
    buffer = FrameBuffer()
    buffer.receive_data(struct.pack("<i", length))

    with pytest.raises(ProtocolError, match="messageLength"):
        buffer.next_frame()


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(frame_of(b"", op_code=2012), id="compressed"),
        pytest.param(frame_of(b""), id="no flags"),
        pytest.param(op_msg(b""), id="no section"),
        pytest.param(op_msg(b"\0" + PING, flag_bits=4), id="unknown required flag"),
        pytest.param(op_msg(b"\0" + PING + b"\0" + PING), id="two bodies"),
        pytest.param(op_msg(sequence(b"d\0", PING)), id="no body"),
        pytest.param(
            op_msg(b"\0" + PING + sequence(b"d\0", PING) + sequence(b"d\0", PING)), id="twice"
        ),
        pytest.param(op_msg(b"\2" + PING), id="unknown section kind"),
        pytest.param(op_msg(b"\0" + PING[:-1]), id="truncated body"),
        pytest.param(op_msg(b"\0" + PING[:-1] + b"x"), id="body without its last zero"),
        pytest.param(op_msg(b"\0\4\0\0\0"), id="document of four bytes"),
        pytest.param(op_msg(b"\0\xff\xff\xff\xff"), id="document of negative length"),
        pytest.param(op_msg(b"\0" + PING + sequence(b"d\0", PING, 3)), id="section of three bytes"),
        pytest.param(op_msg(b"\0" + PING + sequence(b"d\0", PING, 999)), id="section past the end"),
        pytest.param(op_msg(b"\0" + PING + sequence(b"d\0", PING[:-2])), id="sequence cut"),
        pytest.param(op_msg(b"\0" + PING + sequence(b"d", b"")), id="identifier without end"),
        pytest.param(op_msg(b"\0" + PING + sequence(b"\xff\0", b"")), id="identifier not UTF-8"),
        pytest.param(op_msg(b"", flag_bits=1), id="no room for the checksum"),
        pytest.param(frame_of(b"\0" * 8, wire.OP_QUERY), id="query cut"),
        pytest.param(
            frame_of(b"\0\0\0\0c\0" + b"\0" * 8 + PING + PING + b"x", 2004), id="too long"
        ),
        pytest.param(frame_of(b"\0" * 10, wire.OP_REPLY), id="reply cut"),
        pytest.param(frame_of(b"\0" * 20 + PING, wire.OP_REPLY), id="reply that miscounts"),
    ],
)
def test_malformed_frame_is_a_protocol_error(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        wire.decode(frame)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_frame_cut_anywhere_is_a_protocol_error_or_another_message(frame: bytes) -> None:
    for end in range(16, len(frame)):
        cut = struct.pack("<i", end) + frame[4:end]
        try:
            message = wire.decode(cut)
        except ProtocolError:
            continue
        assert wire.encode(message) == cut
