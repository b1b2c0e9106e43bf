"""How the search tests talk to a server: over PyMongo, in the words of the real engine's users."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

Documents = Collection[dict[str, Any]]

AGGREGATE_PREFIX = "PlanExecutor error during aggregation :: caused by :: "


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
    collection.database.command("createSearchIndexes", collection.name, indexes=[specification])
    wait_until_ready(collection, name)


def wait_until_ready(collection: Documents, name: str = "default") -> dict[str, Any]:
    """Wait until the latest definition of an index is built; return its entry."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        (entry,) = collection.list_search_indexes(name)
        if entry["status"] == "READY":
            return entry
        assert entry["status"] != "FAILED", entry
        time.sleep(0.005)
    raise AssertionError(f"{name} is not ready: {entry}")


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
    stages = [
        {"$vectorSearch": {**defaults, **spec}},
        {"$project": {"score": {"$meta": "vectorSearchScore"}}},
    ]
    return [(hit["_id"], hit["score"]) for hit in collection.aggregate(stages)]


def knn_beta(
    collection: Documents, *, root: Mapping[str, Any] | None = None, **spec: Any
) -> list[tuple[Any, float]]:
    """Return `_id` and score of the hits of a $search with knnBeta."""
    knn = {"path": "v", "vector": [0.0, 0.0], "k": 100, **spec}
    stages = [
        {"$search": {"knnBeta": knn, **(root or {})}},
        {"$project": {"score": {"$meta": "searchScore"}}},
    ]
    return [(hit["_id"], hit["score"]) for hit in collection.aggregate(stages)]


def ids(hits: list[tuple[Any, float]]) -> list[Any]:
    """Return the `_id`s of hits in their order."""
    return [one for one, _ in hits]


def refusal(collection: Documents, stage: Mapping[str, Any]) -> tuple[int, str]:
    """Return code and text with which an aggregate of one stage is refused."""
    with pytest.raises(OperationFailure) as refused:
        list(collection.aggregate([dict(stage)]))
    assert refused.value.details is not None
    return refused.value.code or 0, refused.value.details["errmsg"]


def command_refusal(collection: Documents, command: str, **fields: Any) -> tuple[int, str]:
    """Return code and text with which a command on a collection is refused."""
    with pytest.raises(OperationFailure) as refused:
        collection.database.command(command, collection.name, **fields)
    assert refused.value.details is not None
    return refused.value.code or 0, refused.value.details["errmsg"]
