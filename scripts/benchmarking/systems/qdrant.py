"""Qdrant's local mode, in this process: numpy over all vectors, payloads in SQLite. Exact."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qdrant_client import QdrantClient, models

from scripts.benchmarking.dataset import Dataset, Floats, category_name
from scripts.benchmarking.questions import Condition, PriceBelow
from scripts.benchmarking.systems.system import Hit, Setting

_NAME = "vectors"
_BATCH = 1000


class QdrantLocal:
    """A collection on files."""

    ladders: Sequence[Sequence[Setting]] = (({},),)

    def __init__(self, folder: Path) -> None:
        self._client = QdrantClient(path=str(folder))

    def build(self, dataset: Dataset) -> None:
        """Upsert everything; there is no index to build."""
        self._client.create_collection(
            _NAME,
            vectors_config=models.VectorParams(
                size=dataset.dimensions, distance=models.Distance.COSINE
            ),
        )
        for items in dataset.batches(_BATCH):
            payloads = [
                {"category": category, "price": price}
                for category, price in zip(items.categories, items.prices.tolist(), strict=True)
            ]
            self._client.upsert(
                _NAME,
                points=models.Batch(
                    ids=list(items.numbers), vectors=items.embeddings.tolist(), payloads=payloads
                ),
            )

    def use(self, setting: Setting) -> None:
        """Do nothing: there is no setting."""

    def native_filter(self, condition: Condition) -> models.Filter:
        """Return a filter on the payload."""
        if isinstance(condition, PriceBelow):
            field = models.FieldCondition(key="price", range=models.Range(lt=condition.share))
        else:
            names = [category_name(code) for code in range(condition.count)]
            field = models.FieldCondition(key="category", match=models.MatchAny(any=names))
        return models.Filter(must=[field])

    def search(self, query: Floats, limit: int, native_filter: Any) -> list[Hit]:
        """Ask for the payload without the vector."""
        found = self._client.query_points(
            _NAME,
            query=query,
            query_filter=native_filter,
            limit=limit,
            with_payload=True,
            with_vectors=False,
        )
        return [
            Hit(point.id, point.score, point.payload["category"], point.payload["price"])
            for point in found.points
        ]

    def process_id(self) -> int:
        """Return this process."""
        return os.getpid()

    def close(self) -> None:
        """Close the files."""
        self._client.close()
