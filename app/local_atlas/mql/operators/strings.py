"""Strings: `$concat`, `$substrCP`, `$split`, `$trim`, `$regexMatch`, ...

`...CP` counts code points, `...Bytes` counts bytes of UTF-8.
https://www.mongodb.com/docs/manual/reference/operator/aggregation/#string-expression-operators
"""

from typing import Any, Final

from bson import Code, DatetimeMS
from bson.timestamp import Timestamp

from ..bson_types import is_number, is_string, type_name
from ..expression_compiler import (
    Evaluate,
    Scope,
    Variables,
    compile_operand,
    function,
    special_form,
)
from ..numbers import exact_int64, to_int64
from ..paths import MISSING
from ..rows import Row
from .dates import iso_date
from .limits import check_text_length
from .support import Signature, is_null, location, nullable, shown

# What `$trim` takes for white space; https://www.mongodb.com/docs/manual/reference/operator/aggregation/trim/
_WHITE_SPACE: Final = "\0 \t\n\v\f\r\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B)))


@function("$concat", least=0, most=None)
def _concat(*values: Any) -> Any:
    if any(map(is_null, values)):
        return None
    for value in values:
        if not is_string(value):
            raise location(16702, f"$concat only supports strings, not {type_name(value)}")
    check_text_length(sum(map(len, values)))
    return "".join(values)


def coerce_to_string(value: Any) -> str:
    """Return a value as the older string operators take it: null and missing are empty."""
    if is_null(value):
        return ""
    if is_string(value):
        return str(value)
    if isinstance(value, DatetimeMS):
        return iso_date(value)
    if isinstance(value, Timestamp):
        return f"Timestamp({value.time}, {value.inc})"
    if is_number(value):
        return shown(value) if not isinstance(value, float) else f"{value:.15g}"
    raise location(16007, f"can't convert from BSON type {type_name(value)} to String")


@function("$toLower")
def _to_lower(value: Any) -> str:
    return _ascii_case(coerce_to_string(value), "A", "Z", 32)


@function("$toUpper")
def _to_upper(value: Any) -> str:
    return _ascii_case(coerce_to_string(value), "a", "z", -32)


def _ascii_case(text: str, first: str, last: str, shift: int) -> str:
    # The server changes ASCII letters only.
    return "".join(chr(ord(each) + shift) if first <= each <= last else each for each in text)


@function("$strcasecmp", least=2, most=2)
def _strcasecmp(a: Any, b: Any) -> int:
    upper_a: str = _to_upper(a)
    upper_b: str = _to_upper(b)
    return (upper_a > upper_b) - (upper_a < upper_b)


@function("$substrCP", least=3, most=3)
def _substr_cp(text: Any, start: Any, length: Any) -> str:
    whole = coerce_to_string(text)
    begin = _substring_part("starting index", start, (34450, 34451, 34455))
    count = _substring_part("length", length, (34452, 34453, 34454))
    return whole[begin : begin + count]


def _substring_part(role: str, value: Any, codes: tuple[int, int, int]) -> int:
    if not is_number(value):
        kind = type_name(value)
        raise location(codes[0], f"$substrCP: {role} must be a numeric type (is BSON type {kind})")
    whole = exact_int64(value)
    if whole is None:
        raise location(codes[1], f"$substrCP: {role} cannot be represented as a 32-bit integral")
    if whole < 0:
        raise location(codes[2], f"$substrCP: the {role} must be a nonnegative integer.")
    return whole


def _substr_bytes(text: Any, start: Any, length: Any) -> str:
    data = coerce_to_string(text).encode()
    if not is_number(start):
        kind = type_name(start)
        message = f"$substrBytes:  starting index must be a numeric type (is BSON type {kind})"
        raise location(16034, message)
    if not is_number(length):
        kind = type_name(length)
        message = f"$substrBytes:  length must be a numeric type (is BSON type {kind})"
        raise location(16035, message)
    begin, count = to_int64(start) or 0, to_int64(length) or 0
    if begin < 0:
        raise location(50752, f"$substrBytes:  starting index must be non-negative (got: {begin})")
    end = len(data) if count < 0 else min(len(data), begin + count)
    for code, at, role in ((28656, begin, "starting index"), (28657, end, "ending index")):
        if at < len(data) and data[at] & 0xC0 == 0x80:
            raise location(
                code, f"$substrBytes:  Invalid range, {role} is in the middle of a UTF-8 character."
            )
    return data[begin:end].decode()


function("$substrBytes", least=3, most=3)(_substr_bytes)
function("$substr", least=3, most=3)(_substr_bytes)


@function("$split", least=2, most=2)
@nullable
def _split(text: Any, separator: Any) -> list[str]:
    for value, code, place in ((text, 40085, "first"), (separator, 40086, "second")):
        if not is_string(value):
            raise location(
                code,
                "$split requires an expression that evaluates to a string as a "
                f"{place} argument, found: {type_name(value)}",
            )
    if not separator:
        raise location(40087, "$split requires a non-empty separator")
    return str(text).split(separator)


@function("$strLenCP")
def _str_len_cp(text: Any) -> int:
    if not is_string(text):
        raise location(34471, f"$strLenCP requires a string argument, found: {type_name(text)}")
    return len(text)


@function("$strLenBytes")
def _str_len_bytes(text: Any) -> int:
    if not is_string(text):
        raise location(34473, f"$strLenBytes requires a string argument, found: {type_name(text)}")
    return len(text.encode())


@function("$indexOfCP", least=2, most=4)
def _index_of_cp(text: Any, token: Any, start: Any = 0, end: Any = MISSING) -> Any:
    if is_null(text):
        return None
    for value, code, place in ((text, 40093, "first"), (token, 40094, "second")):
        if not is_string(value):
            kind = type_name(value)
            message = f"$indexOfCP requires a string as the {place} argument, found: {kind}"
            raise location(code, message)
    begin = _search_bound("starting", start)
    limit = len(text) if end is MISSING else _search_bound("ending", end)
    return text.find(token, begin, limit) if begin <= len(text) else -1


def _search_bound(role: str, value: Any) -> int:
    whole = exact_int64(value)
    if whole is None:
        raise location(
            40096,
            f"$indexOfCP requires an integral {role} index, found a value of type: "
            f"{type_name(value)}, with value: {shown(value)}",
        )
    if whole < 0:
        message = f"$indexOfCP requires a nonnegative {role} index, found: {whole}"
        raise location(40097, message)
    return whole


def _trimming(name: str, *, left: bool, right: bool) -> None:
    signature = Signature(name, {"input": 50695}, frozenset({"chars"}), 50696, 50694)

    @special_form(name)
    def _trim(operand: Any, scope: Scope) -> Evaluate:
        arguments = signature.check(operand)
        text_of = compile_operand(arguments["input"], scope)
        chars_of = compile_operand(arguments.get("chars", _WHITE_SPACE), scope)

        def evaluate(row: Row, variables: Variables) -> Any:
            text, chars = text_of(row, variables), chars_of(row, variables)
            if is_null(text) or is_null(chars):
                return None
            _require_trim_string(name, "its input", text, 50699)
            _require_trim_string(name, "'chars'", chars, 50700)
            text = text.lstrip(chars) if left else text
            return text.rstrip(chars) if right else text

        return evaluate


def _require_trim_string(name: str, role: str, value: Any, code: int) -> None:
    if not is_string(value) or isinstance(value, Code):
        raise location(
            code,
            f"{name} requires {role} to be a string, got {shown(value)} (of type "
            f"{type_name(value)}) instead.",
        )


_trimming("$trim", left=True, right=True)
_trimming("$ltrim", left=True, right=False)
_trimming("$rtrim", left=False, right=True)


def _replacing(name: str, count: int) -> None:
    required = {"input": 51749, "find": 51748, "replacement": 51747}
    signature = Signature(name, required, frozenset(), 51751, 51750)

    @special_form(name)
    def _replace(operand: Any, scope: Scope) -> Evaluate:
        arguments = signature.check(operand)
        parts = [compile_operand(arguments[each], scope) for each in required]

        def evaluate(row: Row, variables: Variables) -> Any:
            values = [part(row, variables) for part in parts]
            if any(map(is_null, values)):
                return None
            for role, value, code in zip(required, values, (51746, 51745, 51744), strict=True):
                if not is_string(value):
                    raise location(
                        code,
                        f"{name} requires that '{role}' be a string, found: {shown(value)}",
                    )
            text, find, replacement = values
            added = len(replacement) - len(find)
            if added > 0:
                check_text_length(len(text) + added * (text.count(find) if count < 0 else count))
            return text.replace(find, replacement, count)

        return evaluate


_replacing("$replaceOne", 1)
_replacing("$replaceAll", -1)
