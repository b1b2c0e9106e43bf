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

from app.pipelines import Pipeline

RANK_CONSTANT = 60

# Asks a server whether it has the stage, and for no document.
_NOTHING: Pipeline = [{"$match": {"_id": {"$in": []}}}, {"$sort": {"_id": 1}}]
PROBE: Pipeline = [{"$rankFusion": {"input": {"pipelines": {"a": _NOTHING}}}}]
# Unrecognized stage, switched off by a feature flag, outside of the stable API.
_LACKS_STAGE = frozenset({40324, 224, 323})


@dataclass(frozen=True, slots=True)
class Server:
    """What a fusion must know of the database.

    Attributes:
        collection: its name.
        has_rank_fusion: whether it has the stage `$rankFusion`.
    """

    collection: str
    has_rank_fusion: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """Stages that yield documents, and under which name `$meta` has what they are ranked by."""

    stages: Pipeline
    score_name: str


def server_without_stage(collection: str, error: OperationFailure) -> Server:
    """Return the server that refused `PROBE` because it does not have the stage.

    Raises:
        OperationFailure: it refused for another reason.
    """
    if error.code not in _LACKS_STAGE:
        raise error
    return Server(collection, has_rank_fusion=False)


def fused_stages(rankings: Mapping[str, Ranking], server: Server, *, limit: int) -> Pipeline:
    """Build the fusion of rankings by their names.

    Returns:
        A pipeline of at most `limit` rows, best first: `_id`, `score`, `ranks` (`name` and `rank`
        of each ranking that has the document, in any order) and `item`, the whole document.
    """
    named = dict(sorted(rankings.items()))
    if server.has_rank_fusion:
        return _by_stage(named, limit)
    return _by_union(named, server.collection, limit)


def _by_stage(rankings: Mapping[str, Ranking], limit: int) -> Pipeline:
    pipelines = {
        name: [*one.stages, {"$sort": {"score": {"$meta": one.score_name}, "_id": 1}}]
        for name, one in rankings.items()
    }
    details = {"$getField": {"field": "details", "input": {"$meta": "scoreDetails"}}}
    ranks = {
        "$map": {
            "input": {"$filter": {"input": details, "cond": {"$ne": ["$$this.rank", "NA"]}}},
            "in": {"name": "$$this.inputPipelineName", "rank": "$$this.rank"},
        }
    }
    row = {"score": {"$meta": "score"}, "ranks": ranks, "item": "$$ROOT"}
    return [
        {"$rankFusion": {"input": {"pipelines": pipelines}, "scoreDetails": True}},
        {"$project": row},
        {"$sort": {"score": -1, "_id": 1}},
        {"$limit": limit},
    ]


def _by_union(rankings: Mapping[str, Ranking], collection: str, limit: int) -> Pipeline:
    first, *others = [_ranked(name, one) for name, one in rankings.items()]
    unions = [{"$unionWith": {"coll": collection, "pipeline": one}} for one in others]
    part = {"name": "$name", "rank": "$rank"}
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
