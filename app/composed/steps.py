"""A composed search as a generator, with no I/O of its own.

It yields what it wants of the database and the model and is sent the answer; `app.similar` answers
by asking, `app.similar_async` by awaiting.
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from app.calibration import Calibration
from app.composed.answer import ComposedAnswer
from app.composed.candidates import (
    BY_WORDS,
    Question,
    Row,
    candidates_pipeline,
    rank,
    returned_by_engine,
)
from app.composed.cursor import Cursor, write_cursor
from app.composed.explaining import explanation_steps
from app.composed.found import Found, shortfall
from app.composed.inputs import embedded_inputs
from app.composed.pages import hits_of
from app.composed.plan import Plan, make_plan
from app.composed.query import ComposedQuery, check_query
from app.composed.units import Units, check_units, units_of
from app.composed.vector import query_vector, signed_weights
from app.composed.wants import Aggregate, AskServer, Embedded, ReadState, Want
from app.composed.window import Window, first_window, wider_window
from app.data_state import DataState
from app.filters import all_of
from app.fusion import Server, ranks_of
from app.indexes import SearchIndex
from app.lexical_indexes import LexicalIndex

Search = Generator[Want, Any, ComposedAnswer]


def search_steps(
    query: ComposedQuery,
    index: SearchIndex,
    lexical: LexicalIndex | None,
    calibration: Calibration | None,
    *,
    embeds_text: bool,
) -> Search:
    """Yield what the search wants, be sent it, and return the answer.

    Args:
        query: what is asked.
        index: of the vectors.
        lexical: what finds words, None where nothing does.
        calibration: the model's, None where it has none.
        embeds_text: whether the model has a text tower.

    Raises:
        BadRequest: the query contradicts itself, reaches too far, its inputs cancel, or its
            `min_score` has no units.
        TextNotSupported: the model understands no text, and words cannot say the same.
        ItemNotFound: there is no item of an input's id.
        ItemNotEmbedded: it has no embedding, or one of another model than the other inputs.
    """
    check_query(query, index)
    plan = make_plan(query, lexical, embeds_text=embeds_text)
    check_units(query, calibration)
    start_s = time.perf_counter()
    inputs = yield from embedded_inputs(plan.embedded, index)
    units = None
    if plan.words is None:
        units = units_of(query, calibration, index, inputs.embedded_by)
    question = yield from _question(query, plan, index, inputs)
    question = replace(question, lowest_score=_lowest_score(query, units))
    found = yield from _candidates(question)
    rest = Cursor(
        index.path,
        inputs.embedded_by,
        query.group_by is not None,
        units is not None,
        found.is_all,
        tuple(found.ranked[query.offset :]),
    )
    hits = yield from hits_of(rest, query.limit, query.fields, index, units)
    explanation = None
    if query.explain:
        explanation = yield from explanation_steps(question, inputs, found, hits)
    total_ms = (time.perf_counter() - start_s) * 1000
    return ComposedAnswer(
        hits,
        shortfall(question, len(hits), found),
        write_cursor(replace(rest, candidates=rest.candidates[query.limit :])),
        inputs.took_ms,
        total_ms - inputs.took_ms,
        explanation,
        plan.note,
    )


def _lowest_score(query: ComposedQuery, units: Units | None) -> float | None:
    if query.min_score is None or units is None:
        return query.min_raw_score
    return units.score_at(query.min_score)


def _question(
    query: ComposedQuery, plan: Plan, index: SearchIndex, inputs: Embedded
) -> Generator[Want, Any, Question]:
    vector = None
    if len(inputs.rows):
        vector = query_vector(inputs.rows, signed_weights(plan.embedded))
    state: DataState = yield ReadState(needs_words=plan.words is not None)
    condition = all_of(query.condition, state.same_model_filter(inputs.embedded_by, index))
    if plan.words is None:
        return Question(query, plan, index, vector, condition)
    server: Server = yield AskServer()
    return Question(query, plan, index, vector, condition, server)


def _candidates(question: Question) -> Generator[Want, Any, Found]:
    """Ask, with an ever wider window, until there are enough candidates or no more."""
    query = question.query
    window: Window | None = first_window(query)
    questions = 0
    while window is not None:
        questions += 1
        pipeline = candidates_pipeline(question, window)
        rows = yield Aggregate(pipeline)
        if _is_nothing(rows, question):  # on Atlas a missing index reads as "no results"
            yield ReadState(is_fresh=True, needs_words=question.plan.words is not None)
        ranked, is_all = rank(rows, question), _is_all(rows, query, window)
        found = Found(ranked, window, is_all, pipeline, questions)
        # One more than is wanted, so that a cursor of None means that nothing comes next.
        if found.is_all or len(found.ranked) > query.wanted:
            break
        window = wider_window(query, window)
    return found


def _is_nothing(rows: Sequence[Row], question: Question) -> bool:
    """Tell whether an index found nothing at all, be it that of the words."""
    if question.plan.words is None:
        return not rows
    return not any(BY_WORDS in ranks_of(row) for row in rows)


def _is_all(rows: Sequence[Row], query: ComposedQuery, window: Window) -> bool:
    return returned_by_engine(rows) < window.fetched - len(query.left_out)
