"""Where a server listens: a loopback port or a Unix socket, never another interface.

A socket path holds 107 bytes (103 on macOS) and drivers write the hosts of a replica set in lower
case, so the automatic socket stands in a short directory of its own, under a hash of the data
directory in lower case, wherever that directory is.
"""

import hashlib
import os
import socket
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")

_BACKLOG = 1024
_MAX_PORT = 65535
_MAX_SOCKET_PATH_BYTES = 103
_OPTIONS = "directConnection=true"


class AddressError(Exception):
    """The address cannot be used; the message is one sentence."""


class Address(Protocol):
    """A place to listen at."""

    @property
    def name(self) -> str:
        """How the handshake names it."""

    @property
    def uri(self) -> str:
        """What a driver connects to."""

    def listen(self) -> "tuple[socket.socket, Address]":
        """Return a listening socket and the address that it got.

        Raises:
            AddressError: somebody else has the address, or it may not be used.
        """

    def connect(self, timeout_s: float) -> socket.socket:
        """Return a connection to whoever listens there.

        Raises:
            OSError: nobody does.
        """

    def release(self) -> None:
        """Remove what `listen` left in the file system."""


@dataclass(frozen=True, slots=True)
class LoopbackAddress:
    """A TCP port of this machine alone; 0 stands for any that is free.

    Raises:
        AddressError: the host is another interface, or there is no such port.
    """

    host: str
    port: int

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK_HOSTS:
            raise AddressError(
                f"--host {self.host} must be one of {', '.join(LOOPBACK_HOSTS)}: LocalAtlas knows "
                "no users and never listens on another interface."
            )
        if not 0 <= self.port <= _MAX_PORT:
            raise AddressError(f"--port {self.port} must be between 0 and {_MAX_PORT}.")

    @property
    def name(self) -> str:
        """`host:port`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def uri(self) -> str:
        """`mongodb://host:port/`."""
        return f"mongodb://{self.name}/?{_OPTIONS}"

    def listen(self) -> tuple[socket.socket, Address]:
        """Return a listening socket and the address with its port."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            listener = socket.create_server((self.host, self.port), family=family, backlog=_BACKLOG)
            return listener, LoopbackAddress(self.host, listener.getsockname()[1])
        except OSError as error:
            raise AddressError(f"LocalAtlas cannot listen on {self.name}: {error}.") from error

    def connect(self, timeout_s: float) -> socket.socket:
        """Return a connection."""
        return socket.create_connection((self.host, self.port), timeout_s)

    def release(self) -> None:
        """Do nothing: a port leaves nothing behind."""


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """A Unix socket."""

    path: Path

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def uri(self) -> str:
        """`mongodb://<percent-encoded path>/`; drivers know a socket by the suffix `.sock`."""
        return f"mongodb://{quote(self.name, safe='')}/?{_OPTIONS}"

    def listen(self) -> tuple[socket.socket, Address]:
        """Return a listening socket, in the place of one that a killed server left behind."""
        if len(os.fsencode(self.path)) > _MAX_SOCKET_PATH_BYTES or self.path.suffix != ".sock":
            raise AddressError(
                f"The socket path {self.path} must end in .sock and be at most "
                f"{_MAX_SOCKET_PATH_BYTES} bytes long."
            )
        self._remove_stale()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(self.name)
            self.path.chmod(0o600)
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            raise AddressError(f"LocalAtlas cannot listen on {self.path}: {error}.") from error
        return listener, self

    def connect(self, timeout_s: float) -> socket.socket:
        """Return a connection."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_s)
        try:
            connection.connect(self.name)
        except OSError:
            connection.close()
            raise
        return connection

    def release(self) -> None:
        """Remove the socket file."""
        self.path.unlink(missing_ok=True)

    def _remove_stale(self) -> None:
        if not os.path.lexists(self.path):
            return
        if not stat.S_ISSOCK(self.path.lstat().st_mode):
            raise AddressError(f"The socket path {self.path} is taken by something else.")
        try:
            self.connect(timeout_s=1.0).close()
        except ConnectionRefusedError:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise AddressError(f"The socket path {self.path} cannot be used: {error}.") from error
        else:
            raise AddressError(f"Another server is listening on {self.path}.")


def automatic_address(directory: Path) -> SocketAddress:
    """Return the socket that belongs to a data directory; its own directory is made.

    Raises:
        AddressError: the directory for sockets is not ours alone.
    """
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16] + ".sock"
    last_error = ""
    for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if not base or not Path(base).is_dir():
            continue
        path = Path(base) / f"local-atlas-{os.getuid()}" / name
        if len(os.fsencode(path)) > _MAX_SOCKET_PATH_BYTES:
            last_error = f"The socket path {path} is longer than {_MAX_SOCKET_PATH_BYTES} bytes."
            continue
        try:
            _make_private(path.parent)
        except OSError as error:
            last_error = f"The directory {path.parent} for sockets cannot be made: {error}."
            continue
        return SocketAddress(path)
    raise AddressError(last_error or "There is no temporary directory for the socket.")


def _make_private(directory: Path) -> None:
    """Make a directory that only this user can enter; anybody else could pose as the server."""
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise AddressError(
            f"The directory {directory} for sockets must belong to this user and be closed to "
            "others (mode 0700)."
        )
