"""The edge that every script shares: logging, and errors as one line with an exit code."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence

from pymongo.errors import ConnectionFailure

from app.config import Settings
from app.errors import ConfigError, ServiceError

EXIT_DONE, EXIT_FAILED, EXIT_MISUSE, EXIT_INTERRUPTED = 0, 1, 2, 130


def run(
    main: Callable[[Sequence[str] | None], int],
    argv: Sequence[str] | None = None,
    *,
    log_level: str | None = None,
) -> int:
    """Run a script's body and return its exit code.

    Args:
        main: takes `argv`, returns the exit code.
        argv: of the process where not given.
        log_level: that of the settings where not given.

    A `ConfigError` gives 2, another `ServiceError` 1, Ctrl-C 130, each with one line on stderr; a
    reader that closes stdout early (`| head`) ends it quietly.
    """
    try:
        _log_to_stderr(log_level or Settings.from_env().log_level)
        code = main(argv)
        sys.stdout.flush()
    except ConfigError as error:
        return _fail(error.message, EXIT_MISUSE)
    except ServiceError as error:
        return _fail(error.message, EXIT_FAILED)
    except KeyboardInterrupt:
        return _fail("Interrupted.", EXIT_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return code


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_is_fit_for_logs)
    logging.basicConfig(
        level=level,
        handlers=[handler],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def _is_fit_for_logs(record: logging.LogRecord) -> bool:
    """Keep what libraries write for their own makers out.

    There, the driver shows whole commands and stores' clients whole requests: signed URLs and
    credentials among them. And that its own threads lost the connection, too, with a traceback.
    """
    is_own = record.name.partition(".")[0] in ("app", "scripts")
    error = record.exc_info[1] if record.exc_info else None
    return is_own or (record.levelno > logging.DEBUG and not isinstance(error, ConnectionFailure))


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code
