"""`$dateFromString`: a date from its text, as ISO 8601 or in a format of its own.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/dateFromString/
"""

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final

from bson import DatetimeMS

from ...errors import CommandError
from ..bson_types import is_string, type_name
from ..expression_compiler import Evaluate, Scope, Variables, compile_operand, special_form
from ..rows import Row
from .dates import zone_of
from .support import Signature, is_null, location

_SIGNATURE: Final = Signature(
    "$dateFromString",
    {"dateString": 40542},
    frozenset({"format", "timezone", "onError", "onNull"}),
    40540,
    40541,
)
_FAILED: Final = 241  # ConversionFailure; what `onError` is for
# What a format character takes of the text, by the name under which it is kept.
_DIRECTIVES: Final[Mapping[str, tuple[str, str]]] = {
    "Y": ("year", r"\d{4}"),
    "m": ("month", r"\d{1,2}"),
    "d": ("day", r"\d{1,2}"),
    "H": ("hour", r"\d{1,2}"),
    "M": ("minute", r"\d{1,2}"),
    "S": ("second", r"\d{1,2}"),
    "L": ("millisecond", r"\d{1,3}"),
    "j": ("day_of_year", r"\d{1,3}"),
    "G": ("iso_year", r"\d{4}"),
    "V": ("iso_week", r"\d{1,2}"),
    "u": ("iso_day", r"[1-7]"),
    "b": ("month_name", r"[A-Za-z]{3}"),
    "B": ("month_name", r"[A-Za-z]+"),
    "z": ("zone", r"[+-]\d{2}:?\d{2}|Z"),
    "Z": ("zone_minutes", r"[+-]\d+"),
}
_TOKEN: Final = re.compile(r"%(?P<directive>.)|(?P<text>[^%]+)|(?P<end>%)", re.DOTALL)
_MONTHS: Final = [name.lower() for name in calendar.month_abbr]
# Beside what ISO 8601 has, a time zone by its name at the end.
_NAMED_ZONE: Final = re.compile(r"(.*\d)\s*([A-Za-z]+/[A-Za-z_/]+|UTC|GMT|Z)", re.DOTALL)


@special_form("$dateFromString")
def _date_from_string(operand: Any, scope: Scope) -> Evaluate:
    arguments = _SIGNATURE.check(operand)
    text_at = compile_operand(arguments["dateString"], scope)
    format_at = compile_operand(arguments["format"], scope) if "format" in arguments else None
    zone_at = compile_operand(arguments["timezone"], scope) if "timezone" in arguments else None
    on_null = compile_operand(arguments.get("onNull"), scope)
    on_error = compile_operand(arguments["onError"], scope) if "onError" in arguments else None

    def evaluate(row: Row, variables: Variables) -> Any:
        text = text_at(row, variables)
        zone = None if zone_at is None else zone_at(row, variables)
        template = None if format_at is None else format_at(row, variables)
        if is_null(text):
            return on_null(row, variables)
        if (zone_at is not None and is_null(zone)) or (format_at is not None and is_null(template)):
            return None
        try:
            return _parsed(text, template, None if zone is None else zone_of(zone))
        except CommandError as error:
            if error.code != _FAILED or on_error is None:
                raise
            return on_error(row, variables)

    return evaluate


def _parsed(text: Any, template: Any, zone: tzinfo | None) -> DatetimeMS:
    if not is_string(text):
        message = "$dateFromString requires that 'dateString' be a string, found: "
        raise _failure(f"{message}{type_name(text)}")
    if template is None:
        return _in_zone(_free_form(text), zone, text)
    if not is_string(template):
        message = "$dateFromString requires that 'format' be a string, found: "
        raise location(40684, f"{message}{type_name(template)}")
    found = _pattern(template).fullmatch(text)
    if found is None:
        raise _failure(f"Error parsing date string '{text}'; it is not of the format '{template}'")
    try:
        return _in_zone(_moment(found.groupdict()), zone, text)
    except (ValueError, OverflowError) as error:
        raise _failure(f"Error parsing date string '{text}'; {error}") from error


def _free_form(text: str) -> datetime:
    """Return the moment of a text in ISO 8601; without a time zone where it names none."""
    named = _NAMED_ZONE.fullmatch(text.strip())
    try:
        if named is None:
            return datetime.fromisoformat(text.strip())
        return datetime.fromisoformat(named[1]).replace(tzinfo=zone_of(named[2]))
    except (ValueError, CommandError) as error:
        raise _failure(f"Error parsing date string '{text}'; 0: Unexpected character") from error


def _in_zone(moment: datetime, zone: tzinfo | None, text: str) -> DatetimeMS:
    if moment.tzinfo is not None and zone is not None:
        message = "you cannot pass in a date/time string with time zone information"
        raise _failure(f"{message} ('{text}') together with a timezone argument")
    return DatetimeMS(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone or UTC))


@lru_cache(maxsize=64)
def _pattern(template: str) -> re.Pattern[str]:
    """Return what a text of this format is matched by; its groups are the parts of a date."""
    parts = []
    for token in _TOKEN.finditer(template):
        if token["end"] is not None:
            raise location(18535, "Unmatched '%' at end of format string")
        if token["text"] is not None:
            parts.append(re.escape(token["text"]))
        elif token["directive"] == "%":
            parts.append("%")
        else:
            parts.append(_directive(token["directive"]))
    try:
        return re.compile("".join(parts))
    except re.error as error:  # two groups of one name
        raise location(18536, f"The format '{template}' has a part twice") from error


def _directive(character: str) -> str:
    if character not in _DIRECTIVES:
        raise location(18536, f"Invalid format character '%{character}' in format string")
    name, pattern = _DIRECTIVES[character]
    return f"(?P<{name}>{pattern})"


def _moment(parts: Mapping[str, str | None]) -> datetime:
    """Return the moment that the parts of a text say.

    Raises:
        ValueError: there is no such moment.
    """
    given = {name: part for name, part in parts.items() if part is not None}
    number = {name: int(part) for name, part in given.items() if part.lstrip("+-").isdigit()}
    zone: tzinfo | None = None
    if "zone" in given:
        zone = zone_of(given["zone"])
    elif "zone_minutes" in number:
        sign, minutes = given["zone_minutes"][0], abs(number["zone_minutes"])
        zone = zone_of(f"{sign}{minutes // 60:02d}:{minutes % 60:02d}")
    time = {name: number.get(name, 0) for name in ("hour", "minute", "second")}
    micros = number.get("millisecond", 0) * 1000
    return _day(given, number).replace(**time, microsecond=micros, tzinfo=zone)


def _day(given: Mapping[str, str], number: Mapping[str, int]) -> datetime:
    if "iso_year" in number:
        week, day = number.get("iso_week", 1), number.get("iso_day", 1)
        return datetime.fromisocalendar(number["iso_year"], week, day)
    if "year" not in number:
        raise ValueError("an incomplete date/time string has been found, without a year")
    if "day_of_year" in number:
        return datetime(number["year"], 1, 1) + timedelta(days=number["day_of_year"] - 1)
    month = number.get("month", 1)
    if "month_name" in given:
        month = _MONTHS.index(given["month_name"][:3].lower())
    return datetime(number["year"], month, number.get("day", 1))


def _failure(message: str) -> CommandError:
    return CommandError(_FAILED, "ConversionFailure", message)
