"""What the engine returns of each candidate: its id and score, and not yet its document."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.composed.query import ComposedQuery
from app.composed.window import Window
from app.documents import Embedding, ItemId
from app.filters import Filter
from app.indexes import SearchIndex
from app.pipelines import Pipeline, engine_stages, score_name

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that may be a hit, with Atlas's score."""

    item_id: ItemId
    score: float


def candidates_pipeline(
    query: ComposedQuery,
    index: SearchIndex,
    vector: Embedding,
    *,
    window: Window,
    condition: Filter | None,
) -> Pipeline:
    """Build the search for candidates, best first: rows of `id` and `score`.

    Args:
        query: what is asked.
        index: decides the stage that asks.
        vector: (d,) float32, the query vector.
        window: how many candidates.
        condition: the query's, and what keeps within one model.
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
    score = {"$meta": score_name(index, is_exact=query.exact)}
    stages.append({"$project": {"_id": 0, "id": "$_id", "score": score}})
    if query.min_score is not None:
        stages.append({"$match": {"score": {"$gte": query.min_score}}})
    return stages


def to_candidates(rows: Sequence[Row]) -> list[Candidate]:
    """Read the rows of `candidates_pipeline`, order kept."""
    return [Candidate(row["id"], row["score"]) for row in rows]


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
