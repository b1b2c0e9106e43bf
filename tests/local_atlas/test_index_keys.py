"""The keys of a document in an index, as the manual of multikey indexes has them."""

from typing import Any

import pytest

from app.local_atlas.errors import CommandError
from app.local_atlas.index_keys import document_keys
from app.local_atlas.mql.bson_order import UNDEFINED_KEY, sort_key

UNDEFINED = object()


def _part(value: Any) -> bytes:
    return UNDEFINED_KEY if value is UNDEFINED else sort_key(value)


@pytest.mark.parametrize(
    ("document", "paths", "keys", "multikey"),
    [
        pytest.param({"a": 1}, ["a"], [(1,)], set(), id="a value"),
        pytest.param({}, ["a"], [(None,)], set(), id="missing"),
        pytest.param({"a": {"b": 1}}, ["a.b"], [(1,)], set(), id="nested"),
        pytest.param({"a": 1}, ["a.b"], [(None,)], set(), id="a scalar on the way"),
        pytest.param({"a": [1, 2, 1]}, ["a"], [(1,), (2,)], {0}, id="array"),
        pytest.param({"a": []}, ["a"], [(UNDEFINED,)], {0}, id="empty array"),
        pytest.param({"a": [[1, 2]]}, ["a"], [([1, 2],)], {0}, id="array in an array"),
        pytest.param({"a": [{"b": 1}, {"b": 2}]}, ["a.b"], [(1,), (2,)], {0}, id="documents"),
        pytest.param({"a": [{"b": [1, 2]}]}, ["a.b"], [(1,), (2,)], {0}, id="arrays twice"),
        pytest.param({"a": [{"b": 1}, 5, {}]}, ["a.b"], [(1,), (None,)], {0}, id="some without"),
        pytest.param({"a": []}, ["a.b"], [(None,)], {0}, id="empty array on the way"),
        pytest.param({"a": [1, 2], "b": 3}, ["a", "b"], [(1, 3), (2, 3)], {0}, id="compound"),
        pytest.param(
            {"a": [{"b": 1, "c": 2}, {"b": 3, "c": 4}]},
            ["a.b", "a.c"],
            [(1, 2), (3, 4)],
            {0, 1},
            id="two paths through one array",
        ),
        pytest.param(
            {"a": [{"b": 1}, 7]},
            ["a", "a.b"],
            [({"b": 1}, 1), (7, None)],
            {0, 1},
            id="an array and a path through it",
        ),
    ],
)
def test_keys_of_a_document(
    document: dict[str, Any], paths: list[str], keys: list[tuple[Any, ...]], multikey: set[int]
) -> None:
    expected = {
        tuple(UNDEFINED_KEY if v is UNDEFINED else sort_key(v) for v in key) for key in keys
    }

    found = document_keys(document, paths)

    assert (found.keys, found.multikey) == (expected, multikey)


@pytest.mark.parametrize(
    "document",
    [{"a": [1], "b": [2]}, {"a": [], "b": [2]}, {"a": [{"c": [1], "d": [2]}], "b": 1}],
    ids=str,
)
def test_two_arrays_side_by_side_are_refused(document: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="cannot index parallel arrays") as refused:
        document_keys(document, ["a", "b"] if "c" not in str(document) else ["a.c", "a.d"])

    assert refused.value.code == 171


def test_place_in_an_array_may_be_a_path() -> None:
    found = document_keys({"a": [5, 6]}, ["a.0"])

    assert sort_key(5) in {key[0] for key in found.keys}
    assert sort_key(6) not in {key[0] for key in found.keys}
