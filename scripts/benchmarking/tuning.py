"""Finding the setting at which a system is accurate enough, and no more accurate than that."""

from collections.abc import Sequence

from scripts.benchmarking.measuring import Replies, median_ms, recall
from scripts.benchmarking.questions import Question
from scripts.benchmarking.systems.system import Setting
from scripts.benchmarking.worker import Worker

TARGET_RECALL = 0.99


def tune(worker: Worker, question: Question, budget_s: float) -> Setting:
    """Return the fastest setting that reaches `TARGET_RECALL`, else the most accurate one.

    Args:
        worker: of a built system.
        question: what is asked, without a filter.
        budget_s: how long each setting is tried.
    """
    ladders: Sequence[Sequence[Setting]] = worker.call("ladders")
    if sum(map(len, ladders)) == 1:
        return ladders[0][0]
    tried: list[tuple[Setting, Replies]] = []
    for ladder in ladders:
        setting = _first_accurate(worker, question, ladder, budget_s)
        tried.append((setting, worker.call("ask", setting, question, 0, 1, budget_s)))
    accurate = [one for one in tried if recall(one[1], question) >= TARGET_RECALL]
    if accurate:
        return min(accurate, key=lambda one: median_ms(one[1]))[0]
    return max(tried, key=lambda one: recall(one[1], question))[0]


def _first_accurate(
    worker: Worker, question: Question, ladder: Sequence[Setting], budget_s: float
) -> Setting:
    """Return the first setting of a ladder that reaches the target, else the last, by bisection."""
    low, high = 0, len(ladder) - 1
    while low < high:
        middle = (low + high) // 2
        replies = worker.call("ask", ladder[middle], question, 0, 1, budget_s)
        if recall(replies, question) >= TARGET_RECALL:
            high = middle
        else:
            low = middle + 1
    return ladder[low]
