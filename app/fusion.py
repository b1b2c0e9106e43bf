"""Reciprocal rank fusion: several rankings of one collection as one, made by the database.

A document's score is the sum of `1 / (60 + rank)` over the rankings that have it, from rank 1 on.
Equal scores of a ranking, and equal sums, come in the order of `_id`, so that no two documents
share a rank. `$rankFusion` computes this since MongoDB 8.1; for an older server the same is spelled
out over `$unionWith`, and gives the same documents with the same scores.
Cormack, Clarke and Büttcher, SIGIR 2009, https://doi.org/10.1145/1571941.1572114
https://www.mongodb.com/docs/manual/reference/operator/aggregation/rankFusion/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.errors import OperationFailure

from app.lexical_indexes import LexicalIndex
from app.pipelines import Pipeline

RANK_CONSTANT = 60

_ABSENT = "NA"  # the rank in a ranking that has not the document

# Not allowed to, or not in time: whoever asks again may learn more.
_SAYS_NOTHING = frozenset({13, 18, 50, 8000})


@dataclass(frozen=True, slots=True)
class Server:
    """What a fusion must know of the database.

    Attributes:
        collection: its name.
        has_rank_fusion: whether it has the stage `$rankFusion`, and sorts by scores in it.
    """

    collection: str
    has_rank_fusion: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """Stages that yield documents, and under which name `$meta` has what they are ranked by."""

    stages: Pipeline
    score_name: str


def probe(lexical: LexicalIndex) -> Pipeline:
    """Build the least fusion by stage: a server that runs it has all that fusions by stage need.

    That is more than `$rankFusion` alone, which came to some servers before sorting by scores did.
    """
    any_words = {"index": lexical.name, "exists": {"path": lexical.text_paths[0]}}
    ranking = Ranking([{"$search": any_words}, {"$limit": 1}], "searchScore")
    return _by_stage({"words": ranking}, limit=1)


def server_without_stage(collection: str, error: OperationFailure) -> Server:
    """Return the server that refused `probe`.

    Raises:
        OperationFailure: it refused for what has nothing to do with what it has.
    """
    if error.code in _SAYS_NOTHING:
        raise error
    return Server(collection, has_rank_fusion=False)


def fused_stages(rankings: Mapping[str, Ranking], server: Server, *, limit: int) -> Pipeline:
    """Build the fusion of rankings by their names.

    Returns:
        A pipeline of at most `limit` rows, best first: `_id`, `score`, `ranks` (which `ranks_of`
        reads) and `item`, the whole document.
    """
    named = dict(sorted(rankings.items()))
    if server.has_rank_fusion:
        return _by_stage(named, limit)
    return _by_union(named, server.collection, limit)


def ranks_of(row: Mapping[str, Any]) -> dict[str, int]:
    """Return of a row the ranks in the rankings that have its document, by their names."""
    parts = row["ranks"]
    return {one["inputPipelineName"]: one["rank"] for one in parts if one["rank"] != _ABSENT}


def _by_stage(rankings: Mapping[str, Ranking], limit: int) -> Pipeline:
    pipelines = {
        name: [*one.stages, {"$sort": {"score": {"$meta": one.score_name}, "_id": 1}}]
        for name, one in rankings.items()
    }
    ranks = {"$getField": {"field": "details", "input": {"$meta": "scoreDetails"}}}
    row = {"score": {"$meta": "score"}, "ranks": ranks, "item": "$$ROOT"}
    # The stage itself sorts by score and then by `_id`:
    # https://github.com/mongodb/mongo, `buildScoreAndMergeStages`.
    return [
        {"$rankFusion": {"input": {"pipelines": pipelines}, "scoreDetails": True}},
        {"$limit": limit},
        {"$project": row},
    ]


def _by_union(rankings: Mapping[str, Ranking], collection: str, limit: int) -> Pipeline:
    first, *others = [_ranked(name, one) for name, one in rankings.items()]
    unions = [{"$unionWith": {"coll": collection, "pipeline": one}} for one in others]
    part = {"inputPipelineName": "$name", "rank": "$rank"}
    summed = {"_id": "$_id", "score": {"$sum": "$score"}, "ranks": {"$push": part}}
    return [
        *first,
        *unions,
        {"$group": summed},
        {"$sort": {"score": -1, "_id": 1}},
        {"$limit": limit},
        {"$lookup": {"from": collection, "localField": "_id", "foreignField": "_id", "as": "item"}},
        {"$unwind": "$item"},
    ]


def _ranked(name: str, ranking: Ranking) -> Pipeline:
    """Yield of each document `_id`, `rank`, `name` and what the rank is worth."""
    rank: dict[str, Any] = {"$add": ["$rank", 1]}
    return [
        *ranking.stages,
        {"$project": {"_id": 1, "score": {"$meta": ranking.score_name}}},
        {"$sort": {"score": -1, "_id": 1}},
        {"$group": {"_id": None, "ids": {"$push": "$_id"}}},
        {"$unwind": {"path": "$ids", "includeArrayIndex": "rank"}},
        {"$project": {"_id": "$ids", "rank": rank, "name": {"$literal": name}}},
        {"$set": {"score": {"$divide": [1, {"$add": [RANK_CONSTANT, "$rank"]}]}}},
    ]
