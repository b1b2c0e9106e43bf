"""The server on its socket: what a bad peer gets, and what it does to the others."""

import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any

import bson
import pytest
from pymongo.database import Database

from app.local_atlas import wire
from app.local_atlas.addresses import automatic_address
from app.local_atlas.node import Node, start_node
from app.local_atlas.server import _Connection
from app.local_atlas.wire import BodySection, DocumentSequence, FrameBuffer, OpMsg, OpQuery, OpReply
from tests.local_atlas.peers import ask, receive

Docs = Database[dict[str, Any]]
PING = bson.encode({"ping": 1, "$db": "admin"})


def test_reply_names_the_request(peer: socket.socket) -> None:
    peer.sendall(wire.encode(OpMsg(4711, 0, 0, (BodySection(PING),))))

    reply = receive(peer)

    assert isinstance(reply, OpMsg)
    assert reply.response_to == 4711


def test_checksum_is_accepted(peer: socket.socket) -> None:
    assert ask(peer, OpMsg(1, 0, wire.CHECKSUM_PRESENT, (BodySection(PING),)))["ok"] == 1


@pytest.mark.parametrize("name", ["ismaster", "isMaster", "hello"])
def test_hello_of_older_drivers_is_answered(peer: socket.socket, name: str) -> None:
    query = OpQuery(1, 0, 4, "admin.$cmd", 0, -1, bson.encode({name: 1, "helloOk": True}))

    assert ask(peer, query)["maxWireVersion"] == 27


def test_other_commands_are_not_taken_as_queries(peer: socket.socket) -> None:
    query = OpQuery(1, 0, 4, "admin.$cmd", 0, -1, bson.encode({"find": "c"}))

    assert ask(peer, query)["code"] == 352


def test_messages_that_arrive_together_are_answered_in_order(peer: socket.socket) -> None:
    frames = [wire.encode(OpMsg(number, 0, 0, (BodySection(PING),))) for number in range(5)]
    peer.sendall(b"".join(frames))
    buffer, answered = FrameBuffer(), []

    while len(answered) < 5:
        buffer.receive_data(peer.recv(65536))
        while (frame := buffer.next_frame()) is not None:
            answered.append(wire.decode(frame).response_to)

    assert answered == [0, 1, 2, 3, 4]


def test_documents_of_any_field_may_come_as_a_sequence(peer: socket.socket, db: Docs) -> None:
    db.c.insert_one({"_id": 1})
    command = bson.encode({"createIndexes": "c", "$db": db.name})
    index = bson.encode({"key": {"a": 1}, "name": "a_1"})

    reply = ask(peer, OpMsg(1, 0, 0, (BodySection(command), DocumentSequence("indexes", (index,)))))

    assert reply["numIndexesAfter"] == 2


def insert_frame(database: str, document: bytes) -> bytes:
    body = bson.encode({"insert": "c", "$db": database})
    return wire.encode(
        OpMsg(1, 0, 0, (BodySection(body), DocumentSequence("documents", (document,))))
    )


GOOD = bson.encode({"_id": 1, "a": {"b": [1, 2]}})
BAD_DOCUMENTS = {
    "inner length past the end": GOOD.replace(b"\x03a\0\x1b", b"\x03a\0\x7d"),
    "inner length of zero": GOOD.replace(b"\x03a\0\x1b", b"\x03a\0\x00"),
    "unknown type": GOOD.replace(b"\x10_id", b"\x20_id"),
    "text that is not UTF-8": bson.encode({"a": "xx"}).replace(b"xx", b"\xff\xff"),
}


@pytest.mark.parametrize("document", BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_invalid_bson_closes_the_connection_and_is_not_stored(
    peer: socket.socket, db: Docs, document: bytes
) -> None:
    assert document != GOOD
    peer.sendall(insert_frame(db.name, document))

    assert receive(peer) is None
    assert list(db.c.find()) == []


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(struct.pack("<iiii", 48_000_001, 1, 0, 2013), id="48 MB and one byte"),
        pytest.param(struct.pack("<iiii", 3, 1, 0, 2013), id="length below the header's"),
        pytest.param(struct.pack("<iiii", 16, 1, 0, 2012), id="compressed"),
        pytest.param(struct.pack("<iiii", 16, 1, 0, 1), id="reply"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="HTTP"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 3, id="TLS"),
        pytest.param(wire.encode(OpReply(1, 0, 0, 0, 0, (PING,))), id="server's message"),
    ],
)
def test_malformed_frame_closes_that_connection_and_no_other(
    peer: socket.socket, local_atlas: Node, frame: bytes
) -> None:
    with local_atlas.address.connect(timeout_s=5) as other:
        peer.sendall(frame)

        assert receive(peer) is None
        assert ask(other, OpMsg(1, 0, 0, (BodySection(PING),)))["ok"] == 1


def test_connection_cut_in_the_middle_of_a_message_writes_nothing(
    peer: socket.socket, db: Docs
) -> None:
    peer.sendall(insert_frame(db.name, GOOD)[:-1])
    peer.shutdown(socket.SHUT_WR)

    assert receive(peer) is None
    assert list(db.c.find()) == []


def test_idle_connections_keep_nobody_waiting(local_atlas: Node, db: Docs) -> None:
    idle = [local_atlas.address.connect(timeout_s=5) for _ in range(200)]
    try:
        for connection in (idle[0], idle[-1]):
            assert ask(connection, OpMsg(1, 0, 0, (BodySection(PING),)))["ok"] == 1
        assert db.command("ping")["ok"] == 1
    finally:
        for connection in idle:
            connection.close()


def test_increments_of_many_clients_are_all_kept(db: Docs) -> None:
    db.c.insert_one({"_id": 1, "n": 0})

    def increment() -> None:
        for _ in range(25):
            db.c.update_one({"_id": 1}, {"$inc": {"n": 1}})

    threads = [threading.Thread(target=increment) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert db.c.find_one() == {"_id": 1, "n": 200}


def test_a_client_that_comes_while_the_server_closes_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start_node(tmp_path, automatic_address(tmp_path))
    has_come = threading.Event()

    def start_late(connection: Any) -> None:
        has_come.set()
        time.sleep(0.2)  # the server closes meanwhile
        start(connection)

    start = _Connection.start
    monkeypatch.setattr(_Connection, "start", start_late)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(node.address.name)
        assert has_come.wait(5)

        node.close()

        assert client.recv(1) == b""
