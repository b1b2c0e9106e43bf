from typing import Any

import pytest
from bson import Decimal128, Int64

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.expression_compiler import Scope
from app.local_atlas.mql.rows import Row
from app.local_atlas.mql.sorting import compile_sort

Document = dict[str, Any]


def in_order(specification: Document, documents: list[Document]) -> list[Any]:
    key = compile_sort(specification)
    rows = [Row(document={"_id": place, **each}) for place, each in enumerate(documents)]
    return [row.document["_id"] for row in sorted(rows, key=key)]


@pytest.mark.parametrize(
    ("specification", "documents", "expected"),
    [
        pytest.param({"a": 1}, [{"a": 3}, {"a": 1}, {"a": 2.5}], [1, 2, 0], id="up"),
        pytest.param({"a": -1}, [{"a": 3}, {"a": 1}, {"a": Int64(9)}], [2, 0, 1], id="down"),
        pytest.param({"a": 1}, [{"a": 2}, {"a": 1, "x": 1}, {"a": 1}], [1, 2, 0], id="stable"),
        pytest.param({"a": -1}, [{"a": 1}, {"a": 2}, {"a": 1.0}], [1, 0, 2], id="stable downwards"),
        pytest.param({"a": 1}, [{"a": "b"}, {"a": 5}, {}, {"a": None}], [2, 3, 1, 0], id="types"),
        pytest.param({"a": 1}, [{"a": [5, 1]}, {"a": 2}], [0, 1], id="an array by its least"),
        pytest.param({"a": -1}, [{"a": [5, 1]}, {"a": 2}], [0, 1], id="downwards by its greatest"),
        pytest.param({"a": 1}, [{"a": None}, {"a": []}], [1, 0], id="an empty array before null"),
        pytest.param({"a.b": 1}, [{"a": [{"b": 3}, {"b": 1}]}, {"a": {"b": 2}}], [0, 1], id="path"),
        pytest.param({"a.b": 1}, [{"a": {"b": 1}}, {"a": [{"b": 2}, {}]}], [1, 0], id="lacking"),
        pytest.param({"a.1": 1}, [{"a": [9, 2]}, {"a": [0, 1]}], [1, 0], id="position"),
        pytest.param(
            {"a": 1, "b": -1}, [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 0}], [2, 1, 0], id="two"
        ),
        pytest.param(
            {"a.x": 1, "a.y": 1},
            [{"a": [{"x": 1, "y": 9}, {"x": 2, "y": 0}]}, {"a": {"x": 1, "y": 5}}],
            [1, 0],
            id="two fields of one element",
        ),
        pytest.param(
            {"a": 1}, [{"a": Decimal128("1.5")}, {"a": 1}, {"a": 2}], [1, 0, 2], id="decimals"
        ),
    ],
)
def test_documents_sort_as_the_manual_says(
    specification: Document, documents: list[Document], expected: list[int]
) -> None:
    assert expected == in_order(specification, documents)


def test_two_different_arrays_cannot_be_sorted_by() -> None:
    with pytest.raises(
        CommandError, match="cannot sort with keys that are parallel arrays"
    ) as found:
        in_order({"a": 1, "b": 1}, [{"a": [1, 2], "b": [1, 2]}])

    assert found.value.code == 2


def test_a_score_sorts_downwards_and_then_by_the_next_field() -> None:
    scope = Scope(metadata=frozenset({"searchScore"}))
    key = compile_sort({"s": {"$meta": "searchScore"}, "a": 1}, scope)
    rows = [
        Row(document={"_id": 1, "a": 2}, metadata={"searchScore": 0.5}),
        Row(document={"_id": 2, "a": 1}, metadata={"searchScore": 0.5}),
        Row(document={"_id": 3, "a": 9}, metadata={"searchScore": 0.9}),
    ]

    assert [row.document["_id"] for row in sorted(rows, key=key)] == [3, 2, 1]


@pytest.mark.parametrize(
    ("specification", "code", "text"),
    [
        pytest.param(1, 15973, "must be an object", id="no document"),
        pytest.param({}, 15976, "must have at least one sort key", id="empty"),
        pytest.param({"a": "x"}, 15974, 'Illegal key in $sort specification: a: "x"', id="text"),
        pytest.param({"a": 2}, 15975, "must be 1 (for ascending) or -1", id="two"),
        pytest.param({"a": {"$add": 1}}, 17312, "$meta is the only expression", id="expression"),
        pytest.param({"a": {"$meta": "searchHighlights"}}, 31138, "Illegal $meta sort", id="meta"),
        pytest.param({"a..b": 1}, 15998, "may not be empty strings", id="path"),
    ],
)
def test_a_bad_sort_is_refused_with_the_servers_code(
    specification: Any, code: int, text: str
) -> None:
    with pytest.raises(CommandError) as caught:
        compile_sort(specification)

    assert code == caught.value.code
    assert text in caught.value.message
