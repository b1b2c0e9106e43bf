"""A web server on loopback for pictures, with or without TLS, that misbehaves as told."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]
HOST = "pictures.example"
LOOPBACK = ("127.0.0.0/8",)


class PictureServer(ThreadingHTTPServer):
    """Answers each path as the test says, and remembers what it was asked.

    Attributes:
        answers: what to do on each path; without its query.
        requests: path with query, and headers, in the order of arrival.
        statuses: of the answers.
        connections: how many were accepted.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = "https" if context else "http"
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.statuses: list[int] = []
        self.connections = 0
        self._context = context

    def url(self, path: str, *, host: str = HOST) -> str:
        return f"{self.scheme}://{host}:{self.server_port}{path}"

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that a silent client blocks no other."""
        self.connections += 1
        if self._context is not None:
            request = self._context.wrap_socket(request, server_side=True)
        with contextlib.suppress(OSError):
            super().finish_request(request, client_address)
        with contextlib.suppress(OSError):
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PictureServer

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        self.server.answers[self.path.partition("?")[0]](self)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        self.server.statuses.append(int(code))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def answering(body: bytes = b"", *, status: int = 200, **headers: str) -> Answer:
    """Return an answer; `_` in the name of a header stands for `-`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def redirecting(location: str, status: int = 302) -> Answer:
    return answering(status=status, Location=location)


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[PictureServer]:
    with PictureServer(context) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
