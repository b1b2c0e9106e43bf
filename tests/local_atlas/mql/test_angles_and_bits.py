"""Trigonometry, bits, and the sizes of values."""

import math
from typing import Any

import bson
import pytest
from bson import Binary, Decimal128, Int64
from bson.timestamp import Timestamp

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.expressions import compile_expression
from app.local_atlas.mql.rows import Row
from tests.local_atlas.mql.environments import as_bson

_PARIS, _BERLIN = (48.8566, 2.3522), (52.52, 13.405)


def evaluated(expression: Any, **fields: Any) -> Any:
    return compile_expression(expression)(Row(document=fields), {})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"$sin": math.pi / 2}, 1.0),
        ({"$cos": 0}, 1.0),
        ({"$tan": Int64(0)}, 0.0),
        ({"$asin": 1}, math.pi / 2),
        ({"$acos": -1}, math.pi),
        ({"$atan": math.inf}, math.pi / 2),
        ({"$atan2": [1, -1]}, 3 * math.pi / 4),
        ({"$sinh": 1}, math.sinh(1)),
        ({"$sinh": -1000}, -math.inf),
        ({"$cosh": -1000}, math.inf),
        ({"$tanh": math.inf}, 1.0),
        ({"$asinh": 0}, 0.0),
        ({"$acosh": 1}, 0.0),
        ({"$atanh": -1}, -math.inf),
        ({"$degreesToRadians": 180}, math.pi),
        ({"$radiansToDegrees": math.pi}, 180.0),
    ],
    ids=str,
)
def test_angle_is_a_double(expression: Any, expected: float) -> None:
    value = evaluated(expression)

    assert type(value) is float
    assert value == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("name", ["$sin", "$acos", "$acosh", "$degreesToRadians"])
def test_what_is_missing_gives_null_and_nan_stays_nan(name: str) -> None:
    assert evaluated({name: "$missing"}) is None
    assert evaluated({name: None}) is None
    assert math.isnan(evaluated({name: math.nan}))


@pytest.mark.parametrize(
    ("expression", "code", "text"),
    [
        ({"$sin": math.inf}, 50989, "(-inf,inf)"),
        ({"$acos": 2}, 50989, "[-1,1]"),
        ({"$acosh": 0}, 50989, "[1,inf]"),
        ({"$sin": "x"}, 28765, "$sin only supports numeric types"),
        ({"$atan2": [1, "x"]}, 51044, "string"),
        ({"$cos": Decimal128("1")}, 28765, "not emulated by LocalAtlas"),
        ({"$bitAnd": [1, 1.5]}, 14, "double"),
        ({"$bitNot": "x"}, 14, "string"),
        ({"$binarySize": 1}, 51276, "int"),
        ({"$bsonSize": 1}, 31393, "int"),
        ({"$tsSecond": 1}, 5687301, "timestamp"),
    ],
    ids=str,
)
def test_operand_outside_of_the_domain_is_refused(expression: Any, code: int, text: str) -> None:
    with pytest.raises(CommandError) as caught:
        evaluated(expression)

    assert caught.value.code == code
    assert text in caught.value.message


def test_distance_on_the_globe_is_computed_in_a_pipeline() -> None:
    (a, b), (c, d) = _PARIS, _BERLIN
    radians = {"$degreesToRadians": "$$this"}
    cosine = {
        "$add": [
            {"$multiply": [{"$sin": "$a"}, {"$sin": "$c"}]},
            {"$multiply": [{"$cos": "$a"}, {"$cos": "$c"}, {"$cos": {"$subtract": ["$d", "$b"]}}]},
        ]
    }
    places = evaluated({"$map": {"input": [a, b, c, d], "as": "this", "in": radians}})
    fields = dict(zip("abcd", places, strict=True))

    assert evaluated({"$multiply": [{"$acos": cosine}, 6371]}, **fields) == pytest.approx(
        878, abs=1
    )


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"$bitAnd": [12, 10]}, 8),
        ({"$bitAnd": [12, Int64(10)]}, Int64(8)),
        ({"$bitAnd": []}, -1),
        ({"$bitOr": [12, 10, 1]}, 15),
        ({"$bitXor": [12, 10]}, 6),
        ({"$bitXor": [12, None]}, None),
        ({"$bitNot": 0}, -1),
        ({"$bitNot": Int64(5)}, Int64(-6)),
        ({"$binarySize": "é"}, 2),
        ({"$binarySize": Binary(b"abc", 9)}, 3),
        ({"$bsonSize": {"a": 1}}, len(bson.encode({"a": 1}))),
        ({"$bsonSize": "$missing"}, None),
        ({"$tsSecond": Timestamp(7, 3)}, Int64(7)),
        ({"$tsIncrement": Timestamp(7, 3)}, Int64(3)),
    ],
    ids=str,
)
def test_bits_and_sizes_keep_their_types(expression: Any, expected: Any) -> None:
    assert as_bson(evaluated(expression)) == as_bson(expected)
