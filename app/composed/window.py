"""How much a composed search asks of the engine."""

from dataclasses import dataclass

from app.composed.query import ComposedQuery
from app.pipelines import CANDIDATES_PER_RESULT, MAX_CANDIDATES


@dataclass(frozen=True, slots=True)
class Window:
    """The size of one question.

    Attributes:
        fetched: candidates that the engine returns.
        num_candidates: that it examines; None where it compares every item.
    """

    fetched: int
    num_candidates: int | None


def first_window(query: ComposedQuery) -> Window:
    """Return what the first question asks for; `query` has been checked."""
    fetched = query.wanted + len(query.left_out)
    if query.exact:
        return Window(fetched, None)
    usual = min(CANDIDATES_PER_RESULT * fetched, MAX_CANDIDATES)
    return Window(fetched, query.num_candidates or usual)
