"""When a server that was started automatically may end; the clock is set by hand."""

import pytest

from app.local_atlas.linger import Linger


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def linger(clock: Clock) -> Linger:
    return Linger(10.0, clock)


def test_starter_has_three_times_the_linger_time_to_connect(linger: Linger, clock: Clock) -> None:
    clock.now_s += 29.9
    assert not linger.try_end()

    clock.now_s += 0.1
    assert linger.try_end()


def test_never_over_while_a_connection_is_open(linger: Linger, clock: Clock) -> None:
    linger.admit()
    linger.admit()
    linger.closed(was_driver=True)

    clock.now_s += 1_000_000

    assert not linger.try_end()


def test_over_some_time_after_the_last_driver_has_gone(linger: Linger, clock: Clock) -> None:
    linger.admit()
    clock.now_s += 1000
    linger.closed(was_driver=True)

    clock.now_s += 9.9
    assert not linger.try_end()
    clock.now_s += 0.1
    assert linger.try_end()


def test_whoever_looked_in_has_time_to_come_back_with_a_driver(
    linger: Linger, clock: Clock
) -> None:
    clock.now_s += 1000
    linger.admit()
    linger.closed(was_driver=False)

    clock.now_s += 29.9
    assert not linger.try_end()
    clock.now_s += 0.1
    assert linger.try_end()


def test_driver_that_came_and_went_has_had_what_was_promised(linger: Linger, clock: Clock) -> None:
    linger.admit()
    linger.closed(was_driver=False)
    linger.admit()
    linger.closed(was_driver=True)

    clock.now_s += 10

    assert linger.try_end()


def test_nobody_is_admitted_once_it_has_decided_to_end(linger: Linger, clock: Clock) -> None:
    clock.now_s += 1000

    assert linger.admit()
    assert not linger.try_end()
    linger.closed(was_driver=True)
    clock.now_s += 10
    assert linger.try_end()
    assert not linger.admit()
