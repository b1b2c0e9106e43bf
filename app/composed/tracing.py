"""Why an item is not among the hits, in one sentence: the first reason that holds."""

from collections.abc import Generator
from typing import Any

from app.composed.candidates import Question
from app.composed.found import Found
from app.composed.query import ComposedQuery, StoredItem
from app.composed.wants import Aggregate, Find, Want
from app.documents import Embedding, ItemId, get_path
from app.embedding.base import unit_rows
from app.errors import ServiceError
from app.filters import Filter
from app.indexes import SearchIndex
from app.pipelines import Pipeline, engine_stages
from app.scores import score_of_cosine
from app.stored_embedding import stored_embedding

# Items whose embedding may be the very same as the traced one's.
_TWINS = 1000

Trace = Generator[Want, Any, str]


def trace_steps(item_id: ItemId, question: Question, *, embedded_by: str, found: Found) -> Trace:
    """Yield what the trace wants, be sent it, and return the sentence.

    Args:
        item_id: of the traced item.
        question: what was asked.
        embedded_by: fingerprint of the model that the hits are of.
        found: what the asking came to.
    """
    query, index = question.query, question.index
    ranked = _ranked(item_id, query, found)
    if ranked is not None:
        return ranked
    documents = yield Find({"_id": item_id}, _projection(query, index))
    document = documents[0] if documents else None
    try:
        embedding, made_by = stored_embedding(document, item_id, index)
    except ServiceError as error:  # there is none, or none that can be searched
        return error.message
    if made_by != embedded_by:
        return (
            f"Item {item_id!r} was embedded by another model ({made_by[:12]}) than the query "
            f"({embedded_by[:12]})."
        )
    if item_id in query.left_out:
        how = "an input" if _is_input(item_id, query) else "named by exclude"
        return f"Item {item_id!r} is {how}."
    left_out = yield from _left_out_by_engine(item_id, embedding, query, index)
    if left_out is not None:
        return left_out
    score = None
    if question.vector is not None and question.plan.words is None:
        cosine = float(question.vector @ unit_rows(embedding[None])[0])
        score = score_of_cosine(cosine, index.similarity)
    return (yield from _left_out_by_rank(document or {}, score, question, found))


def _left_out_by_engine(
    item_id: ItemId, embedding: Embedding, query: ComposedQuery, index: SearchIndex
) -> Generator[Want, Any, str | None]:
    if not (yield Aggregate(_own_pipeline(item_id, embedding, index, None))):
        return f"The index has not taken item {item_id!r} in yet."
    if query.condition is None:
        return None
    kept = yield Aggregate(_own_pipeline(item_id, embedding, index, query.condition))
    return None if kept else f"The filter leaves item {item_id!r} out."


def _left_out_by_rank(
    document: dict[str, Any], score: float | None, question: Question, found: Found
) -> Trace:
    """Say why; `score` is the item's own, None where items are ranked by words too."""
    item_id, query, lowest = document["_id"], question.query, question.lowest_score
    if score is not None and lowest is not None and score < lowest:
        named = "min_raw_score" if query.min_score is None else f"min_score {query.min_score:g}"
        return f"Item {item_id!r} has score {score:.4f}, below {lowest:.4f} ({named})."
    group = get_path(document, query.group_by) if query.group_by is not None else None
    if group is not None:
        nearer = yield from _nearer_in_group(group, query, found)
        if nearer is not None:
            return f"Item {nearer!r} of the same {query.group_by} ({group!r}) is nearer."
    if score is None:
        return (
            f"Item {item_id!r} is not among the first {found.window.fetched} that words and "
            f"vectors find."
        )
    return _not_found(item_id, score, found)


def _ranked(item_id: ItemId, query: ComposedQuery, found: Found) -> str | None:
    for rank, one in enumerate(found.ranked, start=1):
        if item_id in one.near_identical:
            return (
                f"Item {item_id!r} shows the same picture as item {one.item_id!r} at rank {rank}."
            )
        if item_id == one.item_id:
            score = f"Item {item_id!r} has score {one.score:.4f} and rank {rank}"
            if query.offset < rank <= query.wanted:
                return f"{score}: it is hit {rank - query.offset} of this page."
            return f"{score}; this page holds ranks {query.offset + 1} to {query.wanted}."
    return None


def _projection(query: ComposedQuery, index: SearchIndex) -> dict[str, int]:
    paths = {index.path, index.embedded_by_path}
    return dict.fromkeys((*paths, *([query.group_by] if query.group_by is not None else [])), 1)


def _is_input(item_id: ItemId, query: ComposedQuery) -> bool:
    inputs = (*query.positive, *query.negative)
    return any(one.source == StoredItem(item_id) for one in inputs)


def _own_pipeline(
    item_id: ItemId, embedding: Embedding, index: SearchIndex, condition: Filter | None
) -> Pipeline:
    """Ask the engine for an item by its own embedding, to which it is the nearest.

    The engine is asked because a filter of the search is not that of a `find()`: it keeps other
    documents where fields are missing, null or nested arrays.
    """
    stages = engine_stages(index, embedding, limit=_TWINS, num_candidates=None, condition=condition)
    return [*stages, {"$match": {"_id": item_id}}, {"$project": {"_id": 1}}]


def _nearer_in_group(
    group: Any, query: ComposedQuery, found: Found
) -> Generator[Want, Any, ItemId | None]:
    ids = [one.item_id for one in found.ranked]
    nearer = yield Find({"_id": {"$in": ids}, str(query.group_by): group}, {"_id": 1})
    return nearer[0]["_id"] if nearer else None


def _not_found(item_id: ItemId, score: float, found: Found) -> str:
    lowest = min((one.score for one in found.ranked), default=1.0)
    start = f"Item {item_id!r} has score {score:.4f}"
    if score < lowest and not found.is_all:
        return (
            f"{start}, below the limit: the nearest {found.window.fetched} items end at "
            f"{lowest:.4f}."
        )
    return f"{start}, and the approximate search passed over it; exact: true does not."
