"""Pairs of items that look nearly the same: their embeddings are found through the search index.

Each embedding of a model is asked for its nearest neighbours, a batch of items at a time, so memory
stays flat. A score only proposes a pair: what counts is the cosine of the stored embeddings.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from pymongo.collection import Collection

from app.bson_values import encode_value
from app.composed.ranking import NEAR_IDENTICAL_COSINE
from app.data_state import DataState, read_data_state
from app.documents import Embedding, embedding_from_bson, get_path
from app.errors import IndexNotReady
from app.hits import same_model_pipeline
from app.indexes import SearchIndex

Document = dict[str, Any]

# More items than this that are all alike are found still, as pairs that share an item.
NEIGHBOURS = 20
BATCH_SIZE = 64
SEARCHES_AT_ONCE = 8
# What an index may lose of a score: it compares rounded vectors where it is quantized.
_SLACK = 0.01


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two items, in the order in which they were met, and the cosine of their embeddings."""

    ids: tuple[Any, Any]
    cosine: float


def near_pairs(
    collection: Collection[Document],
    index: SearchIndex,
    embedded_by: str,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[NearPair]:
    """Yield each pair of a model's items with a cosine of at least `NEAR_IDENTICAL_COSINE`, once.

    Args:
        collection: the gallery.
        index: must be live, and have taken in what is to be found.
        embedded_by: the model's fingerprint.
        should_stop: is asked before each batch; where it says so, there are no further pairs.

    Raises:
        IndexNotReady: the live index cannot serve, or there are no embeddings of this model.
        The driver's errors.
    """
    state = read_data_state(collection, index)
    problem = state.problem(embedded_by, collection.full_name)
    if problem is not None:
        raise IndexNotReady(problem)
    search = _Search(collection, index, embedded_by, state)
    met = _MetPairs()
    items = search.items()
    with ThreadPoolExecutor(SEARCHES_AT_ONCE, thread_name_prefix="neighbours") as searching:
        try:
            while not should_stop() and (batch := list(islice(items, BATCH_SIZE))):
                yield from filter(met.add, search.pairs(batch, searching))
        finally:
            met.close()


@dataclass(frozen=True, slots=True)
class _Item:
    item_id: Any
    embedding: Embedding


class _Search:
    def __init__(
        self,
        collection: Collection[Document],
        index: SearchIndex,
        embedded_by: str,
        state: DataState,
    ) -> None:
        self._collection = collection
        self._index = index
        self._embedded_by = embedded_by
        self._state = state

    def items(self) -> Iterator[_Item]:
        """Yield every item that holds an embedding of this model."""
        found = self._find({self._index.embedded_by_path: self._embedded_by})
        return (item for item in map(self._item, found) if item is not None)

    def pairs(self, batch: Sequence[_Item], searching: Executor) -> Iterator[NearPair]:
        """Yield the pairs of each item of a batch and its neighbours."""
        neighbours = list(searching.map(self._neighbours, batch))
        embeddings = {encode_value(item.item_id): item.embedding for item in batch}
        others = {encode_value(one): one for ids in neighbours for one in ids}
        missing = [one for key, one in others.items() if key not in embeddings]
        for item in map(self._item, self._find({"_id": {"$in": missing}}) if missing else ()):
            if item is not None:
                embeddings[encode_value(item.item_id)] = item.embedding
        for item, ids in zip(batch, neighbours, strict=True):
            for other in ids:
                embedding = embeddings.get(
                    encode_value(other)
                )  # None where it was deleted meanwhile
                cosine = -1.0 if embedding is None else _cosine(item.embedding, embedding)
                if cosine >= NEAR_IDENTICAL_COSINE:
                    yield NearPair((item.item_id, other), cosine)

    def _neighbours(self, item: _Item) -> list[Any]:
        pipeline = same_model_pipeline(
            self._state,
            self._index,
            item.embedding,
            self._embedded_by,
            limit=NEIGHBOURS + 1,
            condition=None,
        )
        pipeline.append({"$project": {"score": 1, "id": "$item._id"}})
        own = encode_value(item.item_id)
        return [
            hit["id"]
            for hit in self._collection.aggregate(pipeline)
            if encode_value(hit["id"]) != own
            and self._cosine_of(hit["score"]) >= NEAR_IDENTICAL_COSINE - _SLACK
        ]

    def _cosine_of(self, score: float) -> float:
        """Turn a score into the cosine of two unit vectors.

        https://www.mongodb.com/docs/atlas/atlas-vector-search/vector-search-stage/#atlas-vector-search-score
        """
        if self._index.similarity == "euclidean":
            return 1 - (1 / score - 1) / 2  # score = 1 / (1 + d^2), and d^2 = 2 - 2 cosine
        return 2 * score - 1

    def _find(self, query: Document) -> Iterator[Document]:
        paths = (self._index.path, self._index.embedded_by_path)
        return iter(self._collection.find(query, dict.fromkeys(paths, 1), batch_size=BATCH_SIZE))

    def _item(self, document: Document) -> _Item | None:
        if get_path(document, self._index.embedded_by_path) != self._embedded_by:
            return None
        try:
            embedding = embedding_from_bson(get_path(document, self._index.path))
        except (ValueError, TypeError):  # somebody else has written there
            return None
        is_whole = embedding.shape == (self._index.dimensions,) and np.isfinite(embedding).all()
        return _Item(document["_id"], embedding) if is_whole and embedding.any() else None


class _MetPairs:
    """Which pairs there were, in a file of SQLite's own, so that memory stays flat."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute(
            "CREATE TABLE met (one BLOB, other BLOB, PRIMARY KEY (one, other)) WITHOUT ROWID"
        )

    def add(self, pair: NearPair) -> bool:
        """Note a pair; return whether it is the first with these items, in either order."""
        keys = sorted(map(encode_value, pair.ids))
        cursor = self._db.execute("INSERT OR IGNORE INTO met VALUES (?, ?)", keys)
        return bool(cursor.rowcount)

    def close(self) -> None:
        self._db.close()


def _cosine(one: Embedding, other: Embedding) -> float:
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return min(1.0, float(one @ other) / lengths)
