import numpy as np
import pytest

from scripts.benchmarking.measuring import Replies, figures, recall, short_answers
from scripts.benchmarking.questions import Question
from scripts.benchmarking.tuning import tune

QUESTION = Question(
    "unfiltered",
    1.0,
    None,
    np.zeros((2, 4), np.float32),
    (frozenset(range(10)), frozenset(range(10, 20))),
)


class Rehearsal:
    """A worker whose settings are (accuracy, latency)."""

    def __init__(self, *ladders: list[tuple[int, float]]) -> None:
        self._ladders = [
            [{"found": found, "latency_ms": latency_ms} for found, latency_ms in ladder]
            for ladder in ladders
        ]
        self.asked: list[int] = []

    def call(self, method, *arguments):
        if method == "ladders":
            return self._ladders
        setting, question, _, _, _ = arguments
        self.asked.append(setting["found"])
        replies = Replies()
        for place, answer in enumerate(question.answers):
            replies.add(place, setting["latency_ms"], sorted(answer)[: setting["found"]])
        return replies


@pytest.mark.parametrize("first", range(7))
def test_the_first_setting_of_a_ladder_that_is_accurate_is_chosen(first):
    worker = Rehearsal([(9, 10.0 + i) if i < first else (10, 20.0 - i) for i in range(7)])

    assert tune(worker, QUESTION, 1.0) == {"found": 10, "latency_ms": 20.0 - first}
    assert len(worker.asked) <= 4  # by bisection, and once more for its latency


def test_of_several_ladders_the_fastest_accurate_setting_is_chosen():
    worker = Rehearsal([(9, 1.0), (10, 5.0)], [(9, 2.0), (10, 3.0)], [(8, 0.1), (9, 0.2)])

    assert tune(worker, QUESTION, 1.0) == {"found": 10, "latency_ms": 3.0}


def test_a_system_without_a_choice_is_not_tried():
    worker = Rehearsal([(10, 1.0)])

    assert tune(worker, QUESTION, 1.0) == {"found": 10, "latency_ms": 1.0}
    assert worker.asked == []


def test_where_no_setting_is_accurate_the_most_accurate_one_is_chosen():
    worker = Rehearsal([(2, 0.1), (5, 0.2)], [(4, 0.1), (7, 0.9)])

    assert tune(worker, QUESTION, 1.0) == {"found": 7, "latency_ms": 0.9}


def test_recall_counts_right_items_of_the_queries_that_were_asked():
    replies = Replies()
    replies.add(1, 3.0, [10, 11, 12, 13, 14, 0, 1, 2, 3, 4])

    assert recall(replies, QUESTION) == 0.5
    assert short_answers(replies, QUESTION) == 0
    assert figures(replies, QUESTION) == {
        "p50_ms": 3.0,
        "p95_ms": 3.0,
        "recall_at_10": 0.5,
        "short_answers": 0,
        "queries": 1,
    }


def test_an_answer_with_fewer_hits_than_there_are_is_short():
    few = Question("filtered", 0.1, None, QUESTION.queries, (frozenset({1, 2}), frozenset({3})))
    replies = Replies()
    replies.add(0, 1.0, [1])
    replies.add(1, 1.0, [3])

    assert short_answers(replies, few) == 1
    assert recall(replies, few) == 2 / 3
