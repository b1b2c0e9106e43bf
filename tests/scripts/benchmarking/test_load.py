import itertools
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.errors import ServiceError
from scripts.benchmarking import load
from scripts.benchmarking.load import Server, ask_at_rate, saturate

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
STEP_S = 0.02


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        self.server.before_answer(self)  # type: ignore[attr-defined]

    def answer(self, status: int = 200, body: bytes = b"x" * 5000) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *arguments: object) -> None:
        """Say nothing of clients that hang up."""


Serve = Callable[[Callable[[Handler], None]], tuple[Server, list[str]]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves with a handler until the test ends."""
    servers = []

    def start(handle: Callable[[Handler], None]) -> tuple[Server, list[str]]:
        server = QuietServer(("127.0.0.1", 0), Handler)
        server.before_answer, server.seen = handle, []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        servers.append(server)
        return Server("127.0.0.1", server.server_address[1]), server.seen  # type: ignore[attr-defined]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_every_request_is_sent_and_timed(serve: Serve) -> None:
    server, seen = serve(Handler.answer)
    requests = (b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in itertools.count())

    latencies = ask_at_rate(server, requests, rate_per_s=200, duration_s=0.25)

    assert len(latencies) == 50
    assert sorted(seen, key=lambda path: int(path[1:])) == [f"/{i}" for i in range(50)]
    assert min(latencies) > 0


def test_latency_counts_from_when_a_request_was_due(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "MAX_CONNECTIONS", 2)
    turn = threading.Lock()

    def one_at_a_time(handler: Handler) -> None:
        with turn:
            time.sleep(STEP_S)
        handler.answer()

    server, _ = serve(one_at_a_time)

    # Four are due in the time of one answer: the last one waits for all before it.
    latencies = ask_at_rate(
        server, itertools.repeat(REQUEST), rate_per_s=4 / STEP_S, duration_s=40 * STEP_S / 4
    )

    assert max(latencies) >= (40 - 40 / 4) * STEP_S * 1000


def test_requests_go_on_being_due_while_answers_are_awaited(serve: Serve) -> None:
    all_came = threading.Barrier(10, timeout=10)

    def once_all_came(handler: Handler) -> None:
        all_came.wait()
        handler.answer()

    server, _ = serve(once_all_came)

    assert len(ask_at_rate(server, itertools.repeat(REQUEST), rate_per_s=100, duration_s=0.1)) == 10


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda *how: ask_at_rate(*how, rate_per_s=50, duration_s=0.1), id="at a rate"),
        pytest.param(lambda *how: saturate(*how, connections=3, duration_s=0.1), id="saturated"),
    ],
)
def test_answer_that_is_no_200_ends_the_measurement(
    serve: Serve, ask: Callable[..., object]
) -> None:
    server, _ = serve(lambda handler: handler.answer(503, b"not yet"))

    with pytest.raises(ServiceError, match=r"answered 'HTTP/1\.1 503 .*not yet"):
        ask(server, itertools.repeat(REQUEST))


def test_server_that_hangs_up_ends_the_measurement(serve: Serve) -> None:
    server, _ = serve(lambda handler: setattr(handler, "close_connection", True))

    with pytest.raises(ServiceError, match="does not answer"):
        ask_at_rate(server, itertools.repeat(REQUEST), rate_per_s=10, duration_s=0.1)


def test_each_connection_asks_again_once_it_is_answered(serve: Serve) -> None:
    under_way, most = threading.Semaphore(3), []

    def counted(handler: Handler) -> None:
        most.append(under_way.acquire(blocking=False))
        handler.answer()
        under_way.release()

    server, seen = serve(counted)

    per_s = saturate(server, itertools.repeat(REQUEST), connections=3, duration_s=0.2)

    assert all(most)
    assert len(seen) > 3
    assert per_s <= len(seen) / 0.2
