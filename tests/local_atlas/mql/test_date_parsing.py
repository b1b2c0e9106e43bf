"""`$dateFromString`."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import DatetimeMS

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.expressions import compile_expression
from app.local_atlas.mql.rows import Row


def _date(text: str) -> DatetimeMS:
    return DatetimeMS(datetime.fromisoformat(text).replace(tzinfo=UTC))


def parsed(text: Any, **options: Any) -> Any:
    expression = {"$dateFromString": {"dateString": "$text", **options}}
    return compile_expression(expression)(Row(document={"text": text}), {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017-02-08", "2017-02-08"),
        ("2017-02-08T12:10:40.787", "2017-02-08T12:10:40.787"),
        ("2017-02-08T12:10:40Z", "2017-02-08T12:10:40"),
        ("2017-02-08 12:10:40 UTC", "2017-02-08T12:10:40"),
        ("2017-02-08T12:10:40+02:00", "2017-02-08T10:10:40"),
        ("2017-02-08T12:10:40 America/New_York", "2017-02-08T17:10:40"),
        ("20170208", "2017-02-08"),
    ],
)
def test_iso_date_is_read(text: str, expected: str) -> None:
    assert parsed(text) == _date(expected)


@pytest.mark.parametrize(
    ("text", "template", "expected"),
    [
        ("06-15-2018", "%m-%d-%Y", "2018-06-15"),
        ("15/6/2018 9:05", "%d/%m/%Y %H:%M", "2018-06-15T09:05"),
        ("2018.6.15 100%", "%Y.%m.%d 100%%", "2018-06-15"),
        ("2018-06-15T23:59:58.7", "%Y-%m-%dT%H:%M:%S.%L", "2018-06-15T23:59:58.007"),
        ("15 Jun 2018", "%d %b %Y", "2018-06-15"),
        ("June 15, 2018", "%B %d, %Y", "2018-06-15"),
        ("2018-166", "%Y-%j", "2018-06-15"),
        ("2018 W24-5", "%G W%V-%u", "2018-06-15"),
        ("2018-06-15 +0530", "%Y-%m-%d %z", "2018-06-14T18:30"),
        ("2018-06-15 -90", "%Y-%m-%d %Z", "2018-06-15T01:30"),
        ("2018", "%Y", "2018-01-01"),
    ],
)
def test_format_says_where_the_parts_are(text: str, template: str, expected: str) -> None:
    assert parsed(text, format=template) == _date(expected)


def test_time_zone_is_that_of_texts_without_one() -> None:
    assert parsed("2017-02-08", timezone="America/New_York") == _date("2017-02-08T05:00")
    assert parsed("2017-02-08", timezone="+01:00", format="%Y-%m-%d") == _date("2017-02-07T23:00")
    with pytest.raises(CommandError, match="together with a timezone argument"):
        parsed("2017-02-08T12:00Z", timezone="+01:00")


def test_null_gives_null_or_what_is_said() -> None:
    assert parsed(None) is None
    assert parsed(None, onNull="none") == "none"
    assert parsed("2017-02-08", timezone=None) is None
    assert parsed("2017-02-08", format="$missing") is None


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("July 4th", {}),
        (20170208, {}),
        ("2017-13-01", {}),
        ("06-15-2018", {"format": "%Y-%m-%d"}),
        ("2018-13-15", {"format": "%Y-%m-%d"}),
        ("Jux 2018", {"format": "%b %Y"}),
        ("06-15", {"format": "%m-%d"}),
        ("2018-06-15 rest", {"format": "%Y-%m-%d"}),
    ],
    ids=str,
)
def test_what_is_no_date_is_an_error_or_what_is_said(text: Any, options: dict[str, Any]) -> None:
    with pytest.raises(CommandError) as caught:
        parsed(text, **options)

    assert caught.value.code == 241
    assert parsed(text, **options, onError={"$toString": "$text"}) == str(text)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"format": 1}, 40684),
        ({"format": "%Y-%"}, 18535),
        ({"format": "%Q"}, 18536),
        ({"format": "%Y %Y"}, 18536),
        ({"timezone": "Nowhere"}, 40485),
        ({"nope": 1}, 40541),
    ],
    ids=str,
)
def test_malformed_arguments_are_refused_all_the_same(options: dict[str, Any], code: int) -> None:
    with pytest.raises(CommandError) as caught:
        parsed("2017-02-08", **options, onError="error")

    assert caught.value.code == code
