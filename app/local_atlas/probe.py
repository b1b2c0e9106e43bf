"""Asks whoever listens at a URI whether it is the LocalAtlas of a data directory."""

import socket
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bson.errors import InvalidBSON

from .addresses import Address, LoopbackAddress, SocketAddress
from .errors import ProtocolError
from .mql.rows import decode
from .raw_documents import encode_document
from .wire import BodySection, FrameBuffer, OpMsg, encode
from .wire import decode as decode_message

_TIMEOUT_S = 5.0
_RECEIVE_BYTES = 65536


def serves(uri: str, directory: Path) -> bool:
    """Tell whether the server at a URI that LocalAtlas made answers for this data directory.

    A port may have gone to another program since it was announced, so the answer is asked for.
    """
    try:
        with address_of(uri).connect(_TIMEOUT_S) as connection:
            reply = _ask(connection, {"getCmdLineOpts": 1, "$db": "admin"})
            return bool(reply["parsed"]["storage"]["dbPath"] == str(directory))
    except (OSError, ProtocolError, InvalidBSON, KeyError, TypeError, ValueError):
        return False


def address_of(uri: str) -> Address:
    """Return the address behind a URI that LocalAtlas made."""
    parts = urlsplit(uri)
    name = unquote(parts.netloc)
    if name.endswith(".sock"):
        return SocketAddress(Path(name))
    assert parts.hostname is not None
    return LoopbackAddress(parts.hostname, parts.port or 0)


def _ask(connection: socket.socket, command: dict[str, Any]) -> dict[str, Any]:
    message = OpMsg(1, 0, 0, (BodySection(encode_document(command)),))
    connection.sendall(encode(message))
    buffer = FrameBuffer()
    while (frame := buffer.next_frame()) is None:
        data = connection.recv(_RECEIVE_BYTES)
        if not data:
            raise ConnectionError("the server closed the connection")
        buffer.receive_data(data)
    reply = decode_message(frame)
    if not isinstance(reply, OpMsg):
        raise ProtocolError("The server does not answer in OP_MSG.")
    return decode(reply.body)
