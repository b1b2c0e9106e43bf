"""Serve the application with Waitress.

Example:
    PORT=8080 python -m scripts.serve_app
"""

import argparse
import errno
import json
import socket
import sys
from collections.abc import Sequence
from http import HTTPStatus

import waitress
from threadpoolctl import threadpool_limits
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from app import create_app
from app.config import Settings
from app.errors import ServiceError
from app.memory import keep_freed_memory
from scripts._cli import run

# Each waits for the model or the database most of its time: sixteen pictures are embedded together
# only if their requests are all in hand, and others must get by meanwhile.
THREADS = 24


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, check the port, serve until interrupted."""
    argparse.ArgumentParser(
        prog="python -m scripts.serve_app",
        description="Serve the application at HOST and PORT until interrupted.",
        epilog="example: PORT=8080 python -m scripts.serve_app",
    ).parse_args(argv)
    settings = Settings.from_env()
    with listen(settings.host, settings.port) as listener:
        serve(settings, listener)
    return 0


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve on a listening socket until interrupted; uploads stay in memory."""
    keep_freed_memory()
    app = create_app(settings)
    # Requests multiply small matrices only, many at a time: on several threads each would wait
    # longer for the others to begin than its work takes. Models have threads of their own.
    threadpool_limits(1, user_api="blas")
    HTTPChannel.error_task_class = _ProblemTask
    print(f"Serving at {service_url(settings.host, settings.port)} (Ctrl-C ends it)", flush=True)
    waitress.serve(
        app,
        sockets=[listener],
        threads=THREADS,
        max_request_body_size=settings.max_content_length_bytes + 65536,
        # Above the body cap, so that Waitress never spools an upload to a file.
        inbuf_overflow=settings.max_content_length_bytes + 131072,
    )


class _ProblemTask(ErrorTask):  # type: ignore[misc]  # Waitress carries no types
    """Answers what Waitress refuses before the application sees it, as the application would."""

    def execute(self) -> None:
        """Write the answer and close the connection."""
        error = self.request.error
        status = HTTPStatus(error.code)
        is_too_large = status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        reason = f"The server refused the request: {error.body.rstrip('.')}."
        problem = {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "detail": "The upload is larger than this service takes." if is_too_large else reason,
            "code": status.name.lower(),
        }
        body = json.dumps(problem).encode()
        self.status = f"{status.value} {status.phrase}"
        self.response_headers.append(("Content-Type", "application/problem+json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


def service_url(host: str, port: int) -> str:
    """Return where a browser finds the service."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, of IPv4 or IPv6 as the host is.

    Raises:
        ServiceError: the address cannot be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _unusable_host(host, error) from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise _unusable_host(host, error) from error
        raise ServiceError(
            f"Port {port} on {host} cannot be used ({error.strerror}); set PORT to another one."
        ) from error
    return listener


def _unusable_host(host: str, error: Exception) -> ServiceError:
    reason = getattr(error, "strerror", None) or "it is no host name"
    return ServiceError(
        f"HOST ({host!r}) cannot be used ({reason}); expected an address of this machine."
    )


if __name__ == "__main__":
    sys.exit(run(main))
