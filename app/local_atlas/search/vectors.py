"""Vectors in BSON: arrays of numbers and binary data of subtype 9.

The element type decides which index a vector belongs to: arrays and float32 binaries share one,
int8 and packed bits have their own, and a query never sees the vectors of another type.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from bson import Binary, Code, DBRef, Decimal128, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from bson.int64 import Int64

from ..mql.bson_types import type_name
from .parsing import ParseError, refuse

ElementType: TypeAlias = Literal["float32", "int8", "packed_bit"]

VECTOR_SUBTYPE = 9
_HEADER_BYTES = 2
_DTYPES: dict[int, ElementType] = {0x27: "float32", 0x03: "int8", 0x10: "packed_bit"}

_NUMBER_TYPES = {int, float, Int64}

# The names that the search server prints for the BSON types it cannot use.
_TYPE_NAMES: dict[type, str] = {
    type(None): "NULL",
    bool: "BOOLEAN",
    int: "INT32",
    Int64: "INT64",
    float: "DOUBLE",
    str: "STRING",
    list: "ARRAY",
    dict: "DOCUMENT",
    bytes: "BINARY",
    Binary: "BINARY",
    ObjectId: "OBJECT_ID",
    DatetimeMS: "DATE_TIME",
    Decimal128: "DECIMAL128",
    Regex: "REGULAR_EXPRESSION",
    Timestamp: "TIMESTAMP",
    Code: "JAVASCRIPT",
    DBRef: "DOCUMENT",
    MinKey: "MIN_KEY",
    MaxKey: "MAX_KEY",
}


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector.

    Args:
        element_type: which of the three kinds.
        values: (d,) float32, (d,) int8, or (d / 8,) uint8 with eight bits each.
    """

    element_type: ElementType
    values: npt.NDArray[Any]

    @property
    def dimensions(self) -> int:
        """Number of elements; a packed byte counts eight."""
        return len(self.values) * (8 if self.element_type == "packed_bit" else 1)

    @property
    def is_zero(self) -> bool:
        """Whether every element is zero (so for an empty vector)."""
        # The first element settles it for nearly every vector.
        return not (len(self.values) and self.values[0]) and not self.values.any()

    @property
    def is_finite(self) -> bool:
        """Whether no element is infinite or NaN."""
        return self.element_type != "float32" or bool(np.isfinite(self.values).all())


def bson_type_name(value: Any) -> str:
    """Return the search server's name of a value's BSON type, as in `STRING`."""
    return _TYPE_NAMES.get(type(value), type(value).__name__.upper())


def read_query_vector(value: Any, path: str) -> Vector:
    """Read the `queryVector` of $vectorSearch.

    Raises:
        ParseError: what the search server says of a value that is no vector.
    """
    if isinstance(value, list):
        if not are_numbers(value):
            other = next(one for one in value if type(one) not in _NUMBER_TYPES)
            refuse("", f"Unsupported BsonValue type: {bson_type_name(other)}")
        return Vector("float32", narrowed(value))
    if not isinstance(value, bytes):
        refuse(path, "Unexpected type found when parsing vector")
    return parse_binary(value)


def stored_vector(value: Any) -> Vector | None:
    """Return the vector in a field of a stored document, or None where there is none.

    An array counts where every element is an int or a double, so an empty one does; binary data
    where it is well formed. Whether the vector fits its index is not asked here.
    """
    if isinstance(value, list):
        if not are_numbers(value):
            return None
        return Vector("float32", narrowed(value))
    if isinstance(value, Binary) and value.subtype == VECTOR_SUBTYPE:
        try:
            return parse_binary(value)
        except ParseError:
            return None
    return None


def are_numbers(values: list[Any]) -> bool:
    """Tell whether all are ints or doubles; a look at each one by itself would take far longer."""
    return set(map(type, values)) <= _NUMBER_TYPES


def why_no_vector(value: list[Any] | Binary) -> str:
    """Return why `stored_vector` finds none in an array or binary; a clause without full stop."""
    if isinstance(value, list):
        found = ((i, one) for i, one in enumerate(value) if type(one) not in _NUMBER_TYPES)
        position, element = next(found)
        return f"element {position} is of type {type_name(element)}"
    try:
        parse_binary(value)
    except ParseError as error:
        return " ".join(str(error).split()).rstrip(".")
    raise AssertionError("the binary is a vector")


def parse_binary(value: bytes) -> Vector:
    """Decode a BSON binary vector.

    Source: https://github.com/mongodb/specifications/blob/master/source/bson-binary-vector

    Raises:
        ParseError: with the search server's text, which names no path.
    """
    subtype = value.subtype if isinstance(value, Binary) else 0
    if subtype != VECTOR_SUBTYPE:
        refuse("", f"BSON binary subtype should be vector(0x09) but got {subtype}")
    if len(value) < _HEADER_BYTES:
        refuse("", f"Expected at least 2 bytes in BSON vector but got {len(value)}")
    element_type = _DTYPES.get(value[0])
    if element_type is None:
        refuse("", "Unsupported vector subtype found")
    padding = value[1] & 0x07
    if padding and element_type == "packed_bit":
        refuse(
            "",
            "The dimensions of binary vector should be a multiple of 8 and\n"
            "the padding should be zero.\n",
        )
    if padding:
        refuse("", "Padding should be zero")
    return Vector(element_type, _elements(element_type, value))


def narrowed(numbers: list[Any]) -> npt.NDArray[np.float32]:
    """Narrow numbers to float32 as the engine does: too large becomes infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array(numbers, dtype=np.float64).astype(np.float32)


def _elements(element_type: ElementType, value: bytes) -> npt.NDArray[Any]:
    body = memoryview(value)[_HEADER_BYTES:]
    if element_type == "float32":
        # Bytes beyond the last whole float are ignored.
        return np.frombuffer(body[: len(body) // 4 * 4], dtype="<f4")
    return np.frombuffer(body, dtype=np.int8 if element_type == "int8" else np.uint8)
