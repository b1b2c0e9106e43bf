import time
from collections.abc import Callable

import pytest

from app import data_state
from app.data_state import DataState, DataStateCache


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(data_state, "time", clock)
    return clock


def reads_of(clock: Clock, took_s: float) -> tuple[DataStateCache, Callable[[], int]]:
    """Return a cache whose reads take so long, and what counts them once none is under way."""
    reads: list[float] = []

    def read() -> DataState:
        clock.now_s += took_s
        reads.append(took_s)
        return DataState(None, frozenset({"f"}), False)

    cache = DataStateCache(read)

    def count() -> int:
        with cache._lock:  # held while a read in the background is under way
            return len(reads)

    cache.get(is_good=lambda state: True)
    return cache, count


def wait_for(count: Callable[[], int], expected: int) -> None:
    end_s = time.monotonic() + 10
    while count() < expected and time.monotonic() < end_s:
        time.sleep(0.001)
    assert count() == expected


@pytest.mark.parametrize(
    ("took_s", "good_for_s"),
    [
        pytest.param(0.05, 60, id="a minute"),
        pytest.param(3.0, 300, id="longer where reading takes long"),
    ],
)
def test_good_state_is_read_again_so_much_later(
    clock: Clock, took_s: float, good_for_s: float
) -> None:
    cache, count = reads_of(clock, took_s)

    clock.now_s += good_for_s - 1
    cache.get(is_good=lambda state: True)
    assert count() == 1

    clock.now_s += 2
    cache.get(is_good=lambda state: True)
    wait_for(count, 2)


def test_state_that_is_not_good_is_read_again_after_a_second(clock: Clock) -> None:
    cache, count = reads_of(clock, 3.0)

    clock.now_s += 1.5
    cache.get(is_good=lambda state: False)

    assert count() == 2
