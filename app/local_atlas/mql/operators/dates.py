"""Dates: their parts, `$dateToString` and `$dateToParts`.

Dates are milliseconds since 1970 in UTC; a time zone is an Olson name or an offset.
https://www.mongodb.com/docs/manual/reference/operator/aggregation/#date-expression-operators
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from bson import DatetimeMS, Int64, ObjectId
from bson.timestamp import Timestamp

from ..bson_types import is_string, type_name
from ..expression_compiler import Evaluate, Scope, Variables, compile_operand, special_form
from ..rows import Row
from .support import Signature, is_null, location

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET: Final = re.compile(r"([+-])(\d{2}):?(\d{2})?")


def iso_date(date: DatetimeMS) -> str:
    """Return a date as `2024-01-31T12:00:00.000Z`."""
    moment = to_moment(date, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".rjust(24, "0")


def to_moment(date: DatetimeMS, zone: tzinfo) -> datetime:
    """Return a date in a time zone.

    Raises:
        CommandError: 18537 outside the years 1 to 9999.
    """
    try:
        return (_EPOCH + timedelta(milliseconds=int(date))).astimezone(zone)
    except OverflowError as error:
        raise location(18537, "dates are only supported within the years 1 to 9999") from error


def date_of(value: Any) -> DatetimeMS:
    """Return the date that a date, timestamp or ObjectId stands for."""
    if isinstance(value, DatetimeMS):
        return value
    if isinstance(value, Timestamp):
        return DatetimeMS(value.time * 1000)
    if isinstance(value, ObjectId):
        return DatetimeMS(value.generation_time)
    raise location(16006, f"can't convert from BSON type {type_name(value)} to Date")


def zone_of(name: Any) -> tzinfo:
    """Return a time zone by Olson name or offset such as `+05:30`."""
    if not is_string(name):
        raise location(40517, f"timezone must evaluate to a string, found {type_name(name)}")
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes))
    try:
        return UTC if name in {"Z", "UTC", "GMT"} else ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise location(40485, f'unrecognized time zone identifier: "{name}"') from error


_Moment = Callable[[Row, Variables], datetime | None]


def _compile_moment(date: Any, zone: Any, scope: Scope) -> _Moment:
    date_at, zone_at = compile_operand(date, scope), compile_operand(zone, scope)

    def moment(row: Row, variables: Variables) -> datetime | None:
        value, name = date_at(row, variables), zone_at(row, variables)
        return None if is_null(value) or is_null(name) else to_moment(date_of(value), zone_of(name))

    return moment


_PARTS: Final[dict[str, Callable[[datetime], Any]]] = {
    "$year": lambda moment: moment.year,
    "$month": lambda moment: moment.month,
    "$dayOfMonth": lambda moment: moment.day,
    "$hour": lambda moment: moment.hour,
    "$minute": lambda moment: moment.minute,
    "$second": lambda moment: moment.second,
    "$millisecond": lambda moment: moment.microsecond // 1000,
    "$dayOfYear": lambda moment: moment.timetuple().tm_yday,
    "$dayOfWeek": lambda moment: moment.isoweekday() % 7 + 1,
    "$week": lambda moment: int(moment.strftime("%U")),
    "$isoDayOfWeek": lambda moment: moment.isoweekday(),
    "$isoWeek": lambda moment: moment.isocalendar().week,
    "$isoWeekYear": lambda moment: Int64(moment.isocalendar().year),
}


def _part_operator(name: str, part: Callable[[datetime], Any]) -> None:
    @special_form(name)
    def _part(operand: Any, scope: Scope) -> Evaluate:
        date, zone = operand, "UTC"
        if isinstance(operand, list) and len(operand) == 1:
            date = operand[0]
        elif isinstance(operand, Mapping) and not next(iter(operand), "").startswith("$"):
            signature = Signature(name, {"date": 40539}, frozenset({"timezone"}), 40535, 40535)
            arguments = signature.check(operand)
            date, zone = arguments["date"], arguments.get("timezone", "UTC")
        moment_of = _compile_moment(date, zone, scope)

        def evaluate(row: Row, variables: Variables) -> Any:
            moment = moment_of(row, variables)
            return None if moment is None else part(moment)

        return evaluate


for _name, _function in _PARTS.items():
    _part_operator(_name, _function)

_FORMATS: Final[dict[str, Callable[[datetime], str]]] = {
    "Y": lambda moment: f"{moment.year:04d}",
    "m": lambda moment: f"{moment.month:02d}",
    "d": lambda moment: f"{moment.day:02d}",
    "H": lambda moment: f"{moment.hour:02d}",
    "M": lambda moment: f"{moment.minute:02d}",
    "S": lambda moment: f"{moment.second:02d}",
    "L": lambda moment: f"{moment.microsecond // 1000:03d}",
    "j": lambda moment: f"{moment.timetuple().tm_yday:03d}",
    "w": lambda moment: str(moment.isoweekday() % 7 + 1),
    "u": lambda moment: str(moment.isoweekday()),
    "U": lambda moment: moment.strftime("%U"),
    "V": lambda moment: f"{moment.isocalendar().week:02d}",
    "G": lambda moment: f"{moment.isocalendar().year:04d}",
    "z": lambda moment: moment.strftime("%z"),
    "Z": lambda moment: str(int((moment.utcoffset() or timedelta()).total_seconds() // 60)),
    "b": lambda moment: moment.strftime("%b"),
    "B": lambda moment: moment.strftime("%B"),
    "%": lambda moment: "%",
}
_TO_STRING = Signature(
    "$dateToString", {"date": 18628}, frozenset({"format", "timezone", "onNull"}), 18629, 18534
)
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)


@special_form("$dateToString")
def _date_to_string(operand: Any, scope: Scope) -> Evaluate:
    arguments = _TO_STRING.check(operand)
    has_zone = "timezone" in arguments
    default = "%Y-%m-%dT%H:%M:%S.%L" + ("" if has_zone else "Z")
    moment_of = _compile_moment(arguments["date"], arguments.get("timezone", "UTC"), scope)
    format_of = compile_operand(arguments.get("format", default), scope)
    otherwise = compile_operand(arguments.get("onNull"), scope)

    def evaluate(row: Row, variables: Variables) -> Any:
        template = format_of(row, variables)
        if is_null(template):
            return None
        if not is_string(template):
            message = "$dateToString requires that 'format' be a string, found: "
            raise location(18533, f"{message}{type_name(template)}")
        moment = moment_of(row, variables)
        return otherwise(row, variables) if moment is None else _formatted(moment, template)

    return evaluate


def _formatted(moment: datetime, template: str) -> str:
    def replacement(found: re.Match[str]) -> str:
        if found[1] not in _FORMATS:
            if not found[1]:
                raise location(18535, "Unmatched '%' at end of format string")
            message = f"Invalid format character '%{found[1]}' in format string"
            raise location(18536, message)
        return _FORMATS[found[1]](moment)

    return _DIRECTIVE.sub(replacement, template)


_TO_PARTS = Signature("$dateToParts", {"date": 40522}, frozenset({"timezone"}), 40524, 40520)


@special_form("$dateToParts")
def _date_to_parts(operand: Any, scope: Scope) -> Evaluate:
    arguments = _TO_PARTS.check(operand)
    moment_of = _compile_moment(arguments["date"], arguments.get("timezone", "UTC"), scope)

    def evaluate(row: Row, variables: Variables) -> Any:
        moment = moment_of(row, variables)
        if moment is None:
            return None
        return {
            "year": moment.year,
            "month": moment.month,
            "day": moment.day,
            "hour": moment.hour,
            "minute": moment.minute,
            "second": moment.second,
            "millisecond": moment.microsecond // 1000,
        }

    return evaluate
