"""LanceDB on files, in this process: IVF_HNSW_SQ, an HNSW graph over vectors of bytes."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
from lancedb.index import Bitmap, BTree, HnswSq

from scripts.benchmarking.dataset import Dataset, Floats, category_name
from scripts.benchmarking.questions import LIMIT, Condition, PriceBelow
from scripts.benchmarking.systems.system import Hit, Setting, geometric

_NAME = "vectors"
_BATCH = 20_000
# Bytes alone are too coarse to put ten neighbours into their order, so some multiple of the ten
# is fetched and compared exactly.
_REFINE_FACTORS = (1, 2, 3, 5, 10)
_COLUMNS = ["id", "category", "price", "_distance"]


class LanceDB:
    """A table with one partition, as its documentation recommends below a million rows."""

    ladders: Sequence[Sequence[Setting]] = [
        [{"ef": ef, "refine_factor": factor} for ef in geometric(max(16, LIMIT * factor), 4096)]
        for factor in _REFINE_FACTORS
    ]

    def __init__(self, folder: Path) -> None:
        self._database = lancedb.connect(str(folder))

    def build(self, dataset: Dataset) -> None:
        """Write the table, and an index for the vectors and one for each filtered column."""
        schema = pa.schema(
            {
                "id": pa.int64(),
                "embedding": pa.list_(pa.float32(), dataset.dimensions),
                "category": pa.string(),
                "price": pa.float64(),
            }
        )
        self._table = self._database.create_table(
            _NAME, _record_batches(dataset, schema), schema=schema
        )
        self._table.create_index(
            "embedding", config=HnswSq(distance_type="cosine", num_partitions=1)
        )
        self._table.create_index("price", config=BTree())
        self._table.create_index("category", config=Bitmap())

    def use(self, setting: Setting) -> None:
        """Keep the setting for the queries to come."""
        self._ef = setting["ef"]
        self._refine_factor = setting["refine_factor"]

    def native_filter(self, condition: Condition) -> str:
        """Return an SQL condition."""
        if isinstance(condition, PriceBelow):
            return f"price < {condition.share}"
        names = ", ".join(f"'{category_name(code)}'" for code in range(condition.count))
        return f"category IN ({names})"

    def search(self, query: Floats, limit: int, native_filter: Any) -> list[Hit]:
        """Ask for all columns but the vector; a filter comes before the search."""
        search = self._table.search(query, vector_column_name="embedding")
        search = search.distance_type("cosine").ef(self._ef).refine_factor(self._refine_factor)
        if native_filter is not None:
            search = search.where(native_filter)
        rows = search.limit(limit).select(_COLUMNS).to_list()
        return [Hit(row["id"], row["_distance"], row["category"], row["price"]) for row in rows]

    def process_id(self) -> int:
        """Return this process."""
        return os.getpid()

    def close(self) -> None:
        """Do nothing: LanceDB keeps no file open between queries."""


def _record_batches(dataset: Dataset, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for items in dataset.batches(_BATCH):
        vectors = pa.FixedSizeListArray.from_arrays(
            pa.array(items.embeddings.ravel()), dataset.dimensions
        )
        columns = [
            pa.array(items.numbers, pa.int64()),
            vectors,
            pa.array(items.categories),
            pa.array(items.prices),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
