"""A setting is called faster where it is, and never because the machine was busy."""

import numpy as np
import pytest

from app.index_care.timing import Timing, time_in_turns

QUERIES = 100


def settings(*typical_ms, busy=0.0):
    """Settings that take so long, each time a little different; now and then five times as long."""
    random = np.random.default_rng(4)
    own = random.lognormal(0, 0.3, QUERIES)  # a query is easy or hard at every setting

    def make(ms):
        def ask(query):
            spell = 5.0 if random.random() < busy else 1.0
            return ms * own[query] * random.lognormal(0, 0.1) * spell

        return ask

    return [make(ms) for ms in typical_ms]


@pytest.mark.parametrize("busy", [0.0, 0.1, 0.2])
@pytest.mark.parametrize(
    ("one_ms", "other_ms", "verdict"),
    [
        (1.0, 1.2, "faster"),
        (1.2, 1.0, "slower"),
        (1.0, 1.0, "as fast"),
        (1.0, 1.02, "as fast"),
    ],
)
def test_verdict_is_that_of_the_settings_and_not_of_a_busy_machine(one_ms, other_ms, verdict, busy):
    one, other = time_in_turns(settings(one_ms, other_ms, busy=busy), QUERIES)

    assert one.compared_with(other) == verdict


def test_what_is_typically_faster_and_slower_at_worst_is_not_faster():
    steady, uneven = np.full(QUERIES, 2.0), np.full(QUERIES, 1.0)
    uneven[:10] = 9.0

    assert Timing(uneven).compared_with(Timing(steady)) == "as fast"


def test_every_query_is_asked_at_every_setting_and_each_setting_comes_first_as_often():
    asked = []

    time_in_turns(
        [lambda query, one=one: asked.append((one, query)) or 1.0 for one in range(3)], 6, seconds=0
    )

    rounds = [asked[i : i + 18] for i in range(0, len(asked), 18)]
    assert len(rounds) == 3
    for one in rounds:
        assert sorted(one) == [(setting, query) for setting in range(3) for query in range(6)]
        assert sorted(setting for setting, _ in one[::3]) == [0, 0, 1, 1, 2, 2]


def test_more_rounds_are_asked_while_there_is_time():
    asked = []

    time_in_turns([lambda query: asked.append(query) or 1.0], 2, seconds=60)

    assert len(asked) == 2 * 9
