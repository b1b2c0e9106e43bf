"""Bits and bytes: `$bitAnd` and its kin, the sizes of values, the parts of a timestamp.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/#bitwise-operators
"""

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

from bson import Int64
from bson.timestamp import Timestamp

from ...errors import type_mismatch
from ...raw_documents import encode_document
from ..bson_types import is_string, type_name
from ..expression_compiler import function
from ..numbers import is_integer_type, is_long, typed_int
from ..paths import as_document
from .support import location, nullable


def _register(name: str, combine: Callable[[int, int], int], neutral: int) -> None:
    @function(name, least=0, most=None)
    @nullable
    def evaluate(*values: Any) -> int:
        _require_integers(name, values)
        result = reduce(combine, map(int, values), neutral)
        return typed_int(result, long=any(map(is_long, values)))


_register("$bitAnd", operator.and_, -1)
_register("$bitOr", operator.or_, 0)
_register("$bitXor", operator.xor, 0)


@function("$bitNot")
@nullable
def _bit_not(value: Any) -> int:
    _require_integers("$bitNot", (value,))
    return typed_int(~int(value), long=is_long(value))


def _require_integers(name: str, values: tuple[Any, ...]) -> None:
    for value in values:
        if not is_integer_type(value):
            kind = type_name(value)
            raise type_mismatch(f"{name} only supports int and long operands, found {kind}")


@function("$binarySize")
@nullable
def _binary_size(value: Any) -> int:
    if is_string(value):
        return len(value.encode())
    if not isinstance(value, bytes):
        kind = type_name(value)
        raise location(51276, f"$binarySize requires a string or BinData argument, found: {kind}")
    return len(value)


@function("$bsonSize")
@nullable
def _bson_size(value: Any) -> int:
    document = as_document(value)
    if document is None:
        raise location(31393, f"$bsonSize requires a document input, found: {type_name(value)}")
    return len(encode_document(document))


@function("$tsSecond")
@nullable
def _timestamp_seconds(value: Any) -> Int64:
    return Int64(_timestamp("$tsSecond", value).time)


@function("$tsIncrement")
@nullable
def _timestamp_increment(value: Any) -> Int64:
    return Int64(_timestamp("$tsIncrement", value).inc)


def _timestamp(name: str, value: Any) -> Timestamp:
    if not isinstance(value, Timestamp):
        message = f"{name} requires argument of type timestamp, found: {type_name(value)}"
        raise location(5687301, message)
    return value
