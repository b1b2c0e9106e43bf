from datetime import UTC, datetime

import pytest
from bson import ObjectId

from app.errors import BadRequest
from app.filter_parser import field_filter, parse_filter
from app.filters import AllOf, Comparison, all_of, to_mql, to_operator

TYPES = {
    "category": "token",
    "price": "number",
    "in_stock": "boolean",
    "added": "date",
    "owner": "objectId",
}
EVERYTHING = {"compound": {"mustNot": [{"exists": {"path": "_no_such_path"}}]}}
NOTHING = {"compound": {"mustNot": [EVERYTHING]}}


def equals(path, value):
    return {"equals": {"path": path, "value": value}}


@pytest.mark.parametrize(
    ("mql", "as_mql", "as_operator"),
    [
        pytest.param(
            {"category": "dress"},
            {"category": {"$eq": "dress"}},
            equals("category", "dress"),
            id="short-form",
        ),
        pytest.param(
            {"category": None}, {"category": {"$eq": None}}, equals("category", None), id="null"
        ),
        pytest.param(
            {"category": {"$ne": "hat"}},
            {"$nor": [{"category": {"$eq": "hat"}}]},
            {"compound": {"mustNot": [equals("category", "hat")]}},
            id="ne",
        ),
        pytest.param(
            {"price": {"$gte": 1, "$lt": 5.5}},
            {"$and": [{"price": {"$gte": 1}}, {"price": {"$lt": 5.5}}]},
            {
                "compound": {
                    "filter": [
                        {"range": {"path": "price", "gte": 1}},
                        {"range": {"path": "price", "lt": 5.5}},
                    ]
                }
            },
            id="one-range-per-bound",
        ),
        pytest.param(
            {"price": {"$in": [1, 2]}},
            {"price": {"$in": [1, 2]}},
            {"in": {"path": "price", "value": [1, 2]}},
            id="in",
        ),
        pytest.param(
            {"price": {"$in": [1, 5.5]}},
            {"$or": [{"price": {"$eq": 1}}, {"price": {"$eq": 5.5}}]},
            {
                "compound": {
                    "should": [equals("price", 1), equals("price", 5.5)],
                    "minimumShouldMatch": 1,
                }
            },
            id="fraction-in-a-list",
        ),
        pytest.param(
            {"price": {"$nin": [1]}},
            {"$nor": [{"price": {"$in": [1]}}]},
            {"compound": {"mustNot": [{"in": {"path": "price", "value": [1]}}]}},
            id="nin",
        ),
        pytest.param(
            {"in_stock": {"$gt": False}},
            {"in_stock": {"$gt": False}},
            equals("in_stock", True),
            id="boolean-range",
        ),
        pytest.param(
            {"in_stock": {"$gt": True}}, {"in_stock": {"$gt": True}}, NOTHING, id="boolean-none"
        ),
        pytest.param(
            {"in_stock": {"$lte": True}},
            {"in_stock": {"$lte": True}},
            {
                "compound": {
                    "should": [equals("in_stock", False), equals("in_stock", True)],
                    "minimumShouldMatch": 1,
                }
            },
            id="boolean-both",
        ),
        pytest.param(
            {"price": {"$exists": False}},
            {"$nor": [{"price": {"$exists": True}}]},
            {"compound": {"mustNot": [{"exists": {"path": "price"}}]}},
            id="exists-false",
        ),
        pytest.param(
            {"price": {"$not": {"$gt": 1, "$lt": 3}}},
            {"$nor": [{"$and": [{"price": {"$gt": 1}}, {"price": {"$lt": 3}}]}]},
            {
                "compound": {
                    "mustNot": [
                        {
                            "compound": {
                                "filter": [
                                    {"range": {"path": "price", "gt": 1}},
                                    {"range": {"path": "price", "lt": 3}},
                                ]
                            }
                        }
                    ]
                }
            },
            id="not",
        ),
        pytest.param(
            {"$nor": [{"category": "hat"}, {}]},
            {"$nor": [{"category": {"$eq": "hat"}}, {}]},
            {"compound": {"mustNot": [equals("category", "hat"), EVERYTHING]}},
            id="nor-and-match-all",
        ),
    ],
)
def test_both_dialects(mql, as_mql, as_operator):
    condition = parse_filter(mql, TYPES)

    assert to_mql(condition) == as_mql
    assert to_operator(condition) == as_operator


@pytest.mark.parametrize(
    ("path", "value", "converted"),
    [
        ("added", "2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("added", "2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("owner", "65f000000000000000000001", ObjectId("65f000000000000000000001")),
        ("price", 2**53, 2**53),
    ],
)
def test_values_become_the_type_of_their_field(path, value, converted):
    assert parse_filter({path: {"$gt": value}}, TYPES) == Comparison(path, "$gt", converted)


@pytest.mark.parametrize(
    ("mql", "named"),
    [
        ([], "must be an object"),
        ({"brand": "x"}, "'brand' is not in the index, which has: added, category"),
        ({"price": {"$regex": "x"}}, "\\$regex on price"),
        ({"$where": "x"}, "\\$where"),
        ({"$and": []}, "\\$and must have a non-empty array"),
        ({"$or": {}}, "\\$or must have"),
        ({"price": {}}, "price must not be empty"),
        ({"price": "cheap"}, "price \\('cheap'\\) must be a finite number"),
        ({"price": True}, "price \\(True\\)"),
        ({"price": float("nan")}, "price \\(nan\\)"),
        ({"price": 2**53 + 1}, "price"),
        ({"price": {"$gt": None}}, "\\$gt must not be null"),
        ({"price": {"$in": []}}, "\\$in must have a non-empty array"),
        ({"price": {"$in": [None]}}, "price \\(None\\)"),
        ({"price": {"$in": list(range(1001))}}, "1000 values"),
        ({"price": {"$exists": 1}}, "\\$exists \\(1\\)"),
        ({"price": {"$not": 3}}, "\\$not \\(3\\)"),
        ({"category": 3}, "category \\(3\\) must be a string"),
        ({"category": "\ud800"}, "category .* must be a string"),
        ({"category": {"$in": ["x", "\ud800"]}}, "category .* must be a string"),
        ({"in_stock": "true"}, "in_stock"),
        ({"added": "yesterday"}, "ISO 8601"),
        ({"added": 2026}, "ISO 8601"),
        ({"added": "0001-01-01T00:00:00+14:00"}, "ISO 8601"),
        ({"owner": "abc"}, "24 hexadecimal digits"),
    ],
)
def test_bad_filter_is_refused_by_name(mql, named):
    with pytest.raises(BadRequest, match=named):
        parse_filter(mql, TYPES)


def nested(depth):
    mql = {"category": "x"}
    for _ in range(depth - 1):
        mql = {"$and": [mql]}
    return mql


def nested_not(depth):
    condition = {"$gt": 1}
    for _ in range(depth - 1):
        condition = {"$not": condition}
    return {"price": condition}


@pytest.mark.parametrize("nest", [nested, nested_not])
def test_ten_levels_are_taken_and_eleven_refused(nest):
    parse_filter(nest(10), TYPES)

    with pytest.raises(BadRequest, match="deeper than 10"):
        parse_filter(nest(11), TYPES)


@pytest.mark.parametrize("clause", [{"category": "x"}, {}], ids=["field", "empty"])
def test_a_hundred_clauses_are_taken_and_one_more_refused(clause):
    parse_filter({"$or": [clause] * 100}, TYPES)

    with pytest.raises(BadRequest, match="100 clauses"):
        parse_filter({"$or": [clause] * 101}, TYPES)


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("category", "12", "12"),
        ("price", "12", 12),
        ("price", "12.5", 12.5),
        ("in_stock", "true", True),
        ("in_stock", "false", False),
    ],
)
def test_query_string_values_are_converted(path, text, value):
    assert field_filter(path, text, TYPES) == Comparison(path, "$eq", value)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        *(("price", text) for text in ("cheap", "nan", "inf", "1_000", "٣")),
        ("in_stock", "1"),
        ("brand", "x"),
    ],
)
def test_bad_query_string_value_is_refused_by_name(path, text):
    with pytest.raises(BadRequest, match=path):
        field_filter(path, text, TYPES)


def test_all_of_drops_what_is_no_condition():
    hat = Comparison("category", "$eq", "hat")

    assert all_of(None, AllOf(())) is None
    assert all_of(None, hat) == hat
    assert all_of(hat, hat) == AllOf((hat, hat))
