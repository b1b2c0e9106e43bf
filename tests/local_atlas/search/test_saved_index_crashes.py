"""Whoever is killed while an index is being saved leaves the old state or the new one."""

import itertools
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bson.binary import Binary, BinaryVectorDtype
from pymongo import MongoClient, ReplaceOne
from pymongo.errors import PyMongoError

from tests.local_atlas.processes import kill
from tests.local_atlas.search.asking import Documents, create_index, wait_until_ready

# Saves a second state over a first one, and kills itself at every single step of that in turn.
EVERY_STEP = """
import os, signal, sys
from pathlib import Path
import numpy as np
from app.local_atlas.journal import Position
from app.local_atlas.search.matrix import MatrixView
from app.local_atlas.search.saved_index import SavedIndex
from app.local_atlas.search.saved_state import Rows, Strings

def state(n):
    rows = np.arange(4 * n, dtype=np.float32).reshape(n, 4)
    numbers = np.arange(n)
    return {"rows": Rows("lineage", MatrixView((rows,))), "numbers": numbers, "n": n,
            "strings": Strings([f"number {i}" for i in range(n)])}

def check(directory):
    loaded, position = SavedIndex(directory, {"format": 1}).load()
    n = loaded["n"]
    assert (n, position) in ((100, (1, 1)), (130, (2, 2))), (n, position)
    blocks = [block.copy() for block in loaded["rows"].next(n)]
    assert np.concatenate(blocks).tolist() == state(n)["rows"].view.values.tolist()
    assert loaded["numbers"].tolist() == list(range(n))
    assert loaded["strings"].values == [f"number {i}" for i in range(n)]
    return n

def killed_at(step):
    steps = 0
    def counted(function):
        def call(*arguments, **options):
            nonlocal steps
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)
        return call
    os.fsync = counted(os.fsync)
    for name in ("open", "replace", "unlink"):
        setattr(Path, name, counted(getattr(Path, name)))

found = []
for step in range(1, 100):
    directory = Path(sys.argv[1]) / str(step)
    saved = SavedIndex(directory, {"format": 1})
    saved.save(state(100), Position(1, 1))
    child = os.fork()
    if not child:
        killed_at(step)
        saved.save(state(130), Position(2, 2))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    found.append(check(directory))
    if status == 0:
        break
    saved = SavedIndex(directory, {"format": 1})
    saved.load()
    saved.save(state(130), Position(2, 2))
    assert check(directory) == 130
    assert len(list(directory.iterdir())) == 4, "a manifest, arrays and two segments"
print(found)
"""


def test_a_kill_at_any_step_of_saving_leaves_the_old_or_the_new_state(tmp_path: Path) -> None:
    command = [sys.executable, "-c", EVERY_STEP, str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert found.returncode == 0, found.stderr
    states: list[int] = [int(one) for one in found.stdout.strip("[]\n").split(",")]
    assert states == sorted(states), "the old state came after the new one"
    assert 5 < states.count(100) < len(states) - 1


# A server that saves its indexes after every write, and as often as it can.
EAGER = """
import sys
from app.local_atlas.__main__ import main
from app.local_atlas.search import index_keeper
index_keeper._FEW_CHANGES = 1
index_keeper._CHANGED_SHARE = 0
index_keeper._RESTED = 0
sys.exit(main(["--path", sys.argv[1]]))
"""
DEFINITION: dict[str, Any] = {
    "fields": [
        {"type": "vector", "path": "v", "numDimensions": 4, "similarity": "euclidean"},
        {"type": "filter", "path": "number"},
    ]
}
BATCH = 100


@contextmanager
def serving_eagerly(directory: Path) -> Iterator[Documents]:
    """Serve a directory until the block ends, with a `kill -9`."""
    command = [sys.executable, "-c", EAGER, str(directory)]
    with (
        (directory / "log").open("a") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        assert server.stdout is not None
        uri = server.stdout.readline().strip()
        try:
            with MongoClient[dict[str, Any]](uri, retryWrites=False) as client:
                yield client.shop.items
        finally:
            server.kill()


def write(documents: Documents, numbers: Iterator[int]) -> None:
    """Replace, insert and delete until the server dies."""
    for number in numbers:
        vectors = [
            Binary.from_vector([number, i, 0, 1], BinaryVectorDtype.FLOAT32) for i in range(BATCH)
        ]
        batch = [
            ReplaceOne({"_id": (number % 50) * BATCH + i}, {"v": v, "number": number}, upsert=True)
            for i, v in enumerate(vectors)
        ]
        try:
            documents.bulk_write(batch, ordered=False)
            documents.delete_many({"number": number - 20})
        except PyMongoError:
            return


def check(documents: Documents) -> int:
    """Compare what a search finds with the documents; return how many those are."""
    wait_until_ready(documents)
    stage = {"index": "default", "path": "v", "queryVector": [0.0] * 4, "exact": True}
    search = {"$vectorSearch": {**stage, "limit": 10_000, "filter": {"number": {"$gte": 0}}}}
    score = {"$meta": "vectorSearchScore"}
    found = {hit["_id"]: hit["s"] for hit in documents.aggregate([search, {"$set": {"s": score}}])}
    expected = {}
    for document in documents.find():
        values = document["v"].as_vector().data
        expected[document["_id"]] = 1 / (1 + sum(one * one for one in values))

    assert found == pytest.approx(expected, rel=1e-5)
    return len(expected)


def run_rounds(directory: Path, rounds: int) -> str:
    """Write, save and kill; return the log of all the servers."""
    numbers = itertools.count(1)
    chance = random.Random(1)
    for number in range(rounds):
        with serving_eagerly(directory) as documents:
            if number == 0:
                documents.database.create_collection(documents.name)
                create_index(documents, DEFINITION)
            assert (check(documents) > 0) == (number > 0)
            writer = threading.Thread(target=write, args=(documents, numbers))
            writer.start()
            time.sleep(chance.uniform(0.3, 1.0))
            kill(directory)
            writer.join()
    with serving_eagerly(directory) as documents:
        assert check(documents) > 0
    return (directory / "log").read_text()


def test_three_kills_under_writes_and_saves_leave_right_answers(tmp_path: Path) -> None:
    log = run_rounds(tmp_path, rounds=3)

    assert log.count("Search index default saved in") > 3
    assert log.count("Search index default opened with") == 3
    assert "built again" not in log


@pytest.mark.slow
def test_fifty_kills_under_writes_and_saves_leave_right_answers(tmp_path: Path) -> None:
    log = run_rounds(tmp_path, rounds=50)

    assert log.count("Search index default opened with") == 50
    assert "built again" not in log
