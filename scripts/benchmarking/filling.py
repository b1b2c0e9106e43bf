"""A LocalAtlas in a process of its own that is filled step by step, and what each step costs."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bson
import numpy as np
from bson import ObjectId
from bson.binary import Binary, BinaryVectorDtype
from pymongo import MongoClient

from scripts.benchmarking.processes import BYTES_PER_MB, memory_mb, peak_memory_mb, written_mb

_BATCH = 1000
_FINDS = 300
_FILE = "local_atlas.sqlite"
_WARM_UP = 2000  # documents before the first step, which fill the caches and make the tables


@dataclass(frozen=True, slots=True)
class Server:
    """A running LocalAtlas."""

    uri: str
    process_id: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Step:
    """What was measured when so many documents were in."""

    documents: int
    inserts_per_s: float
    written_to_bson: float
    id_ms: float
    field_ms: float
    memory_mb: float
    peak_memory_mb: float
    file_to_bson: float
    log_mb: float

    def rounded(self) -> dict[str, float]:
        """Return the figures with as many digits as they are good for."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a data directory until the block ends."""
    command = [sys.executable, "-m", "app.local_atlas", "--path", str(folder)]
    with subprocess.Popen(
        [*command, "--log-level", "error"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Server(process.stdout.readline().strip(), process.pid, folder)
        finally:
            process.terminate()


class Filling:
    """Fills the collection of a server with items of a catalogue.

    Args:
        server: an empty one.
        dimensions: of the embeddings.
        draws_ids: new ids fall everywhere among those that there are; otherwise they ascend.
        seed: of what is drawn.
    """

    def __init__(self, server: Server, *, dimensions: int, draws_ids: bool, seed: int) -> None:
        self._server = server
        self._draw = np.random.default_rng(seed)
        self._dimensions = dimensions
        self._draws_ids = draws_ids
        self._ids: list[Any] = []
        self._stock_numbers: list[int] = []
        self._bson_bytes = 0

    def steps(self, documents: int, count: int) -> Iterator[Step]:
        """Insert so many documents in `count` parts, behind some to warm up; measure after each."""
        with MongoClient[dict[str, Any]](self._server.uri) as client:
            items = client["growth"]["items"]
            items.create_index("stock_number")
            self._insert(items, _WARM_UP)
            for part in range(count):
                added = documents * (part + 1) // count - documents * part // count
                bson_mb, written = self._bson_bytes / BYTES_PER_MB, self._written_mb()
                inserts_per_s = added / self._insert(items, added)
                written = self._written_mb() - written
                grown_mb = self._bson_bytes / BYTES_PER_MB - bson_mb
                yield self._measured(items, inserts_per_s, written / grown_mb)

    def _insert(self, items: Any, count: int) -> float:
        """Insert documents and return the seconds that the server took."""
        seconds = 0.0
        for start in range(0, count, _BATCH):
            batch = [self._item() for _ in range(min(_BATCH, count - start))]
            began = time.perf_counter()
            items.insert_many(batch, ordered=False)
            seconds += time.perf_counter() - began
            self._bson_bytes += sum(len(bson.encode(item)) for item in batch)
        return seconds

    def _item(self) -> dict[str, Any]:
        identity = self._draw.bytes(12).hex() if self._draws_ids else ObjectId()
        stock_number = int(self._draw.integers(1 << 40))
        self._ids.append(identity)
        self._stock_numbers.append(stock_number)
        vector = self._draw.random(self._dimensions, dtype=np.float32)
        return {
            "_id": identity,
            "title": f"Item {len(self._ids)} of the catalogue, as its shop describes it",
            "category": ("shoe", "dress", "shirt", "bag")[len(self._ids) % 4],
            "price": round(float(self._draw.random()) * 200, 2),
            "stock_number": stock_number,
            "embedding": Binary.from_vector(vector.tolist(), BinaryVectorDtype.FLOAT32),
        }

    def _written_mb(self) -> float:
        return written_mb(self._server.process_id)

    def _measured(self, items: Any, inserts_per_s: float, written_to_bson: float) -> Step:
        places = self._draw.integers(len(self._ids), size=_FINDS).tolist()
        data = self._server.folder / _FILE
        log = data.with_name(f"{_FILE}-wal")
        return Step(
            documents=len(self._ids),
            inserts_per_s=inserts_per_s,
            written_to_bson=written_to_bson,
            id_ms=_median_ms(items, "_id", [self._ids[place] for place in places]),
            field_ms=_median_ms(
                items, "stock_number", [self._stock_numbers[place] for place in places]
            ),
            memory_mb=memory_mb(self._server.process_id),
            peak_memory_mb=peak_memory_mb(self._server.process_id),
            file_to_bson=data.stat().st_size / self._bson_bytes,
            log_mb=log.stat().st_size / BYTES_PER_MB,
        )


def _median_ms(items: Any, name: str, values: list[Any]) -> float:
    latencies = []
    for value in values:
        began = time.perf_counter()
        found = items.find_one({name: value})
        latencies.append((time.perf_counter() - began) * 1000)
        assert found is not None, f"{name} {value} is not found"
    return statistics.median(latencies)
