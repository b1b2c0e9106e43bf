"""One server for each data directory, and how others learn where it listens.

The lock is the operating system's (flock): it is gone with the process that held it, however that
ended, so no lock is ever stale. The locked file says who holds it and at which address.
"""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from .options import ServerOptions

_USUAL = ServerOptions()
_SERVER_LOCK = "server.lock"
_LAUNCHER_LOCK = "launcher.lock"
_POLL_S = 0.02
_LOOK_S = 0.2


class DirectoryInUse(Exception):
    """Another process has the directory; the message is one sentence that names it."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the server of a directory says of itself."""

    process_id: int
    uri: str
    options: ServerOptions = _USUAL


class FileLock:
    """An exclusive lock on a file that is made where it is missing.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def acquire(self, timeout_s: float) -> bool:
        """Take the lock; False where somebody else kept it for all that time."""
        deadline_s = time.monotonic() + timeout_s
        while not self.try_acquire():
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_POLL_S)
        return True

    def write(self, text: str) -> None:
        """Replace the content of the locked file."""
        content = text.encode()
        os.pwrite(self._descriptor, content, 0)
        os.ftruncate(self._descriptor, len(content))

    def close(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class ServerLock:
    """The right to serve a data directory.

    Raises:
        DirectoryInUse: another process has it.
        OSError: the directory cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        self._lock = FileLock(directory / _SERVER_LOCK)
        # Somebody who only looks whether the directory is served has the lock for a moment.
        if not self._lock.acquire(_LOOK_S):
            self._lock.close()
            raise DirectoryInUse(_in_use(directory))
        self._lock.write("")

    def announce(self, uri: str, options: ServerOptions = _USUAL) -> None:
        """Say where the server listens, and how it differs from the usual one."""
        said = {"process_id": os.getpid(), "uri": uri, "options": asdict(options)}
        self._lock.write(json.dumps(said))

    def release(self) -> None:
        """Let another process serve the directory."""
        self._lock.write("")
        self._lock.close()


def launcher_lock(directory: Path) -> FileLock:
    """Return the lock that those who start servers for a directory take one after the other."""
    return FileLock(directory / _LAUNCHER_LOCK)


def is_served(directory: Path) -> bool:
    """Tell whether a process has the right to serve the directory."""
    with FileLock(directory / _SERVER_LOCK) as lock:
        return not lock.try_acquire()


def announcement(directory: Path) -> Announcement | None:
    """Return what the last server of the directory said; it need not be running any more."""
    try:
        content = json.loads((directory / _SERVER_LOCK).read_text())
        process_id, uri = int(content["process_id"]), str(content["uri"])
        return Announcement(process_id, uri, ServerOptions(**content.get("options", {})))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _in_use(directory: Path) -> str:
    holder = announcement(directory)
    who = f", process {holder.process_id} at {holder.uri}" if holder else " that is just starting"
    return f"The data directory {directory} is in use by another LocalAtlas{who}."
