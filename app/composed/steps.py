"""A composed search as a generator, with no I/O of its own.

It yields what it wants of the database and the model and is sent the answer; `app.similar` answers
by asking, `app.similar_async` by awaiting.
"""

import time
from collections.abc import Generator, Sequence
from typing import Any

from app.composed.answer import ComposedAnswer, ComposedHit
from app.composed.candidates import (
    Candidate,
    candidates_pipeline,
    projection,
    rank,
    returned_by_engine,
)
from app.composed.found import Found, shortfall
from app.composed.inputs import embedded_inputs
from app.composed.query import ComposedQuery, check_query
from app.composed.vector import query_vector, signed_weights
from app.composed.wants import Aggregate, Find, ReadState, Want
from app.composed.window import Window, first_window, wider_window
from app.data_state import DataState
from app.documents import Embedding
from app.filters import all_of
from app.indexes import SearchIndex

Search = Generator[Want, Any, ComposedAnswer]


def search_steps(query: ComposedQuery, index: SearchIndex) -> Search:
    """Yield what the search wants, be sent it, and return the answer.

    Raises:
        BadRequest: the query contradicts itself, reaches too far, or its inputs cancel.
        ItemNotFound: there is no item of an input's id.
        ItemNotEmbedded: it has no embedding, or one of another model than the other inputs.
    """
    check_query(query, index)
    start_s = time.perf_counter()
    inputs = yield from embedded_inputs(query, index)
    vector = query_vector(inputs.rows, signed_weights(query))
    found = yield from _candidates(query, index, vector, inputs.embedded_by)
    hits = yield from _hits(found.ranked[query.offset : query.wanted], query, index)
    total_ms = (time.perf_counter() - start_s) * 1000
    return ComposedAnswer(
        hits, shortfall(query, len(hits), found), inputs.took_ms, total_ms - inputs.took_ms
    )


def _candidates(
    query: ComposedQuery, index: SearchIndex, vector: Embedding, embedded_by: str
) -> Generator[Want, Any, Found]:
    """Ask, with an ever wider window, until there are enough candidates or no more."""
    state: DataState = yield ReadState()
    condition = all_of(query.condition, state.same_model_filter(embedded_by, index))
    window: Window | None = first_window(query)
    while window is not None:
        pipeline = candidates_pipeline(query, index, vector, window=window, condition=condition)
        rows = yield Aggregate(pipeline)
        if not rows:  # on Atlas a missing index reads as "no results"
            yield ReadState(is_fresh=True)
        found = Found(rank(rows, query, index, vector), window, _is_all(rows, query, window))
        if found.is_all or len(found.ranked) >= query.wanted:
            break
        window = wider_window(query, window)
    return found


def _is_all(rows: Sequence[dict[str, Any]], query: ComposedQuery, window: Window) -> bool:
    return returned_by_engine(rows) < window.fetched - len(query.left_out)


def _hits(
    page: Sequence[Candidate], query: ComposedQuery, index: SearchIndex
) -> Generator[Want, Any, list[ComposedHit]]:
    """Return the page with its documents; what was deleted since the search is left out."""
    if not page:
        return []
    ids = [one.item_id for one in page]
    found = yield Find({"_id": {"$in": ids}}, projection(query.fields, index))
    documents = {document["_id"]: document for document in found}
    return [
        ComposedHit(
            one.item_id,
            one.score,
            documents[one.item_id],
            one.near_identical,
            one.members if query.group_by is not None else None,
        )
        for one in page
        if one.item_id in documents
    ]
