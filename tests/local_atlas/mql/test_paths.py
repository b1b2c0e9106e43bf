from typing import Any

import pytest
from bson import DBRef

from app.local_atlas.mql.paths import (
    MISSING,
    get,
    leaves_at,
    plain_value,
    values_at,
    with_value,
)


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        pytest.param({"a": 1}, "a", [1], id="scalar"),
        pytest.param({}, "a", [MISSING], id="missing"),
        pytest.param({"a": None}, "a", [None], id="null"),
        pytest.param({"a": {"b": 1}}, "a.b", [1], id="nested"),
        pytest.param({"a": 1}, "a.b", [MISSING], id="below a scalar"),
        pytest.param({"a": [1, 2]}, "a", [1, 2, [1, 2]], id="elements, then the array"),
        pytest.param({"a": []}, "a", [[]], id="empty array"),
        pytest.param({"a": [[1], 2]}, "a", [[1], 2, [[1], 2]], id="nested arrays stay"),
        pytest.param({"a": [{"b": 1}, {"b": 2}]}, "a.b", [1, 2], id="through an array"),
        pytest.param({"a": [{"b": 1}, {}]}, "a.b", [1, MISSING], id="one element lacks it"),
        pytest.param({"a": [1, 2]}, "a.b", [], id="array without documents"),
        pytest.param({"a": []}, "a.b", [], id="below an empty array"),
        pytest.param({"a": [[{"b": 1}]]}, "a.b", [], id="not through nested arrays"),
        pytest.param({"a": [5, 6]}, "a.1", [6], id="position"),
        pytest.param({"a": [[5, 6]]}, "a.0", [[5, 6]], id="position of an array, whole"),
        pytest.param({"a": [[{"b": 1}]]}, "a.0.b", [1], id="position, then below"),
        pytest.param({"a": [{"0": 7}, 8]}, "a.0", [7, {"0": 7}], id="position and field name"),
        pytest.param({"a": {"0": 7}}, "a.0", [7], id="field named by a number"),
        pytest.param({"a": [1, 2]}, "a.01", [], id="no position has a leading zero"),
        pytest.param({"a": [{"b": [1, 2]}]}, "a.b", [1, 2, [1, 2]], id="array in an array"),
        pytest.param({"r": DBRef("c", 5)}, "r.$id", [5], id="into a reference"),
    ],
)
def test_a_condition_sees_these_values(
    document: dict[str, Any], path: str, expected: list[Any]
) -> None:
    assert expected == values_at(document, path)


def test_leaves_stay_whole() -> None:
    document = {"a": [{"b": [1, 2]}, {"b": 3}, {}]}

    assert leaves_at(document, "a.b") == [[1, 2], 3, MISSING]


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        pytest.param({"a": {"b": 1}}, "a.b", 1, id="nested"),
        pytest.param({"a": 1}, "a.b", MISSING, id="below a scalar"),
        pytest.param({}, "a", MISSING, id="missing"),
        pytest.param({"a": [{"b": 1}, {}, 3, {"b": 2}]}, "a.b", [1, 2], id="maps over an array"),
        pytest.param({"a": [1]}, "a.b", [], id="nothing in the array"),
        pytest.param({"a": [1, 2]}, "a.0", [], id="knows no position"),
        pytest.param({"a": [[{"b": 1}]]}, "a.b", [], id="passes nested arrays over"),
        pytest.param({"a": [{"b": [{"c": 1}]}]}, "a.b.c", [[1]], id="keeps the nesting"),
    ],
)
def test_an_expression_sees_this_value(document: dict[str, Any], path: str, expected: Any) -> None:
    assert expected == get(document, path)


def test_a_plain_value_is_not_behind_an_array() -> None:
    assert MISSING is plain_value({"a": [{"b": 1}]}, "a.b")
    assert plain_value({"a": {"b": 1}}, "a.b") == 1


@pytest.mark.parametrize(
    ("document", "path", "value", "expected"),
    [
        pytest.param({"a": 1, "b": 2}, "a", 5, {"a": 5, "b": 2}, id="in its place"),
        pytest.param({}, "a.b", 5, {"a": {"b": 5}}, id="made"),
        pytest.param({"a": 1}, "a.b", 5, {"a": {"b": 5}}, id="in place of a scalar"),
        pytest.param({"a": {"b": 1, "c": 2}}, "a.b", MISSING, {"a": {"c": 2}}, id="taken away"),
        pytest.param({"a": 1}, "a.b", MISSING, {"a": 1}, id="nothing to take away"),
    ],
)
def test_with_value_changes_a_copy(
    document: dict[str, Any], path: str, value: Any, expected: dict[str, Any]
) -> None:
    before = dict(document)

    assert expected == with_value(document, path, value)
    assert before == document
