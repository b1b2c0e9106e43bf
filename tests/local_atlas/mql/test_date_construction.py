"""`$dateTrunc` and `$dateFromParts`."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import DatetimeMS, Int64

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.expressions import compile_expression
from app.local_atlas.mql.rows import Row


def _date(text: str) -> DatetimeMS:
    return DatetimeMS(datetime.fromisoformat(text).replace(tzinfo=UTC))


_MOMENT = _date("2021-03-20T11:30:05.123")  # a Saturday


def evaluated(expression: Any) -> Any:
    return compile_expression(expression)(Row(document={"date": _MOMENT}), {})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"unit": "year"}, "2021-01-01"),
        ({"unit": "year", "binSize": 10}, "2020-01-01"),
        ({"unit": "quarter"}, "2021-01-01"),
        ({"unit": "quarter", "binSize": 2}, "2021-01-01"),
        ({"unit": "month"}, "2021-03-01"),
        ({"unit": "month", "binSize": 5}, "2020-11-01"),
        ({"unit": "week"}, "2021-03-14"),
        ({"unit": "week", "startOfWeek": "Monday"}, "2021-03-15"),
        ({"unit": "week", "startOfWeek": "sat"}, "2021-03-20"),
        ({"unit": "week", "binSize": 2, "startOfWeek": "Monday"}, "2021-03-15"),
        ({"unit": "day"}, "2021-03-20"),
        ({"unit": "day", "timezone": "America/New_York"}, "2021-03-20T04:00"),
        ({"unit": "day", "timezone": "+14:00"}, "2021-03-20T10:00"),
        ({"unit": "hour"}, "2021-03-20T11:00"),
        ({"unit": "hour", "binSize": Int64(2)}, "2021-03-20T10:00"),
        ({"unit": "hour", "binSize": 24, "timezone": "-01:00"}, "2021-03-20T01:00"),
        ({"unit": "minute", "binSize": 7.0}, "2021-03-20T11:26"),
        ({"unit": "second"}, "2021-03-20T11:30:05"),
        ({"unit": "millisecond", "binSize": 100}, "2021-03-20T11:30:05.100"),
    ],
    ids=str,
)
def test_date_is_cut_down_to_the_beginning_of_its_bin(
    options: dict[str, Any], expected: str
) -> None:
    assert evaluated({"$dateTrunc": {"date": "$date", **options}}) == _date(expected)


def test_dates_before_the_reference_are_cut_down_too() -> None:
    early = {"date": _date("1999-12-31T23:59"), "unit": "day", "binSize": 20}

    assert evaluated({"$dateTrunc": early}) == _date("1999-12-12")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"year": 2021}, "2021-01-01"),
        ({"year": 2021, "month": 3, "day": 20, "hour": 11, "minute": 30}, "2021-03-20T11:30"),
        ({"year": 2021, "second": 5, "millisecond": 123}, "2021-01-01T00:00:05.123"),
        ({"year": 2021, "month": 14, "day": 0}, "2022-01-31"),
        ({"year": 2021, "month": 0}, "2020-12-01"),
        ({"year": 2021, "hour": -1}, "2020-12-31T23:00"),
        ({"year": 2021.0, "timezone": "+01:00"}, "2020-12-31T23:00"),
        ({"isoWeekYear": 2021}, "2021-01-04"),
        ({"isoWeekYear": 2021, "isoWeek": 11, "isoDayOfWeek": 6}, "2021-03-20"),
    ],
    ids=str,
)
def test_date_is_put_together(parts: dict[str, Any], expected: str) -> None:
    assert evaluated({"$dateFromParts": parts}) == _date(expected)


@pytest.mark.parametrize(
    "expression",
    [
        {"$dateTrunc": {"date": None, "unit": "day"}},
        {"$dateTrunc": {"date": "$date", "unit": "$missing"}},
        {"$dateTrunc": {"date": "$date", "unit": "week", "startOfWeek": None}},
        {"$dateFromParts": {"year": "$missing"}},
        {"$dateFromParts": {"year": 2021, "month": None}},
        {"$dateFromParts": {"year": 2021, "timezone": None}},
    ],
    ids=str,
)
def test_what_is_missing_gives_null(expression: Any) -> None:
    assert evaluated(expression) is None


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ({"$dateTrunc": 1}, 5439007),
        ({"$dateTrunc": {"date": "$date", "unit": "day", "nope": 1}}, 5439008),
        ({"$dateTrunc": {"unit": "day"}}, 5439009),
        ({"$dateTrunc": {"date": "$date"}}, 5439010),
        ({"$dateTrunc": {"date": "$date", "unit": "moon"}}, 9),
        ({"$dateTrunc": {"date": "$date", "unit": "day", "binSize": 1.5}}, 5439017),
        ({"$dateTrunc": {"date": "$date", "unit": "day", "binSize": 0}}, 5439018),
        ({"$dateTrunc": {"date": "$date", "unit": "week", "startOfWeek": "x"}}, 9),
        ({"$dateFromParts": 1}, 40519),
        ({"$dateFromParts": {"nope": 1}}, 40518),
        ({"$dateFromParts": {"month": 1}}, 40516),
        ({"$dateFromParts": {"year": 1, "isoWeek": 1}}, 40525),
        ({"$dateFromParts": {"isoWeekYear": 1, "day": 1}}, 40489),
        ({"$dateFromParts": {"year": "x"}}, 40515),
        ({"$dateFromParts": {"year": 10_000}}, 40523),
        ({"$dateFromParts": {"year": 1, "month": 40_000}}, 31034),
        ({"$dateFromParts": {"year": 9999, "month": 13}}, 18537),
        ({"$dateFromParts": {"year": 1, "hour": 10**15}}, 18537),
    ],
    ids=str,
)
def test_malformed_arguments_are_refused(expression: Any, code: int) -> None:
    with pytest.raises(CommandError) as caught:
        evaluated(expression)

    assert caught.value.code == code
