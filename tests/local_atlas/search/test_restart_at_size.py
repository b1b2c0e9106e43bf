"""A server with a hundred thousand vectors is there again with one copy of them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bson.binary import Binary
from pymongo import MongoClient

from app.local_atlas.directory_lock import announcement
from app.local_atlas.launcher import start_or_join
from tests.local_atlas.processes import kill, wait_until
from tests.local_atlas.search.asking import Documents, create_index

N, DIMENSIONS = 100_000, 512
MOST_MEMORY_KIB = 600 * 1024
FLOAT32 = b"\x27\x00"  # how BinData of float32 begins
DEFINITION: dict[str, Any] = {
    "fields": [
        {"type": "vector", "path": "v", "numDimensions": DIMENSIONS, "similarity": "cosine"},
        {"type": "filter", "path": "n"},
    ]
}
RANDOM = np.random.default_rng(1)
CENTRES = RANDOM.standard_normal((200, DIMENSIONS)).astype(np.float32)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    kill(tmp_path)


def batch(start: int) -> list[dict[str, Any]]:
    noise = RANDOM.standard_normal((1000, DIMENSIONS)).astype(np.float32)
    vectors = CENTRES[RANDOM.integers(0, 200, 1000)] + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        {"_id": start + i, "v": Binary(FLOAT32 + vector.tobytes(), 9), "n": (start + i) % 100}
        for i, vector in enumerate(vectors)
    ]


def ask(documents: Documents) -> list[list[Any]]:
    search = {"index": "default", "path": "v", "queryVector": CENTRES[0].tolist(), "limit": 50}
    stages: list[dict[str, Any]] = [
        {**search, "exact": True},
        {**search, "numCandidates": 500},
        {**search, "exact": True, "filter": {"n": 7}},
    ]
    return [[hit["_id"] for hit in documents.aggregate([{"$vectorSearch": s}])] for s in stages]


def most_memory_kib(directory: Path) -> int:
    holder = announcement(directory)
    assert holder is not None
    status = Path(f"/proc/{holder.process_id}/status")
    if not status.exists():
        pytest.skip("only Linux tells how much memory a process has had")
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text())
    assert found is not None
    return int(found[1])


def log_of(directory: Path) -> str:
    return (directory / "local_atlas.log").read_text()


@pytest.mark.slow
def test_a_hundred_thousand_vectors_are_built_killed_and_opened_in_one_copy(
    directory: Path,
) -> None:
    with MongoClient[dict[str, Any]](start_or_join(directory)) as client:
        documents = client.shop.items
        for start in range(0, N, 1000):
            documents.insert_many(batch(start))
        create_index(documents, DEFINITION)
        wait_until(lambda: "Search index default saved" in log_of(directory), deadline_s=600)
        before = ask(documents)
        assert most_memory_kib(directory) < MOST_MEMORY_KIB
        kill(directory)

    with MongoClient[dict[str, Any]](start_or_join(directory)) as client:
        assert ask(client.shop.items) == before
        assert "Search index default opened with 0 changes: 100000" in log_of(directory)
        assert most_memory_kib(directory) < MOST_MEMORY_KIB
