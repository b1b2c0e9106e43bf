import itertools
import math
from typing import Any

import bson
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
from bson.timestamp import Timestamp
from hypothesis import given, settings

from app.local_atlas.mql.bson_order import compare, equal, same, sort_key, value_key
from app.local_atlas.mql.paths import MISSING
from app.local_atlas.mql.rows import CODEC
from tests.local_atlas.mql import oracle

ID = ObjectId("0" * 24)

ASCENDING = [
    MinKey(),
    None,
    math.nan,
    -math.inf,
    Decimal128("-1E+400"),
    -1e300,
    Int64(-(2**53) - 1),
    -(2.0**53),
    -1,
    -0.5,
    Decimal128("-1E-6176"),
    0,
    Decimal128("1E-6176"),
    Decimal128("0.1"),  # a little less than the double 0.1
    0.1,
    1,
    2.0**53,
    Int64(2**53 + 1),
    2.0**53 + 2,
    Int64(2**63 - 1),
    2.0**63,
    Decimal128("1E+400"),
    math.inf,
    "",
    "a",
    "a\0",
    "a\0b",
    "ab",
    "b",
    "é",
    "\U0001f600",
    {},
    {"a": 1},
    {"a": 1, "b": 0},
    {"a": 2},
    {"b": 1},
    {"a": "x"},  # types decide before names
    [],
    [1],
    [1, 1],
    [2],
    ["a"],
    [[1]],
    b"",
    b"b",
    Binary(b"a", 5),
    b"aa",
    ID,
    ObjectId("1" * 24),
    False,
    True,
    DatetimeMS(-1),
    DatetimeMS(0),
    DatetimeMS(2**62),
    Timestamp(1, 2),
    Timestamp(2, 1),
    Regex("a", ""),
    Regex("a", "i"),
    Regex("b", ""),
    Code("a"),
    Code("b"),
    Code("a", {}),
    MaxKey(),
]


def test_every_pair_of_the_ordered_list_compares_by_its_places() -> None:
    for (i, a), (j, b) in itertools.product(enumerate(ASCENDING), repeat=2):
        assert ((i > j) - (i < j)) == compare(a, b), (a, b)


@pytest.mark.parametrize(
    "equals",
    [
        pytest.param([1, Int64(1), 1.0, Decimal128("1"), Decimal128("1.00")], id="one"),
        pytest.param([0, 0.0, -0.0, Decimal128("-0"), Decimal128("0E+10")], id="zero"),
        pytest.param([math.nan, -math.nan, Decimal128("NaN"), Decimal128("-NaN")], id="nan"),
        pytest.param([math.inf, Decimal128("Infinity")], id="infinity"),
        pytest.param([0.1, Decimal128("0.1000000000000000055511151231257827")][:1], id="tenth"),
        pytest.param([Int64(2**60), 2.0**60, Decimal128(str(2**60))], id="large"),
        pytest.param([b"x", Binary(b"x", 0)], id="generic binary"),
        pytest.param([DBRef("c", 1), {"$ref": "c", "$id": 1.0}], id="reference"),
        pytest.param([[1, {"a": 2}], [1.0, {"a": Int64(2)}]], id="nested"),
    ],
)
def test_equal_values_have_one_key(equals: list[Any]) -> None:
    keys = {sort_key(value) for value in equals}

    assert len(keys) == 1


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param(1, True, id="number and boolean"),
        pytest.param(0, False, id="zero and false"),
        pytest.param(0, None, id="zero and null"),
        pytest.param("1", 1, id="text and number"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="field order"),
        pytest.param(Int64(2**53 + 1), 2.0**53, id="beyond 53 bits"),
        pytest.param(b"x", Binary(b"x", 4), id="binary subtypes"),
        pytest.param("a", Code("a"), id="text and code"),
        pytest.param([1], 1, id="array and element"),
    ],
)
def test_different_values_are_not_equal(a: Any, b: Any) -> None:
    assert not equal(a, b)


def test_a_missing_value_sorts_as_null_but_before_it_in_expressions() -> None:
    assert sort_key(None) == sort_key(MISSING)
    assert value_key(MISSING) < value_key(None)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param(1, 1, True, id="same"),
        pytest.param(1, Int64(1), False, id="int32 and int64"),
        pytest.param(0.0, -0.0, False, id="signed zeros"),
        pytest.param(math.nan, math.nan, True, id="nan"),
        pytest.param(Decimal128("1"), Decimal128("1.0"), False, id="decimal digits"),
        pytest.param({"a": [1]}, {"a": [1.0]}, False, id="nested types"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, False, id="field order"),
        pytest.param([1, "a", None], [1, "a", None], True, id="array"),
    ],
)
def test_same_means_stored_alike(a: Any, b: Any, expected: bool) -> None:
    assert expected is same(a, b)


def test_a_value_of_no_bson_type_is_refused() -> None:
    with pytest.raises(TypeError, match="object is no BSON value"):
        sort_key(object())


@given(oracle.values, oracle.values)
@settings(max_examples=300, deadline=None, database=None)
def test_keys_compare_as_the_manual_says(a: Any, b: Any) -> None:
    assert oracle.compare(a, b) == compare(a, b)


@given(oracle.numbers, oracle.numbers)
@settings(max_examples=300, deadline=None, database=None)
def test_numbers_compare_by_exact_value(a: Any, b: Any) -> None:
    assert oracle.compare(a, b) == compare(a, b)


@given(oracle.values)
@settings(max_examples=150, deadline=None, database=None)
def test_a_value_keeps_its_key_through_bson(value: Any) -> None:
    decoded = bson.decode(bson.encode({"v": value}), CODEC)["v"]

    assert sort_key(value) == sort_key(decoded)
