"""A client that sends exactly the messages it is told to."""

import socket
from typing import Any

import bson

from app.local_atlas import wire
from app.local_atlas.wire import BodySection, FrameBuffer, OpMsg, OpReply

CLUSTER_TIME = ("operationTime", "$clusterTime")


def send_command(connection: socket.socket, command: dict[str, Any]) -> dict[str, Any]:
    """Return the reply to a command, with no session or other field of a driver's in it.

    The cluster time, which every reply ends with, is left out.
    """
    reply = ask(connection, OpMsg(1, 0, 0, (BodySection(bson.encode(command)),)))
    return {name: value for name, value in reply.items() if name not in CLUSTER_TIME}


def receive(connection: socket.socket) -> wire.Message | None:
    """Return the next message, None where the server closed the connection."""
    buffer = FrameBuffer()
    while (frame := buffer.next_frame()) is None:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            return None
        if not data:
            return None
        buffer.receive_data(data)
    return wire.decode(frame)


def ask(connection: socket.socket, message: wire.Message) -> dict[str, Any]:
    connection.sendall(wire.encode(message))
    reply = receive(connection)
    if isinstance(reply, OpReply):
        return bson.decode(reply.documents[0])
    assert isinstance(reply, OpMsg)
    return bson.decode(reply.body)
