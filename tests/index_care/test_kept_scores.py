import tracemalloc

import pytest

from app.index_care.kept_scores import KeptScores


def numbered(count):
    return ((number.to_bytes(12, "big"), number / 7) for number in range(count))


def test_scores_of_those_that_are_there_come_back_whatever_the_number_asked_for():
    kept = KeptScores(numbered(5000))

    found = kept.of([number.to_bytes(12, "big") for number in range(3000, 6000)])

    assert len(found) == 2000
    assert found[(4321).to_bytes(12, "big")] == pytest.approx(4321 / 7)
    assert kept.of([]) == {}


def test_score_of_a_key_that_comes_twice_is_the_last():
    assert KeptScores([(b"a", 1.0), (b"a", 2.0)]).of([b"a"]) == {b"a": 2.0}


def test_memory_does_not_grow_with_the_number_of_scores():
    tracemalloc.start()
    kept = KeptScores(numbered(200_000))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 1_000_000
    assert len(kept.of([(199_999).to_bytes(12, "big")])) == 1
