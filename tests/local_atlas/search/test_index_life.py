"""How an index comes to be, is replaced and survives a restart; queries while it happens."""

import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import bson
import pytest
from bson import Binary
from bson.datetime_ms import DatetimeMS
from pymongo import MongoClient

from app.local_atlas.addresses import SocketAddress
from app.local_atlas.errors import CommandError
from app.local_atlas.journal import Position
from app.local_atlas.mql.rows import decode
from app.local_atlas.node import start_node
from app.local_atlas.options import ServerOptions
from app.local_atlas.search.definition import parse_definition
from app.local_atlas.search.entries import describe
from app.local_atlas.search.generation import Generation, Version
from app.local_atlas.search.index_requests import IndexRequest, IndexSelector
from app.local_atlas.search.live_index import LiveIndex
from app.local_atlas.search.registry import SearchRegistry
from app.local_atlas.search.saved_state import UnusableState
from app.local_atlas.search.stages import run_search, run_vector_search
from tests.local_atlas.search.asking import (
    ids,
    indexed,
    knn_beta,
    search_definition,
    vector_definition,
    vector_search,
    wait_until_ready,
)

UUID = Binary(b"0123456789abcdef", 4)


class PausedCollection:
    """A collection in memory whose scan stops after the first document until it is let go on."""

    database, name, uuid, namespace = "d", "c", UUID, "d.c"
    options: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self.options: dict[str, Any] = {}
        self.documents = dict(enumerate(map(bson.encode, documents), start=1))
        self.reached, self.go_on = threading.Event(), threading.Event()

    def count(self) -> int:
        return len(self.documents)

    def scan(self) -> Iterator[tuple[int, bytes]]:
        for number, record in enumerate(list(self.documents.items())):
            if number == 1:
                self.reached.set()
                assert self.go_on.wait(10)
            yield record

    def get_many(self, record_ids: list[int]) -> list[bytes | None]:
        return [self.documents.get(record_id) for record_id in record_ids]


class MemoryStore:
    """As much of a store as a registry needs."""

    def __init__(self, collection: PausedCollection) -> None:
        self._collection = collection
        self.records: dict[str, dict[str, Any]] = {}

    def collections(self) -> list[PausedCollection]:
        return [self._collection]

    def save_search_index(self, record: dict[str, Any]) -> None:
        self.records[record["id"]] = record

    def delete_search_index(self, index_id: str) -> None:
        del self.records[index_id]

    def load_search_indexes(self) -> list[dict[str, Any]]:
        return list(self.records.values())


class Environment:
    """The start of a pipeline."""

    def __init__(self, collection: PausedCollection) -> None:
        self.collection = collection
        self.checks = 0

    def check_time(self) -> None:
        self.checks += 1


@pytest.fixture
def collection() -> PausedCollection:
    return PausedCollection([{"_id": i, "v": [i, 0]} for i in range(3)])


@pytest.fixture
def registry(collection: PausedCollection) -> Iterator[SearchRegistry]:
    registry = SearchRegistry(MemoryStore(collection))  # type: ignore[arg-type]
    yield registry
    collection.go_on.set()
    registry.close()


def create(
    registry: SearchRegistry, collection: PausedCollection, index_type: str = "vectorSearch"
) -> None:
    document = vector_definition() if index_type == "vectorSearch" else search_definition()
    definition = parse_definition(index_type, document)
    registry.create(collection, [IndexRequest("default", index_type, document, definition)])


def wait(registry: SearchRegistry, collection: PausedCollection, status: str) -> dict[str, Any]:
    for _ in range(2000):
        (entry,) = registry.entries(collection)
        if entry["status"] == status:
            return entry
        threading.Event().wait(0.005)
    raise AssertionError(entry)


def found(registry: SearchRegistry, collection: PausedCollection) -> list[Any]:
    spec = {"index": "default", "path": "v", "queryVector": [0, 0], "exact": True, "limit": 9}
    rows = run_vector_search(registry, spec, Environment(collection))
    return [decode(row.raw)["_id"] for row in rows]


def test_an_index_is_refused_until_it_is_built(
    registry: SearchRegistry, collection: PausedCollection
) -> None:
    create(registry, collection)
    assert collection.reached.wait(10)

    (entry,) = registry.entries(collection)
    assert (entry["status"], entry["queryable"]) == ("BUILDING", False)
    with pytest.raises(CommandError) as refused:
        found(registry, collection)
    assert (refused.value.code, refused.value.message) == (
        8,
        "PlanExecutor error during aggregation :: caused by :: cannot query vector index "
        f"{entry['id']} (vector index default collection c ({UUID.as_uuid()}) in database d) "
        "while in state INITIAL_SYNC",
    )

    collection.go_on.set()
    assert wait(registry, collection, "READY")["queryable"]
    assert found(registry, collection) == [0, 1, 2]


def test_a_lag_holds_back_nothing_that_is_written_during_the_build(
    collection: PausedCollection,
) -> None:
    options = ServerOptions(index_lag_ms=3_600_000)
    registry = SearchRegistry(MemoryStore(collection), options)  # type: ignore[arg-type]
    create(registry, collection)
    assert collection.reached.wait(10)

    # The scan is past the first document, whose change must not wait and come in as an old one.
    collection.documents[1] = bson.encode({"_id": 0, "v": [9, 0]})
    registry.on_write(collection, [(1, collection.documents[1])])  # type: ignore[arg-type]
    collection.go_on.set()

    wait(registry, collection, "READY")
    assert found(registry, collection) == [1, 2, 0]
    registry.close()


def test_a_search_index_that_is_not_built_is_named_as_such(
    registry: SearchRegistry, collection: PausedCollection
) -> None:
    create(registry, collection, "search")
    assert collection.reached.wait(10)

    spec = {"knnBeta": {"path": "v", "vector": [0, 0], "k": 1}}
    with pytest.raises(CommandError, match=r"cannot query search index .* in state INITIAL_SYNC"):
        run_search(registry, spec, Environment(collection))


def test_an_index_that_waits_for_its_turn_is_pending(
    registry: SearchRegistry, collection: PausedCollection
) -> None:
    create(registry, collection)
    assert collection.reached.wait(10)
    document = vector_definition()
    request = IndexRequest(
        "second", "vectorSearch", document, parse_definition("vectorSearch", document)
    )

    registry.create(collection, [request])

    (entry,) = registry.entries(collection, IndexSelector(name="second"))
    assert (entry["status"], entry["queryable"]) == ("PENDING", False)


def test_writes_during_the_build_are_not_lost(
    registry: SearchRegistry, collection: PausedCollection
) -> None:
    create(registry, collection)
    assert collection.reached.wait(10)

    changes: dict[int, bytes | None] = {
        1: None,
        2: bson.encode({"_id": "changed", "v": [9, 0]}),
        4: bson.encode({"_id": "new", "v": [1, 0]}),
    }
    for record_id, raw in changes.items():
        if raw is None:
            del collection.documents[record_id]
        else:
            collection.documents[record_id] = raw
        registry.on_write(collection, [(record_id, raw)])
    collection.go_on.set()

    wait(registry, collection, "READY")
    assert found(registry, collection) == ["new", 2, "changed"]


def test_the_old_definition_answers_until_the_new_one_is_built(
    registry: SearchRegistry, collection: PausedCollection
) -> None:
    collection.go_on.set()
    create(registry, collection)
    wait(registry, collection, "READY")
    collection.reached.clear()
    collection.go_on.clear()

    registry.update(collection, IndexSelector(name="default"), vector_definition("f"))
    assert collection.reached.wait(10)

    (entry,) = registry.entries(collection)
    assert (entry["status"], entry["queryable"]) == ("BUILDING", True)
    assert entry["latestDefinitionVersion"]["version"] == 1
    (host,) = entry["statusDetail"]
    assert host["mainIndex"]["definitionVersion"]["version"] == 0
    assert host["stagedIndex"]["status"] == "BUILDING"
    assert host["stagedIndex"]["definitionVersion"]["version"] == 1
    raw = bson.encode({"_id": "new", "v": [0, 0]})
    collection.documents[4] = raw
    registry.on_write(collection, [(4, raw)])
    assert found(registry, collection) == [0, "new", 1, 2]

    collection.go_on.set()
    entry = wait(registry, collection, "READY")
    assert "stagedIndex" not in entry["statusDetail"][0]
    assert found(registry, collection) == [0, "new", 1, 2]


def test_an_update_of_an_unfinished_index_takes_its_place(
    registry: SearchRegistry, collection: PausedCollection
) -> None:
    create(registry, collection)
    assert collection.reached.wait(10)

    registry.update(collection, IndexSelector(name="default"), vector_definition("f"))
    collection.go_on.set()

    entry = wait(registry, collection, "READY")
    assert entry["latestDefinition"] == vector_definition("f")
    assert found(registry, collection) == [0, 1, 2]


def test_a_failed_build_says_so(registry: SearchRegistry, collection: PausedCollection) -> None:
    collection.documents[1] = b"no BSON"
    collection.go_on.set()

    create(registry, collection)

    entry = wait(registry, collection, "FAILED")
    assert not entry["queryable"]
    assert "message" in entry["statusDetail"][0]["mainIndex"]
    with pytest.raises(CommandError, match="while in state FAILED"):
        found(registry, collection)


def test_a_write_that_an_index_cannot_take_stands_and_fails_the_index(
    registry: SearchRegistry, collection: PausedCollection
) -> None:
    collection.go_on.set()
    create(registry, collection)
    wait(registry, collection, "READY")

    registry.on_write(collection, [(9, b"no BSON")])  # type: ignore[arg-type]

    assert (
        "InvalidBSON"
        in wait(registry, collection, "FAILED")["statusDetail"][0]["mainIndex"]["message"]
    )
    with pytest.raises(CommandError, match="while in state FAILED"):
        found(registry, collection)


def test_a_failed_index_keeps_none_of_the_writes_that_follow(
    registry: SearchRegistry, collection: PausedCollection
) -> None:
    collection.documents[1] = b"no BSON"
    collection.go_on.set()
    create(registry, collection)
    wait(registry, collection, "FAILED")

    raw = bson.encode({"_id": 9, "v": [9, 0]})
    references = sys.getrefcount(raw)
    registry.on_write(collection, [(9, raw)])  # type: ignore[arg-type]

    assert sys.getrefcount(raw) == references


class BusyKeeper:
    """A keeper that is asked to save after every write."""

    def __init__(self) -> None:
        self.saved: list[Position] = []

    def mark(self) -> Position:
        return Position(1, 1)

    def due_in_s(self, changed: int, documents: int) -> float | None:
        return 0.0 if changed else None

    def save(self, state: Any, position: Position) -> bool:
        self.saved.append(position)
        return True


def test_an_index_that_missed_a_write_is_not_saved(collection: PausedCollection) -> None:
    definition = parse_definition("vectorSearch", vector_definition())
    keeper: Any = BusyKeeper()
    generation = Generation(Version(0, DatetimeMS(0), {}, definition), keeper)
    collection.go_on.set()
    generation.build(collection)
    generation.data.wait_until_merged()

    generation.feed([(9, b"no BSON")], Position(2, 2))
    generation.feed([(8, bson.encode({"_id": 8, "v": [8, 0]}))], Position(3, 3))
    generation.data.wait_until_merged()

    assert keeper.saved == [Position(1, 1)]


def test_a_restored_index_lets_queries_wait(collection: PausedCollection) -> None:
    store = MemoryStore(collection)
    collection.go_on.set()
    first = SearchRegistry(store)  # type: ignore[arg-type]
    create(first, collection)
    wait(first, collection, "READY")
    first.close()
    collection.reached.clear()
    collection.go_on.clear()

    second = SearchRegistry(store)  # type: ignore[arg-type]
    assert collection.reached.wait(10)
    assert wait(second, collection, "READY")["queryable"]
    threading.Timer(0.1, collection.go_on.set).start()

    assert found(second, collection) == [0, 1, 2]
    second.close()


def test_a_query_that_waits_looks_at_its_clock(collection: PausedCollection) -> None:
    definition = parse_definition("vectorSearch", vector_definition())
    generation = Generation(Version(0, DatetimeMS(0), {}, definition), restored=True)
    index = LiveIndex("0" * 24, "default", "vectorSearch", collection, generation)

    class Impatient(Environment):
        def check_time(self) -> None:
            raise CommandError(50, "MaxTimeMSExpired", "operation exceeded time limit")

    with pytest.raises(CommandError, match="exceeded time limit"):
        index.queryable(Impatient(collection))


def test_definitions_of_lost_collections_are_forgotten(collection: PausedCollection) -> None:
    store = MemoryStore(collection)
    collection.go_on.set()
    first = SearchRegistry(store)  # type: ignore[arg-type]
    create(first, collection)
    first.close()
    collection.uuid = Binary(b"another         ", 4)

    second = SearchRegistry(store)  # type: ignore[arg-type]

    assert store.records == {}
    second.close()


def test_a_definition_that_is_no_longer_taken_does_not_stop_the_server(
    collection: PausedCollection,
) -> None:
    store = MemoryStore(collection)
    record = {"id": "1", "name": "n", "type": "search", "uuid": UUID, "version": 0}
    store.records["1"] = {**record, "createdAt": DatetimeMS(0), "definition": {}}

    registry = SearchRegistry(store)  # type: ignore[arg-type]

    assert registry.entries(collection) == []
    assert list(store.records) == ["1"]
    registry.close()


def test_a_cancelled_build_never_answers(collection: PausedCollection) -> None:
    definition = parse_definition("vectorSearch", vector_definition())
    generation = Generation(Version(0, DatetimeMS(0), {}, definition))
    generation.cancel()
    collection.go_on.set()

    generation.build(collection)

    assert generation.state == "FAILED"


def test_indexes_survive_a_restart_of_the_server(tmp_path: Path) -> None:
    address = SocketAddress(tmp_path / "a.sock")
    node = start_node(tmp_path / "data", address)
    with MongoClient(node.uri) as client:
        indexed(client.d.a, [{"_id": 1, "v": [1, 0], "f": "x"}], vector_definition("f"))
        indexed(client.d.b, [{"_id": 1, "v": [1, 0]}], search_definition())
        client.d.a.update_search_index("default", vector_definition("f", similarity="cosine"))
        before = wait_until_ready(client.d.a)
    node.close()

    node = start_node(tmp_path / "data", SocketAddress(tmp_path / "b.sock"))
    with MongoClient(node.uri) as client:
        hits = vector_search(client.d.a, queryVector=[2, 0], filter={"f": "x"})
        assert hits == [(1, 1.0)]
        assert ids(knn_beta(client.d.b)) == [1]
        client.d.a.insert_one({"_id": 2, "v": [0, 1], "f": "x"})
        assert ids(vector_search(client.d.a, queryVector=[2, 0])) == [1, 2]
        assert wait_until_ready(client.d.a) == before
    node.close()


class LostKeeper:
    """A keeper of an index that was saved and cannot be opened."""

    def load(self) -> Any:
        raise UnusableState("its manifest is damaged")

    def mark(self) -> Position:
        return Position(1, 1)

    def due_in_s(self, changed: int, documents: int) -> None:
        return None

    def __str__(self) -> str:
        return "Search index default"


def test_an_index_that_is_built_again_says_so_until_it_is(collection: PausedCollection) -> None:
    definition = parse_definition("vectorSearch", vector_definition())
    version = Version(0, DatetimeMS(0), vector_definition(), definition)
    keeper: Any = LostKeeper()
    generation = Generation(version, keeper, restored=True)
    index = LiveIndex("1", "default", "vectorSearch", collection, generation)
    builder = threading.Thread(target=generation.build, args=(collection,))
    builder.start()
    assert collection.reached.wait(10)

    detail = describe(index)["statusDetail"][0]["mainIndex"]
    collection.go_on.set()
    builder.join()

    expected = "It is built again from the documents: its manifest is damaged."
    assert (detail["status"], detail["message"]) == ("READY", expected)
    assert "message" not in describe(index)["statusDetail"][0]["mainIndex"]
    assert len(generation.data) == 3
