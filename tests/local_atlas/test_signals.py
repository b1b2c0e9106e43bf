"""Waiting for something new."""

import threading
import time

from app.local_atlas.signals import Signal
from tests.local_atlas.processes import wait_until

LONG_S = 60.0


def wait_in_thread(signal: Signal) -> tuple[threading.Thread, list[bool]]:
    """Wait in a thread for what comes after now; return it and what it will be told."""
    told: list[bool] = []
    seen = signal.count

    def run() -> None:
        told.append(signal.wait(seen, time.monotonic() + LONG_S, lambda: True))

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: signal.waiting == 1)
    return thread, told


def test_announcement_wakes_who_waits() -> None:
    signal = Signal()
    thread, told = wait_in_thread(signal)

    signal.announce()

    thread.join(LONG_S)
    assert told == [True]
    assert signal.waiting == 0


def test_announcement_before_the_waiting_is_not_missed() -> None:
    signal = Signal()
    seen = signal.count
    signal.announce()

    assert signal.wait(seen, time.monotonic() + LONG_S, lambda: False)


def test_who_is_not_wanted_any_more_waits_no_longer() -> None:
    signal = Signal()

    assert not signal.wait(signal.count, time.monotonic() + LONG_S, lambda: False)


def test_time_that_is_up_ends_the_waiting() -> None:
    signal = Signal()

    assert not signal.wait(signal.count, time.monotonic() + 0.001, lambda: True)


def test_closed_signal_lets_nobody_wait() -> None:
    signal = Signal()
    thread, told = wait_in_thread(signal)

    signal.close()

    thread.join(LONG_S)
    assert told == [False]
