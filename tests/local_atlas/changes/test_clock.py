"""The cluster time only grows."""

import bson
from bson.timestamp import Timestamp

from app.local_atlas.changes.clock import ClusterClock, to_number, to_timestamp
from app.local_atlas.raw_documents import with_elements


def test_times_grow_within_a_second_and_over_a_clock_that_goes_back() -> None:
    seconds = iter([10.0, 10.0, 10.5, 9.0, 11.0])
    clock = ClusterClock(clock_s=lambda: next(seconds))

    times = [to_timestamp(clock.tick()) for _ in range(3)]

    assert times == [Timestamp(10, 2), Timestamp(10, 3), Timestamp(11, 1)]


def test_time_goes_on_behind_the_last_one_of_an_earlier_process() -> None:
    last = to_number(Timestamp(20, 5))

    assert ClusterClock(last, clock_s=lambda: 10.0).tick() > last


def test_time_that_somebody_has_seen_is_not_gone_behind() -> None:
    clock = ClusterClock(clock_s=lambda: 10.0)
    seen = to_number(Timestamp(12, 7))

    assert clock.advance(seen)
    assert clock.tick() > seen


def test_time_of_another_century_is_not_believed() -> None:
    clock = ClusterClock(clock_s=lambda: 10.0)
    before = clock.latest

    assert not clock.advance(to_number(Timestamp(2**31, 0)))
    assert clock.latest == before


def test_gossip_tells_the_latest_time() -> None:
    clock = ClusterClock(clock_s=lambda: 10.0)
    clock.gossip()
    latest = to_timestamp(clock.tick())

    reply = bson.decode(with_elements(bson.encode({"ok": 1.0}), clock.gossip()))

    assert list(reply) == ["ok", "operationTime", "$clusterTime"]
    assert reply["operationTime"] == reply["$clusterTime"]["clusterTime"] == latest
