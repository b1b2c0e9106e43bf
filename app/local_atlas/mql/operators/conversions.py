"""Type conversion: `$convert`, `$toInt` and its kin, `$type`, `$isNumber`.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/convert/
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from bson import DatetimeMS, Decimal128, Int64, ObjectId
from bson.errors import InvalidId
from bson.timestamp import Timestamp

from ...errors import CommandError
from ..bson_types import TYPE_NUMBERS, is_number, is_string, is_true, type_name
from ..expression_compiler import (
    Evaluate,
    Scope,
    Variables,
    compile_operand,
    function,
    special_form,
)
from ..numbers import (
    DECIMAL_CONTEXT,
    INT64_MAX,
    INT64_MIN,
    exact_int64,
    is_integer_type,
    to_decimal,
    to_double,
    to_int64,
)
from ..rows import Row
from .dates import iso_date
from .support import INT32_RANGE, Signature, is_null

Convert = Callable[[Any], Any]
_SUFFIX: Final = " in $convert with no onError value"


def _failure(message: str) -> CommandError:
    return CommandError(241, "ConversionFailure", message)


def _unsupported(value: Any, target: str) -> CommandError:
    return _failure(f"Unsupported conversion from {type_name(value)} to {target}{_SUFFIX}")


def _to_double(value: Any) -> float:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, DatetimeMS):
        return float(int(value))
    if is_string(value):
        return float(_parsed(value, float))
    if not is_number(value):
        raise _unsupported(value, "double")
    return to_double(value)


def _to_decimal128(value: Any) -> Decimal128:
    if isinstance(value, bool):
        return Decimal128(Decimal(int(value)))
    if isinstance(value, DatetimeMS):
        return Decimal128(Decimal(int(value)))
    if is_string(value):
        return Decimal128(DECIMAL_CONTEXT.plus(_parsed(value, Decimal)))
    if not is_number(value):
        raise _unsupported(value, "decimal")
    return Decimal128(to_decimal(value))


def _parsed(text: str, parse: Callable[[str], Any]) -> Any:
    try:
        if text != text.strip() or "_" in text or not text:
            raise ValueError(text)
        return parse(text)
    except (ValueError, InvalidOperation) as error:
        reason = "No digits" if not text.strip() else "Did not consume whole string."
        raise _failure(f"Failed to parse number '{text}'{_SUFFIX}: {reason}") from error


def _to_int(value: Any) -> int:
    whole = _integer("int", value)
    if whole not in INT32_RANGE:
        message = "Conversion would overflow target type"
        raise _failure(f"{message}{_SUFFIX}: {whole}")
    return int(whole)


def _to_long(value: Any) -> Int64:
    return Int64(_integer("long", value))


def _integer(target: str, value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, DatetimeMS) and target == "long":
        return int(value)
    if is_string(value):
        whole = int(_parsed(value, _strict_int))
        if not INT64_MIN <= whole <= INT64_MAX:
            raise _failure(f"Failed to parse number '{value}'{_SUFFIX}: Overflow")
        return whole
    if not is_number(value):
        raise _unsupported(value, target)
    if not to_decimal(value).is_finite():
        kind = "NaN" if to_decimal(value).is_nan() else "infinity"
        raise _failure(f"Attempt to convert {kind} value to integer type{_SUFFIX}")
    truncated = to_int64(value)
    if truncated is None:
        raise _failure(f"Conversion would overflow target type{_SUFFIX}")
    return truncated


def _strict_int(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        raise ValueError(text)
    return int(text)


def _to_string(value: Any) -> str:
    if is_string(value):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, DatetimeMS):
        return iso_date(value)
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, ObjectId) or is_number(value):
        return str(value)
    raise _unsupported(value, "string")


def _float_text(value: float) -> str:
    """Return the shortest text of a double, as the server writes it: 2.0 is `2`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{int(exponent):+03d}"
    return text.removesuffix(".0")


def _to_object_id(value: Any) -> ObjectId:
    if isinstance(value, ObjectId):
        return value
    if not is_string(value):
        raise _unsupported(value, "objectId")
    try:
        return ObjectId(str(value))
    except InvalidId as error:
        reason = "Invalid character found in hex string"
        if len(value) != 24:
            reason = f"Invalid string length for parsing to OID, expected 24 but found {len(value)}"
        raise _failure(f"Failed to parse objectId '{value}'{_SUFFIX}: {reason}") from error


def _to_bool(value: Any) -> bool:
    return is_true(value)


def _to_date(value: Any) -> DatetimeMS:
    if isinstance(value, DatetimeMS):
        return value
    if isinstance(value, ObjectId):
        return DatetimeMS(value.generation_time)
    if isinstance(value, Timestamp):
        return DatetimeMS(value.time * 1000)
    if is_string(value):
        return _parsed_date(value)
    if not is_number(value) or (is_integer_type(value) and not isinstance(value, Int64)):
        raise _unsupported(value, "date")
    return DatetimeMS(_integer("date", value))


def _parsed_date(text: str) -> DatetimeMS:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _failure(f"Error parsing date string '{text}'; 0: Unexpected character") from error
    return DatetimeMS(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


CONVERSIONS: Final[dict[str, Convert]] = {
    "double": _to_double,
    "string": _to_string,
    "objectId": _to_object_id,
    "bool": _to_bool,
    "date": _to_date,
    "int": _to_int,
    "long": _to_long,
    "decimal": _to_decimal128,
}


def _shorthand(name: str, convert: Convert) -> None:
    @function(name)
    def _convert(value: Any) -> Any:
        return None if is_null(value) else convert(value)


for _target, _conversion in CONVERSIONS.items():
    _shorthand(f"$to{_target[0].upper()}{_target[1:]}", _conversion)

_CONVERT = Signature(
    "$convert", {"input": 9, "to": 9}, frozenset({"onError", "onNull", "format"}), 9, 9
)


@special_form("$convert")
def _convert_operator(operand: Any, scope: Scope) -> Evaluate:
    arguments = _CONVERT.check(operand)
    input_of = compile_operand(arguments["input"], scope)
    target_of = compile_operand(arguments["to"], scope)
    on_null = compile_operand(arguments.get("onNull"), scope)
    on_error = compile_operand(arguments["onError"], scope) if "onError" in arguments else None

    def evaluate(row: Row, variables: Variables) -> Any:
        value, target = input_of(row, variables), target_of(row, variables)
        if is_null(value):
            return on_null(row, variables)
        if is_null(target):
            return None
        convert = _conversion_to(target)
        try:
            return convert(value)
        except CommandError as error:
            if on_error is None or error.code != 241:
                raise
            return on_error(row, variables)

    return evaluate


def _conversion_to(target: Any) -> Convert:
    name = target
    if is_number(target):
        number = exact_int64(target)
        name = next((each for each, code in TYPE_NUMBERS.items() if code == number), None)
    elif not is_string(target):
        message = "$convert's 'to' argument must be a string or number, but is "
        raise CommandError(9, "FailedToParse", message + type_name(target))
    if name not in TYPE_NUMBERS:
        raise CommandError(2, "BadValue", f"Unknown type name: {target}")

    def refuse(value: Any) -> Any:
        raise _unsupported(value, name)

    return CONVERSIONS.get(name, refuse)


@function("$type")
def _type(value: Any) -> str:
    return type_name(value)


@function("$isNumber")
def _is_number(value: Any) -> bool:
    return is_number(value)
