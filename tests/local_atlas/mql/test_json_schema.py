"""`$jsonSchema`: what each keyword lets pass, and what it says of what it does not."""

from typing import Any

import pytest
from bson import Decimal128, Int64

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.json_schema import compile_schema
from app.local_atlas.mql.matcher import compile_filter

_SHOE = {
    "bsonType": "object",
    "required": ["name", "sizes"],
    "properties": {
        "name": {"bsonType": "string", "minLength": 1},
        "sizes": {"bsonType": "array", "items": {"bsonType": ["int", "double"], "minimum": 15}},
        "color": {"enum": ["red", "blue", None]},
    },
}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"bsonType": "int"}, 1, Int64(1)),
        ({"bsonType": "number"}, Decimal128("1"), "1"),
        ({"bsonType": ["int", "null"]}, None, 1.0),
        ({"type": "boolean"}, True, 1),
        ({"type": ["object", "array"]}, [], "x"),
        ({"enum": [1, {"a": 1}]}, {"a": 1.0}, {"a": 2}),
        ({"minimum": 2}, 2, 1.9),
        ({"minimum": 2}, "a string", 1),
        ({"minimum": 2, "exclusiveMinimum": True}, 2.1, 2),
        ({"maximum": 2}, 2, Int64(3)),
        ({"maximum": 2, "exclusiveMaximum": True}, 1, 2),
        ({"multipleOf": 0.1}, 0.3, 0.35),
        ({"multipleOf": Decimal128("2")}, 4, 5),
        ({"minLength": 2}, "ab", "a"),
        ({"maxLength": 2}, "ab", "abc"),
        ({"pattern": "^a"}, "ab", "ba"),
        ({"minItems": 1}, [1], []),
        ({"maxItems": 1}, [1], [1, 2]),
        ({"uniqueItems": True}, [1, True], [1, 1.0]),
        ({"items": {"minimum": 1}}, [1, "a"], [1, 0]),
        ({"items": [{"minimum": 1}, {"minimum": 2}]}, [1, 2, 0], [1, 1]),
        ({"items": [{}], "additionalItems": False}, [1], [1, 2]),
        ({"items": [{}], "additionalItems": {"minimum": 5}}, [1, 5], [1, 4]),
        ({"required": ["a"]}, {"a": None}, {"b": 1}),
        ({"properties": {"a": {"minimum": 1}}}, {"b": 0}, {"a": 0}),
        ({"patternProperties": {"^p_": {"minimum": 1}}}, {"q": 0}, {"p_q": 0}),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, {"a": 1, "b": 1}),
        (
            {"patternProperties": {"^a": {}}, "additionalProperties": {"type": "string"}},
            {"a1": 1, "b": "x"},
            {"b": 1},
        ),
        ({"minProperties": 1}, {"a": 1}, {}),
        ({"maxProperties": 1}, {"a": 1}, {"a": 1, "b": 2}),
        ({"dependencies": {"a": ["b"]}}, {"b": 1}, {"a": 1}),
        ({"dependencies": {"a": {"minProperties": 2}}}, {"b": 0}, {"a": 1}),
        ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, 1, 3),
        ({"anyOf": [{"minimum": 5}, {"maximum": 2}]}, 1, 3),
        ({"oneOf": [{"minimum": 1}, {"minimum": 5}]}, 3, 6),
        ({"not": {"minimum": 5}}, 4, 5),
        ({"title": "a shoe", "description": "of any size"}, 1, None),
    ],
    ids=lambda value: str(value),
)  # fmt: skip
def test_keyword_tells_good_from_bad(schema: dict[str, Any], good: Any, bad: Any) -> None:
    violations = compile_schema(schema)

    assert violations(good) == []
    assert violations(bad) or bad is None


@pytest.mark.parametrize(
    ("schema", "code"),
    [
        (1, 14),
        ({"nope": 1}, 9),
        ({"$ref": "#/a"}, 9),
        ({"format": "email"}, 9),
        ({"type": "integer"}, 9),
        ({"type": "string", "bsonType": "string"}, 9),
        ({"bsonType": "text"}, 2),
        ({"bsonType": 1}, 14),
        ({"minimum": "1"}, 14),
        ({"exclusiveMinimum": True}, 9),
        ({"minimum": 1, "exclusiveMinimum": 1}, 14),
        ({"maxLength": -1}, 9),
        ({"multipleOf": 0}, 9),
        ({"enum": []}, 9),
        ({"required": []}, 9),
        ({"required": [1]}, 14),
        ({"properties": {"a": {"nope": 1}}}, 9),
        ({"anyOf": []}, 9),
        ({"additionalProperties": 1}, 14),
        ({"pattern": 1}, 14),
        ({"uniqueItems": 1}, 14),
        ({"dependencies": 1}, 14),
    ],
    ids=lambda value: str(value),
)
def test_schema_that_is_none_is_refused(schema: Any, code: int) -> None:
    with pytest.raises(CommandError) as caught:
        compile_schema(schema)

    assert caught.value.code == code


def test_violations_name_the_rule_and_the_value_at_every_depth() -> None:
    violations = compile_schema(_SHOE)({"name": "", "sizes": [40, "41"]})

    assert violations == [
        {
            "operatorName": "properties",
            "propertiesNotSatisfied": [
                {
                    "propertyName": "name",
                    "details": [
                        {
                            "operatorName": "minLength",
                            "specifiedAs": {"minLength": 1},
                            "reason": "specified length was not satisfied",
                            "consideredValue": "",
                        }
                    ],
                },
                {
                    "propertyName": "sizes",
                    "details": [
                        {
                            "operatorName": "items",
                            "reason": "At least one item did not match the sub-schema",
                            "itemIndex": 1,
                            "details": [
                                {
                                    "operatorName": "bsonType",
                                    "specifiedAs": {"bsonType": ["int", "double"]},
                                    "reason": "type did not match",
                                    "consideredValue": "41",
                                    "consideredType": "string",
                                }
                            ],
                        }
                    ],
                },
            ],
        }
    ]
    missing = compile_schema(_SHOE)({"name": "boot"})
    assert missing[0]["missingProperties"] == ["sizes"]


def test_schema_is_a_query_operator_beside_others() -> None:
    matches = compile_filter({"$nor": [{"$jsonSchema": _SHOE}], "name": "boot"})

    assert matches({"name": "boot"})
    assert not matches({"name": "boot", "sizes": [40]})
    assert not matches({"name": "clog"})
