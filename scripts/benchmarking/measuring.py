"""From replies to figures."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scripts.benchmarking.questions import Question


@dataclass(slots=True)
class Replies:
    """What came back for some queries of a question.

    Attributes:
        places: which queries were asked, by their place in the question.
        latencies_ms: of each.
        numbers: of the items found for each, best first.
    """

    places: list[int] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    numbers: list[list[int]] = field(default_factory=list)

    def add(self, place: int, latency_ms: float, numbers: list[int]) -> None:
        """Note one reply."""
        self.places.append(place)
        self.latencies_ms.append(latency_ms)
        self.numbers.append(numbers)

    def extend(self, other: "Replies") -> None:
        """Note all that others hold."""
        self.places += other.places
        self.latencies_ms += other.latencies_ms
        self.numbers += other.numbers


def median_ms(replies: Replies) -> float:
    """Return the median latency."""
    return float(np.median(replies.latencies_ms))


def recall(replies: Replies, question: Question) -> float:
    """Return the share of the right answers that was found, over all queries asked."""
    right = [question.answers[place] for place in replies.places]
    found = sum(
        len(answer & set(numbers)) for answer, numbers in zip(right, replies.numbers, strict=True)
    )
    there_are = sum(len(answer) for answer in right)
    return found / there_are if there_are else 1.0


def short_answers(replies: Replies, question: Question) -> int:
    """Return how many queries got fewer hits than there are."""
    return sum(
        len(numbers) < len(question.answers[place])
        for place, numbers in zip(replies.places, replies.numbers, strict=True)
    )


def figures(replies: Replies, question: Question) -> dict[str, Any]:
    """Return latencies in milliseconds, recall, and how many queries they are of."""
    return {
        "p50_ms": round(median_ms(replies), 3),
        "p95_ms": round(float(np.percentile(replies.latencies_ms, 95)), 3),
        "recall_at_10": round(recall(replies, question), 4),
        "short_answers": short_answers(replies, question),
        "queries": len(replies.places),
    }
