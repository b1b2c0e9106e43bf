"""`returnStoredSource`: only what the definition keeps."""

from typing import Any

import pytest
from pymongo.database import Database

from app.local_atlas.search.stored_source import StoredSource
from tests.local_atlas.search.asking import indexed, search_definition, vector_definition

DOCUMENT = {"_id": 1, "v": [1, 0], "a": {"b": 1, "c": 2}, "l": [{"b": 1, "c": 2}, 5], "d": 3}

CUTS = [
    pytest.param(True, {"a.b"}, {"_id": 1, "a": {"b": 1}}, id="include a nested path"),
    pytest.param(True, {"d", "a"}, {"_id": 1, "a": {"b": 1, "c": 2}, "d": 3}, id="include all of"),
    pytest.param(True, {"l.b"}, {"_id": 1, "l": [{"b": 1}]}, id="include inside arrays"),
    pytest.param(
        False,
        {"v", "a.b", "l.c"},
        {"_id": 1, "a": {"c": 2}, "l": [{"b": 1}, 5], "d": 3},
        id="exclude",
    ),
    pytest.param(False, set(), DOCUMENT, id="everything"),
]


@pytest.mark.parametrize(("include", "paths", "expected"), CUTS)
def test_cut(include: bool, paths: set[str], expected: dict[str, Any]) -> None:
    assert StoredSource(include, frozenset(paths)).cut(DOCUMENT) == expected


def test_vector_search_returns_the_stored_source(db: Database[dict[str, Any]]) -> None:
    definition = {**vector_definition(), "storedSource": {"include": ["d"]}}
    collection = indexed(db.c, [DOCUMENT], definition)
    spec = {"index": "default", "path": "v", "queryVector": [1, 0], "exact": True, "limit": 1}

    kept = list(collection.aggregate([{"$vectorSearch": {**spec, "returnStoredSource": True}}]))
    whole = list(collection.aggregate([{"$vectorSearch": spec}]))

    assert kept == [{"_id": 1, "d": 3}]
    assert whole == [DOCUMENT]


def test_search_returns_the_stored_source(db: Database[dict[str, Any]]) -> None:
    definition = {**search_definition(), "storedSource": {"exclude": ["v", "l"]}}
    collection = indexed(db.c, [DOCUMENT], definition)
    stage = {"knnBeta": {"path": "v", "vector": [1, 0], "k": 1}, "returnStoredSource": True}

    (kept,) = collection.aggregate([{"$search": stage}])

    assert kept == {"_id": 1, "a": {"b": 1, "c": 2}, "d": 3}
