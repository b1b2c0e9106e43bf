"""A composed search as a generator, with no I/O of its own.

It yields what it wants of the database and the model and is sent the answer; `app.similar` answers
by asking, `app.similar_async` by awaiting.
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from app.composed.answer import ComposedAnswer
from app.composed.candidates import candidates_pipeline, rank, returned_by_engine
from app.composed.cursor import Cursor, write_cursor
from app.composed.explaining import explanation_steps
from app.composed.found import Found, shortfall
from app.composed.inputs import embedded_inputs
from app.composed.pages import hits_of
from app.composed.query import ComposedQuery, check_query
from app.composed.vector import query_vector, signed_weights
from app.composed.wants import Aggregate, ReadState, Want
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
    rest = Cursor(
        index.name,
        inputs.embedded_by,
        query.group_by is not None,
        found.is_all,
        tuple(found.ranked[query.offset :]),
    )
    hits = yield from hits_of(rest, query.limit, query.fields, index)
    explanation = None
    if query.explain:
        explanation = yield from explanation_steps(query, index, inputs, found, hits)
    total_ms = (time.perf_counter() - start_s) * 1000
    return ComposedAnswer(
        hits,
        shortfall(query, len(hits), found),
        write_cursor(replace(rest, candidates=rest.candidates[query.limit :])),
        inputs.took_ms,
        total_ms - inputs.took_ms,
        explanation,
    )


def _candidates(
    query: ComposedQuery, index: SearchIndex, vector: Embedding, embedded_by: str
) -> Generator[Want, Any, Found]:
    """Ask, with an ever wider window, until there are enough candidates or no more."""
    state: DataState = yield ReadState()
    condition = all_of(query.condition, state.same_model_filter(embedded_by, index))
    window: Window | None = first_window(query)
    questions = 0
    while window is not None:
        questions += 1
        pipeline = candidates_pipeline(query, index, vector, window=window, condition=condition)
        rows = yield Aggregate(pipeline)
        if not rows:  # on Atlas a missing index reads as "no results"
            yield ReadState(is_fresh=True)
        ranked, is_all = rank(rows, query, index, vector), _is_all(rows, query, window)
        found = Found(ranked, window, is_all, pipeline, questions)
        # One more than is wanted, so that a cursor of None means that nothing comes next.
        if found.is_all or len(found.ranked) > query.wanted:
            break
        window = wider_window(query, window)
    return found


def _is_all(rows: Sequence[dict[str, Any]], query: ComposedQuery, window: Window) -> bool:
    return returned_by_engine(rows) < window.fetched - len(query.left_out)
