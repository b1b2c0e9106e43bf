"""Chroma on files, in this process: HNSW over vectors in memory, metadata in SQLite."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import chromadb
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import Settings

from scripts.benchmarking.dataset import Dataset, Floats, category_name
from scripts.benchmarking.questions import Condition, PriceBelow
from scripts.benchmarking.systems.system import Hit, Setting, geometric

_NAME = "vectors"
_BATCH = 5000  # it takes 5,461 at most


class Chroma:
    """A persistent collection with the index parameters that Chroma chooses."""

    ladders: Sequence[Sequence[Setting]] = ([{"ef_search": ef} for ef in geometric(16, 4096)],)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open()

    def build(self, dataset: Dataset) -> None:
        """Add everything, and ask once: what was added is indexed by then."""
        self._collection = self._client.create_collection(
            _NAME, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )
        for items in dataset.batches(_BATCH):
            self._collection.add(
                ids=[str(number) for number in items.numbers],
                embeddings=items.embeddings,
                metadatas=[
                    {"category": category, "price": price}
                    for category, price in zip(items.categories, items.prices.tolist(), strict=True)
                ],
            )
        self.search(items.embeddings[0], 1, None)

    def use(self, setting: Setting) -> None:
        """Set ef and open the collection anew: one that is open goes on with the old ef."""
        self._collection.modify(configuration={"hnsw": dict(setting)})
        self._close()
        self._open()
        self._collection = self._client.get_collection(_NAME, embedding_function=None)

    def native_filter(self, condition: Condition) -> dict[str, Any]:
        """Return a `where`."""
        if isinstance(condition, PriceBelow):
            return {"price": {"$lt": condition.share}}
        return {"category": {"$in": [category_name(code) for code in range(condition.count)]}}

    def search(self, query: Floats, limit: int, native_filter: Any) -> list[Hit]:
        """Ask for metadata and distances."""
        found = self._collection.query(
            query_embeddings=[query],
            n_results=limit,
            where=native_filter,
            include=["metadatas", "distances"],
        )
        return [
            Hit(int(item_id), distance, metadata["category"], metadata["price"])
            for item_id, distance, metadata in zip(
                found["ids"][0], found["distances"][0], found["metadatas"][0], strict=True
            )
        ]

    def process_id(self) -> int:
        """Return this process."""
        return os.getpid()

    def close(self) -> None:
        """Close the files."""
        self._close()

    def _open(self) -> None:
        self._client = chromadb.PersistentClient(
            str(self._folder), settings=Settings(anonymized_telemetry=False)
        )

    def _close(self) -> None:
        self._client.close()
        SharedSystemClient.clear_system_cache()
