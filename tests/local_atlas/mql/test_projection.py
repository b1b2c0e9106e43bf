from typing import Any

import pytest

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.projection import compile_find_projection
from app.local_atlas.mql.rows import Row
from tests.local_atlas.mql.environments import as_bson

Document = dict[str, Any]

ITEM = {
    "_id": 1,
    "a": {"b": 1, "c": 2},
    "t": [{"x": 1, "y": 2}, {"x": 3}, 5, [{"x": 6, "y": 7}]],
    "n": [1, 2, 3, 4],
    "s": "text",
}


def projected(specification: Document, query: Document | None = None, **metadata: Any) -> Document:
    return compile_find_projection(specification, query)(Row(document=ITEM, metadata=metadata))


PROJECTIONS = [
    pytest.param({}, ITEM, id="everything"),
    pytest.param({"s": 1}, {"_id": 1, "s": "text"}, id="one field and _id"),
    pytest.param({"s": True, "_id": 0}, {"s": "text"}, id="without _id"),
    pytest.param({"_id": 1}, {"_id": 1}, id="only _id"),
    pytest.param({"s": 1, "a": 1}, {"_id": 1, "a": ITEM["a"], "s": "text"}, id="document's order"),
    pytest.param({"zz": 1}, {"_id": 1}, id="missing field"),
    pytest.param({"a.b": 1}, {"_id": 1, "a": {"b": 1}}, id="nested"),
    pytest.param({"a": {"b": 1}}, {"_id": 1, "a": {"b": 1}}, id="nested as a document"),
    pytest.param({"s.x": 1}, {"_id": 1}, id="below a scalar"),
    pytest.param(
        {"t.x": 1, "_id": 0}, {"t": [{"x": 1}, {"x": 3}, [{"x": 6}]]}, id="through arrays"
    ),
    pytest.param(
        {"t.x": 0, "n": 0, "a": 0, "s": 0},
        {"_id": 1, "t": [{"y": 2}, {}, 5, [{"y": 7}]]},
        id="excluded in arrays, scalars stay",
    ),
    pytest.param({"_id": 0}, {k: v for k, v in ITEM.items() if k != "_id"}, id="all but _id"),
    pytest.param({"t": 0, "n": 0, "a": 0}, {"_id": 1, "s": "text"}, id="exclusion"),
    pytest.param({"t": 0, "n": 0, "a": 0, "_id": 1}, {"_id": 1, "s": "text"}, id="and _id kept"),
    pytest.param(
        {"a.b": 0, "t": 0, "n": 0}, {"_id": 1, "a": {"c": 2}, "s": "text"}, id="nested out"
    ),
    pytest.param({"v": "$a.b"}, {"_id": 1, "v": 1}, id="field path"),
    pytest.param({"v": {"$size": "$n"}, "s": 1}, {"_id": 1, "s": "text", "v": 4}, id="computed"),
    pytest.param({"v": "literal"}, {"_id": 1, "v": "literal"}, id="literal"),
    pytest.param({"a.d": {"$literal": 5}, "_id": 0}, {"a": {"d": 5}}, id="computed below"),
    pytest.param({"s": {"$literal": 1}}, {"_id": 1, "s": 1}, id="one is no flag in $literal"),
    pytest.param({"v": "$missing"}, {"_id": 1}, id="a missing value makes no field"),
    pytest.param(
        {"n": {"$slice": 2}, "s": 1, "_id": 0}, {"n": [1, 2], "s": "text"}, id="first two"
    ),
    pytest.param(
        {"n": {"$slice": -2}, "s": 1, "_id": 0}, {"n": [3, 4], "s": "text"}, id="last two"
    ),
    pytest.param(
        {"n": {"$slice": [1, 2]}, "s": 1, "_id": 0}, {"n": [2, 3], "s": "text"}, id="a window"
    ),
    pytest.param(
        {"n": {"$slice": [-3, 2]}, "s": 1, "_id": 0}, {"n": [2, 3], "s": "text"}, id="from the end"
    ),
    pytest.param({"n": {"$slice": 1}}, {**ITEM, "n": [1]}, id="slice alone keeps the other fields"),
    pytest.param({"n": {"$slice": 1}, "_id": 1}, {"_id": 1, "n": [1]}, id="slice with _id"),
    pytest.param({"v": {"$slice": ["$n", 1]}}, {"_id": 1, "v": [1]}, id="the expression $slice"),
    pytest.param(
        {"t": {"$elemMatch": {"x": {"$gt": 1}}}}, {"_id": 1, "t": [{"x": 3}]}, id="elemMatch"
    ),
    pytest.param({"t": {"$elemMatch": {"x": 99}}}, {"_id": 1}, id="elemMatch finds nothing"),
    pytest.param({"n": {"$elemMatch": {"$gt": 2}}}, {"_id": 1, "n": [3]}, id="elemMatch scalars"),
]


@pytest.mark.parametrize(("specification", "expected"), PROJECTIONS)
def test_a_find_returns_what_its_projection_says(
    specification: Document, expected: Document
) -> None:
    assert as_bson(expected) == as_bson(projected(specification))


@pytest.mark.parametrize(
    ("specification", "query", "expected"),
    [
        pytest.param({"n.$": 1}, {"n": {"$gte": 3}}, {"_id": 1, "n": [3]}, id="scalars"),
        pytest.param({"t.$": 1}, {"t.x": 3}, {"_id": 1, "t": [{"x": 3}]}, id="documents"),
        pytest.param(
            {"t.$": 1},
            {"t": {"$elemMatch": {"y": 2}}},
            {"_id": 1, "t": [{"x": 1, "y": 2}]},
            id="elem",
        ),
    ],
)
def test_the_positional_projection_keeps_the_element_that_the_query_found(
    specification: Document, query: Document, expected: Document
) -> None:
    assert as_bson(expected) == as_bson(projected(specification, query))


def test_metadata_alone_keeps_the_other_fields_of_a_find() -> None:
    assert projected({"score": {"$meta": "searchScore"}}, searchScore=0.5) == {**ITEM, "score": 0.5}


REFUSED = [
    pytest.param({"a": 1, "n": 0}, 31254, "Cannot do exclusion on field n in inclusion", id="out"),
    pytest.param({"a": 0, "n": 1}, 31253, "Cannot do inclusion on field n in exclusion", id="in"),
    pytest.param(
        {"a": 0, "v": "$n"}, 31252, "Cannot use expression other than $meta", id="compute"
    ),
    pytest.param(
        {"a": 1, "a.b": 1}, 31249, "Path collision at a.b remaining portion b", id="below"
    ),
    pytest.param({"a.b": 1, "a": 1}, 31250, "Path collision at a", id="above"),
    pytest.param({"a": {}}, 51270, "An empty sub-projection is not a valid value.", id="empty"),
    pytest.param({"a": {"$foo": 1}}, 31325, "Unknown expression $foo", id="unknown"),
    pytest.param(
        {"n": {"$slice": [1, 0]}}, 31259, "$slice limit must be positive, got 0", id="limit"
    ),
    pytest.param(
        {"t.x": {"$elemMatch": {}}}, 31275, "Cannot use $elemMatch projection on", id="elem"
    ),
    pytest.param(
        {"t": {"$elemMatch": 1}}, 31274, "elemMatch: Invalid argument, object", id="elem 1"
    ),
    pytest.param({"n.$": 1}, 31277, "Positional projection 'n.$' does not match the query", id="$"),
    pytest.param({"$a": 1}, 16410, "FieldPath field names may not start with '$'.", id="dollar"),
    pytest.param({"a..b": 1}, 15998, "FieldPath field names may not be empty strings.", id="dots"),
    pytest.param({"a.": 1}, 40353, "FieldPath must not end with a '.'.", id="last dot"),
]


@pytest.mark.parametrize(("specification", "code", "text"), REFUSED)
def test_a_bad_projection_is_refused_with_the_servers_code(
    specification: Document, code: int, text: str
) -> None:
    with pytest.raises(CommandError) as caught:
        projected(specification)

    assert code == caught.value.code
    assert text in caught.value.message
