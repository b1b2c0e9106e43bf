"""What the engine returns of each candidate, and the candidates in the order of the hits.

Rows hold id and score, what candidates are compared by where they are, and not yet the document.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.composed.query import MAX_COMPARED, ComposedQuery
from app.composed.ranking import diversified, near_identical
from app.composed.window import Window
from app.documents import Embedding, ItemId, embedding_from_bson
from app.embedding.base import unit_rows
from app.filters import Filter
from app.indexes import SearchIndex
from app.layouts import sha256_paths
from app.pipelines import Pipeline, engine_stages, score_name

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that may be a hit.

    Attributes:
        score: Atlas's.
        near_identical: items that show the same picture and are no hits for that.
        members: of its group among what the engine returned, itself included; 1 without groups.
    """

    item_id: ItemId
    score: float
    near_identical: tuple[ItemId, ...] = ()
    members: int = 1


def candidates_pipeline(
    query: ComposedQuery,
    index: SearchIndex,
    vector: Embedding,
    *,
    window: Window,
    condition: Filter | None,
) -> Pipeline:
    """Build the search for candidates, best first.

    Args:
        query: what is asked.
        index: decides the stage that asks.
        vector: (d,) float32, the query vector.
        window: how many candidates.
        condition: the query's, and what keeps within one model.

    Returns:
        A pipeline of rows `id`, `score`, and as the query needs them `embedding`, `sha256` (where
        candidates are compared) and `members` (of groups).
    """
    stages = engine_stages(
        index,
        vector,
        limit=window.fetched,
        num_candidates=window.num_candidates,
        condition=condition,
    )
    # Not a filter of the search: `_id` need not be in the index, nor of a type that it can hold.
    if query.left_out:
        stages.append({"$match": {"_id": {"$nin": list(query.left_out)}}})
    stages.append({"$project": _row(query, index)})
    if query.min_score is not None:
        stages.append({"$match": {"score": {"$gte": query.min_score}}})
    return [*stages, *(_groups() if query.group_by is not None else [])]


def rank(
    rows: Sequence[Row], query: ComposedQuery, index: SearchIndex, vector: Embedding
) -> list[Candidate]:
    """Put the rows of `candidates_pipeline` in the order of the hits.

    Args:
        rows: best first.
        query: says how.
        index: says what an embedding is.
        vector: (d,) float32, unit length, the query vector.
    """
    if not query.compares:
        return [_candidate(row) for row in rows]
    embeddings = unit_embeddings(rows, index)
    positions = list(range(len(rows)))
    collapsed: dict[int, list[ItemId]] = {}
    if query.collapse:
        same_as = near_identical(embeddings, [row.get("sha256") for row in rows])
        positions = [i for i in positions if same_as[i] == i]
        for i, other in enumerate(same_as):
            if other != i:
                collapsed.setdefault(other, []).append(rows[i]["id"])
    if query.diversity > 0:
        order = diversified(embeddings[positions], vector, query.diversity)
        positions = [positions[i] for i in order]
    return [_candidate(rows[i], collapsed.get(i, ())) for i in positions]


def returned_by_engine(rows: Sequence[Row]) -> int:
    """Return how many items the rows stand for."""
    return sum(row.get("members", 1) for row in rows)


def unit_embeddings(rows: Sequence[Row], index: SearchIndex) -> Embedding:
    """Return (n, d) float32 of unit length; zeros where a row has no embedding (any more)."""
    embeddings = np.zeros((len(rows), index.dimensions), dtype=np.float32)
    for i, row in enumerate(rows):
        try:
            embedding = embedding_from_bson(row.get("embedding"))
        except (ValueError, TypeError):  # somebody wrote there after it was indexed
            continue
        if embedding.shape == (index.dimensions,):
            embeddings[i] = embedding
    return unit_rows(embeddings)


def projection(fields: Sequence[str] | None, index: SearchIndex) -> dict[str, int]:
    """Return the projection that gives a hit's document: `fields`, or all but the embedding."""
    if fields is None:
        return {index.path: 0}
    # A path beside one that holds it is a collision to the server.
    own = set(fields)
    return dict.fromkeys((one for one in fields if not _has_parent_in(one, own)), 1)


def _has_parent_in(path: str, paths: set[str]) -> bool:
    names = path.split(".")
    return any(".".join(names[:i]) in paths for i in range(1, len(names)))


def _candidate(row: Row, collapsed: Sequence[ItemId] = ()) -> Candidate:
    return Candidate(row["id"], row["score"], tuple(collapsed), row.get("members", 1))


def _row(query: ComposedQuery, index: SearchIndex) -> dict[str, Any]:
    score = {"$meta": score_name(index, is_exact=query.exact)}
    row: dict[str, Any] = {"_id": 0, "id": "$_id", "score": score}
    if query.compares:
        row["embedding"] = f"${index.path}"
    if query.collapse:
        row["sha256"] = {"$ifNull": [*(f"${path}" for path in sha256_paths(index)), None]}
    if query.group_by is not None:
        row["group"] = f"${query.group_by}"
    return row


def _groups() -> Pipeline:
    """Keep the best of each group; an item without a group is one of its own."""
    best = {"$top": {"sortBy": {"score": -1, "id": 1}, "output": "$$ROOT"}}
    key = {"$ifNull": ["$group", {"item": "$id"}]}
    return [
        {"$group": {"_id": key, "best": best, "members": {"$sum": 1}}},
        {"$sort": {"best.score": -1, "best.id": 1}},
        {"$limit": MAX_COMPARED},
        {"$replaceWith": {"$mergeObjects": ["$best", {"members": "$members"}]}},
        {"$unset": "group"},
    ]
