"""How an answer came about: what each input brought, and why an item is not among the hits."""

from collections.abc import Generator, Sequence
from typing import Any

from app.bson_values import encode_value
from app.composed.answer import ComposedHit, Explanation
from app.composed.candidates import Question, unit_embeddings
from app.composed.found import Found
from app.composed.tracing import trace_steps
from app.composed.vector import contributions, signed_weights
from app.composed.wants import Embedded, Find, Want
from app.documents import Embedding, get_path
from app.indexes import SearchIndex


def explanation_steps(
    question: Question,
    inputs: Embedded,
    found: Found,
    hits: Sequence[ComposedHit],
) -> Generator[Want, Any, Explanation]:
    """Yield what the explanation wants, be sent it, and return it.

    Args:
        question: what was asked.
        inputs: the embeddings of the query's inputs, as far as the model understands them.
        found: what the asking came to.
        hits: of the page.
    """
    weights = signed_weights(question.plan.embedded)
    embeddings = yield from _embeddings([hit.item_id for hit in hits], question.index)
    of_inputs: list[float] = []
    if question.vector is not None:
        of_inputs = contributions(inputs.rows, weights, question.vector[None])[0].tolist()
    trace = None
    if question.query.trace is not None:
        trace = yield from trace_steps(
            question.query.trace, question, embedded_by=inputs.embedded_by, found=found
        )
    return Explanation(
        found.pipeline,
        found.questions,
        of_inputs,
        contributions(inputs.rows, weights, embeddings).tolist(),
        trace,
        None if question.plan.words is None else _ranks(hits, found),
    )


def _ranks(hits: Sequence[ComposedHit], found: Found) -> list[dict[str, int]]:
    ranks = {encode_value(one.item_id): dict(one.ranks) for one in found.ranked}
    return [ranks[encode_value(hit.item_id)] for hit in hits]


def _embeddings(ids: Sequence[Any], index: SearchIndex) -> Generator[Want, Any, Embedding]:
    """Return (n, d) float32, rows of unit length, zeros for an item that is gone by now."""
    if not ids:
        return unit_embeddings([], index)
    documents = yield Find({"_id": {"$in": ids}}, {index.path: 1})
    stored = {encode_value(one["_id"]): get_path(one, index.path) for one in documents}
    return unit_embeddings([{"embedding": stored.get(encode_value(one))} for one in ids], index)
