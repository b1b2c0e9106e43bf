import pytest

from app.fetching import FetchError
from app.fetching.errors import HostNotAsked
from app.fetching.outages import _MAX_HOSTS, Outages

PASSING = FetchError("It is away.", retryable=True)


@pytest.fixture
def outages():
    return Outages(after_failures=2, pause_s=60)


def test_one_host_that_is_away_stops_no_other(outages):
    for _ in range(2):
        outages.note("a.example", PASSING)

    with pytest.raises(HostNotAsked, match=r"a\.example failed 2 times in a row"):
        outages.check("a.example")
    outages.check("b.example")


@pytest.mark.parametrize("answer", [None, FetchError("It is not there.")])
def test_any_answer_ends_a_row_of_failures(outages, answer):
    for error in (PASSING, answer, PASSING):
        outages.note("a.example", error)

    outages.check("a.example")


def test_refusing_to_ask_is_no_further_failure(outages):
    for error in (PASSING, HostNotAsked("It is busy.")):
        outages.note("a.example", error)

    outages.check("a.example")


def test_memory_stays_flat_however_many_hosts_fail(outages):
    for i in range(_MAX_HOSTS + 2):
        for _ in range(2):
            outages.note(f"{i}.example", PASSING)

    outages.check("0.example")
    with pytest.raises(HostNotAsked):
        outages.check(f"{_MAX_HOSTS}.example")
