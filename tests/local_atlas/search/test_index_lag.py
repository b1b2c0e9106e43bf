"""When a write becomes searchable: at once, or a lag later."""

import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymongo import InsertOne, MongoClient, ReplaceOne
from pymongo.database import Database

from app.local_atlas.node import Node
from app.local_atlas.options import ServerOptions
from app.local_atlas.search.lag import Lag
from tests.local_atlas.nodes import serving
from tests.local_atlas.processes import wait_until
from tests.local_atlas.search.asking import (
    create_index,
    ids,
    indexed,
    search_definition,
    vector_definition,
    vector_search,
    wait_until_ready,
)

SOME_MS = 150
VERY_LONG = ServerOptions(index_lag_ms=3_600_000)


def definition() -> dict[str, Any]:
    return vector_definition("f")


def lag_threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "index-lag"]


@pytest.mark.local_atlas_only
def test_without_a_lag_every_acknowledged_write_is_searchable_for_every_client(
    local_atlas: Node, db: Database[dict[str, Any]]
) -> None:
    collection = indexed(db.c, [], definition())
    with MongoClient(local_atlas.uri) as other:
        elsewhere = other[db.name].c
        for number in range(20):
            collection.insert_one({"_id": number, "v": [number, 0], "f": number})
            assert len(vector_search(elsewhere, filter={"f": number})) == 1
            batch = [InsertOne({"v": [1, 1], "f": -number - 1}) for _ in range(50)]
            collection.bulk_write(batch)
            assert len(vector_search(elsewhere, filter={"f": -number - 1})) == 50
            collection.update_one({"_id": number}, {"$set": {"f": "changed"}})
            assert vector_search(elsewhere, filter={"f": number}) == []
            collection.delete_one({"_id": number})
            assert vector_search(elsewhere, filter={"f": "changed"}) == []


@pytest.mark.local_atlas_only
def test_without_a_lag_there_is_no_thread_for_it(db: Database[dict[str, Any]]) -> None:
    indexed(db.c, [{"_id": 1, "v": [1, 0]}], vector_definition())

    assert lag_threads() == []


def test_write_is_searchable_after_the_lag_and_not_before(tmp_path: Path) -> None:
    with serving(tmp_path, ServerOptions(index_lag_ms=SOME_MS)) as client:
        collection = indexed(client.shop.c, [], vector_definition())

        for number in range(3):
            before_s = time.monotonic()
            collection.insert_one({"_id": number, "v": [number, 0]})
            wait_until(lambda number=number: number in ids(vector_search(collection)))  # type: ignore[misc]
            assert time.monotonic() - before_s >= SOME_MS / 1000


def test_documents_are_read_at_once_and_searched_later(tmp_path: Path) -> None:
    with serving(tmp_path, VERY_LONG) as client:
        collection = indexed(client.shop.c, [{"_id": 1, "v": [1, 0], "f": "a"}], definition())

        collection.insert_one({"_id": 2, "v": [0, 0], "f": "a"})
        collection.update_one({"_id": 1}, {"$set": {"f": "b"}})

        assert collection.find_one({"f": "b"}) == {"_id": 1, "v": [1, 0], "f": "b"}
        assert collection.count_documents({}) == 2
        assert ids(vector_search(collection, filter={"f": "a"})) == [1]
        assert vector_search(collection, filter={"f": "b"}) == []
        collection.delete_one({"_id": 1})
        assert vector_search(collection) == []  # there is no document any more to return


def test_writes_become_searchable_in_the_order_of_their_commits(tmp_path: Path) -> None:
    with serving(tmp_path, ServerOptions(index_lag_ms=SOME_MS)) as client:
        collection = indexed(client.shop.c, [], definition())
        for number in range(100):
            collection.bulk_write(
                [
                    ReplaceOne({"_id": "counter"}, {"v": [0, 0], "f": number}, upsert=True),
                    InsertOne({"_id": number, "v": [1, 0], "f": "number"}),
                ]
            )

        def found() -> list[Any]:
            return sorted(ids(vector_search(collection, filter={"f": "number"})))

        seen: list[list[Any]] = [found()]
        while len(seen[-1]) < 100:
            seen.append(found())
        assert all(numbers == list(range(len(numbers))) for numbers in seen)
        assert len(vector_search(collection, filter={"f": 99})) == 1
        assert vector_search(collection, filter={"f": {"$lt": 99}}) == []


def test_everything_is_searchable_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path, VERY_LONG) as client:
        collection = indexed(client.shop.c, [{"_id": 1, "v": [1, 0]}], vector_definition())
        collection.insert_one({"_id": 2, "v": [2, 0]})
        collection.replace_one({"_id": 1}, {"v": [3, 0]})
        assert ids(vector_search(collection)) == [1]
    assert lag_threads() == []

    with serving(tmp_path, VERY_LONG) as client:
        assert ids(vector_search(client.shop.c)) == [2, 1]


def test_index_that_is_built_takes_in_what_waits(tmp_path: Path) -> None:
    with serving(tmp_path, VERY_LONG) as client:
        collection = indexed(client.shop.c, [], vector_definition())
        collection.insert_one({"_id": 1, "v": [1, 0]})

        create_index(collection, vector_definition(), name="second")
        assert ids(vector_search(collection, index="second")) == [1]
        assert vector_search(collection) == []
        collection.update_search_index("default", vector_definition("f"))
        wait_until_ready(collection)
        assert ids(vector_search(collection)) == [1]


def test_drops_forget_what_waits(tmp_path: Path) -> None:
    with serving(tmp_path, ServerOptions(index_lag_ms=SOME_MS)) as client:
        collection = indexed(client.shop.c, [], vector_definition())
        create_index(collection, vector_definition(), name="second")
        collection.insert_one({"_id": 1, "v": [1, 0]})
        collection.drop_search_index("second")
        create_index(collection, vector_definition(), name="second")
        wait_until(lambda: ids(vector_search(collection)) == [1])
        assert ids(vector_search(collection, index="second")) == [1]
        collection.insert_one({"_id": 2, "v": [2, 0]})
        collection.drop()

        indexed(client.shop.c, [{"_id": 3, "v": [3, 0]}], vector_definition())
        client.shop.c.insert_one({"_id": 4, "v": [4, 0]})

        wait_until(lambda: ids(vector_search(client.shop.c)) == [3, 4])


def test_closing_delivers_what_waits_in_order_and_ends_the_thread() -> None:
    lag = Lag(3600.0)
    done: list[int] = []
    for number in range(5):
        lag.put(partial(done.append, number))
    assert done == []

    lag.close()

    assert done == [0, 1, 2, 3, 4]
    assert lag_threads() == []


def test_a_limit_behind_a_search_is_filled_where_the_nearest_are_deleted_but_still_indexed(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, VERY_LONG) as client:
        documents = [{"_id": i, "v": [i, 0]} for i in range(6)]
        collection = indexed(client.shop.c, documents, search_definition())
        collection.delete_many({"_id": {"$in": [0, 2]}})

        knn = {"path": "v", "vector": [0.0, 0.0], "k": 6}
        found = collection.aggregate([{"$search": {"knnBeta": knn}}, {"$limit": 3}])

        assert [document["_id"] for document in found] == [1, 3, 4]
