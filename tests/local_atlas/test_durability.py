"""What was acknowledged is there after `kill -9`, and nothing is half there."""

import itertools
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bson import Int64
from bson.binary import Binary, BinaryVectorDtype
from pymongo import MongoClient, ReplaceOne
from pymongo.collection import Collection
from pymongo.errors import PyMongoError
from pymongo.operations import SearchIndexModel

from app.local_atlas.launcher import start_or_join
from app.local_atlas.probe import address_of
from tests.local_atlas.peers import send_command
from tests.local_atlas.processes import kill, wait_until
from tests.local_atlas.search.asking import ids, indexed, vector_search

BATCH = 50
SINGLE = "single"
DEFINITION = {
    "fields": [
        {"type": "vector", "path": "v", "numDimensions": 2, "similarity": "euclidean"},
        {"type": "filter", "path": "number"},
    ]
}
Docs = Collection[dict[str, Any]]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    kill(tmp_path)


class Writer:
    """Upserts batches until the server dies, and remembers which were acknowledged."""

    def __init__(self, collection: Docs, name: str, first_number: int) -> None:
        self._collection = collection
        self._name = name
        self._numbers = itertools.count(first_number)
        self.acknowledged: dict[str, int] = {}
        self.thread = threading.Thread(target=self._write)
        self.thread.start()

    def _write(self) -> None:
        for number in self._numbers:
            key = f"{self._name} {number % 40}"  # the first 40 insert, the others replace
            try:
                self._collection.bulk_write(batch(key, number), ordered=False)
            except PyMongoError:
                return
            self.acknowledged[key] = number


class SingleWriter:
    """Changes documents one by one in every way until the server dies.

    `acknowledged` has what is known to be stored by `_id`, None for deleted; `pending` is the one
    change whose answer never came, and which may be there or not.
    """

    def __init__(self, collection: Docs, first_number: int) -> None:
        self._collection = collection
        self._numbers = itertools.count(first_number)
        self.acknowledged: dict[str, int | None] = {}
        self.pending: tuple[str, int | None] = ("", None)
        self.thread = threading.Thread(target=self._write)
        self.thread.start()

    def _write(self) -> None:
        for number in self._numbers:
            key = f"{SINGLE} {number % 13}"
            change = CHANGES[number % len(CHANGES)]
            self.pending = key, None if change is delete else number
            try:
                change(self._collection, key, number)
            except PyMongoError:
                return
            self.acknowledged[key] = self.pending[1]

    def check(self, collection: Docs) -> None:
        found = collection.find({"batch": SINGLE}, {"number": 1})
        stored = {document["_id"]: document["number"] for document in found}
        for key, number in self.acknowledged.items():
            allowed = {number, self.pending[1]} if key == self.pending[0] else {number}
            assert stored.get(key) in allowed, f"{key} was acknowledged and is lost"


def insert_or_replace(collection: Docs, key: str, number: int) -> None:
    collection.replace_one({"_id": key}, fields(SINGLE, number), upsert=True)


def update(collection: Docs, key: str, number: int) -> None:
    collection.update_one({"_id": key}, {"$set": fields(SINGLE, number)}, upsert=True)


def find_and_modify(collection: Docs, key: str, number: int) -> None:
    collection.find_one_and_update({"_id": key}, {"$set": fields(SINGLE, number)}, upsert=True)


def delete(collection: Docs, key: str, number: int) -> None:
    collection.delete_one({"_id": key})


CHANGES = (insert_or_replace, update, find_and_modify, delete)


def fields(name: str, number: int) -> dict[str, Any]:
    vector = Binary.from_vector([float(number), 1.0], BinaryVectorDtype.FLOAT32)
    return {"batch": name, "number": number, "v": vector}


def batch(key: str, number: int) -> list[ReplaceOne[dict[str, Any]]]:
    return [
        ReplaceOne({"_id": f"{key} {i}"}, fields(key, number), upsert=True) for i in range(BATCH)
    ]


def open_collection(client: MongoClient[dict[str, Any]]) -> Docs:
    return client.shop.items


def connect(directory: Path) -> MongoClient[dict[str, Any]]:
    # No retry: a batch counts as acknowledged only by the server that was killed.
    return MongoClient(start_or_join(directory), retryWrites=False, serverSelectionTimeoutMS=2000)


def write_until_killed(
    directory: Path, first_number: int, after_s: float
) -> tuple[dict[str, int], SingleWriter]:
    with connect(directory) as client:
        collection = open_collection(client)
        writers = [Writer(collection, f"writer {n}", first_number) for n in range(2)]
        single = SingleWriter(collection, first_number)
        time.sleep(after_s)
        kill(directory)
        for thread in (single.thread, *(writer.thread for writer in writers)):
            thread.join()
        return {key: number for w in writers for key, number in w.acknowledged.items()}, single


def check(directory: Path, acknowledged: dict[str, int], single: SingleWriter) -> None:
    with connect(directory) as client:
        collection = open_collection(client)
        stored: dict[str, set[int]] = {}
        for document in collection.find({"batch": {"$ne": SINGLE}}, {"batch": 1, "number": 1}):
            stored.setdefault(document["batch"], set()).add(document["number"])
        for key, numbers in stored.items():
            assert len(numbers) == 1, f"batch {key} is half there"
            assert collection.count_documents({"batch": key}) == BATCH
        for key, number in acknowledged.items():
            assert stored[key].pop() >= number, f"batch {key} was acknowledged and is lost"
        single.check(collection)
        check_search(collection)


def check_search(collection: Docs) -> None:
    """The search index agrees with the documents in what it holds: vectors and filter values."""
    wait_until(lambda: all(index["queryable"] for index in collection.list_search_indexes()))
    search = {"index": "v", "path": "v", "queryVector": [0.0, 1.0], "exact": True, "limit": 10_000}
    score = {"$project": {"score": {"$meta": "vectorSearchScore"}}}
    numbers = {d["_id"]: d["number"] for d in collection.find({}, {"number": 1})}

    scores = {
        d["_id"]: d["score"] for d in collection.aggregate([{"$vectorSearch": search}, score])
    }

    assert scores == {
        key: pytest.approx(1 / (1 + number**2), rel=1e-5) for key, number in numbers.items()
    }
    for number in set(numbers.values()):
        filtered = collection.aggregate(
            [{"$vectorSearch": {**search, "filter": {"number": number}}}]
        )
        assert {d["_id"] for d in filtered} == {k for k, one in numbers.items() if one == number}


def run_rounds(directory: Path, rounds: int) -> None:
    with connect(directory) as client:
        collection = open_collection(client)
        collection.database.create_collection(collection.name)
        collection.create_index("number")
        collection.create_search_index(SearchIndexModel(DEFINITION, name="v", type="vectorSearch"))
    acknowledged: dict[str, int] = {}
    for number in range(rounds):
        # Numbers only grow, so that a batch which is there tells whether it is the last one.
        after_s = random.uniform(0.05, 0.5)
        written, single = write_until_killed(directory, 1 + number * 100_000, after_s)
        acknowledged |= written
        check(directory, acknowledged, single)

    assert acknowledged


def test_acknowledged_writes_survive_three_kills(directory: Path) -> None:
    run_rounds(directory, rounds=3)


@pytest.mark.slow
def test_acknowledged_writes_survive_fifty_kills(directory: Path) -> None:
    run_rounds(directory, rounds=50)


# Replaces more than the cache holds, so that a part of it is on disk before the commit, and waits.
INTERRUPTED = """
import sys, time, bson
from pathlib import Path
from app.local_atlas.collection_writer import NewDocument, Replacement
from app.local_atlas.mql.rows import decode
from app.local_atlas.store import Store
store = Store(Path(sys.argv[1]))
stored = list(store.collection("shop", "items").scan())
with store.write() as transaction:
    batch = []
    for record_id, raw in stored:
        document = {**decode(raw), "text": "new" * 20_000}
        batch.append(Replacement(record_id, None, NewDocument(bson.encode(document), document)))
    transaction.writer("shop", "items").replace_many(batch)
    print("written", flush=True)
    time.sleep(60)
"""


def test_write_that_was_killed_before_its_commit_is_gone(directory: Path) -> None:
    documents = [{"_id": i, "text": "old" * 20_000} for i in range(700)]
    with connect(directory) as client:
        client.shop.items.insert_many(documents)
    kill(directory)
    command = [sys.executable, "-c", INTERRUPTED, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.kill()

    with connect(directory) as client:
        assert list(client.shop.items.find()) == documents


def test_write_that_still_waited_for_the_index_lag_is_searchable_after_a_kill(
    directory: Path,
) -> None:
    uri = start_or_join(directory, index_lag_ms=3_600_000)
    with MongoClient(uri, serverSelectionTimeoutMS=2000) as client:
        collection = indexed(open_collection(client), [], DEFINITION)
        collection.insert_one({"_id": 1, "v": [1, 0]})
        assert vector_search(collection) == []
        kill(directory)

    with connect(directory) as client:
        assert ids(vector_search(open_collection(client))) == [1]


def test_catalog_survives_a_kill(directory: Path) -> None:
    with connect(directory) as client:
        collection = client.shop.items
        collection.create_index([("a", 1), ("b", -1)], unique=True, name="ab")
        collection.insert_one({"_id": 1, "a": 1, "b": 1})
        client.shop.gone.insert_one({})
        client.shop.gone.drop()
        (before,) = client.shop.list_collections()
    kill(directory)

    with connect(directory) as client:
        (after,) = client.shop.list_collections()
        assert after == before
        assert list(client.shop.items.index_information()) == ["_id_", "ab"]
        reply = client.shop.command("insert", "items", documents=[{"a": 1, "b": 1}])
        assert reply["writeErrors"][0]["code"] == 11000


def test_retried_write_is_applied_once_across_a_kill(directory: Path) -> None:
    lsid = {"id": Binary(b"0123456789abcdef", 4)}
    increment = {"q": {"_id": 1}, "u": {"$inc": {"n": 1}}, "upsert": True}
    write = {"update": "items", "updates": [increment], "$db": "shop"}
    numbered = {**write, "lsid": lsid, "txnNumber": Int64(1)}
    replies = []

    for _ in range(2):
        with address_of(start_or_join(directory)).connect(timeout_s=5) as connection:
            replies.append(send_command(connection, numbered))
        kill(directory)

    assert replies[0] == replies[1]
    with connect(directory) as client:
        assert client.shop.items.find_one() == {"_id": 1, "n": 1}
