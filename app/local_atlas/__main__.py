"""Serve a data directory: `python -m app.local_atlas --path DIR [--port N | --socket FILE]`.

Where LocalAtlas is installed by itself, that is `python -m local_atlas`, or `local-atlas`.
"""

import argparse
import logging
import math
import resource
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from .addresses import Address, AddressError, LoopbackAddress, SocketAddress, automatic_address
from .changes.log_entries import DEFAULT_AGE_S, DEFAULT_SIZE_BYTES, LogLimits
from .directory_lock import DirectoryInUse
from .expiry import INTERVAL_S
from .node import Node, start_node
from .options import ServerOptions
from .persistence import StorageError

logger = logging.getLogger(__name__)

_WATCH_S = 0.25  # how often a server that ends by itself looks whether it may
_MIB = 1024 * 1024
_MAX_OPEN_FILES = 65536
_MODULE = f"python -m {__package__}"


def local_atlas_command() -> int:
    """Run `main` as the installed command `local-atlas`."""
    return main(program="local-atlas")


def main(argv: Sequence[str] | None = None, *, program: str = _MODULE) -> int:
    """Serve until a signal comes, or, with `--linger-s`, until nobody has been connected so long.

    Args:
        argv: the arguments, by default those of the process.
        program: what the help calls the program.

    Returns:
        0 after a clean end, 1 where the directory or the address cannot be used, 2 on misuse.
    """
    arguments = _parser(program).parse_args(argv)
    logging.basicConfig(
        level=arguments.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    _raise_file_limit()
    directory = arguments.path.expanduser().resolve()
    options = ServerOptions(arguments.index_lag_ms, arguments.strict)
    try:
        address = _address(arguments, directory)
        node = start_node(
            directory,
            address,
            linger_s=arguments.linger_s,
            options=options,
            ttl_interval_s=arguments.ttl_interval_s,
            log_limits=LogLimits(
                int(arguments.change_log_mib * _MIB), arguments.change_log_hours * 3600
            ),
        )
    except (DirectoryInUse, AddressError, StorageError) as error:
        return _fail(str(error))
    except OSError as error:
        reason = error.strerror or str(error)
        return _fail(f"The data directory {directory} cannot be used: {reason}.")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    print(node.uri, flush=True)  # noqa: T201 - the one line that is this command's result
    logger.info("LocalAtlas serves %s at %s", directory, node.uri)
    _wait(node, stop)
    node.close()
    logger.info("LocalAtlas has ended")
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Serve a data directory as a MongoDB with Atlas Search, for this machine only.",
        epilog=f"Example: {program} --path .local_atlas --port 27017",
    )
    parser.add_argument("--path", type=Path, required=True, help="data directory, made if missing")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--port", type=int, help="TCP port to listen on (default: a Unix socket)")
    where.add_argument("--socket", type=Path, help="Unix socket to listen on, ending in .sock")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address for --port")
    parser.add_argument(
        "--linger-s",
        type=float,
        help="end this many seconds after the last client has gone (default: never)",
    )
    parser.add_argument(
        "--index-lag-ms",
        type=_milliseconds,
        default=0,
        metavar="N",
        help="make an acknowledged write searchable only N ms later (default: at once)",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse what the search engine passes over in silence, as a vector of another length",
    )
    parser.add_argument(
        "--ttl-interval-s",
        type=_seconds,
        default=INTERVAL_S,
        metavar="N",
        help="look for documents that have expired every N seconds (default: 60)",
    )
    parser.add_argument(
        "--change-log-mib",
        type=_positive,
        default=DEFAULT_SIZE_BYTES / _MIB,
        metavar="N",
        help="keep N MiB of changes at most, for change streams to go back (default: %(default)g)",
    )
    parser.add_argument(
        "--change-log-hours",
        type=_positive,
        default=DEFAULT_AGE_S / 3600,
        metavar="N",
        help="keep them for at most N hours (default: %(default)g)",
    )
    parser.add_argument(
        "--log-level", default="info", choices=("debug", "info", "warning", "error")
    )
    return parser


def _milliseconds(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 0")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number above 0")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of seconds above 0")
    return seconds


def _address(arguments: argparse.Namespace, directory: Path) -> Address:
    if arguments.port is not None:
        return LoopbackAddress(arguments.host, arguments.port)
    LoopbackAddress(arguments.host, 0)  # refuses a host that no socket would listen on either
    if arguments.socket is not None:
        return SocketAddress(arguments.socket.expanduser().absolute())
    return automatic_address(directory)


def _wait(node: Node, stop: threading.Event) -> None:
    if node.linger is None:
        stop.wait()
        return
    while not stop.wait(_WATCH_S):
        if node.linger.try_end():
            logger.info("Nobody has been connected for a while")
            return


def _raise_file_limit() -> None:
    """Allow as many connections as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _fail(message: str) -> int:
    print(message, file=sys.stderr)  # noqa: T201 - one line for whoever started it
    return 1


if __name__ == "__main__":
    sys.exit(main())
