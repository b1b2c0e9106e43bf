"""A real server in LocalAtlas's place: what asking one over the network takes besides.

The tests that speak only through the driver ask whatever `asked` names. It is None, and they ask
LocalAtlas, unless `tests.atlas_run` is loaded (`make test-atlas`). LocalAtlas, asked directly, is
never waited for longer than it promises; a server that is named by its URI is asynchronous: its
indexes are built in minutes, and its searches show a write some time after it was acknowledged.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.monitoring import CommandListener

Documents = Collection[dict[str, Any]]

DEADLINE_S = 600.0
_FIRST_POLL_S, _LAST_POLL_S = 0.005, 1.0


class RealServer:
    """A server that `ATLAS_TEST_URI` names, and the databases that this run makes on it."""

    def __init__(self, uri: str) -> None:
        self._writes = _WriteCounts()
        self._shown: dict[tuple[str, str], int] = {}
        self.prefix = f"local_atlas_check_{uuid4().hex[:8]}_"
        self._databases = 0
        # Refusals of index commands that mean what LocalAtlas's mean: the answer, the expected.
        self.other_words: list[tuple[object, object]] = []
        self.client: MongoClient[dict[str, Any]] = MongoClient(uri, event_listeners=[self._writes])

    def describe(self) -> str:
        """Return host and version; asks the server, so it raises where there is none."""
        version = self.client.server_info()["version"]
        list(self.new_database().nothing.list_search_indexes())  # not every MongoDB can search
        hosts = sorted(
            host if port is None else f"{host}:{port}" for host, port in self.client.nodes
        )
        return f"MongoDB {version} at {', '.join(hosts)}"

    def new_database(self) -> Database[dict[str, Any]]:
        """Return a database that nobody else uses; nothing is made on the server yet."""
        self._databases += 1
        return self.client[f"{self.prefix}{self._databases}"]

    def drop_database(self, database: Database[dict[str, Any]]) -> None:
        """Drop a database of this run, its search indexes first.

        Small clusters take three search indexes in all, so the next test has to find them gone.
        """
        for name in database.list_collection_names():
            for entry in database[name].list_search_indexes():
                _drop_search_index(database[name], entry["name"])
            poll(lambda name=name: not list(database[name].list_search_indexes()))
        self.client.drop_database(database)

    def close(self) -> None:
        """Drop what is left of this run, also where it was interrupted, and disconnect."""
        for name in self.client.list_database_names():
            if name.startswith(self.prefix):
                self.drop_database(self.client[name])
        self.client.close()

    def note_shown(self, collection: Documents, index: str) -> None:
        """Take note that an index, about to be built, will show all writes made so far."""
        self._shown[collection.full_name, index] = self._writes.counts[collection.full_name]

    def catch_up(self, collection: Documents, index: str, path: str) -> None:
        """Wait until a search index shows every write that was acknowledged so far.

        An index takes the writes of a collection in their order: where a document that is written
        now is found, so is all that was written before it. That document is then taken out of the
        index before it is deleted, because a hit that is deleted would still count as a candidate.
        """
        key = collection.full_name, index
        if self._shown.get(key) == self._writes.counts[collection.full_name]:
            return
        probe = _probe(collection, index, path)
        if probe is not None:
            document, stage = probe
            stages = [stage, {"$match": {"_id": document["_id"]}}]
            collection.insert_one(document)
            poll(lambda: bool(list(collection.aggregate(stages))))
            collection.replace_one({"_id": document["_id"]}, {})
            poll(lambda: not list(collection.aggregate(stages)))
            collection.delete_one({"_id": document["_id"]})
        self._shown[key] = self._writes.counts[collection.full_name]


class _WriteCounts(CommandListener):
    """How many writes were sent to each namespace."""

    _WRITES = frozenset({"insert", "update", "delete", "findAndModify"})

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def started(self, event: Any) -> None:
        if event.command_name in self._WRITES:
            self.counts[f"{event.database_name}.{event.command[event.command_name]}"] += 1

    def succeeded(self, event: Any) -> None:
        """Nothing is counted twice."""

    def failed(self, event: Any) -> None:
        """A write that failed in part may have written."""


asked: RealServer | None = None


def poll(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """Return when the condition holds; fail where it does not in time."""
    end_s, pause_s = time.monotonic() + deadline_s, _FIRST_POLL_S
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError(f"The server did not catch up in {deadline_s:g} s.")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _LAST_POLL_S)


def _drop_search_index(collection: Documents, name: str) -> None:
    try:
        collection.drop_search_index(name)
    except OperationFailure as error:
        if error.code != 27:  # IndexNotFound: it was being deleted already
            raise


def _probe(
    collection: Documents, index: str, path: str
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return a document that the index finds and a stage that finds it, None where none can."""
    entry = next(iter(collection.list_search_indexes(index)), None)
    definition = entry["latestDefinition"] if entry is not None else {}
    dimensions = _dimensions(definition, path.split("."))
    if dimensions is None:
        return None
    vector = [1.0] * dimensions
    spec = {"index": index, "path": path, "queryVector": vector, "exact": True, "limit": 10_000}
    document = {"_id": f"probe {uuid4().hex}", **_at(path, vector, definition.get("nestedRoot"))}
    return document, {"$vectorSearch": spec}


def _dimensions(definition: Mapping[str, Any], path: Sequence[str]) -> int | None:
    """Return how long the vectors at a path are, None where no vector is indexed there."""
    for field in definition.get("fields", ()):
        if field["type"] == "vector" and field["path"] == ".".join(path):
            return int(field["numDimensions"])
    level: Any = definition.get("mappings")
    for name in path:
        level = _of_types((level or {}).get("fields", {}).get(name), path, name)
    return next((int(level[key]) for key in ("dimensions", "numDimensions") if key in level), None)


def _of_types(definitions: Any, path: Sequence[str], name: str) -> Mapping[str, Any]:
    """Return the definition, of those of a name, that leads on to the vector at the path."""
    wanted = ("knnVector", "vector") if name == path[-1] else ("document",)
    several = definitions if isinstance(definitions, list) else [definitions or {}]
    return next((one for one in several if one.get("type") in wanted), {})


def _at(path: str, value: Any, nested_root: str | None) -> dict[str, Any]:
    """Return a document with a value at a path, inside an array at the nested root."""
    names = path.split(".")
    for depth in range(len(names), 0, -1):
        value = {names[depth - 1]: value}
        if ".".join(names[: depth - 1]) == nested_root:
            value = [value]
    return dict(value)
