"""The names and numbers of the BSON types, as `$type` and error texts use them.

https://www.mongodb.com/docs/manual/reference/bson-types/
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from bson import Binary, Code, DatetimeMS, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex
from bson.timestamp import Timestamp

from .collated import CollatedString
from .paths import Missing

INT32_MIN: Final = -(1 << 31)
INT32_MAX: Final = (1 << 31) - 1

TYPE_NUMBERS: Final[dict[str, int]] = {
    "double": 1,
    "string": 2,
    "object": 3,
    "array": 4,
    "binData": 5,
    "undefined": 6,
    "objectId": 7,
    "bool": 8,
    "date": 9,
    "null": 10,
    "regex": 11,
    "dbPointer": 12,
    "javascript": 13,
    "symbol": 14,
    "javascriptWithScope": 15,
    "int": 16,
    "timestamp": 17,
    "long": 18,
    "decimal": 19,
    "minKey": -1,
    "maxKey": 127,
}
NUMERIC_TYPES: Final = frozenset({"double", "int", "long", "decimal"})

_NAMES: Final[dict[type, str]] = {
    Missing: "missing",
    float: "double",
    str: "string",
    CollatedString: "string",
    dict: "object",
    DBRef: "object",
    list: "array",
    bytes: "binData",
    Binary: "binData",
    ObjectId: "objectId",
    bool: "bool",
    DatetimeMS: "date",
    type(None): "null",
    Regex: "regex",
    Timestamp: "timestamp",
    Int64: "long",
    Decimal128: "decimal",
    MinKey: "minKey",
    MaxKey: "maxKey",
}


def type_name(value: Any) -> str:
    """Return the alias that `$type` uses, `missing` for a field that is not there."""
    kind = type(value)
    if kind is int:
        return "int" if INT32_MIN <= value <= INT32_MAX else "long"
    if kind is Code:
        return "javascript" if value.scope is None else "javascriptWithScope"
    return _NAMES.get(kind) or _subclass_name(value)


def type_number(value: Any) -> int:
    """Return the BSON type number, 0 for a field that is not there."""
    return TYPE_NUMBERS.get(type_name(value), 0)


def is_number(value: Any) -> bool:
    """Tell whether a value is a BSON number; a boolean is none."""
    return isinstance(value, int | float | Decimal128) and not isinstance(value, bool)


def is_string(value: Any) -> bool:
    """Tell whether a value is a BSON string; code is none, though its class is made of `str`."""
    return isinstance(value, str) and not isinstance(value, Code)


def is_true(value: Any) -> bool:
    """Tell whether a value counts as true: everything but false, zero, null and missing."""
    if value is None or isinstance(value, Missing):
        return False
    if isinstance(value, Decimal128):
        return bool(value.to_decimal())
    return bool(value) if isinstance(value, bool | int | float) else True


def _subclass_name(value: Any) -> str:
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, datetime):
        return "date"
    if isinstance(value, list | tuple):
        return "array"
    raise TypeError(f"a value of type {type(value).__name__} is no BSON value")
