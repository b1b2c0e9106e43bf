"""A process for each system, and the calls into it.

`Worker` is the near side, `serve` the far one: `python -m scripts.benchmarking.worker NAME FOLDER
DESCRIPTOR` answers calls of `Session` methods over the inherited socket until it is closed.
"""

import os
import socket
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from app.config import PROJECT_ROOT

_END_S = 10.0
_STDERR = 2


class Unavailable(Exception):
    """A system cannot be measured; the message is one sentence."""


class Worker:
    """A system in a process of its own.

    Args:
        name: of the system.
        folder: where it keeps its data; made where it is missing.
        limit_s: how long its calls may take together, None for as long as they like.
    """

    def __init__(self, name: str, folder: Path, limit_s: float | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self._limit_s = limit_s
        self._used_s = 0.0
        near, far = socket.socketpair()
        with far:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, name, str(folder), str(far.fileno())],
                cwd=PROJECT_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=_STDERR,  # what a library prints is no part of the report
                pass_fds=[far.fileno()],
            )
        self._connection = Connection(near.detach())

    def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the worker's `Session` and return its result.

        Raises:
            Unavailable: it failed, its process ended, or the time is up; the worker is of no
                use any more.
        """
        start_s = time.monotonic()
        try:
            self._connection.send((method, arguments, options))
            left_s = None if self._limit_s is None else max(0.0, self._limit_s - self._used_s)
            if not self._connection.poll(left_s):
                self._process.kill()
                raise Unavailable(f"It took over {self._limit_s:.0f} s.")
            failure, result = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            code = self._process.wait()
            raise Unavailable(f"Its process ended with exit code {code}.") from error
        finally:
            self._used_s += time.monotonic() - start_s
        if failure is not None:
            raise Unavailable(failure)
        return result

    def close(self) -> None:
        """End the worker, after the call in hand."""
        self._connection.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def serve(name: str, folder: Path, connection: Connection) -> None:
    """Answer calls until the other side closes."""
    session = None
    try:
        while True:
            method, arguments, options = connection.recv()
            try:
                if session is None:
                    from scripts.benchmarking.session import Session  # may fail, and is told

                    session = Session(name, folder)
                connection.send((None, getattr(session, method)(*arguments, **options)))
            except Exception as error:
                connection.send((f"{type(error).__name__}: {error}".splitlines()[0], None))
    except EOFError:
        pass
    finally:
        if session is not None:
            session.close()


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"
    serve(sys.argv[1], Path(sys.argv[2]), Connection(int(sys.argv[3])))
