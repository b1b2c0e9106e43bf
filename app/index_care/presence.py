"""Which documents a search index finds, asked of the index itself.

`$vectorSearch` with `exact: true` has no upper limit, and runs over a `search` index too. Where
`_id` is a filter field, batches of `_id`s are asked for; the work is that of the documents asked
for. Where it is none, one exact search returns every document there is, which are kept on disk;
where a server refuses that over a `search` index, `knnBeta` with `k` = documents does.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

import numpy as np
from bson import Binary, DatetimeMS, ObjectId
from pymongo.errors import OperationFailure

from app.bson_values import encode_value
from app.documents import embedding_to_bson
from app.index_care.definitions import filter_types
from app.index_care.kept_scores import KeptScores
from app.index_care.listing import Documents
from app.indexes import SearchIndex
from app.local_atlas.search.values import MAX_TERM_UNITS
from app.pipelines import Pipeline

Method = Literal["batches of _id", "one exact search", "knnBeta"]
Found = dict[bytes, float]

# The types of value that a field of each type of a search index compares.
_KINDS: dict[type, str] = {
    str: "token",
    ObjectId: "objectId",
    bool: "boolean",
    int: "number",
    float: "number",
    datetime: "date",
    DatetimeMS: "date",
    UUID: "uuid",
}
# An index keeps the beginning of a longer text only, which the whole text does not meet; a
# character is one unit or two.
_MAX_CHARACTERS = MAX_TERM_UNITS // 2
# A fraction is met by its integer part as well, see `Finder.find`.
_ROOM = 4


class Finder(Protocol):
    """Finds documents in an index."""

    method: Method

    def find(self, ids: Sequence[Any]) -> Found:
        """Return the score of each of some documents that the index finds, by encoded `_id`.

        Others may be among them.
        """

    def refresh(self) -> None:
        """Forget what was found: an index may have caught up since."""


def make_finder(collection: Documents, index: SearchIndex) -> Finder:
    """Return what the index and its server let be asked; raises the driver's errors."""
    declared = filter_types(index.definition).get("_id", frozenset())
    if declared:
        return _Batches(collection, index, declared)
    return _Everything(collection, index)


def probe_vector(index: SearchIndex) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the query of a search whose scores do not matter: finite, and not zero."""
    return np.full(index.dimensions, 1 / np.sqrt(index.dimensions), np.float32)


class _Batches:
    method: Method = "batches of _id"

    def __init__(self, collection: Documents, index: SearchIndex, declared: frozenset[str]) -> None:
        self._collection = collection
        self._index = index
        self._declared = declared
        self._everything: _Everything | None = None

    def find(self, ids: Sequence[Any]) -> Found:
        by_kind: dict[str | None, list[Any]] = defaultdict(list)
        for one in ids:
            by_kind[self._kind(one)].append(one)
        found: Found = {}
        for kind, some in by_kind.items():
            if kind is None:
                found |= self._rest().find(some)
            else:
                stages = _exact(self._index, _ROOM * len(some), {"_id": {"$in": some}})
                found.update(_scores(self._collection, stages))
        return found

    def refresh(self) -> None:
        self._everything = None

    def _kind(self, value: Any) -> str | None:
        """Return by which kind of values a document is asked for, None where none is compared."""
        if isinstance(value, str) and len(value) > _MAX_CHARACTERS:
            return None
        is_uuid = isinstance(value, Binary) and value.subtype == 4
        known = (one for one in type(value).__mro__ if one in _KINDS)  # Int64 is an int
        kind = "uuid" if is_uuid else _KINDS.get(next(known, object))
        if kind is None or not self._declared & {kind, "filter"}:
            return None
        return kind

    def _rest(self) -> "_Everything":
        if self._everything is None:
            self._everything = _Everything(self._collection, self._index)
        return self._everything


class _Everything:
    def __init__(self, collection: Documents, index: SearchIndex) -> None:
        self._collection = collection
        self._index = index
        self.method: Method = "one exact search"
        self._kept: KeptScores | None = None

    def find(self, ids: Sequence[Any]) -> Found:
        if self._kept is None:
            self._kept = self._ask()
        return dict(self._kept.of([encode_value(one) for one in ids]))

    def refresh(self) -> None:
        self._kept = None

    def _ask(self) -> KeptScores:
        documents = max(1, self._collection.estimated_document_count() * 2)
        try:
            return KeptScores(_scores(self._collection, _exact(self._index, documents, None)))
        except OperationFailure:
            if self._index.type != "search":
                raise
        self.method = "knnBeta"
        knn_beta = {
            "vector": probe_vector(self._index).astype(np.float64).tolist(),
            "path": self._index.path,
            "k": documents,
        }
        stages: Pipeline = [
            {"$search": {"index": self._index.name, "knnBeta": knn_beta}},
            {"$project": {"score": {"$meta": "searchScore"}}},
        ]
        return KeptScores(_scores(self._collection, stages))


def _exact(index: SearchIndex, limit: int, condition: dict[str, Any] | None) -> Pipeline:
    stage: dict[str, Any] = {
        "index": index.name,
        "path": index.path,
        "queryVector": embedding_to_bson(probe_vector(index), index),
        "exact": True,
        "limit": limit,
    }
    if condition is not None:
        stage["filter"] = condition
    return [{"$vectorSearch": stage}, {"$project": {"score": {"$meta": "vectorSearchScore"}}}]


def _scores(collection: Documents, stages: Pipeline) -> Iterator[tuple[bytes, float]]:
    with collection.aggregate(stages) as rows:
        for row in rows:
            yield encode_value(row["_id"]), row["score"]
