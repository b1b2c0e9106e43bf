"""Dates that are made: cut down by `$dateTrunc`, put together by `$dateFromParts`.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/dateTrunc/
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bson import DatetimeMS

from ..bson_types import is_number, type_name
from ..expression_compiler import Evaluate, Scope, Variables, compile_operand, special_form
from ..numbers import exact_int64
from ..rows import Row
from .date_arithmetic import MILLISECONDS, MONTHS, time_unit, weekday
from .dates import date_of, to_moment, zone_of
from .support import Signature, is_null, location, shown

_REFERENCE: Final = datetime(2000, 1, 1)  # in the time zone; where all bins begin to be counted
_SATURDAY: Final = 5  # what day that was
_TRUNC: Final = Signature(
    "$dateTrunc",
    {"date": 5439009, "unit": 5439010},
    frozenset({"binSize", "timezone", "startOfWeek"}),
    5439007,
    5439008,
)


@special_form("$dateTrunc")
def _date_trunc(operand: Any, scope: Scope) -> Evaluate:
    arguments = _TRUNC.check(operand)
    defaults = {"binSize": 1, "timezone": "UTC", "startOfWeek": "sunday"}
    names = ("date", "unit", "binSize", "timezone", "startOfWeek")
    parts = [compile_operand({**defaults, **arguments}[name], scope) for name in names]

    def evaluate(row: Row, variables: Variables) -> Any:
        date, unit, bin_size, zone, week_start = (part(row, variables) for part in parts)
        if any(map(is_null, (date, unit, bin_size, zone))):
            return None
        name = time_unit("$dateTrunc", unit)
        if name == "week" and is_null(week_start):
            return None
        moment = to_moment(date_of(date), zone_of(zone))
        first_day = weekday("$dateTrunc", week_start) if name == "week" else 0
        return DatetimeMS(_truncated(moment, name, _bin_size(bin_size), first_day))

    return evaluate


def _bin_size(value: Any) -> int:
    size = exact_int64(value) if is_number(value) else None
    if size is None:
        message = f"requires 'binSize' to be a 64-bit integer, but got value '{shown(value)}'"
        raise location(5439017, f"$dateTrunc {message} of type {type_name(value)}")
    if size <= 0:
        message = "requires 'binSize' to be greater than 0, but got value"
        raise location(5439018, f"$dateTrunc {message} {size}")
    return size


def _truncated(moment: datetime, unit: str, size: int, first_day: int) -> datetime:
    """Return the beginning of the bin of `size` units that a moment is in.

    Bins of days and longer go by the local calendar, shorter ones by what has really passed.
    """
    zone = moment.tzinfo
    if unit in MONTHS:
        months = (moment.year - 2000) * 12 + moment.month - 1
        year, month = divmod(_floor(months, size * MONTHS[unit]), 12)
        return datetime(2000 + year, month + 1, 1, tzinfo=zone)
    if unit in ("week", "day"):
        start = _REFERENCE + timedelta(days=(first_day - _SATURDAY) % 7 if unit == "week" else 0)
        days = (moment.replace(tzinfo=None) - start).days
        length = size * (7 if unit == "week" else 1)
        return (start + timedelta(days=_floor(days, length))).replace(tzinfo=zone)
    start = _REFERENCE.replace(tzinfo=zone).astimezone(UTC)
    passed_ms = (moment.astimezone(UTC) - start) // timedelta(milliseconds=1)
    return start + timedelta(milliseconds=_floor(passed_ms, size * MILLISECONDS[unit]))


def _floor(value: int, step: int) -> int:
    return value - value % step


_DATE_PARTS: Final = {"month": 1, "day": 1}
_WEEK_PARTS: Final = {"isoWeek": 1, "isoDayOfWeek": 1}
_TIME_PARTS: Final = {"hour": 0, "minute": 0, "second": 0, "millisecond": 0}
_KNOWN_PARTS: Final = frozenset(
    {"year", "isoWeekYear", "timezone", *_DATE_PARTS, *_WEEK_PARTS, *_TIME_PARTS}
)
_PART_LIMIT: Final = 1 << 15


@special_form("$dateFromParts")
def _date_from_parts(operand: Any, scope: Scope) -> Evaluate:
    by_week = _check_parts(operand)
    year = "isoWeekYear" if by_week else "year"
    defaults = {**(_WEEK_PARTS if by_week else _DATE_PARTS), **_TIME_PARTS}
    parts = {
        name: compile_operand(operand.get(name, default), scope)
        for name, default in {year: None, **defaults}.items()
    }
    zone_at = compile_operand(operand.get("timezone", "UTC"), scope)

    def evaluate(row: Row, variables: Variables) -> Any:
        values = {name: part(row, variables) for name, part in parts.items()}
        zone = zone_at(row, variables)
        if any(map(is_null, (*values.values(), zone))):
            return None
        numbers = {name: _part(name, value) for name, value in values.items()}
        if not 1 <= numbers[year] <= 9999:
            message = f"'{year}' must evaluate to an integer in the range 1 to 9999"
            raise location(40523, f"{message}, found {numbers[year]}")
        try:
            day = _week_date(numbers) if by_week else _calendar_date(numbers)
            time = timedelta(**{f"{name}s": numbers[name] for name in _TIME_PARTS})
            return DatetimeMS((day + time).replace(tzinfo=zone_of(zone)))
        except (ValueError, OverflowError) as error:
            raise location(18537, "dates are only supported within the years 1 to 9999") from error

    return evaluate


def _check_parts(operand: Any) -> bool:
    """Check the names of the parts; tell whether they are those of ISO weeks."""
    if not isinstance(operand, Mapping):
        raise location(40519, "$dateFromParts only supports an object as its argument")
    for name in operand:
        if name not in _KNOWN_PARTS:
            raise location(40518, f"Unrecognized argument to $dateFromParts: {name}")
    if "year" not in operand and "isoWeekYear" not in operand:
        message = "$dateFromParts requires either 'year' or 'isoWeekYear' to be present"
        raise location(40516, message)
    by_week = "isoWeekYear" in operand
    other = {"year", *_DATE_PARTS} if by_week else {*_WEEK_PARTS}
    if other & operand.keys():
        code, kinds = (40489, "ISO and normal") if by_week else (40525, "normal and ISO")
        raise location(code, f"$dateFromParts does not allow mixing {kinds} date parts")
    return by_week


def _part(name: str, value: Any) -> int:
    number = exact_int64(value) if is_number(value) else None
    if number is None:
        found = f"found {type_name(value)} with value {shown(value)}"
        raise location(40515, f"'{name}' must evaluate to an integer, {found}")
    if not -_PART_LIMIT <= number < _PART_LIMIT and name in (*_DATE_PARTS, *_WEEK_PARTS):
        message = f"must evaluate to a value in the range [{-_PART_LIMIT}, {_PART_LIMIT - 1}]"
        raise location(31034, f"'{name}' {message}; value {number} is not in range")
    return number


def _calendar_date(numbers: Mapping[str, int]) -> datetime:
    """Return a day; a month or a day too many goes on into the next year or month."""
    year, month = divmod(numbers["year"] * 12 + numbers["month"] - 1, 12)
    return datetime(year, month + 1, 1) + timedelta(days=numbers["day"] - 1)


def _week_date(numbers: Mapping[str, int]) -> datetime:
    first = datetime.fromisocalendar(numbers["isoWeekYear"], 1, 1)
    return first + timedelta(weeks=numbers["isoWeek"] - 1, days=numbers["isoDayOfWeek"] - 1)
