"""Documents expire by a TTL index, and everybody who follows them hears of it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from app.local_atlas.addresses import SocketAddress
from app.local_atlas.expiry import delete_expired
from app.local_atlas.node import Node, start_node

Docs = Database[dict[str, Any]]
NOW = datetime.now(UTC)  # of the import: the tests may run minutes later


def _expired(db: Docs, node: Node) -> int:
    """Delete what has expired by the first index of the collection `c`; return how many."""
    collection = node.store.collection(db.name, "c")
    assert collection is not None
    return delete_expired(node.store, collection, collection.indexes[0])


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in 20 s"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("value", "is_gone"),
    [
        pytest.param(NOW - timedelta(seconds=3601), True, id="too old"),
        pytest.param(NOW, False, id="not old enough"),
        pytest.param([NOW, NOW - timedelta(hours=2)], True, id="the oldest of an array counts"),
        pytest.param([], False, id="empty array"),
        pytest.param(0, False, id="a number"),
        pytest.param("1970-01-01", False, id="a string"),
        pytest.param(None, False, id="null"),
    ],
)
def test_document_expires_so_long_after_its_date(
    db: Docs, local_atlas: Node, value: Any, is_gone: bool
) -> None:
    db.c.create_index("at", expireAfterSeconds=3600)
    db.c.insert_one({"at": value})

    deleted = _expired(db, local_atlas)

    assert (deleted, db.c.count_documents({})) == ((1, 0) if is_gone else (0, 1))


@pytest.mark.parametrize("direction", [1, -1])
def test_direction_of_the_index_does_not_matter(
    db: Docs, local_atlas: Node, direction: int
) -> None:
    db.c.create_index([("at", direction)], expireAfterSeconds=0)
    db.c.insert_many([{"_id": 1, "at": NOW - timedelta(1)}, {"_id": 2, "at": NOW + timedelta(1)}])

    assert _expired(db, local_atlas) == 1
    assert [each["_id"] for each in db.c.find()] == [2]


def test_only_documents_of_a_partial_index_expire(db: Docs, local_atlas: Node) -> None:
    db.c.create_index("at", expireAfterSeconds=0, partialFilterExpression={"draft": True})
    db.c.insert_many([{"_id": 1, "at": NOW}, {"_id": 2, "at": NOW, "draft": True}])

    assert _expired(db, local_atlas) == 1
    assert [each["_id"] for each in db.c.find()] == [1]


def test_index_that_was_dropped_lets_nothing_expire(db: Docs, local_atlas: Node) -> None:
    db.c.create_index("at", expireAfterSeconds=0)
    db.c.insert_one({"at": NOW})
    collection = local_atlas.store.collection(db.name, "c")
    assert collection is not None
    (index,) = collection.indexes
    db.c.drop_index("at_1")

    assert delete_expired(local_atlas.store, collection, index) == 0
    assert db.c.count_documents({}) == 1


def test_lifetime_that_is_changed_counts_from_then_on(db: Docs, local_atlas: Node) -> None:
    db.c.create_index("at", expireAfterSeconds=3600)
    db.c.insert_one({"at": NOW - timedelta(minutes=1)})

    before = _expired(db, local_atlas)
    db.command("collMod", "c", index={"name": "at_1", "expireAfterSeconds": 1})
    after = _expired(db, local_atlas)

    assert (before, after) == (0, 1)


def test_server_looks_again_and_again_and_tells_who_watches(tmp_path: Path) -> None:
    address = SocketAddress(tmp_path / "test.sock")
    node = start_node(tmp_path / "data", address, ttl_interval_s=0.05)
    try:
        with MongoClient[dict[str, Any]](node.uri) as client, client.db.c.watch() as watched:
            client.db.c.create_index("at", expireAfterSeconds=0)
            client.db.c.insert_many([{"_id": n, "at": NOW} for n in range(1200)])
            _wait_until(lambda: client.db.c.count_documents({}) == 0)
            client.db.c.insert_one({"_id": "later", "at": NOW})
            _wait_until(lambda: client.db.c.count_documents({}) == 0)

            seen = [next(watched) for _ in range(2 * 1201)]
    finally:
        node.close()

    deleted = [each["documentKey"]["_id"] for each in seen if each["operationType"] == "delete"]
    assert sorted(deleted, key=str) == sorted([*range(1200), "later"], key=str)
