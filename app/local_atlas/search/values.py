"""The values that a filter can compare: booleans, dates, numbers, object ids, strings and UUIDs.

Comparisons are bracketed by type: a value is only ever compared with values of its own kind.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from bson import Binary, ObjectId
from bson.datetime_ms import DatetimeMS
from bson.int64 import Int64

Kind: TypeAlias = Literal["boolean", "date", "number", "objectId", "token", "uuid"]

UUID_SUBTYPE = 4
_UUID_BYTES = 16

# A term of the engine's index holds this many UTF-16 code units; longer strings are cut.
MAX_TERM_UNITS = 8191
_UTF16_SAFE_LENGTH = MAX_TERM_UNITS // 2

_KINDS: dict[type, Kind] = {
    bool: "boolean",
    int: "number",
    Int64: "number",
    float: "number",
    str: "token",
}

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Value:
    """One comparable value.

    `content` is a bool, an int (milliseconds since 1970 for a date), an int or float, 12 bytes, a
    str or 16 bytes, in the order of `Kind`.
    """

    kind: Kind
    content: Any


def comparable(value: Any) -> Value | None:
    """Return a decoded BSON value as a comparable one, or None where filters cannot compare it."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return Value(kind, value)
    if isinstance(value, DatetimeMS):
        return Value("date", int(value))
    if isinstance(value, ObjectId):
        return Value("objectId", value.binary)
    if isinstance(value, Binary) and value.subtype == UUID_SUBTYPE and len(value) == _UUID_BYTES:
        return Value("uuid", bytes(value))
    return None


def term(text: str) -> str:
    """Cut a stored string to what one index term holds."""
    if len(text) <= _UTF16_SAFE_LENGTH:
        return text
    units = text.encode("utf-16-le", "surrogatepass")
    return units[: 2 * MAX_TERM_UNITS].decode("utf-16-le", "ignore")


def to_int64(number: float) -> int:
    """Convert like a cast to a 64-bit integer in Java: towards zero, saturating, NaN is 0."""
    if isinstance(number, float) and math.isnan(number):
        return 0
    if isinstance(number, float) and math.isinf(number):
        return INT64_MAX if number > 0 else INT64_MIN
    return max(INT64_MIN, min(INT64_MAX, int(number)))
