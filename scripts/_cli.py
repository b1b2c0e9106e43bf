"""The edge that every script shares: logging, and errors as one line with an exit code."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence

from app.errors import ConfigError, ServiceError

EXIT_DONE, EXIT_FAILED, EXIT_MISUSE, EXIT_INTERRUPTED = 0, 1, 2, 130


def run(
    main: Callable[[Sequence[str] | None], int],
    argv: Sequence[str] | None = None,
    *,
    log_level: str = "INFO",
) -> int:
    """Run a script's body and return its exit code.

    A `ConfigError` gives 2, another `ServiceError` 1, Ctrl-C 130, each with one line on stderr; a
    reader that closes stdout early (`| head`) ends it quietly.
    """
    logging.basicConfig(
        level=log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
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


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code
