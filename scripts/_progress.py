"""How a long run shows itself: a bar on a terminal, a line now and then in a log; and its end."""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tqdm import tqdm

from app.ingest.failures import Failure
from app.ingest.runner import Observer
from scripts._cli import EXIT_INTERRUPTED

logger = logging.getLogger(__name__)

LOG_EVERY_S = 10.0


class Progress(Observer):
    """Shows rate and time left on stderr, passes failures on, and stops where asked.

    Args:
        total: rows expected, None where nobody knows.
        on_failure: is given every failure.
        stop: when set, the batch in hand is the last.
    """

    def __init__(
        self, total: int | None, on_failure: Callable[[Failure], None], stop: threading.Event
    ) -> None:
        self._on_failure = on_failure
        self._stop = stop
        self._bar = tqdm(
            total=total, unit=" pictures", file=sys.stderr, disable=not sys.stderr.isatty()
        )
        self._total = total
        self._settled = 0
        self._start_s = self._logged_s = time.monotonic()

    def on_failure(self, failure: Failure) -> None:
        """Pass the failure on."""
        self._on_failure(failure)

    def on_settled(self, rows: int) -> None:
        """Move the bar, or write a line when the last one is a while ago."""
        self._settled += rows
        self._bar.update(rows)
        now_s = time.monotonic()
        if self._bar.disable and now_s - self._logged_s >= LOG_EVERY_S:
            self._logged_s = now_s
            elapsed_s = now_s - self._start_s
            logger.info(
                tqdm.format_meter(self._settled, self._total, elapsed_s, unit=" pictures", ncols=60)
            )

    def should_stop(self) -> bool:
        """Return whether somebody asked to stop."""
        return self._stop.is_set()

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into an event; a second one ends the process at once."""
    stop = threading.Event()

    def ask_to_stop(signal_number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, _end_at_once)
        logger.warning("Finishing the batch in hand; press Ctrl-C again to end at once.")

    previous = signal.signal(signal.SIGINT, ask_to_stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous)


def _end_at_once(signal_number: int, frame: FrameType | None) -> None:
    # An exception would wait for the threads, whose model or host may take minutes. Nothing is
    # lost by not waiting: what the database has acknowledged is whole, and the next run goes on.
    with contextlib.suppress(OSError):
        os.write(2, b"error: Interrupted.\n")
    os._exit(EXIT_INTERRUPTED)
