"""Indexes with `nestedRoot`: one vector per element of an array of documents."""

from typing import Any

import pytest
from pymongo.database import Database

from tests.local_atlas.search.asking import (
    Documents,
    ids,
    indexed,
    vector_definition,
    vector_search,
)


@pytest.fixture
def collection(db: Database[dict[str, Any]]) -> Documents:
    vector = {
        "type": "vector",
        "path": "parts.v",
        "numDimensions": 2,
        "similarity": "euclidean",
    }
    filters = [{"type": "filter", "path": path} for path in ("parts.kind", "color")]
    definition = {"nestedRoot": "parts", "fields": [vector, *filters]}
    documents = [
        {
            "_id": "two",
            "color": "red",
            "parts": [{"v": [1, 0], "kind": "a"}, {"v": [3, 0], "kind": "b"}],
        },
        {"_id": "one", "color": "blue", "parts": [{"v": [2, 0], "kind": "a"}]},
        {"_id": "none", "color": "red", "parts": []},
    ]
    return indexed(db.c, documents, definition)


def nested_search(collection: Documents, **spec: Any) -> list[tuple[Any, float]]:
    return vector_search(collection, path="parts.v", **spec)


def test_the_best_element_scores_a_document(collection: Documents) -> None:
    assert nested_search(collection) == [("two", 0.5), ("one", pytest.approx(0.2, abs=1e-6))]


def test_the_mean_of_elements_may_score_a_document(collection: Documents) -> None:
    hits = nested_search(collection, nestedOptions={"scoreMode": "avg"})

    assert hits == [("two", pytest.approx(0.3, abs=1e-6)), ("one", pytest.approx(0.2, abs=1e-6))]


def test_filter_is_about_elements_and_parent_filter_about_documents(
    collection: Documents,
) -> None:
    assert nested_search(collection, filter={"parts.kind": "b"}) == [
        ("two", pytest.approx(0.1, abs=1e-6))
    ]
    assert ids(nested_search(collection, parentFilter={"color": "blue"})) == ["one"]
    assert nested_search(collection, filter={"color": "red"}) == []


def test_candidates_count_elements(collection: Documents) -> None:
    assert ids(nested_search(collection, numCandidates=1, limit=1)) == ["two"]
    # One document fills both candidates, so fewer than `limit` documents come back.
    collection.update_one({"_id": "two"}, {"$set": {"parts.1.v": [0, 0]}})
    assert ids(nested_search(collection, numCandidates=2, limit=2)) == ["two"]


def test_exact_looks_at_every_element(collection: Documents) -> None:
    assert ids(nested_search(collection, exact=True, limit=10)) == ["two", "one"]


def test_writes_replace_all_elements(collection: Documents) -> None:
    collection.update_one({"_id": "two"}, {"$set": {"parts": [{"v": [9, 0]}]}})
    assert ids(nested_search(collection)) == ["one", "two"]
    collection.delete_one({"_id": "one"})
    assert ids(nested_search(collection)) == ["two"]


def test_parent_filter_without_nesting_comes_after_the_candidates(
    db: Database[dict[str, Any]],
) -> None:
    documents = [{"_id": i, "v": [i, 0], "f": i % 2} for i in range(10)]
    flat = indexed(db.flat, documents, vector_definition("f"))

    hits = vector_search(flat, parentFilter={"f": 1}, numCandidates=4, limit=4)

    assert ids(hits) == [1, 3]
