"""Aggregation pipelines, pure: the index decides which stage asks the question.

Every pipeline yields `{"score": float, "item": document without its embedding}`, best first;
`engine_stages` yields the documents, for who goes on with stages of their own.
"""

from typing import Any

import numpy as np

from app.documents import Embedding, embedding_to_bson
from app.filters import Filter, to_mql, to_operator
from app.indexes import SearchIndex

Pipeline = list[dict[str, Any]]

# Atlas recommends at least 20 candidates a result and takes 10,000 at most.
CANDIDATES_PER_RESULT = 20
MAX_CANDIDATES = 10_000


def search_pipeline(
    index: SearchIndex,
    query: Embedding,
    *,
    limit: int,
    condition: Filter | None = None,
    num_candidates: int | None = None,
) -> Pipeline:
    """Build the approximate search that the index's type calls for.

    Args:
        index: type `search` gives `$search` with knnBeta, `vectorSearch` gives `$vectorSearch`.
        query: (d,) float32.
        limit: hits wanted, 1 to 10,000.
        condition: only documents that match it are candidates.
        num_candidates: candidates to examine, at least `limit`; by default as many as the index is
            known to need, else 20 times `limit`, and never more than 10,000.
    """
    if num_candidates is None and index.candidates is not None:
        num_candidates = index.candidates.num_candidates(limit, condition)
        if num_candidates is None:
            return exact_pipeline(index, query, limit=limit, condition=condition)
    candidates = min(num_candidates or CANDIDATES_PER_RESULT * limit, MAX_CANDIDATES)
    stages = engine_stages(
        index, query, limit=limit, num_candidates=candidates, condition=condition
    )
    return [*stages, *hits(index, score_name(index))]


def exact_pipeline(
    index: SearchIndex, query: Embedding, *, limit: int, condition: Filter | None = None
) -> Pipeline:
    """Build an exact `$vectorSearch`, which runs over an index of either type.

    Args:
        index: of either type; knnBeta itself has no exact mode.
        query: (d,) float32.
        limit: hits wanted, at least 1; an exact search has no upper limit.
        condition: only documents that match it are compared.
    """
    stages = engine_stages(index, query, limit=limit, num_candidates=None, condition=condition)
    return [*stages, *hits(index, score_name(index, is_exact=True))]


def engine_stages(
    index: SearchIndex,
    query: Embedding,
    *,
    limit: int,
    num_candidates: int | None,
    condition: Filter | None = None,
) -> Pipeline:
    """Build what the search engine does: the whole documents of the nearest items, best first.

    Args:
        index: as for `search_pipeline`.
        query: (d,) float32.
        limit: documents wanted.
        num_candidates: candidates to examine, at least `limit`; None compares every item.
        condition: only documents that match it are candidates.
    """
    if num_candidates is None:
        return _vector_search(index, query, {"exact": True}, limit, condition)
    if index.type == "search":
        return [_knn_beta(index, query, num_candidates, condition), {"$limit": limit}]
    return _vector_search(index, query, {"numCandidates": num_candidates}, limit, condition)


def score_name(index: SearchIndex, *, is_exact: bool = False) -> str:
    """Return under which name `$meta` has the score of these stages."""
    asks_with_search = index.type == "search" and not is_exact
    return "searchScore" if asks_with_search else "vectorSearchScore"


def _knn_beta(
    index: SearchIndex, query: Embedding, k: int, condition: Filter | None
) -> dict[str, Any]:
    """Build `$search` with knnBeta, which takes its query vector as an array only."""
    knn_beta: dict[str, Any] = {
        "vector": query.astype(np.float64).tolist(),
        "path": index.path,
        "k": k,
    }
    if condition is not None:
        knn_beta["filter"] = to_operator(condition)
    return {"$search": {"index": index.name, "knnBeta": knn_beta}}


def _vector_search(
    index: SearchIndex,
    query: Embedding,
    mode: dict[str, Any],
    limit: int,
    condition: Filter | None,
) -> Pipeline:
    vector_search: dict[str, Any] = {
        "index": index.name,
        "path": index.path,
        "queryVector": embedding_to_bson(query, index),
        **mode,
        "limit": limit,
    }
    if condition is not None:
        vector_search["filter"] = to_mql(condition)
    return [{"$vectorSearch": vector_search}]


def hits(index: SearchIndex, score: str) -> Pipeline:
    """Return what makes rows of documents; `score` is as `score_name` returns it."""
    return [
        {"$unset": index.path},
        {"$project": {"_id": 0, "score": {"$meta": score}, "item": "$$ROOT"}},
    ]
