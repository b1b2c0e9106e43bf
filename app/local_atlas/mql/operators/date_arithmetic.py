"""Calendar arithmetic: `$dateAdd`, `$dateSubtract`, `$dateDiff`.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/dateAdd/
"""

import calendar
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bson import DatetimeMS, Int64

from ...errors import failed_to_parse
from ..bson_types import is_string
from ..expression_compiler import Evaluate, Scope, Variables, compile_operand, special_form
from ..numbers import exact_int64
from ..rows import Row
from .dates import date_of, to_moment, zone_of
from .support import Signature, is_null, location

MILLISECONDS: Final = {
    "week": 604_800_000,
    "day": 86_400_000,
    "hour": 3_600_000,
    "minute": 60_000,
    "second": 1000,
    "millisecond": 1,
}
MONTHS: Final = {"year": 12, "quarter": 3, "month": 1}
TIME_UNITS: Final = frozenset({*MILLISECONDS, *MONTHS})


def _moving(name: str, sign: int) -> None:
    required = {"startDate": 5166402, "unit": 5166402, "amount": 5166402}
    signature = Signature(name, required, frozenset({"timezone"}), 5166400, 5166401)

    @special_form(name)
    def _move(operand: Any, scope: Scope) -> Evaluate:
        arguments = {"timezone": "UTC", **signature.check(operand)}
        parts = [compile_operand(arguments[each], scope) for each in (*required, "timezone")]

        def evaluate(row: Row, variables: Variables) -> Any:
            date, unit, amount, zone = (part(row, variables) for part in parts)
            if any(map(is_null, (date, unit, amount, zone))):
                return None
            count = exact_int64(amount)
            if count is None:
                raise location(5166405, f"{name} expects integer amount of time units")
            moment = to_moment(date_of(date), zone_of(zone))
            return DatetimeMS(_moved(moment, time_unit(name, unit), sign * count))

        return evaluate


_moving("$dateAdd", 1)
_moving("$dateSubtract", -1)


def add_to_date(date: DatetimeMS, unit: str, amount: int) -> DatetimeMS:
    """Return a date so many units later, on the calendar of UTC.

    Args:
        date: where to begin.
        unit: one of `TIME_UNITS`.
        amount: how many; fewer than 0 for earlier.

    Raises:
        CommandError: 5166406, the result is no date of the calendar.
    """
    return DatetimeMS(_moved(to_moment(date, UTC), unit, amount))


def time_unit(name: str, unit: Any) -> str:
    """Return a unit of time, refused where it is none; `name` is the operator's."""
    if not is_string(unit) or unit not in TIME_UNITS:
        raise failed_to_parse(
            f"{name} parameter 'unit' value cannot be recognized as a time unit: {unit}"
        )
    return str(unit)


def _moved(moment: datetime, unit: str, amount: int) -> datetime:
    """Move a moment; a month too short takes its last day, days keep the local time."""
    try:
        if unit in {"day", "week"}:
            return moment + timedelta(milliseconds=amount * MILLISECONDS[unit])
        if unit in MILLISECONDS:
            zone = moment.tzinfo
            utc = moment.astimezone(UTC)
            return (utc + timedelta(milliseconds=amount * MILLISECONDS[unit])).astimezone(zone)
        months = moment.year * 12 + moment.month - 1 + amount * MONTHS[unit]
        year, month = divmod(months, 12)
        day = min(moment.day, calendar.monthrange(year, month + 1)[1])
        return moment.replace(year=year, month=month + 1, day=day)
    except (OverflowError, ValueError) as error:
        raise location(5166406, "date arithmetic leaves the years 1 to 9999") from error


_DIFF = Signature(
    "$dateDiff",
    {"startDate": 5166303, "endDate": 5166303, "unit": 5166303},
    frozenset({"timezone", "startOfWeek"}),
    5166301,
    5166302,
)


@special_form("$dateDiff")
def _date_diff(operand: Any, scope: Scope) -> Evaluate:
    arguments = {"timezone": "UTC", "startOfWeek": "sunday", **_DIFF.check(operand)}
    names = ("startDate", "endDate", "unit", "timezone", "startOfWeek")
    parts = [compile_operand(arguments[each], scope) for each in names]

    def evaluate(row: Row, variables: Variables) -> Any:
        start, end, unit, zone, week_start = (part(row, variables) for part in parts)
        if any(map(is_null, (start, end, unit, zone))):
            return None
        zone_info = zone_of(zone)
        moments = (to_moment(date_of(date), zone_info) for date in (start, end))
        first, last = (_ordinal(each, time_unit("$dateDiff", unit), week_start) for each in moments)
        return Int64(last - first)

    return evaluate


def _ordinal(moment: datetime, unit: str, week_start: Any) -> int:
    """Return how many boundaries of a unit lie before a moment, in local time."""
    if unit in MONTHS:
        return (moment.year * 12 + moment.month - 1) // MONTHS[unit]
    if unit == "week":
        return (moment.toordinal() - 1 - weekday("$dateDiff", week_start)) // 7
    if unit == "day":
        return moment.toordinal()
    since = moment.astimezone(UTC) - datetime(1, 1, 1, tzinfo=UTC)
    return since // timedelta(milliseconds=MILLISECONDS[unit])


_DAYS: Final = tuple(name.lower() for name in calendar.day_name)


def weekday(operator: str, name: Any) -> int:
    """Return the number of a day of the week, Monday 0, by its name or first three letters."""
    for number, day in enumerate(_DAYS):
        if is_string(name) and name.lower() in {day, day[:3]}:
            return number
    raise failed_to_parse(
        f"{operator} parameter 'startOfWeek' value cannot be recognized as a day of a week: {name}"
    )
