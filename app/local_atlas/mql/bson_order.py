"""The order of BSON values, as bytes that compare like the values.

`sort_key` is the one definition of order and equality; everything else asks it. Its strategy:
1. One byte for the type bracket, then the value; every part ends itself, so keys nest.
2. Numbers: the greatest double that is not above the value, as eight bytes that sort, then 0 where
   the value is that double, else 1 and its exact decimal digits. So 2**53 + 1 differs from 2.0**53.
3. Strings: UTF-8, zero bytes escaped. Documents: type, name, value of each field, then a zero byte.
The rules: https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/
"""

import math
import re
import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bson import Binary, Code, DatetimeMS, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex
from bson.timestamp import Timestamp

from .collated import CollatedString
from .paths import MISSING, Missing

END: Final = b"\x00"
UNDEFINED_KEY: Final = b"\x02"  # an empty array among sort keys: before null
NULL_KEY: Final = b"\x03"
_MIN, _NUMBER, _STRING, _OBJECT, _ARRAY, _BINARY = (
    b"\x01",
    b"\x04",
    b"\x05",
    b"\x06",
    b"\x07",
    b"\x08",
)
_OBJECT_ID, _BOOL, _DATE, _TIMESTAMP, _REGEX = b"\x09", b"\x0a", b"\x0b", b"\x0c", b"\x0d"
_CODE, _CODE_WITH_SCOPE, _MAX = b"\x0e", b"\x0f", b"\x7f"

_pack_double = struct.Struct(">d").pack
_unpack_bits = struct.Struct(">Q").unpack
_pack_bits = struct.Struct(">Q").pack
_SIGN = 1 << 63
_ALL = (1 << 64) - 1
_EXACT_INT = 1 << 53


def sort_key(value: Any) -> bytes:
    """Return bytes that compare as MongoDB compares the values; equal exactly for equal values.

    Raises:
        TypeError: the value is of no BSON type.
    """
    encode = _ENCODERS.get(type(value))
    return encode(value) if encode is not None else _encode_subclass(value)


def value_key(value: Any) -> bytes:
    """Return the key of `sort_key`, but with a missing value before null, as in expressions."""
    return UNDEFINED_KEY if value is MISSING else sort_key(value)


def compare(a: Any, b: Any) -> int:
    """Return -1, 0 or 1 as `a` sorts before, with or after `b`."""
    key_a, key_b = sort_key(a), sort_key(b)
    return (key_a > key_b) - (key_a < key_b)


def equal(a: Any, b: Any) -> bool:
    """Tell whether two values are equal: numbers across types, documents in field order."""
    kind = type(a)
    if kind is type(b) and kind in _PLAIN:
        return bool(a == b)
    return sort_key(a) == sort_key(b)


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are stored alike: equal, and of the same types all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Mapping):
        return list(a) == list(b) and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, CollatedString):
        return bool(a == b)  # what a collation does not tell apart is stored differently
    if isinstance(a, float):
        return _pack_double(a) == _pack_double(b)
    if isinstance(a, Decimal128):
        return bool(a.bid == b.bid)
    return sort_key(a) == sort_key(b)


def is_nan(value: Any) -> bool:
    """Tell whether a number is not one."""
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, Decimal128) and value.to_decimal().is_nan()


def _encode_int(value: int) -> bytes:
    if -_EXACT_INT <= value <= _EXACT_INT:
        return _NUMBER + _sortable_double(float(value)) + END
    return _encode_exact(int(value))


def _encode_float(value: float) -> bytes:
    return _NUMBER + _sortable_double(value) + END


def _sortable_double(value: float) -> bytes:
    if value != value:
        return b"\x00" * 8  # NaN: below every number
    (bits,) = _unpack_bits(_pack_double(value + 0.0))  # + 0.0 makes -0.0 positive
    return _pack_bits(bits ^ _SIGN if bits < _SIGN else bits ^ _ALL)


def _encode_decimal128(value: Decimal128) -> bytes:
    decimal = value.to_decimal()
    if not decimal.is_finite():
        special = math.nan if decimal.is_nan() else math.copysign(math.inf, decimal)
        return _encode_float(special)
    return _encode_exact(decimal)


def _encode_exact(value: int | Decimal) -> bytes:
    nearest = float(value)
    if nearest == value:
        return _encode_float(nearest)
    below = nearest if nearest < value else math.nextafter(nearest, -math.inf)
    return _NUMBER + _sortable_double(below) + b"\x01" + _sortable_digits(Decimal(value))


def _sortable_digits(value: Decimal) -> bytes:
    """Encode a decimal that is not zero: sign, magnitude, digits without trailing zeros."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    magnitude = len(digits) + exponent
    significant = "".join(map(str, digits)).rstrip("0")
    body = struct.pack(">H", magnitude + 0x8000) + significant.encode() + END
    return b"\x00" + bytes(255 - byte for byte in body) if sign else b"\x01" + body


def _escape(text: str) -> bytes:
    return _terminated(text.encode())


def _terminated(content: bytes) -> bytes:
    return content.replace(b"\x00", b"\x00\xff") + b"\x00\x00"


def _encode_object(value: Mapping[str, Any]) -> bytes:
    parts = [_OBJECT]
    for name, item in value.items():
        key = sort_key(item)
        parts += (key[:1], name.encode(), END, key[1:])
    parts.append(END)
    return b"".join(parts)


def _encode_array(value: list[Any]) -> bytes:
    return _ARRAY + b"".join(map(sort_key, value)) + END


def _encode_binary(value: bytes) -> bytes:
    subtype = value.subtype if isinstance(value, Binary) else 0
    return _BINARY + struct.pack(">IB", len(value), subtype) + value


def _encode_date(value: Any) -> bytes:
    return _DATE + _pack_bits((int(value) + _SIGN) & _ALL)


def _encode_regex(value: Regex[str]) -> bytes:
    pattern = value.pattern if isinstance(value.pattern, bytes) else value.pattern.encode()
    return _REGEX + pattern + END + regex_options(value).encode() + END


def _encode_code(value: Code) -> bytes:
    if value.scope is None:
        return _CODE + _escape(str(value))
    return _CODE_WITH_SCOPE + _escape(str(value)) + _encode_object(value.scope)


def _encode_subclass(value: Any) -> bytes:
    """Encode a value whose type only derives from one of the table, such as SON."""
    if isinstance(value, Mapping):
        return _encode_object(value)
    if isinstance(value, datetime):
        return _encode_date(DatetimeMS(value))
    for kind, encode in _ENCODERS.items():
        if isinstance(value, kind):
            return encode(value)
    raise TypeError(f"a value of type {type(value).__name__} is no BSON value")


_OPTION_FLAGS = (
    ("i", re.IGNORECASE),
    ("l", re.LOCALE),
    ("m", re.MULTILINE),
    ("s", re.DOTALL),
    ("u", re.UNICODE),
    ("x", re.VERBOSE),
)


def regex_options(value: "Regex[str]") -> str:
    """Return the options of a BSON regular expression as their letters, in BSON's order."""
    return "".join(letter for letter, flag in _OPTION_FLAGS if value.flags & flag)


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    Missing: lambda _: NULL_KEY,
    type(None): lambda _: NULL_KEY,
    MinKey: lambda _: _MIN,
    MaxKey: lambda _: _MAX,
    bool: lambda value: _BOOL + (b"\x01" if value else b"\x00"),
    int: _encode_int,
    Int64: _encode_int,
    float: _encode_float,
    Decimal128: _encode_decimal128,
    Code: _encode_code,
    str: lambda value: _STRING + _escape(value),
    CollatedString: lambda value: _STRING + _terminated(value.key),
    dict: _encode_object,
    DBRef: lambda value: _encode_object(value.as_doc()),
    list: _encode_array,
    Binary: _encode_binary,
    bytes: _encode_binary,
    ObjectId: lambda value: _OBJECT_ID + value.binary,
    DatetimeMS: _encode_date,
    Timestamp: lambda value: _TIMESTAMP + struct.pack(">II", value.time, value.inc),
    Regex: _encode_regex,
}
_PLAIN = frozenset({str, bool, ObjectId, type(None), DatetimeMS})
MISSING_KEY = sort_key(MISSING)
