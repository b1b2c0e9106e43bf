"""Sockets to messages to commands and back: one thread for each connection.

A thread that waits for its client costs no CPU and a few kilobytes, and the one that gets a command
answers it without a hand-over. Nothing of the protocol or of the commands stands here.
"""

import itertools
import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from .commands.table import CommandContext, ConnectionInfo
from .dispatch import reply_to
from .errors import ProtocolError
from .linger import Linger
from .wire import FrameBuffer, decode, encode

logger = logging.getLogger(__name__)

_RECEIVE_BYTES = 256 * 1024
_CLOSE_TIMEOUT_S = 5.0  # for the commands that are under way when the server closes


class Server:
    """Accepts connections on a listening socket and answers them.

    Args:
        listener: bound and listening; closed with the server.
        context: what every connection's commands work with.
        linger: told who comes and goes.
    """

    def __init__(self, listener: socket.socket, context: CommandContext, linger: Linger) -> None:
        self._listener = listener
        self._linger = linger
        self._context = context
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._connections: dict[int, _Connection] = {}
        self._is_closing = False
        self._acceptor = threading.Thread(target=self._accept, name="accept", daemon=True)

    def start(self) -> None:
        """Begin to accept, in a thread."""
        self._acceptor.start()

    def close(self) -> None:
        """Accept no more, let the commands under way finish, close every connection."""
        self._is_closing = True
        # Wakes the accepting thread, which a mere close would leave waiting.
        _shut_down(self._listener, socket.SHUT_RDWR)
        self._listener.close()
        if self._acceptor.ident is not None:
            self._acceptor.join()  # it may have one more connection in hand
        with self._lock:
            connections = list(self._connections.values())
        for connection in connections:
            connection.stop_reading()
        deadline_s = time.monotonic() + _CLOSE_TIMEOUT_S
        for connection in connections:
            connection.join(max(0.0, deadline_s - time.monotonic()))

    def _accept(self) -> None:
        while not self._is_closing:
            try:
                client, _ = self._listener.accept()
            except OSError as error:
                if self._is_closing:
                    return
                # Out of file descriptors: those who are connected go on, newcomers wait.
                logger.warning("A connection could not be accepted: %s", error)
                time.sleep(0.1)
                continue
            self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        if not self._linger.admit():
            client.close()
            return
        if client.family != socket.AF_UNIX:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        info = ConnectionInfo(next(self._ids), is_open=partial(_is_open, client))
        connection = _Connection(client, replace(self._context, connection=info), self._forget)
        with self._lock:
            self._connections[info.connection_id] = connection
        connection.start()

    def _forget(self, info: ConnectionInfo) -> None:
        with self._lock:
            del self._connections[info.connection_id]
        self._linger.closed(was_driver=info.is_driver)


class _Connection:
    """One client: reads frames, answers each before it reads the next."""

    def __init__(
        self,
        client: socket.socket,
        context: CommandContext,
        on_close: Callable[[ConnectionInfo], None],
    ) -> None:
        self._client = client
        self._context = context
        self._on_close = on_close
        self._request_ids = itertools.count(1)
        name = f"connection-{context.connection.connection_id}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop_reading(self) -> None:
        """End the connection after the command that is under way."""
        _shut_down(self._client, socket.SHUT_RD)

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._answer_frames()
        except ProtocolError as error:
            logger.warning("%s: closed: %s", self._thread.name, error)
        except OSError as error:
            logger.debug("%s: lost: %s", self._thread.name, error)
        finally:
            self._client.close()
            self._on_close(self._context.connection)

    def _answer_frames(self) -> None:
        buffer = FrameBuffer()
        while data := self._client.recv(_RECEIVE_BYTES):
            buffer.receive_data(data)
            while (frame := buffer.next_frame()) is not None:
                reply = reply_to(decode(frame), self._context, next(self._request_ids))
                if reply is not None:
                    self._client.sendall(encode(reply))


def _is_open(client: socket.socket) -> bool:
    """Tell whether the peer has not closed its end; waits for nothing and reads nothing."""
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def _shut_down(endpoint: socket.socket, how: int) -> None:
    try:
        endpoint.shutdown(how)
    except OSError:
        logger.debug("A socket was closed already.")
