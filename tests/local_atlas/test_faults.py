"""Peers that break off, lie or leave a server that others use: it costs their connection alone."""

import random
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import bson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient

from app.local_atlas import wire
from app.local_atlas.launcher import start_or_join
from app.local_atlas.node import Node
from app.local_atlas.probe import address_of
from app.local_atlas.wire import BodySection, DocumentSequence, OpMsg, OpQuery
from tests.local_atlas.peers import ask, receive
from tests.local_atlas.processes import kill

KEPT = {"_id": 1, "kept": True}
IDLE = 1000
PING = bson.encode({"ping": 1, "$db": "admin"})
INSERT = bson.encode({"insert": "c", "$db": "faults"})
FIND = bson.encode({"find": "c", "filter": {"a": {"$gt": 1}}, "$db": "faults"})
DOCUMENTS = DocumentSequence("documents", (bson.encode({"a": [1, {"b": "x"}]}), bson.encode({})))
FRAMES = [
    wire.encode(message)
    for message in (
        OpMsg(1, 0, 0, (BodySection(PING),)),
        OpMsg(1, 0, wire.CHECKSUM_PRESENT, (BodySection(PING),)),
        OpMsg(1, 0, 0, (BodySection(INSERT), DOCUMENTS)),
        OpMsg(1, 0, wire.CHECKSUM_PRESENT, (DOCUMENTS, BodySection(INSERT))),
        OpMsg(1, 0, wire.MORE_TO_COME, (BodySection(INSERT), DOCUMENTS)),
        OpMsg(1, 0, 0, (BodySection(FIND),)),
        OpQuery(1, 0, 4, "admin.$cmd", 0, -1, bson.encode({"ismaster": 1, "helloOk": True})),
    )
]


@pytest.fixture
def kept(local_atlas: Node) -> Iterator[MongoClient[dict[str, Any]]]:
    """A client whose document must outlive whatever others send."""
    with MongoClient[dict[str, Any]](local_atlas.uri) as client:
        client.kept.c.replace_one({"_id": 1}, KEPT, upsert=True)
        yield client
        client.drop_database("faults")
        client.drop_database("kept")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid frame with some bytes changed, cut out or put in, its length right or wrong."""
    frame = bytearray(draw(st.sampled_from(FRAMES)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(frame) - 1))
        match draw(st.integers(0, 3)):
            case 0:
                frame[place] = draw(st.integers(0, 255))
            case 1:
                del frame[place : place + draw(st.integers(1, 20))]
            case 2:
                frame[place:place] = draw(st.binary(min_size=1, max_size=20))
            case _:
                frame[place : place + 4] = struct.pack("<i", draw(st.integers(-(2**31), 2**31 - 1)))
        frame = frame or bytearray(b"\0")
    if draw(st.booleans()):
        frame[:4] = struct.pack("<i", len(frame))
    return bytes(frame)


def drain(connection: socket.socket) -> None:
    """Read what comes until the server closes the connection, which it must."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass


@given(st.lists(damaged(), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_damaged_frames_hurt_nobody_but_their_sender(
    local_atlas: Node, kept: MongoClient[dict[str, Any]], frames: list[bytes]
) -> None:
    with local_atlas.address.connect(timeout_s=10) as connection:
        try:
            connection.sendall(b"".join(frames))
            connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, OSError):
            pass  # it was closed at the first of them
        drain(connection)

    assert kept.kept.c.find_one({}) == KEPT


def test_message_of_the_greatest_size_is_read_and_one_byte_more_is_not(local_atlas: Node) -> None:
    room = wire.MAX_MESSAGE_SIZE_BYTES - len(ping_with(0))

    with local_atlas.address.connect(timeout_s=30) as connection:
        connection.sendall(ping_with(room))
        reply = receive(connection)
        assert isinstance(reply, OpMsg)
        assert bson.decode(reply.body)["ok"] == 1
        connection.sendall(ping_with(room + 1)[:16])
        assert receive(connection) is None


def ping_with(more_bytes: int) -> bytes:
    """A ping of three documents beside, and so many bytes more in them."""
    comments = (bson.encode({"x": bytes(more_bytes // 3)}),) * 2
    last = bson.encode({"x": bytes(more_bytes - 2 * (more_bytes // 3))})
    sequence = DocumentSequence("comment", (*comments, last))
    return wire.encode(OpMsg(1, 0, 0, (BodySection(PING), sequence)))


def test_command_that_is_larger_than_a_document_is_refused(local_atlas: Node) -> None:
    body = bson.encode({"ping": 1, "comment": bytes(17_000_000), "$db": "admin"})

    with local_atlas.address.connect(timeout_s=30) as connection:
        assert ask(connection, OpMsg(1, 0, 0, (BodySection(body),)))["code"] == 10334
        assert ask(connection, OpMsg(1, 0, 0, (BodySection(PING),)))["ok"] == 1


def test_half_a_message_holds_up_nobody(
    local_atlas: Node, kept: MongoClient[dict[str, Any]]
) -> None:
    generator = random.Random(1)
    with ExitStack() as stack:
        for number in range(60):
            connection = stack.enter_context(local_atlas.address.connect(timeout_s=5))
            frame = FRAMES[number % len(FRAMES)]
            connection.sendall(frame[: generator.randrange(1, len(frame))])

        assert kept.kept.c.find_one({}) == KEPT
        assert kept.kept.command("ping")["ok"] == 1


def test_peer_that_never_reads_its_replies_holds_up_nobody(
    local_atlas: Node, kept: MongoClient[dict[str, Any]]
) -> None:
    kept.faults.c.insert_many([{"x": "x" * 1_000_000} for _ in range(10)])
    find = bson.encode({"find": "c", "$db": "faults"})
    with local_atlas.address.connect(timeout_s=5) as deaf:
        for _ in range(10):
            deaf.sendall(wire.encode(OpMsg(1, 0, 0, (BodySection(find),))))

        assert kept.faults.c.count_documents({}) == 10
        assert kept.kept.c.update_one({"_id": 1}, {"$set": {"kept": True}}).matched_count == 1


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process open as many files as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_idle_connections_keep_nobody_waiting(tmp_path: Path, many_files: None) -> None:
    uri = start_or_join(tmp_path)
    address = address_of(uri)
    try:
        with MongoClient[dict[str, Any]](uri) as client, ExitStack() as stack:
            idle = [stack.enter_context(address.connect(timeout_s=30)) for _ in range(IDLE)]
            client.t.c.insert_one(KEPT)

            assert client.t.c.find_one({}) == KEPT
            for connection in (idle[0], idle[IDLE // 2], idle[-1]):
                assert ask(connection, OpMsg(1, 0, 0, (BodySection(PING),)))["ok"] == 1
    finally:
        kill(tmp_path)
