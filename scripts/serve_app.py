"""Serve the application with Waitress.

Example:
    PORT=8080 python -m scripts.serve_app
"""

import argparse
import socket
import sys
from collections.abc import Sequence

import waitress

from app import create_app
from app.config import Settings
from app.errors import ServiceError
from scripts._cli import run

THREADS = 8


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
    app = create_app(settings)
    print(f"Serving at http://{settings.host}:{settings.port} (Ctrl-C ends it)", flush=True)
    waitress.serve(
        app,
        sockets=[listener],
        threads=THREADS,
        max_request_body_size=settings.max_content_length_bytes + 65536,
        # Above the body cap, so that Waitress never spools an upload to a file.
        inbuf_overflow=settings.max_content_length_bytes + 131072,
    )


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        ServiceError: the address cannot be used.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise ServiceError(
            f"Port {port} on {host} cannot be used ({error.strerror}); set PORT to another one."
        ) from error
    return listener


if __name__ == "__main__":
    sys.exit(run(main))
