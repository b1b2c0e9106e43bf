"""Asks a live index some queries, at a setting: what was found, and how long each took."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.bson_values import encode_value
from app.documents import Embedding
from app.errors import ConfigError, IndexNotReady
from app.evaluation import ann_recall
from app.field_paths import projection
from app.filters import Filter
from app.index_care.faults import Fault, take_vector
from app.index_care.listing import Documents
from app.indexes import SearchIndex
from app.pipelines import engine_stages

# Nobody waits at a page for these.
MAX_TIME_MS = 60_000

Ids = list[bytes]


@dataclass(frozen=True, slots=True)
class Query:
    """A query vector: (d,) float32; and the encoded `_id` of the item that it is of, if any."""

    vector: Embedding
    own_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What a setting answered, query by query, and the time of each in milliseconds."""

    hits: Sequence[Ids]
    took_ms: Sequence[float]

    def recall(self, exact: "Answers") -> float:
        """Return the mean share of the exact hits among these."""
        return ann_recall(self.hits, exact.hits)


def stored_queries(collection: Documents, index: SearchIndex, count: int) -> list[Query]:
    """Return vectors of random items, which is what a product page asks with.

    Raises:
        IndexNotReady: no item has a vector that the index takes.
        The driver's errors.
    """
    stages: list[dict[str, Any]] = [
        {"$match": {index.path: {"$type": ["binData", "array"]}}},
        {"$sample": {"size": count}},
        {"$project": projection([index.path])},
    ]
    queries = [_query(one, index) for one in collection.aggregate(stages)]
    found = [one for one in queries if one is not None]
    if not found:
        raise IndexNotReady(
            f"No document of {collection.full_name} has a vector at {index.path} that search "
            f"index {index.name} takes; there is nothing to ask with."
        )
    return found


def read_vectors(path: Path, index: SearchIndex) -> list[Query]:
    """Read queries from a file: a JSON array of numbers a line.

    Raises:
        ConfigError: it cannot be read or is empty, or a line is no vector of the index's length.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    if not lines:
        raise ConfigError(f"{path} is empty; expected a JSON array of numbers a line.")
    return [Query(_vector(line, f"{path}:{i}", index)) for i, line in enumerate(lines, start=1)]


def _vector(line: str, where: str, index: SearchIndex) -> Embedding:
    try:
        vector = np.array(json.loads(line), dtype=np.float32)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{where} is no JSON array of numbers.") from error
    if vector.shape != (index.dimensions,) or not np.isfinite(vector).all() or not vector.any():
        raise ConfigError(
            f"{where} must be {index.dimensions} finite numbers, not all of them 0; "
            f"search index {index.name} compares such vectors."
        )
    return vector


class Asker:
    """Asks an index for a number of hits.

    Args:
        collection: any.
        index: live.
        limit: hits of each query; the item itself, where a query is one, is asked for besides and
            left out.
    """

    def __init__(self, collection: Documents, index: SearchIndex, limit: int) -> None:
        self._collection = collection
        self._index = index
        self.limit = limit

    def ask(
        self, queries: Sequence[Query], num_candidates: int | None, condition: Filter | None
    ) -> Answers:
        """Ask each query; `num_candidates` of None compares every item."""
        answers = [self._ask(query, num_candidates, condition) for query in queries]
        return Answers([hits for hits, _ in answers], [took_ms for _, took_ms in answers])

    def _ask(
        self, query: Query, num_candidates: int | None, condition: Filter | None
    ) -> tuple[Ids, float]:
        limit = self.limit + (query.own_id is not None)
        stages = engine_stages(
            self._index,
            query.vector,
            limit=limit,
            num_candidates=None if num_candidates is None else max(num_candidates, limit),
            condition=condition,
        )
        start_s = time.perf_counter()
        rows = list(
            self._collection.aggregate(
                [*stages, {"$project": {"_id": 1}}], maxTimeMS=MAX_TIME_MS, batchSize=limit
            )
        )
        took_ms = (time.perf_counter() - start_s) * 1000
        keys = (encode_value(row["_id"]) for row in rows)
        return [key for key in keys if key != query.own_id][: self.limit], took_ms


def _query(document: Mapping[str, Any], index: SearchIndex) -> Query | None:
    vector = take_vector(document, index)
    if isinstance(vector, Fault):
        return None
    values = vector.values.astype(np.float32)
    # An int8 vector's own length says nothing; the index compares directions.
    length = float(np.linalg.norm(values)) if index.vector_type == "int8" else 1.0
    return Query((values / length).astype(np.float32), encode_value(document["_id"]))
