"""Asking an HTTP server over loopback: at a constant rate, or as fast as it answers.

At a constant rate, requests are due at times that no answer moves, and a latency counts from when
its request was due: a server that stalls makes all wait that are due meanwhile, and that is what
their users see. A client that waits for an answer before it asks again would leave just those out.

npm's autocannon, with --overallRate, does neither: each connection sends its second's share in one
burst, and the correction that it makes afterwards takes the share a second for an interval in
milliseconds, which fills the report with latencies that nobody had.
https://github.com/mcollina/autocannon/blob/master/lib/run.js (9.0.0)
"""

import asyncio
import selectors
import time
from collections.abc import Coroutine, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

from app.errors import ServiceError

T = TypeVar("T")

# Servers stop taking more at some number, Waitress at 100; what is due beyond waits here for a
# connection, and its latency counts.
MAX_CONNECTIONS = 64
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_SHOWN_BYTES = 300


@dataclass(frozen=True, slots=True)
class Server:
    """Where to ask."""

    host: str
    port: int


def ask_at_rate(
    server: Server, requests: Iterator[bytes], *, rate_per_s: float, duration_s: float
) -> list[float]:
    """Send requests at a constant rate; return the latencies in ms, from when each was due.

    Args:
        server: of HTTP/1.1, with a Content-Length in each answer.
        requests: whole ones, head and body; never ends.
        rate_per_s: requests due a second, evenly spaced.
        duration_s: how long new ones are due.

    Raises:
        ServiceError: an answer is not 200, or none came.
    """
    count = max(1, round(rate_per_s * duration_s))

    async def ask_all() -> list[float]:
        with closing(_Client(server)) as client:
            first_s = time.perf_counter()
            asked = []
            for i in range(count):
                due_s = first_s + i / rate_per_s
                await asyncio.sleep(due_s - time.perf_counter())
                asked.append(asyncio.create_task(client.latency_ms(next(requests), due_s)))
            return await asyncio.gather(*asked)

    return _run(ask_all())


def saturate(
    server: Server, requests: Iterator[bytes], *, connections: int, duration_s: float
) -> float:
    """Ask on several connections without a pause; return the answers a second.

    Args:
        server: as for `ask_at_rate`.
        requests: whole ones; never ends.
        connections: each asks again as soon as it is answered.
        duration_s: how long they ask.

    Raises:
        ServiceError: as `ask_at_rate`.
    """

    async def ask_on(client: _Client, end_s: float) -> int:
        count = 0
        while time.perf_counter() < end_s:
            await client.latency_ms(next(requests), 0.0)
            count += 1
        return count

    async def ask_all() -> float:
        with closing(_Client(server)) as client:
            start_s = time.perf_counter()
            end_s = start_s + duration_s
            counts = await asyncio.gather(*(ask_on(client, end_s) for _ in range(connections)))
            return sum(counts) / (time.perf_counter() - start_s)

    return _run(ask_all())


def _run(work: Coroutine[Any, Any, T]) -> T:
    # epoll wakes at whole milliseconds, select when it is told to.
    def make_loop() -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop(selectors.SelectSelector())

    with asyncio.Runner(loop_factory=make_loop) as runner:
        return runner.run(work)


class _Client:
    """Asks on whatever connection is idle, and opens another where none is."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._opened: list[_Connection] = []
        self._idle: list[_Connection] = []
        self._free = asyncio.Semaphore(MAX_CONNECTIONS)

    async def latency_ms(self, request: bytes, due_s: float) -> float:
        """Send a request and return how long after `due_s` its whole answer was there."""
        try:
            async with self._free:
                connection = self._idle.pop() if self._idle else await self._connected()
                await connection.ask(request)
                self._idle.append(connection)
        except OSError as error:
            raise ServiceError(f"The service does not answer: {error}.") from error
        return (time.perf_counter() - due_s) * 1000

    def close(self) -> None:
        """Hang up, whatever is under way."""
        for connection in self._opened:
            connection.close()

    async def _connected(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        where = self._server.host, self._server.port
        _, connection = await loop.create_connection(_Connection, *where)
        self._opened.append(connection)
        return connection


class _Connection(asyncio.Protocol):
    """One request and one answer at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._received = bytearray()
        self._answered: asyncio.Future[None] | None = None

    async def ask(self, request: bytes) -> None:
        """Send a request and return when its whole answer was there."""
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self._answered

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._answered is not None
        self._received += data
        head_bytes = self._received.find(_HEAD_END)
        if head_bytes < 0:
            return
        size_bytes = head_bytes + len(_HEAD_END) + _body_bytes(self._received[:head_bytes])
        if len(self._received) < size_bytes:
            return
        answer = bytes(self._received[:size_bytes])
        del self._received[:size_bytes]
        if answer.startswith(b"HTTP/1.1 200 "):
            self._answered.set_result(None)
        else:
            status, _, rest = answer.partition(b"\r\n")
            shown = (status + b" " + rest.partition(_HEAD_END)[2])[:_SHOWN_BYTES]
            reason = f"The service answered {shown.decode(errors='replace')!r}."
            self._answered.set_exception(ServiceError(reason))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error or ConnectionResetError("it hung up"))


def _body_bytes(head: bytearray) -> int:
    lowered = head.lower()
    start = lowered.find(_LENGTH)
    if start < 0:
        return 0
    return int(lowered[start + len(_LENGTH) :].partition(b"\r\n")[0])
