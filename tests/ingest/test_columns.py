from datetime import UTC, datetime

import pytest
from bson import ObjectId

from app.ingest.columns import to_item_id, value_from_json, value_from_text

HEX = "65f0a1b2c3d4e5f601234567"


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("29.90", "number", 29.9),
        ("30", "number", 30),
        ("-3", "number", -3),
        ("1e3", "number", 1000.0),
        ("true", "boolean", True),
        ("No", "boolean", False),
        ("0", "boolean", False),
        ("007", "token", "007"),
        ("007", None, "007"),
        ("", "number", None),
        ("", None, None),
        ("2026-01-02", "date", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", "date", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (HEX, "objectId", ObjectId(HEX)),
    ],
)
def test_text_becomes_the_declared_type(text, kind, expected):
    value = value_from_text("column", text, kind)

    assert expected == value
    assert type(expected) is type(value)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("cheap", "number", "a number"),
        ("29,90", "number", "a number"),
        ("nan", "number", "a number"),
        ("inf", "number", "a number"),
        ("1_000", "number", "a number"),
        ("9" * 30, "number", "a number"),
        ("maybe", "boolean", "true or false"),
        ("yesterday", "date", "an ISO 8601 date"),
        ("123", "objectId", "24 hexadecimal digits"),
    ],
)
def test_text_that_does_not_fit_is_named(text, kind, expected):
    with pytest.raises(ValueError, match=rf"^price \('{text}'\) must be {expected}$"):
        value_from_text("price", text, kind)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (29.9, "number"),
        (30, "number"),
        (False, "boolean"),
        ("red", "token"),
        (["red", "blue"], "token"),
        (None, "number"),
        ({"any": [1, None]}, None),
    ],
)
def test_json_values_of_the_declared_type_stay_as_they_are(value, kind):
    assert value == value_from_json("column", value, kind)


def test_json_dates_are_converted():
    expected = datetime(2026, 1, 2, tzinfo=UTC)

    assert expected == value_from_json("since", "2026-01-02", "date")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("29.9", "number"),
        (True, "number"),
        (1, "boolean"),
        ("true", "boolean"),
        (7, "token"),
        (["red", 7], "token"),
        ({}, "token"),
        (20260102, "date"),
    ],
)
def test_json_values_of_another_type_are_refused(value, kind):
    with pytest.raises(ValueError, match=r"^column \(.*\) must be "):
        value_from_json("column", value, kind)


@pytest.mark.parametrize(
    ("value", "id_type", "expected"),
    [
        ("sku 1/ä", "string", "sku 1/ä"),
        ("7", "string", "7"),
        ("7", "int", 7),
        (7, "int", 7),
        (HEX, "objectId", ObjectId(HEX)),
    ],
)
def test_ids_have_the_type_of_the_setting(value, id_type, expected):
    assert expected == to_item_id(value, id_type)


@pytest.mark.parametrize(
    ("value", "id_type"),
    [
        (7, "string"),
        ("", "string"),
        ("x", "int"),
        (True, "int"),
        (2**63, "int"),
        (1.5, "int"),
        ("x", "objectId"),
        (7, "objectId"),
    ],
)
def test_ids_of_another_type_are_refused(value, id_type):
    with pytest.raises(ValueError, match=f"ID_TYPE, which is {id_type}"):
        to_item_id(value, id_type)
