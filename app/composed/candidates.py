"""What the engine returns of each candidate, and the candidates in the order of the hits.

Rows hold id and score, what candidates are compared by where they are, and not yet the document.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.composed.plan import Plan, Words
from app.composed.query import MAX_COMPARED, ComposedQuery
from app.composed.ranking import diversified, near_identical
from app.composed.window import Window
from app.documents import Embedding, ItemId, embedding_from_bson
from app.embedding.base import unit_rows
from app.filters import Filter
from app.fusion import Ranking, Server, fused_stages, ranks_of
from app.indexes import SearchIndex
from app.layouts import sha256_paths
from app.lexical_pipelines import SCORE_NAME, words_stages
from app.pipelines import Pipeline, engine_stages, score_name

Row = dict[str, Any]

# Names of the rankings that are fused.
BY_WORDS, BY_VECTORS = "words", "vectors"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that may be a hit.

    Attributes:
        score: Atlas's.
        near_identical: items that show the same picture and are no hits for that.
        members: of its group among what the engine returned, itself included; 1 without groups.
        ranks: in the rankings that were fused and have the item, by their names.
    """

    item_id: ItemId
    score: float
    near_identical: tuple[ItemId, ...] = ()
    members: int = 1
    ranks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What the database is asked for candidates, however many.

    Attributes:
        index: of the vectors; decides the stage that asks.
        vector: (d,) float32, the query vector; None where only words are searched.
        condition: the query's, and what keeps within one model.
        server: fuses what words and vectors find; None without words.
        lowest_score: of a hit, as Atlas computes it; None for any.
    """

    query: ComposedQuery
    plan: Plan
    index: SearchIndex
    vector: Embedding | None
    condition: Filter | None
    server: Server | None = None
    lowest_score: float | None = None


def candidates_pipeline(question: Question, window: Window) -> Pipeline:
    """Build the search for candidates, best first.

    Returns:
        A pipeline of rows `id`, `score`, and as the query needs them `embedding`, `sha256` (where
        candidates are compared), `members` (of groups) and `ranks` (where rankings are fused).
    """
    query, words = question.query, question.plan.words
    stages = _nearest(question, window) if words is None else _fused(question, words, window)
    # Not a filter of the search: `_id` need not be in the index, nor of a type that it can hold.
    if query.left_out:
        stages = [*stages, {"$match": {"_id": {"$nin": list(query.left_out)}}}]
    stages = [*stages, {"$project": _row(question)}]
    if question.lowest_score is not None:
        stages.append({"$match": {"score": {"$gte": question.lowest_score}}})
    return [*stages, *(_groups() if query.group_by is not None else [])]


def rank(rows: Sequence[Row], question: Question) -> list[Candidate]:
    """Put the rows of `candidates_pipeline`, best first, in the order of the hits."""
    query = question.query
    if not query.compares:
        return [_candidate(row) for row in rows]
    embeddings = unit_embeddings(rows, question.index)
    positions = list(range(len(rows)))
    collapsed: dict[int, list[ItemId]] = {}
    if query.collapse:
        same_as = near_identical(embeddings, [row.get("sha256") for row in rows])
        positions = [i for i in positions if same_as[i] == i]
        for i, other in enumerate(same_as):
            if other != i:
                collapsed.setdefault(other, []).append(rows[i]["id"])
    if query.diversity > 0:
        assert question.vector is not None, "diversity does not go with words"
        order = diversified(embeddings[positions], question.vector, query.diversity)
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
    # A hit keeps its whole `_id`. A path beside one that holds it is a collision to the server.
    own = {"_id": 1, **dict.fromkeys(fields, 1)}
    return {one: 1 for one in own if not _has_parent_in(one, own)}


def _has_parent_in(path: str, paths: Container[str]) -> bool:
    names = path.split(".")
    return any(".".join(names[:i]) in paths for i in range(1, len(names)))


def _candidate(row: Row, collapsed: Sequence[ItemId] = ()) -> Candidate:
    ranks = ranks_of(row) if "ranks" in row else {}
    return Candidate(row["id"], row["score"], tuple(collapsed), row.get("members", 1), ranks)


def _nearest(question: Question, window: Window) -> Pipeline:
    assert question.vector is not None, "without words there is a vector"
    return engine_stages(
        question.index,
        question.vector,
        limit=window.fetched,
        num_candidates=_examined(question, window),
        condition=question.condition,
    )


def _examined(question: Question, window: Window) -> int | None:
    """Return how many candidates to examine: as many as are known to be enough, where that is."""
    query, known = question.query, question.index.candidates
    if known is None or query.exact or query.num_candidates is not None:
        return window.num_candidates
    enough = known.num_candidates(query.wanted + len(query.left_out), question.condition)
    return window.num_candidates if enough is None else max(enough, window.fetched)


def _fused(question: Question, words: Words, window: Window) -> Pipeline:
    """Build the fusion of what words find with what vectors find, where there is a vector."""
    assert question.server is not None, "a plan with words knows the server"
    by_words = words_stages(
        words.lexical,
        words.texts,
        limit=window.fetched,
        fuzzy=question.query.fuzzy,
        condition=question.condition,
    )
    rankings = {BY_WORDS: Ranking(by_words, SCORE_NAME)}
    if question.vector is not None:
        score = score_name(question.index, is_exact=question.query.exact)
        rankings[BY_VECTORS] = Ranking(_nearest(question, window), score)
    return fused_stages(rankings, question.server, limit=window.fetched)


def _row(question: Question) -> dict[str, Any]:
    query, index = question.query, question.index
    row: dict[str, Any] = {"_id": 0, "id": "$_id"}
    if question.plan.words is None:
        row["score"] = {"$meta": score_name(index, is_exact=query.exact)}
        document = "$"
    else:
        row |= {"score": 1, "ranks": 1}
        document = "$item."
    if query.compares:
        row["embedding"] = f"{document}{index.path}"
    if query.collapse:
        row["sha256"] = {"$ifNull": [*(document + path for path in sha256_paths(index)), None]}
    if query.group_by is not None:
        row["group"] = f"{document}{query.group_by}"
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
