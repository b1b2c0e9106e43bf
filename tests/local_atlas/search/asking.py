"""How the search tests talk to a server: over PyMongo, in the words of the real engine's users."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from tests import real_server

Documents = Collection[dict[str, Any]]

NOT_REFUSED = 0, "not refused"
AGGREGATE_PREFIX = "PlanExecutor error during aggregation :: caused by :: "

_LOCAL_BUILD_S = 20.0


def vector_definition(*filters: str, **options: Any) -> dict[str, Any]:
    """A vectorSearch definition with one vector field `v` of two dimensions, and filter paths."""
    vector = {
        "type": "vector",
        "path": "v",
        "numDimensions": 2,
        "similarity": "euclidean",
        **options,
    }
    return {"fields": [vector, *({"type": "filter", "path": path} for path in filters)]}


def search_definition(similarity: str = "euclidean", **fields: Any) -> dict[str, Any]:
    """A search definition with one knnVector field `v` of two dimensions, and other fields."""
    vector = {"type": "knnVector", "dimensions": 2, "similarity": similarity}
    return {"mappings": {"dynamic": False, "fields": {"v": vector, **fields}}}


def create_index(
    collection: Documents,
    definition: Mapping[str, Any],
    *,
    index_type: str | None = None,
    name: str = "default",
) -> None:
    """Create an index and wait until it answers."""
    if index_type is None:
        index_type = "vectorSearch" if "fields" in definition else "search"
    specification = {"name": name, "type": index_type, "definition": definition}
    if real_server.asked is not None:
        real_server.asked.note_shown(collection, name)
    collection.database.command("createSearchIndexes", collection.name, indexes=[specification])
    wait_until_ready(collection, name)


def wait_until_ready(collection: Documents, name: str = "default") -> dict[str, Any]:
    """Wait until the latest definition of an index is built; return its entry."""
    entry: dict[str, Any] = {}

    def is_ready() -> bool:
        entry.clear()
        entry.update(*collection.list_search_indexes(name))
        if entry.get("status") == "FAILED":
            raise AssertionError(entry)
        return entry.get("status") == "READY" and _serves_the_latest(entry)

    real_server.poll(
        is_ready, _LOCAL_BUILD_S if real_server.asked is None else real_server.DEADLINE_S
    )
    return entry


def _serves_the_latest(entry: Mapping[str, Any]) -> bool:
    """Return whether every host has built the latest definition, where they tell."""
    latest = entry.get("latestDefinitionVersion", {}).get("version")
    main_indexes = [host.get("mainIndex", {}) for host in entry.get("statusDetail", [])]
    versions = [main.get("definitionVersion", {}).get("version", latest) for main in main_indexes]
    return all(version == latest for version in versions)


def indexed(
    collection: Documents, documents: Sequence[Mapping[str, Any]], definition: Mapping[str, Any]
) -> Documents:
    """Insert documents into a collection and index it."""
    if documents:
        collection.insert_many([dict(one) for one in documents])
    else:
        collection.database.create_collection(collection.name)
    create_index(collection, definition)
    return collection


def vector_search(collection: Documents, **spec: Any) -> list[tuple[Any, float]]:
    """Return `_id` and score of the hits of a $vectorSearch, with defaults for what it needs."""
    defaults = {"index": "default", "path": "v", "queryVector": [0.0, 0.0], "limit": 100}
    if not spec.get("exact"):
        defaults["numCandidates"] = 1000
    full_spec = {**defaults, **spec}
    _catch_up(collection, full_spec["index"], full_spec["path"])
    stages = [
        {"$vectorSearch": full_spec},
        {"$project": {"score": {"$meta": "vectorSearchScore"}}},
    ]
    return [(hit["_id"], hit["score"]) for hit in collection.aggregate(stages)]


def knn_beta(
    collection: Documents, *, root: Mapping[str, Any] | None = None, **spec: Any
) -> list[tuple[Any, float]]:
    """Return `_id` and score of the hits of a $search with knnBeta."""
    knn = {"path": "v", "vector": [0.0, 0.0], "k": 100, **spec}
    _catch_up(collection, (root or {}).get("index", "default"), knn["path"])
    stages = [
        {"$search": {"knnBeta": knn, **(root or {})}},
        {"$project": {"score": {"$meta": "searchScore"}}},
    ]
    return [(hit["_id"], hit["score"]) for hit in collection.aggregate(stages)]


def search(
    collection: Documents, operator: Mapping[str, Any], **root: Any
) -> list[tuple[Any, float]]:
    """Return `_id` and score of the hits of a $search with an operator on texts and values."""
    stages = [
        {"$search": {**operator, **root}},
        {"$project": {"score": {"$meta": "searchScore"}}},
    ]
    return [(hit["_id"], hit["score"]) for hit in collection.aggregate(stages)]


def ids(hits: list[tuple[Any, float]]) -> list[Any]:
    """Return the `_id`s of hits in their order."""
    return [one for one, _ in hits]


def _catch_up(collection: Documents, index: str, path: Any) -> None:
    if real_server.asked is not None:
        first = path[0] if isinstance(path, list) else path
        first = first["value"] if isinstance(first, Mapping) else first
        real_server.asked.catch_up(collection, index, first)


def refusal(collection: Documents, *stages: Mapping[str, Any]) -> tuple[int, str]:
    """Return code and text with which an aggregate of these stages is refused."""
    return _refusal(lambda: list(collection.aggregate([dict(stage) for stage in stages])))


def command_refusal(collection: Documents, command: str, **fields: Any) -> tuple[int, str]:
    """Return code and text with which a command on a collection is refused."""
    return _refusal(lambda: collection.database.command(command, collection.name, **fields))


def _refusal(ask: Callable[[], object]) -> tuple[int, str]:
    try:
        ask()
    except OperationFailure as refused:
        return refused.code or 0, (refused.details or {})["errmsg"]
    return NOT_REFUSED
