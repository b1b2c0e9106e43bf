"""Why an item is not among the hits, in one sentence: the first reason that holds."""

from collections.abc import Generator
from typing import Any

import numpy as np

from app.composed.found import Found
from app.composed.query import ComposedQuery, StoredItem
from app.composed.wants import Find, Want
from app.documents import Embedding, ItemId, get_path
from app.embedding.base import unit_rows
from app.errors import ServiceError
from app.filters import to_mql
from app.indexes import SearchIndex
from app.stored_embedding import stored_embedding

Trace = Generator[Want, Any, str]


def trace_steps(
    item_id: ItemId,
    query: ComposedQuery,
    index: SearchIndex,
    *,
    asked: tuple[Embedding, str],
    found: Found,
) -> Trace:
    """Yield what the trace wants, be sent it, and return the sentence.

    Args:
        item_id: of the traced item.
        query: what was asked.
        index: that was asked.
        asked: the query vector, (d,) float32 of unit length, and the fingerprint of its model.
        found: what the asking came to.
    """
    ranked = _ranked(item_id, query, found)
    if ranked is not None:
        return ranked
    vector, embedded_by = asked
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
    if query.condition is not None:
        kept = yield Find({"$and": [{"_id": item_id}, to_mql(query.condition)]}, {"_id": 1})
        if not kept:
            return f"The filter leaves item {item_id!r} out."
    score = score_of(vector, unit_rows(embedding[None])[0], index)
    if query.min_score is not None and score < query.min_score:
        return f"Item {item_id!r} has score {score:.4f}, below min_score ({query.min_score:g})."
    group = get_path(document or {}, query.group_by) if query.group_by is not None else None
    if group is not None:
        nearer = yield from _nearer_in_group(group, query, found)
        if nearer is not None:
            return f"Item {nearer!r} of the same {query.group_by} ({group!r}) is nearer."
    return _not_found(item_id, score, found)


def score_of(vector: Embedding, embedding: Embedding, index: SearchIndex) -> float:
    """Return the score that Atlas computes for two unit vectors.

    https://www.mongodb.com/docs/atlas/atlas-vector-search/vector-search-stage/#atlas-vector-search-score
    """
    if index.similarity == "euclidean":
        return float(1 / (1 + np.sum((vector - embedding) ** 2)))
    return float((1 + vector @ embedding) / 2)


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
    return (
        f"{start} and the index did not return it: it has not taken the item in yet, or the "
        f"approximate search passed over it, which exact: true does not."
    )
