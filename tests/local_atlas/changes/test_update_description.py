"""What an update event says was changed."""

from typing import Any

import pytest
from bson import Int64

from app.local_atlas.changes.update_description import describe_update

Document = dict[str, Any]


def described(before: Document, after: Document, update: Any) -> tuple[Document, list[str], Any]:
    found = describe_update(before, after, update)
    return found["updatedFields"], found["removedFields"], found["truncatedArrays"]


@pytest.mark.parametrize(
    ("before", "after", "update", "expected"),
    [
        pytest.param(
            {"a": 1, "b": 1},
            {"a": 2, "b": 1},
            {"$set": {"a": 2}},
            ({"a": 2}, [], []),
            id="one field",
        ),
        pytest.param(
            {"a": {"b": 1, "c": 1}},
            {"a": {"b": 2, "c": 1}},
            {"$set": {"a.b": 2}},
            ({"a.b": 2}, [], []),
            id="a nested field by its path",
        ),
        pytest.param(
            {"a": {"b": 1, "c": 1}},
            {"a": {"b": 2, "c": 1}},
            {"$set": {"a": {"b": 2, "c": 1}}},
            ({"a": {"b": 2, "c": 1}}, [], []),
            id="a document that was set as a whole",
        ),
        pytest.param({"a": 1}, {"a": Int64(1)}, {"$set": {}}, ({"a": Int64(1)}, [], []), id="type"),
        pytest.param(
            {"a": 1, "b": {"c": 1}}, {"b": {}}, {"$unset": {}}, ({}, ["a", "b.c"], []), id="removed"
        ),
        pytest.param(
            {}, {"a": {"b": 1}}, {"$set": {"a.b": 1}}, ({"a": {"b": 1}}, [], []), id="a new path"
        ),
        pytest.param(
            {"a": [1]},
            {"a": [1, 2]},
            {"$push": {"a": 2}},
            ({"a.1": 2}, [], []),
            id="pushed element",
        ),
        pytest.param(
            {"a": [1]},
            {"a": [2, 1]},
            {"$push": {"a": {"$each": [2], "$position": 0}}},
            ({"a": [2, 1]}, [], []),
            id="element pushed in front",
        ),
        pytest.param(
            {"a": [1, 2]},
            {"a": [1]},
            {"$pull": {"a": 2}},
            ({"a": [1]}, [], []),
            id="pulled element",
        ),
        pytest.param(
            {"a": [1, 2, 3]},
            {"a": [5]},
            [{"$set": {"a": [5]}}],
            ({"a.0": 5}, [], [{"field": "a", "newSize": 1}]),
            id="an array that a pipeline cut",
        ),
        pytest.param(
            {"a": [{"b": {"c": 1}}]},
            {"a": [{"b": {"c": 2}}]},
            {"$set": {"a.$[].b": {"c": 2}}},
            ({"a.0.b": {"c": 2}}, [], []),
            id="any position",
        ),
    ],
)
def test_description_tells_what_the_real_server_tells(
    before: Document, after: Document, update: Any, expected: Any
) -> None:
    assert described(before, after, update) == expected


def test_paths_that_can_be_read_in_two_ways_are_told_in_parts() -> None:
    found = describe_update({"a": [{"1": 1}]}, {"a": [{"1": 2}]}, {"$set": {"a.0.1": 2}})

    assert found["disambiguatedPaths"] == {"a.0.1": ["a", 0, "1"]}
