import math
from typing import Any

import pytest
from bson import (
    Binary,
    Code,
    DatetimeMS,
    DBRef,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.expression_compiler import Scope
from app.local_atlas.mql.matcher import compile_filter, equality_values
from tests.local_atlas.mql import oracle

ID = ObjectId("0" * 24)
NOT_EMULATED = "(not emulated by LocalAtlas)"

MATCHES = [
    # Equality: numbers across types, never booleans; whole documents and arrays in order.
    pytest.param({}, {"a": 1}, True, id="empty query"),
    pytest.param({"a": 1}, {"a": 1.0}, True, id="int and double"),
    pytest.param({"a": 1.0}, {"a": Int64(1)}, True, id="double and int64"),
    pytest.param({"a": 1}, {"a": Decimal128("1.0")}, True, id="int and decimal"),
    pytest.param({"a": Decimal128("1")}, {"a": 1}, True, id="decimal and int"),
    pytest.param({"a": 2.0**53}, {"a": Int64(2**53 + 1)}, False, id="beyond 53 bits"),
    pytest.param({"a": 1}, {"a": True}, False, id="one is not true"),
    pytest.param({"a": True}, {"a": 1}, False, id="true is not one"),
    pytest.param({"a": False}, {"a": 0}, False, id="false is not zero"),
    pytest.param({"a": math.nan}, {"a": math.nan}, True, id="nan equals nan"),
    pytest.param({"a": math.nan}, {"a": Decimal128("NaN")}, True, id="nan across types"),
    pytest.param({"a": "x"}, {"a": Code("x")}, False, id="text is not code"),
    pytest.param({"a": b"x"}, {"a": Binary(b"x", 5)}, False, id="binary subtypes differ"),
    pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 2}}, True, id="document"),
    pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "b": 1}}, False, id="field order"),
    pytest.param({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, False, id="no partial document"),
    pytest.param({"a": {}}, {"a": {}}, True, id="empty document"),
    pytest.param({"a": [1, 2]}, {"a": [1, 2]}, True, id="array"),
    pytest.param({"a": [1, 2]}, {"a": [2, 1]}, False, id="array order"),
    pytest.param({"a": [1, 2]}, {"a": [[1, 2], 3]}, True, id="array as an element"),
    pytest.param({"a": DBRef("c", ID)}, {"a": DBRef("c", ID)}, True, id="reference"),
    pytest.param({"a.$id": ID}, {"a": DBRef("c", ID)}, True, id="id of a reference"),
    # Null matches missing.
    pytest.param({"a": None}, {}, True, id="null matches missing"),
    pytest.param({"a": None}, {"a": None}, True, id="null matches null"),
    pytest.param({"a": None}, {"a": 0}, False, id="null does not match zero"),
    pytest.param({"a": None}, {"a": [1, None]}, True, id="null in an array"),
    pytest.param({"a.b": None}, {"a": [{"b": 1}, {}]}, True, id="null where one element lacks it"),
    pytest.param({"a.b": None}, {"a": [1, 2]}, False, id="null finds nothing in scalars"),
    pytest.param({"a.b": None}, {"a": 5}, True, id="null below a scalar"),
    pytest.param({"a": {"$ne": None}}, {}, False, id="not null leaves missing out"),
    # Arrays are traversed.
    pytest.param({"a": 2}, {"a": [1, 2, 3]}, True, id="element"),
    pytest.param({"a": 2}, {"a": [[2]]}, False, id="no nested element"),
    pytest.param({"a.b": 2}, {"a": [{"b": 1}, {"b": 2}]}, True, id="element of documents"),
    pytest.param({"a.1.b": 2}, {"a": [{"b": 1}, {"b": 2}]}, True, id="by position"),
    pytest.param({"a.0": 1}, {"a": [1, 2]}, True, id="position"),
    pytest.param({"a.0": 2}, {"a": [1, 2]}, False, id="other position"),
    # Comparison stays within a type bracket.
    pytest.param({"a": {"$gt": 1}}, {"a": 2.5}, True, id="gt"),
    pytest.param({"a": {"$gt": 1}}, {"a": 1}, False, id="gt equal"),
    pytest.param({"a": {"$gte": 1}}, {"a": Decimal128("1")}, True, id="gte equal"),
    pytest.param({"a": {"$lt": 2.0**53 + 2}}, {"a": Int64(2**53 + 1)}, True, id="lt exact"),
    pytest.param({"a": {"$lte": 2.0**53}}, {"a": Int64(2**53 + 1)}, False, id="lte exact"),
    pytest.param({"a": {"$lt": 5}}, {"a": "1"}, False, id="lt other type"),
    pytest.param({"a": {"$gt": 5}}, {"a": True}, False, id="gt boolean"),
    pytest.param({"a": {"$gt": False}}, {"a": True}, True, id="booleans are ordered"),
    pytest.param({"a": {"$lt": 5}}, {}, False, id="lt missing"),
    pytest.param({"a": {"$lt": 5}}, {"a": None}, False, id="lt null"),
    pytest.param({"a": {"$gte": None}}, {}, True, id="gte null matches missing"),
    pytest.param({"a": {"$lte": None}}, {"a": None}, True, id="lte null"),
    pytest.param({"a": {"$gt": None}}, {}, False, id="gt null"),
    pytest.param({"a": {"$gt": "a"}}, {"a": "b"}, True, id="gt text"),
    pytest.param({"a": {"$gt": "Z"}}, {"a": "a"}, True, id="by code point"),
    pytest.param({"a": {"$gte": DatetimeMS(5)}}, {"a": DatetimeMS(6)}, True, id="dates"),
    pytest.param({"a": {"$lt": math.nan}}, {"a": math.nan}, False, id="lt nan"),
    pytest.param({"a": {"$lte": math.nan}}, {"a": math.nan}, True, id="lte nan"),
    pytest.param({"a": {"$lt": 5}}, {"a": math.nan}, False, id="nan is below nothing"),
    pytest.param({"a": {"$lt": 5}}, {"a": Decimal128("NaN")}, False, id="nor a decimal nan"),
    pytest.param({"a": {"$gte": 5}}, {"a": math.nan}, False, id="nan is above nothing"),
    pytest.param({"a": {"$gt": MinKey()}}, {"a": "x"}, True, id="above MinKey"),
    pytest.param({"a": {"$lt": MaxKey()}}, {"a": {"b": 1}}, True, id="below MaxKey"),
    pytest.param({"a": {"$gt": {"b": 1}}}, {"a": {"b": 2}}, True, id="documents"),
    pytest.param({"a": {"$gt": [1]}}, {"a": [2]}, True, id="arrays"),
    pytest.param({"a": {"$gt": 1, "$lt": 3}}, {"a": [0, 5]}, True, id="by different elements"),
    # $ne, $in, $nin, $not.
    pytest.param({"a": {"$ne": 1}}, {"a": [1, 2]}, False, id="ne looks at every element"),
    pytest.param({"a": {"$ne": 1}}, {}, True, id="ne missing"),
    pytest.param({"a": {"$in": [1, "x"]}}, {"a": 1.0}, True, id="in"),
    pytest.param({"a": {"$in": [1, "x"]}}, {"a": True}, False, id="in is no boolean"),
    pytest.param({"a": {"$in": []}}, {"a": 1}, False, id="in nothing"),
    pytest.param({"a": {"$in": [None]}}, {}, True, id="in null matches missing"),
    pytest.param({"a": {"$in": [Regex("^b")]}}, {"a": "bc"}, True, id="in pattern"),
    pytest.param({"a": {"$in": [[1, 2]]}}, {"a": [1, 2]}, True, id="in array"),
    pytest.param({"a": {"$nin": [1]}}, {"a": [1, 2]}, False, id="nin element"),
    pytest.param({"a": {"$nin": [1]}}, {}, True, id="nin missing"),
    pytest.param({"a": {"$not": {"$gt": 1}}}, {}, True, id="not missing"),
    pytest.param({"a": {"$not": {"$gt": 1}}}, {"a": [0, 2]}, False, id="not an element"),
    pytest.param({"a": {"$not": Regex("^b")}}, {"a": "bc"}, False, id="not pattern"),
    pytest.param({"a": {"$not": {"$gt": 1, "$lt": 3}}}, {"a": 5}, True, id="not both"),
    # $exists, $type, $size.
    pytest.param({"a": {"$exists": True}}, {"a": None}, True, id="exists null"),
    pytest.param({"a": {"$exists": 1}}, {}, False, id="does not exist"),
    pytest.param({"a": {"$exists": False}}, {}, True, id="exists false"),
    pytest.param({"a": {"$exists": 0}}, {"a": []}, False, id="an empty array exists"),
    pytest.param({"a.b": {"$exists": True}}, {"a": [1, {"b": 1}]}, True, id="exists in one"),
    pytest.param({"a": {"$type": "string"}}, {"a": "x"}, True, id="type"),
    pytest.param({"a": {"$type": 2}}, {"a": "x"}, True, id="type number"),
    pytest.param({"a": {"$type": "int"}}, {"a": Int64(1)}, False, id="int64 is long"),
    pytest.param({"a": {"$type": "long"}}, {"a": Int64(1)}, True, id="type long"),
    pytest.param({"a": {"$type": "number"}}, {"a": Decimal128("1")}, True, id="type number alias"),
    pytest.param({"a": {"$type": ["bool", "null"]}}, {"a": None}, True, id="one of types"),
    pytest.param({"a": {"$type": "array"}}, {"a": [1]}, True, id="type array"),
    pytest.param({"a": {"$type": "int"}}, {"a": ["x", 1]}, True, id="type of an element"),
    pytest.param({"a": {"$type": "null"}}, {}, False, id="missing has no type"),
    pytest.param({"a": {"$size": 2}}, {"a": [1, [2]]}, True, id="size"),
    pytest.param({"a": {"$size": 2.0}}, {"a": [1, 2]}, True, id="size as a double"),
    pytest.param({"a": {"$size": 1}}, {"a": 5}, False, id="size of a scalar"),
    pytest.param({"a": {"$size": 1}}, {"a": [[1], [1, 2]]}, False, id="size of no element"),
    # $all, $elemMatch.
    pytest.param({"a": {"$all": [1, 2]}}, {"a": [2, 3, 1]}, True, id="all"),
    pytest.param({"a": {"$all": [1, 2]}}, {"a": [1]}, False, id="not all"),
    pytest.param({"a": {"$all": [1]}}, {"a": 1}, True, id="all of a scalar"),
    pytest.param({"a": {"$all": []}}, {"a": []}, False, id="all of nothing"),
    pytest.param({"a": {"$all": [[1, 2]]}}, {"a": [1, 2]}, True, id="all of the array itself"),
    pytest.param(
        {"a": {"$all": [{"$elemMatch": {"x": 1}}, {"$elemMatch": {"x": 2}}]}},
        {"a": [{"x": 1}, {"x": 2}]},
        True,
        id="all elemMatch",
    ),
    pytest.param({"a": {"$elemMatch": {"$gt": 1, "$lt": 3}}}, {"a": [0, 5]}, False, id="one elem"),
    pytest.param({"a": {"$elemMatch": {"$gt": 1, "$lt": 3}}}, {"a": [0, 2]}, True, id="an elem"),
    pytest.param({"a": {"$elemMatch": {"$gt": 1}}}, {"a": 2}, False, id="elemMatch wants an array"),
    pytest.param(
        {"a": {"$elemMatch": {"x": 1, "y": 2}}},
        {"a": [{"x": 1, "y": 1}, {"x": 2, "y": 2}]},
        False,
        id="elemMatch on one document",
    ),
    pytest.param({"a": {"$elemMatch": {"x": None}}}, {"a": [{}]}, True, id="elemMatch null"),
    pytest.param({"a": {"$elemMatch": {"x": None}}}, {"a": [1]}, False, id="elemMatch scalar"),
    pytest.param({"a": {"$elemMatch": {"0": 5}}}, {"a": [[5]]}, True, id="an array as document"),
    pytest.param(
        {"a": {"$elemMatch": {"$or": [{"x": 1}, {"x": 2}]}}}, {"a": [{"x": 2}]}, True, id="elem or"
    ),
    pytest.param({"a": {"$elemMatch": {"$ne": 1}}}, {"a": [1, 2]}, True, id="elemMatch ne"),
    pytest.param({"a": {"$elemMatch": {"$size": 1}}}, {"a": [[1]]}, True, id="elemMatch size"),
    pytest.param({"a.b": {"$elemMatch": {"$eq": 1}}}, {"a": [{"b": [1]}]}, True, id="elem below"),
    # Patterns.
    pytest.param({"a": Regex("^a.c$")}, {"a": "abc"}, True, id="pattern"),
    pytest.param({"a": {"$regex": "B", "$options": "i"}}, {"a": "abc"}, True, id="options"),
    pytest.param({"a": {"$options": "i", "$regex": "B"}}, {"a": "abc"}, True, id="options first"),
    pytest.param({"a": {"$regex": Regex("b", "i")}}, {"a": ["x", "B"]}, True, id="in an array"),
    pytest.param({"a": {"$regex": "1"}}, {"a": 1}, False, id="no text, no match"),
    pytest.param({"a": Regex("b")}, {"a": Regex("b")}, True, id="pattern equals itself"),
    # $mod and bits.
    pytest.param({"a": {"$mod": [3, 1]}}, {"a": 7}, True, id="mod"),
    pytest.param({"a": {"$mod": [3, -1]}}, {"a": -7}, True, id="mod takes the dividend's sign"),
    pytest.param({"a": {"$mod": [3, 1]}}, {"a": 7.9}, True, id="mod truncates"),
    pytest.param({"a": {"$mod": [3.7, 1]}}, {"a": 7}, True, id="mod truncates the divisor"),
    pytest.param({"a": {"$mod": [3, 1]}}, {"a": math.nan}, False, id="mod nan"),
    pytest.param({"a": {"$mod": [3, 0]}}, {"a": "3"}, False, id="mod text"),
    pytest.param({"a": {"$bitsAllSet": [1, 5]}}, {"a": 54}, True, id="bits all set"),
    pytest.param({"a": {"$bitsAllSet": 50}}, {"a": 54.0}, True, id="bits by mask"),
    pytest.param({"a": {"$bitsAllSet": 3}}, {"a": 2}, False, id="not all set"),
    pytest.param({"a": {"$bitsAnySet": 3}}, {"a": 2}, True, id="any set"),
    pytest.param({"a": {"$bitsAllClear": [0, 3]}}, {"a": 54}, True, id="all clear"),
    pytest.param({"a": {"$bitsAnyClear": 3}}, {"a": 3}, False, id="any clear"),
    pytest.param({"a": {"$bitsAllSet": [200]}}, {"a": -1}, True, id="negative numbers go on"),
    pytest.param({"a": {"$bitsAllSet": b"\x30"}}, {"a": b"\x36\x01"}, True, id="binary bits"),
    pytest.param({"a": {"$bitsAnySet": 1}}, {"a": 1.5}, False, id="no bits in a fraction"),
    # Joined.
    pytest.param({"$and": [{"a": 1}, {"b": 2}]}, {"a": 1, "b": 2}, True, id="and"),
    pytest.param({"$or": [{"a": 2}, {"b": 2}]}, {"a": 1, "b": 2}, True, id="or"),
    pytest.param({"$nor": [{"a": 2}, {"b": 2}]}, {"a": 1, "b": 2}, False, id="nor"),
    pytest.param({"$nor": [{"a": {"$gt": 5}}]}, {}, True, id="nor missing"),
    pytest.param({"a": 1, "$comment": "why"}, {"a": 1}, True, id="comment"),
    pytest.param({"$expr": {"$gt": ["$a", "$b"]}}, {"a": 2, "b": 1}, True, id="expr"),
    pytest.param({"$or": [{"$expr": {"$eq": ["$a", 1]}}]}, {"a": 1}, True, id="expr below or"),
]


@pytest.mark.parametrize(("query", "document", "expected"), MATCHES)
def test_a_query_matches_as_the_manual_says(
    query: dict[str, Any], document: dict[str, Any], expected: bool
) -> None:
    assert expected is compile_filter(query)(document)


REFUSED = [
    pytest.param({"$foo": 1}, 2, "unknown top level operator: $foo. If you have", id="top level"),
    pytest.param({"$not": {"a": 1}}, 2, "unknown top level operator: $not. If you are", id="not"),
    pytest.param({"a": {"$foo": 1}}, 2, "unknown operator: $foo", id="operator"),
    pytest.param({"a": {"$gt": 1, "b": 2}}, 2, "unknown operator: b", id="field among operators"),
    pytest.param({"$text": {"$search": "x"}}, 2, NOT_EMULATED, id="text"),
    pytest.param({"$where": "1"}, 2, NOT_EMULATED, id="where"),
    pytest.param({"$jsonSchema": {"nope": 1}}, 9, "Unknown $jsonSchema keyword", id="schema"),
    pytest.param({"a": {"$near": [0, 0]}}, 2, NOT_EMULATED, id="near"),
    pytest.param({"a": {"$geoWithin": {}}}, 2, NOT_EMULATED, id="geo"),
    pytest.param(
        {"a": {"$where": "1"}}, 2, "$where cannot be applied to a field", id="field where"
    ),
    pytest.param({"a": {"$in": 1}}, 2, "$in needs an array", id="in"),
    pytest.param({"a": {"$nin": {}}}, 2, "$nin needs an array", id="nin"),
    pytest.param({"a": {"$in": [{"$gt": 1}]}}, 2, "cannot nest $ under $in", id="nested in"),
    pytest.param({"$and": 1}, 2, "$and must be an array", id="and"),
    pytest.param({"$or": []}, 2, "$and/$or/$nor must be a nonempty array", id="empty or"),
    pytest.param({"$nor": [1]}, 2, "$or/$and/$nor entries need to be full objects", id="nor"),
    pytest.param({"a": {"$not": 1}}, 2, "$not needs a regex or a document", id="field not"),
    pytest.param({"a": {"$not": {}}}, 2, "$not cannot be empty", id="empty not"),
    pytest.param({"a": {"$all": 1}}, 2, "$all needs an array", id="all"),
    pytest.param({"a": {"$all": [{"$gt": 1}]}}, 2, "no $ expressions in $all", id="all operator"),
    pytest.param(
        {"a": {"$all": [{"$elemMatch": {}}, 5]}},
        2,
        "$all/$elemMatch has to be consistent",
        id="all mixed",
    ),
    pytest.param({"a": {"$elemMatch": 1}}, 2, "$elemMatch needs an Object", id="elemMatch"),
    pytest.param(
        {"a": {"$elemMatch": {"$expr": 1}}},
        2,
        "$expr can only be applied to the top-level document",
        id="expr below elemMatch",
    ),
    pytest.param(
        {"a": {"$gt": Regex("x")}},
        2,
        "Can't have RegEx as arg to predicate over field 'a'.",
        id="gt",
    ),
    pytest.param({"a": {"$ne": Regex("x")}}, 2, "Can't have regex as arg to $ne.", id="ne"),
    pytest.param({"a": {"$options": "i"}}, 2, "$options needs a $regex", id="lonely options"),
    pytest.param({"a": {"$regex": 1}}, 2, "$regex has to be a string", id="regex"),
    pytest.param({"a": {"$regex": "x", "$options": 1}}, 2, "$options has to be a string", id="opt"),
    pytest.param(
        {"a": {"$regex": Regex("x", "i"), "$options": "m"}}, 51075, "options set in both", id="both"
    ),
    pytest.param({"a": {"$regex": "("}}, 51091, "Regular expression is invalid", id="bad pattern"),
    pytest.param(
        {"a": {"$regex": "a", "$options": "q"}},
        51108,
        "invalid flag in regex options: q",
        id="flag",
    ),
    pytest.param({"a": {"$type": "foo"}}, 2, "Unknown type name alias: foo", id="type alias"),
    pytest.param({"a": {"$type": 1.5}}, 2, "Invalid numerical type code: 1.5", id="type code"),
    pytest.param({"a": {"$type": {}}}, 14, "type must be represented as a number or a", id="type"),
    pytest.param({"a": {"$type": []}}, 9, "a must match at least one type", id="no type"),
    pytest.param(
        {"a": {"$size": -1}}, 2, "Expected a non-negative number in: $size: -1", id="negative size"
    ),
    pytest.param({"a": {"$size": 1.5}}, 2, "Expected an integer: $size: 1.5", id="fraction"),
    pytest.param({"a": {"$size": "x"}}, 2, 'Expected a number in: $size: "x"', id="text size"),
    pytest.param({"a": {"$mod": 1}}, 2, "malformed mod, needs to be an array", id="mod"),
    pytest.param({"a": {"$mod": [1]}}, 2, "malformed mod, not enough elements", id="short mod"),
    pytest.param({"a": {"$mod": [1, 2, 3]}}, 2, "malformed mod, too many elements", id="long mod"),
    pytest.param({"a": {"$mod": ["x", 1]}}, 2, "malformed mod, divisor not a number", id="divisor"),
    pytest.param({"a": {"$mod": [0, 1]}}, 2, "divisor cannot be 0", id="zero divisor"),
    pytest.param({"a": {"$bitsAllSet": "x"}}, 2, "$bitsAllSet takes an Array", id="bits"),
    pytest.param({"a": {"$bitsAllSet": [-1]}}, 2, "bit positions must be >= 0", id="position"),
]


@pytest.mark.parametrize(("query", "code", "text"), REFUSED)
def test_a_malformed_query_is_refused_with_the_servers_code(
    query: dict[str, Any], code: int, text: str
) -> None:
    with pytest.raises(CommandError) as caught:
        compile_filter(query)

    assert code == caught.value.code
    assert text in caught.value.message


def test_expr_reads_the_variables_of_the_call() -> None:
    matches = compile_filter({"$expr": {"$eq": ["$a", "$$x"]}}, scope=Scope(frozenset({"x"})))

    assert matches({"a": 1}, {"x": 1})
    assert not matches({"a": 1}, {"x": 2})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"a": 5}, [5], id="value"),
        pytest.param({"a": {"$eq": 5}}, [5], id="eq"),
        pytest.param({"a": {"$in": [1, 2]}, "b": 1}, [1, 2], id="in"),
        pytest.param({"a": {"b": 1}}, [{"b": 1}], id="document"),
        pytest.param({"$and": [{"b": 1}, {"a": 5}]}, [5], id="below and"),
        pytest.param({"$or": [{"a": 5}]}, None, id="not below or"),
        pytest.param({"a": {"$gt": 5}}, None, id="range"),
        pytest.param({"a": {"$ne": 5}}, None, id="negation"),
        pytest.param({"a": None}, None, id="null matches missing fields too"),
        pytest.param({"a": {"$in": [1, None]}}, None, id="null among others"),
        pytest.param({"a": [1]}, None, id="array"),
        pytest.param({"a": Regex("x")}, None, id="pattern"),
        pytest.param({"b": 5}, None, id="other path"),
    ],
)
def test_equality_values_are_those_that_pin_the_path(
    query: dict[str, Any], expected: list[Any] | None
) -> None:
    assert expected == equality_values(query, "a")


@given(oracle.values, oracle.values, st.sampled_from(["$gt", "$gte", "$lt", "$lte", "$eq"]))
@settings(max_examples=300, deadline=None, database=None)
def test_comparisons_agree_with_the_order_within_a_bracket(a: Any, b: Any, name: str) -> None:
    wanted = a if not isinstance(a, Regex) else "x"
    sign = oracle.compare(b, wanted)
    holds = {
        "$gt": sign > 0,
        "$gte": sign >= 0,
        "$lt": sign < 0,
        "$lte": sign <= 0,
        "$eq": not sign,
    }
    is_extreme = isinstance(wanted, MinKey | MaxKey)
    is_nan = any(oracle.rank(each) == 2 and oracle.number(each)[0] == 0 for each in (wanted, b))
    expected = holds[name] and (is_extreme or oracle.rank(wanted) == oracle.rank(b))
    if is_nan and sign:
        expected = False

    matches = compile_filter({"v": {"$elemMatch": {name: wanted}}})

    assert expected is matches({"v": [b]})
