"""What the asking came to, and why that may be less than was wanted."""

from dataclasses import dataclass

from app.composed.candidates import Candidate, Question
from app.composed.query import ComposedQuery
from app.composed.window import Window
from app.pipelines import Pipeline


@dataclass(frozen=True, slots=True)
class Found:
    """The candidates in the order of the hits.

    Attributes:
        window: of the last question.
        is_all: whether the engine had no more than it returned.
        pipeline: the last question.
        questions: how many were asked.
    """

    ranked: list[Candidate]
    window: Window
    is_all: bool
    pipeline: Pipeline
    questions: int


def shortfall(question: Question, hits: int, found: Found) -> str | None:
    """Return why there are fewer hits than the limit, in one sentence; None where there are not."""
    query = question.query
    if hits >= query.limit:
        return None
    start = f"{hits} of {query.limit} hits"
    if query.offset:
        start = f"{start} after the first {query.offset}"
    what = f"values of {query.group_by}" if query.group_by is not None else "items"
    if question.vector is None:
        what = f"{what} with one of the words"
    apart = ", near-identical pictures apart" if query.collapse else ""
    if found.is_all:
        return f"{start}: there are no more {what}{_kept(query)}{apart}."
    far = "num_candidates" if query.num_candidates is not None else "a search"
    first = "first" if question.plan.words is not None else "nearest"
    return (
        f"{start}: the {first} {found.window.fetched} items, as far as {far} goes, hold no more "
        f"{what}{_kept(query)}{apart}."
    )


def _kept(query: ComposedQuery) -> str:
    names = [
        *(["the filter"] if query.condition is not None else []),
        *(["min_score"] if query.min_score is not None else []),
        *(["min_raw_score"] if query.min_raw_score is not None else []),
    ]
    verb = "let" if len(names) > 1 else "lets"
    return f" that {' and '.join(names)} {verb} through" if names else ""
