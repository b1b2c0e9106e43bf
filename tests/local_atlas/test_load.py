"""Many clients that write and search at once: no write is lost, and the server does not grow."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bson.binary import Binary, BinaryVectorDtype
from pymongo import MongoClient, UpdateOne
from pymongo.collection import Collection

from app.local_atlas.directory_lock import announcement
from app.local_atlas.launcher import start_or_join
from tests.local_atlas.processes import kill, wait_until
from tests.local_atlas.search.asking import create_index

Docs = Collection[dict[str, Any]]

CLIENTS = 32
COUNTERS = 4
ITEMS = 500
FILES_A_READER = 2  # the database and its log, kept open for the next who reads
DIMENSIONS = 16
VECTOR_INDEX = {
    "fields": [
        {"type": "vector", "path": "v", "numDimensions": DIMENSIONS, "similarity": "cosine"},
        {"type": "filter", "path": "colour"},
    ]
}
TEXT_INDEX = {"mappings": {"dynamic": False, "fields": {"title": {"type": "string"}}}}
COLOURS = ["red", "green", "blue"]


@pytest.fixture
def uri(tmp_path: Path) -> Iterator[str]:
    """A server of its own, so that what it takes is its own too."""
    yield start_or_join(tmp_path)
    kill(tmp_path)


class Process:
    """What the kernel says of the server of a directory."""

    def __init__(self, directory: Path) -> None:
        held = announcement(directory)
        assert held is not None
        self._folder = Path("/proc") / str(held.process_id)

    @property
    def memory_mib(self) -> float:
        lines = (self._folder / "status").read_text().splitlines()
        (resident,) = [line for line in lines if line.startswith("VmRSS:")]
        return int(resident.split()[1]) / 1024

    @property
    def open_files(self) -> int:
        return len(list((self._folder / "fd").iterdir()))

    @property
    def open_sockets(self) -> int:
        links = (self._folder / "fd").iterdir()
        return sum(target.startswith("socket:") for target in map(_target, links))

    @property
    def threads(self) -> int:
        return len(list((self._folder / "task").iterdir()))


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""  # closed meanwhile


def item(number: int, generator: random.Random) -> dict[str, Any]:
    vector = [generator.gauss(0, 1) for _ in range(DIMENSIONS)]
    return {
        "_id": f"item {number}",
        "title": f"{generator.choice(COLOURS)} dress number {number}",
        "colour": generator.choice(COLOURS),
        "v": Binary.from_vector(vector, BinaryVectorDtype.FLOAT32),
    }


class Shopper:
    """One client: does everything in turn, and counts what it has added."""

    def __init__(self, uri: str, number: int) -> None:
        self._uri = uri
        self._generator = random.Random(number)
        self.added = [0] * COUNTERS
        self.failures: list[BaseException] = []

    def run(self, end_s: float) -> None:
        try:
            with MongoClient[dict[str, Any]](self._uri, serverSelectionTimeoutMS=30_000) as client:
                while time.monotonic() < end_s:
                    self._generator.choice(ACTIONS)(self, client.load.c)
        except BaseException as error:
            self.failures.append(error)

    def count(self, c: Docs) -> None:
        number = self._generator.randrange(COUNTERS)
        assert c.update_one({"_id": number}, {"$inc": {"n": 1}}).modified_count == 1
        self.added[number] += 1

    def count_and_read(self, c: Docs) -> None:
        number = self._generator.randrange(COUNTERS)
        assert c.find_one_and_update({"_id": number}, {"$inc": {"n": 1}}) is not None
        self.added[number] += 1

    def count_in_bulk(self, c: Docs) -> None:
        result = c.bulk_write([UpdateOne({"_id": i}, {"$inc": {"n": 1}}) for i in range(COUNTERS)])
        assert result.modified_count == COUNTERS
        self.added = [added + 1 for added in self.added]

    def replace(self, c: Docs) -> None:
        new = item(self._generator.randrange(ITEMS), self._generator)
        c.replace_one({"_id": new["_id"]}, new, upsert=True)

    def delete(self, c: Docs) -> None:
        c.delete_one({"_id": f"item {self._generator.randrange(ITEMS)}"})

    def find(self, c: Docs) -> None:
        found = c.find({"colour": self._generator.choice(COLOURS)}, {"v": 0}, batch_size=20)
        assert len({one["_id"] for one in found}) <= ITEMS

    def leave(self, c: Docs) -> None:
        """Ask for more than is read."""
        next(c.find({}, batch_size=2), None)

    def search_vectors(self, c: Docs) -> None:
        spec = {"index": "vectors", "path": "v", "numCandidates": 50, "limit": 10}
        query = item(0, self._generator)["v"]
        colour = self._generator.choice(COLOURS)
        stage = {"$vectorSearch": {**spec, "queryVector": query, "filter": {"colour": colour}}}
        hits = list(c.aggregate([stage]))
        assert len({hit["_id"] for hit in hits}) == len(hits) <= 10

    def search_words(self, c: Docs) -> None:
        text = {"path": "title", "query": self._generator.choice(COLOURS)}
        hits = list(c.aggregate([{"$search": {"index": "words", "text": text}}, {"$limit": 10}]))
        assert len({hit["_id"] for hit in hits}) == len(hits)


ACTIONS = [
    Shopper.count, Shopper.count_and_read, Shopper.count_in_bulk, Shopper.replace, Shopper.replace,
    Shopper.delete, Shopper.find, Shopper.leave, Shopper.search_vectors, Shopper.search_words,
]  # fmt: skip


def crowd(uri: str, seconds: float) -> list[Shopper]:
    """Let all clients work for some time."""
    shoppers = [Shopper(uri, number) for number in range(CLIENTS)]
    end_s = time.monotonic() + seconds
    threads = [threading.Thread(target=shopper.run, args=(end_s,)) for shopper in shoppers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return shoppers


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_nothing_is_lost_and_nothing_grows_under_many_clients(
    uri: str, tmp_path: Path, seconds: float
) -> None:
    with MongoClient[dict[str, Any]](uri) as client:
        c = client.load.c
        c.insert_many([{"_id": number, "n": 0} for number in range(COUNTERS)])
        c.insert_many([item(number, random.Random(0)) for number in range(ITEMS)])
        create_index(c, VECTOR_INDEX, name="vectors")
        create_index(c, TEXT_INDEX, name="words")
        process = Process(tmp_path)
        files, sockets, threads = process.open_files, process.open_sockets, process.threads
        warm = crowd(uri, seconds / 4)
        memory_mib = process.memory_mib

        shoppers = crowd(uri, seconds)

        assert [each.failures for each in [*warm, *shoppers]] == [[]] * 2 * CLIENTS
        added = [sum(one.added[i] for one in [*warm, *shoppers]) for i in range(COUNTERS)]
        assert [c.find_one({"_id": i}, {"_id": 0}) for i in range(COUNTERS)] == [
            {"n": n} for n in added
        ]
        assert min(added) > 0
        wait_until(lambda: process.open_sockets <= sockets and process.threads <= threads)
        assert process.open_files <= files + FILES_A_READER * CLIENTS
        assert process.memory_mib < 1.25 * memory_mib + 32
