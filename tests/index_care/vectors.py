"""Stored vectors of two dimensions, and what may stand in their place."""

import math
from typing import Any

from bson import Binary
from bson.binary import BinaryVectorDtype

from app.index_care.faults import Reason


def float32(*numbers: float) -> Binary:
    return Binary.from_vector(list(numbers), BinaryVectorDtype.FLOAT32)


def int8(*numbers: int) -> Binary:
    return Binary.from_vector(list(numbers), BinaryVectorDtype.INT8)


# What no index of two dimensions under cosine takes, and why.
BAD: dict[str, tuple[Any, Reason]] = {
    "too long": (float32(1, 0, 0), Reason.WRONG_DIMENSIONS),
    "too short": ([1.0], Reason.WRONG_DIMENSIONS),
    "empty": ([], Reason.WRONG_DIMENSIONS),
    "zero": ([0.0, 0], Reason.ZERO_VECTOR),
    "NaN": (float32(1, math.nan), Reason.NOT_FINITE),
    "beyond float32": ([1.0, 1e39], Reason.NOT_FINITE),
    "int8": (int8(1, 0), Reason.WRONG_TYPE),
    "text among numbers": ([1.0, "0"], Reason.WRONG_TYPE),
    "null among numbers": ([1.0, None], Reason.WRONG_TYPE),
    "text": ("1, 0", Reason.WRONG_TYPE),
    "object": ({"x": 1}, Reason.WRONG_TYPE),
    "other binary": (Binary(b"\x27\x00\x00\x00\x80\x3f\x00\x00\x00\x00"), Reason.WRONG_TYPE),
    "cut binary": (Binary(b"\x27", 9), Reason.WRONG_TYPE),
    "padded binary": (Binary(b"\x27\x01\x00\x00\x80\x3f\x00\x00\x00\x00", 9), Reason.WRONG_TYPE),
}
GOOD: dict[str, Any] = {
    "doubles": [1.0, 0.5],
    "integers": [1, 2],
    "float32": float32(0.5, 1),
}
