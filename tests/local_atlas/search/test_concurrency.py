"""Queries while writes are applied: never half a document, and in the end nothing is lost."""

import random
import threading
from typing import Any

import bson
import numpy as np
import pytest
from pymongo.database import Database

from app.local_atlas.search.definition import parse_definition
from app.local_atlas.search.exact_search import Hits
from app.local_atlas.search.mql_filter import read_mql_filter
from app.local_atlas.search.search_data import SearchData
from app.local_atlas.search.vectors import Vector
from tests.local_atlas.search.asking import indexed

DIMENSIONS = 16
VECTOR = {"type": "vector", "path": "v", "numDimensions": DIMENSIONS, "similarity": "euclidean"}
DEFINITION = {"fields": [VECTOR, {"type": "filter", "path": "side"}]}


def document(generator: random.Random) -> dict[str, Any]:
    """A document whose filter value can be told from its vector."""
    side = generator.choice([-1, 1])
    return {"side": side, "v": [side * (1 + generator.random()) for _ in range(DIMENSIONS)]}


class Traffic:
    """One writer and what it wrote, and queries beside it."""

    def __init__(self) -> None:
        self.data = SearchData(parse_definition("vectorSearch", DEFINITION))
        self.documents: dict[int, dict[str, Any]] = {}
        self.failures: list[str] = []
        self.is_done = threading.Event()

    def write(self) -> None:
        generator = random.Random(1)
        for _ in range(400):
            batch: list[tuple[int, bytes | None]] = []
            for record_id in generator.sample(range(1000), 20):
                if generator.random() < 0.3:
                    self.documents.pop(record_id, None)
                    batch.append((record_id, None))
                else:
                    self.documents[record_id] = document(generator)
                    batch.append((record_id, bson.encode(self.documents[record_id])))
            self.data.apply(batch)
        self.is_done.set()

    def query(self, side: int) -> None:
        # The nearest possible vector of this side, seen from the other one.
        bound = 1 / (1 + DIMENSIONS * 2**2) + 1e-6
        while not self.is_done.is_set():
            hits = self.found(-side, side, 50)
            if len(set(hits.record_ids.tolist())) != len(hits.record_ids):
                self.failures.append("a document came twice")
            if (np.diff(hits.scores) > 0).any():
                self.failures.append("hits came out of order")
            if len(hits.scores) and hits.scores[0] > bound:
                self.failures.append("a document came by another one's filter value")

    def found(self, target: float, side: int, k: int) -> Hits:
        condition = read_mql_filter({"side": side}, "filter").condition
        query = Vector("float32", np.full(DIMENSIONS, target, np.float32))
        return self.data.nearest("v", query, k, condition)


def test_queries_never_see_half_a_write() -> None:
    traffic = Traffic()
    threads = [threading.Thread(target=traffic.write)]
    threads += [threading.Thread(target=traffic.query, args=(side,)) for side in (-1, 1, -1)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert traffic.failures == []
    for side in (-1, 1):
        expected = {rid for rid, one in traffic.documents.items() if one["side"] == side}
        assert set(traffic.found(0, side, 2000).record_ids.tolist()) == expected


@pytest.mark.slow
def test_writes_and_queries_over_the_wire(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [], DEFINITION)
    is_done = threading.Event()
    failures: list[BaseException] = []

    def write(seed: int) -> None:
        generator = random.Random(seed)
        for i in range(300):
            collection.replace_one({"_id": i % 50}, document(generator), upsert=True)
        is_done.set()

    def query() -> None:
        spec = {"index": "default", "path": "v", "queryVector": [0.0] * DIMENSIONS, "limit": 60}
        try:
            while not is_done.is_set():
                list(collection.aggregate([{"$vectorSearch": {**spec, "exact": True}}]))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(2)]
    threads += [threading.Thread(target=query) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
