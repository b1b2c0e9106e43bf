"""Real LocalAtlas processes: waiting for them and killing them."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from app.local_atlas.directory_lock import announcement, is_served

DEADLINE_S = 30.0


def wait_until(condition: Callable[[], bool], *, deadline_s: float = DEADLINE_S) -> None:
    """Return when the condition holds; fail where it does not in time."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def kill(directory: Path, number: int = signal.SIGKILL) -> None:
    """End the server of a directory with a signal and wait until it is gone."""
    holder = announcement(directory)
    if holder is not None and is_served(directory):
        os.kill(holder.process_id, number)
    wait_until(lambda: not is_served(directory))
