"""Starts a LocalAtlas for a data directory, or joins the one that is there.

Those who start take a lock one after the other, so eight starts at once give one server. The server
is a process of its own that outlives its starter; it ends by itself when nobody has been connected
for a while. A starter that meets it just ending finds that it does not answer, waits until the
directory is free, and starts the next one.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from .addresses import AddressError, automatic_address
from .directory_lock import Announcement, announcement, is_served, launcher_lock
from .options import ServerOptions
from .probe import serves

LOG_NAME = "local_atlas.log"
DEFAULT_LINGER_S = 10.0

_START_TIMEOUT_S = 60.0  # a million vectors take some 15 seconds to open
_POLL_S = 0.02
_MAX_LOG_BYTES = 5_000_000
_LOG_TAIL_LINES = 5
_PACKAGE = __package__ or "local_atlas"
_PACKAGE_ROOT = Path(__file__).resolve().parents[_PACKAGE.count(".") + 1]


class LauncherError(Exception):
    """LocalAtlas cannot be started or joined; the message is one sentence."""


def start_or_join(
    path: Path,
    *,
    linger_s: float = DEFAULT_LINGER_S,
    index_lag_ms: int = 0,
    strict: bool = False,
) -> str:
    """Return the URI of the LocalAtlas that serves a data directory, started if there is none.

    Args:
        path: the data directory, made where it is missing.
        linger_s: how long a server that is started here stays after its last client has gone;
            its starter has three times as long to connect. One that runs already keeps its own.
        index_lag_ms: how long after its acknowledgement a write becomes searchable.
        strict: whether what the search engine passes over in silence is an error.

    Raises:
        LauncherError: it does not start, the directory cannot be used, or the server that runs
            was not started with the lag or the strictness that is asked for.
    """
    directory = path.expanduser().resolve()
    options = ServerOptions(index_lag_ms, strict)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with launcher_lock(directory) as lock:
            if not lock.acquire(_START_TIMEOUT_S):
                raise LauncherError(f"Another start of LocalAtlas in {directory} does not end.")
            return _join(directory, options) or _start(directory, linger_s, options)
    except AddressError as error:
        raise LauncherError(str(error)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise LauncherError(
            f"The data directory {directory} of LocalAtlas cannot be used: {reason}."
        ) from error


def _join(directory: Path, options: ServerOptions) -> str | None:
    """Return the URI of the running server, None where none runs; wait for one that is between."""
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while is_served(directory):
        running = _answering(directory)
        if running is not None:
            return _checked(directory, running, options).uri
        if time.monotonic() > deadline_s:
            raise LauncherError(f"The LocalAtlas that serves {directory} does not answer.")
        time.sleep(_POLL_S)
    return None


def _answering(directory: Path) -> Announcement | None:
    announced = announcement(directory)
    if announced is None or not serves(announced.uri, directory):
        return None
    return announced


def _checked(directory: Path, running: Announcement, wanted: ServerOptions) -> Announcement:
    """Refuse to join a server that does not do what is asked for."""
    if not running.options.gives(wanted):
        has = " ".join(running.options.arguments()) or "neither --strict nor --index-lag-ms"
        raise LauncherError(
            f"The LocalAtlas that serves {directory} runs with {has}, and "
            f"{' '.join(wanted.arguments())} is asked for: end it first (process "
            f"{running.process_id})."
        )
    return running


def _start(directory: Path, linger_s: float, options: ServerOptions) -> str:
    log = directory / LOG_NAME
    if log.exists() and log.stat().st_size > _MAX_LOG_BYTES:
        log.unlink()
    process = _spawn(directory, log, linger_s, options)
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        # Announced by this very process: what an earlier one said may still stand there.
        announced = announcement(directory)
        if announced is not None and announced.process_id == process.pid:
            running = _answering(directory)
            if running is not None:
                return running.uri
        if process.poll() is not None:
            # Somebody may have started one by hand in this moment.
            return _join(directory, options) or _died(directory, log)
        time.sleep(_POLL_S)
    process.kill()
    raise LauncherError(f"LocalAtlas in {directory} did not answer in {_START_TIMEOUT_S:.0f} s.")


def _spawn(
    directory: Path, log: Path, linger_s: float, options: ServerOptions
) -> "subprocess.Popen[bytes]":
    address = automatic_address(directory)
    # -P keeps the working directory out of the module path: the child runs in its data directory.
    command = [sys.executable, "-P", "-m", _PACKAGE, "--path", str(directory)]
    command += ["--socket", address.name, "--linger-s", str(linger_s)]
    command += options.arguments()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=directory,
            env=_child_environment(),
            start_new_session=True,
        )
    # Somebody has to take note of its end, or it stays a zombie for as long as its starter lives.
    threading.Thread(target=process.wait, name="local-atlas-reaper", daemon=True).start()
    return process


def _child_environment() -> dict[str, str]:
    python_path = [str(_PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Vectors and codes are read here and there: with huge pages a fifth faster.
    tunables = [*filter(None, [os.environ.get("GLIBC_TUNABLES")]), "glibc.malloc.hugetlb=1"]
    paths = {"PYTHONPATH": os.pathsep.join(python_path), "GLIBC_TUNABLES": ":".join(tunables)}
    return {**os.environ, **paths}


def _died(directory: Path, log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    tail = " | ".join(lines[-_LOG_TAIL_LINES:]) or "its log is empty"
    raise LauncherError(f"LocalAtlas in {directory} ended while it was starting: {tail}")
