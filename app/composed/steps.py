"""A composed search as a generator, with no I/O of its own.

It yields what it wants of the database and the model and is sent the answer; `app.similar` answers
by asking, `app.similar_async` by awaiting.
"""

import time
from collections.abc import Generator, Sequence
from typing import Any

from app.composed.answer import ComposedAnswer, ComposedHit
from app.composed.candidates import Candidate, candidates_pipeline, projection, to_candidates
from app.composed.inputs import embedded_inputs
from app.composed.query import ComposedQuery, check_query
from app.composed.vector import query_vector, signed_weights
from app.composed.wants import Aggregate, Find, ReadState, Want
from app.composed.window import first_window
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
    candidates = yield from _candidates(query, index, vector, inputs.embedded_by)
    page = candidates[query.offset : query.wanted]
    hits = yield from _hits(page, query.fields, index)
    shortfall = _shortfall(query, len(hits)) if len(hits) < query.limit else None
    total_ms = (time.perf_counter() - start_s) * 1000
    return ComposedAnswer(hits, shortfall, inputs.took_ms, total_ms - inputs.took_ms)


def _candidates(
    query: ComposedQuery, index: SearchIndex, vector: Embedding, embedded_by: str
) -> Generator[Want, Any, list[Candidate]]:
    state: DataState = yield ReadState()
    condition = all_of(query.condition, state.same_model_filter(embedded_by, index))
    pipeline = candidates_pipeline(
        query, index, vector, window=first_window(query), condition=condition
    )
    rows = yield Aggregate(pipeline)
    if not rows:  # on Atlas a missing index reads as "no results"
        yield ReadState(is_fresh=True)
    return to_candidates(rows)


def _hits(
    page: Sequence[Candidate], fields: Sequence[str] | None, index: SearchIndex
) -> Generator[Want, Any, list[ComposedHit]]:
    """Return the page with its documents; what was deleted since the search is left out."""
    if not page:
        return []
    ids = [one.item_id for one in page]
    found = yield Find({"_id": {"$in": ids}}, projection(fields, index))
    documents = {document["_id"]: document for document in found}
    return [
        ComposedHit(one.item_id, one.score, documents[one.item_id])
        for one in page
        if one.item_id in documents
    ]


def _shortfall(query: ComposedQuery, found: int) -> str:
    conditions = [
        *(["the filter"] if query.condition is not None else []),
        *(["min_score"] if query.min_score is not None else []),
    ]
    kept = f" that {' and '.join(conditions)} let through" if conditions else ""
    return f"Found {found} of {query.limit}: from rank {query.offset} on there are no more{kept}."
