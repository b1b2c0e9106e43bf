"""How an answer came about: what each input brought, and why an item is not among the hits."""

from collections.abc import Generator, Sequence
from typing import Any

from app.bson_values import encode_value
from app.composed.answer import ComposedHit, Explanation
from app.composed.candidates import unit_embeddings
from app.composed.found import Found
from app.composed.query import ComposedQuery
from app.composed.tracing import trace_steps
from app.composed.vector import contributions, query_vector, signed_weights
from app.composed.wants import Embedded, Find, Want
from app.documents import Embedding, get_path
from app.indexes import SearchIndex


def explanation_steps(
    query: ComposedQuery,
    index: SearchIndex,
    inputs: Embedded,
    found: Found,
    hits: Sequence[ComposedHit],
) -> Generator[Want, Any, Explanation]:
    """Yield what the explanation wants, be sent it, and return it.

    Args:
        query: what was asked.
        index: that was asked.
        inputs: the embeddings of the query's inputs.
        found: what the asking came to.
        hits: of the page.
    """
    weights = signed_weights(query)
    vector = query_vector(inputs.rows, weights)
    embeddings = yield from _embeddings([hit.item_id for hit in hits], index)
    trace = None
    if query.trace is not None:
        trace = yield from trace_steps(
            query.trace, query, index, asked=(vector, inputs.embedded_by), found=found
        )
    return Explanation(
        found.pipeline,
        found.questions,
        contributions(inputs.rows, weights, vector[None])[0].tolist(),
        contributions(inputs.rows, weights, embeddings).tolist(),
        trace,
    )


def _embeddings(ids: Sequence[Any], index: SearchIndex) -> Generator[Want, Any, Embedding]:
    """Return (n, d) float32, rows of unit length, zeros for an item that is gone by now."""
    if not ids:
        return unit_embeddings([], index)
    documents = yield Find({"_id": {"$in": ids}}, {index.path: 1})
    stored = {encode_value(one["_id"]): get_path(one, index.path) for one in documents}
    return unit_embeddings([{"embedding": stored.get(encode_value(one))} for one in ids], index)
