"""How much a composed search asks of the engine, and when it asks for more."""

from dataclasses import dataclass

from app.composed.query import MAX_COMPARED, ComposedQuery
from app.pipelines import CANDIDATES_PER_RESULT, MAX_CANDIDATES

# Groups, near-identical pictures and further pages take candidates; each is only an id and a
# score, and where candidates are compared an embedding.
_FETCHED_PER_RESULT = 4
# Few results, too, leave a cursor something to go on with.
_LEAST_FETCHED = 40
_WIDENED_BY = 4


@dataclass(frozen=True, slots=True)
class Window:
    """The size of one question.

    Attributes:
        fetched: items that the engine returns.
        num_candidates: that it examines; None where it compares every item.
        reach: the most that `fetched` may become.
    """

    fetched: int
    num_candidates: int | None
    reach: int


def first_window(query: ComposedQuery) -> Window:
    """Return what the first question asks for; `query` has been checked."""
    reach = _reach(query)
    per_result = max(query.wanted * _FETCHED_PER_RESULT, _LEAST_FETCHED) + len(query.left_out)
    # Who names a number of candidates wants them all.
    fetched = min(query.num_candidates or per_result, reach)
    return Window(fetched, _examined(query, fetched), reach)


def wider_window(query: ComposedQuery, window: Window) -> Window | None:
    """Return what to ask for where `window` gave too few hits; None where it is the widest."""
    if window.fetched >= window.reach:
        return None
    fetched = min(window.fetched * _WIDENED_BY, window.reach)
    return Window(fetched, _examined(query, fetched), window.reach)


def _reach(query: ComposedQuery) -> int:
    if query.compares and query.group_by is None:
        most = min(MAX_COMPARED + len(query.left_out), MAX_CANDIDATES)
    else:  # the pipeline makes few groups of many items
        most = MAX_CANDIDATES
    return min(query.num_candidates or most, most)


def _examined(query: ComposedQuery, fetched: int) -> int | None:
    if query.exact:
        return None
    usual = max(CANDIDATES_PER_RESULT * (query.wanted + len(query.left_out)), fetched)
    return query.num_candidates or min(usual, MAX_CANDIDATES)
