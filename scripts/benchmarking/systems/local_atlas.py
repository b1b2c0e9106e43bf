"""LocalAtlas in a process of its own, asked through PyMongo over its Unix socket."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bson import Binary
from bson.binary import BinaryVectorDtype
from pymongo import MongoClient, ReplaceOne
from pymongo.collection import Collection
from pymongo.operations import SearchIndexModel

from app.local_atlas.directory_lock import announcement, is_served
from app.local_atlas.launcher import start_or_join
from scripts.benchmarking.dataset import Dataset, Floats, Items, category_name
from scripts.benchmarking.processes import wait_until_idle
from scripts.benchmarking.questions import Condition, PriceBelow
from scripts.benchmarking.systems.system import Hit, Setting, geometric

EXACT: Setting = {"exact": True}

_INDEX = "vectors"
_BATCH = 1000
_POLL_S = 0.01
_MOST_UPSERTED = 10_000

Document = dict[str, Any]


class LocalAtlas:
    """A collection with a `vectorSearch` index; embeddings and queries are BinData float32."""

    ladders: Sequence[Sequence[Setting]] = (
        [{"numCandidates": candidates} for candidates in geometric(16, 10_000)],
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connect()

    def build(self, dataset: Dataset) -> None:
        """Insert everything, create the index, and wait until it is READY and all is sorted.

        READY is the index as soon as it answers; sorting goes on in the background, so the build
        ends when the server has nothing left to do.
        """
        self._dimensions = dataset.dimensions
        self._upserted = min(dataset.count, _MOST_UPSERTED)
        for items in dataset.batches(_BATCH):
            self._collection.insert_many(_documents(items), ordered=False)
        self._create_index(self._collection)
        wait_until_idle(self.process_id())

    def use(self, setting: Setting) -> None:
        """Keep the setting for the queries to come."""
        self._mode = dict(setting)

    def native_filter(self, condition: Condition) -> Document:
        """Return a filter in MQL."""
        if isinstance(condition, PriceBelow):
            return {"price": {"$lt": condition.share}}
        return {"category": {"$in": [category_name(code) for code in range(condition.count)]}}

    def search(self, query: Floats, limit: int, native_filter: Any) -> list[Hit]:
        """Run `$vectorSearch`, and `$project` for what is wanted."""
        search: Document = {
            "index": _INDEX,
            "path": "embedding",
            "queryVector": _bin_data(query),
            "limit": limit,
            **self._mode,
        }
        if native_filter is not None:
            search["filter"] = native_filter
        score = {"$meta": "vectorSearchScore"}
        pipeline = [
            {"$vectorSearch": search},
            {"$project": {"category": 1, "price": 1, "score": score}},
        ]
        return [
            Hit(int(found["_id"]), found["score"], found["category"], found["price"])
            for found in self._collection.aggregate(pipeline)
        ]

    def upserts_per_s(self, queries: Floats, *, as_arrays: bool) -> float:
        """Upsert new documents into an empty collection with a live index of its own.

        Args:
            queries: (q, d) float32, the vectors of the documents, over and over.
            as_arrays: whether embeddings are arrays of doubles, and not BinData.
        """
        collection = self._collection.database["upserts"]
        collection.drop()
        self._create_index(collection)
        batches = [
            [
                ReplaceOne({"_id": document["_id"]}, document, upsert=True)
                for document in _upserted(queries, start, as_arrays=as_arrays)
            ]
            for start in range(0, self._upserted, _BATCH)
        ]
        start_s = time.perf_counter()
        for batch in batches:
            collection.bulk_write(batch, ordered=False)
        elapsed_s = time.perf_counter() - start_s
        collection.drop()
        return sum(map(len, batches)) / elapsed_s

    def restart_s(self, query: Floats, answer: frozenset[int]) -> float:
        """Kill the server, start it, and ask until the answer is right.

        Args:
            query: (d,) float32.
            answer: what to find, all of it but one item.
        """
        self._client.close()
        self._end(signal.SIGKILL)
        start_s = time.perf_counter()
        self._connect()
        while len({hit.number for hit in self.search(query, len(answer), None)} & answer) < (
            len(answer) - 1
        ):
            time.sleep(_POLL_S)
        return time.perf_counter() - start_s

    def process_id(self) -> int:
        """Return the server's process."""
        announced = announcement(self._folder)
        assert announced is not None
        return announced.process_id

    def close(self) -> None:
        """End the server, and wait until it has closed its files."""
        self._client.close()
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        os.kill(self.process_id(), number)
        while is_served(self._folder):
            time.sleep(_POLL_S)

    def _connect(self) -> None:
        self._client: MongoClient[Document] = MongoClient(start_or_join(self._folder))
        self._collection = self._client["benchmark"]["items"]

    def _create_index(self, collection: Collection[Document]) -> None:
        if not collection.database.list_collection_names(filter={"name": collection.name}):
            collection.database.create_collection(collection.name)
        vector = {"path": "embedding", "numDimensions": self._dimensions, "similarity": "cosine"}
        fields = [
            {"type": "vector", **vector},
            {"type": "filter", "path": "category"},
            {"type": "filter", "path": "price"},
        ]
        collection.create_search_index(
            SearchIndexModel({"fields": fields}, name=_INDEX, type="vectorSearch")
        )
        while not all(entry["queryable"] for entry in collection.list_search_indexes(_INDEX)):
            time.sleep(_POLL_S)


def _documents(items: Items) -> list[Document]:
    return [
        {"_id": str(number), "category": category, "price": price, "embedding": _bin_data(row)}
        for number, category, price, row in zip(
            items.numbers, items.categories, items.prices.tolist(), items.embeddings, strict=True
        )
    ]


def _upserted(queries: Floats, start: int, *, as_arrays: bool) -> list[Document]:
    rows = queries[np.arange(start, start + _BATCH) % len(queries)]
    return [
        {
            "_id": str(start + i),
            "category": category_name(0),
            "price": 0.5,
            "embedding": row.astype(np.float64).tolist() if as_arrays else _bin_data(row),
        }
        for i, row in enumerate(rows)
    ]


def _bin_data(row: Floats) -> Binary:
    return Binary.from_vector(row, BinaryVectorDtype.FLOAT32)
