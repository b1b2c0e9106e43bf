"""Long arrays of doubles, found in raw BSON without making an object of each number.

An embedding that is sent as an array is most of its document, and decoding it most of the cost of
a write. Strategy:
1. An array of n doubles has one layout: for each element its type, its position in decimal digits,
   a zero byte and eight bytes. The layout follows from the size alone, so it is checked at once.
2. `outline` cuts such arrays out of a document. What is left is decoded as ever.
3. `read_doubles` reads the numbers of many such arrays where they lie, a few strides at a time.
Whatever is not certain to the byte is left in its place, for the decoder to read or to refuse.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .raw_documents import value_end

Path = tuple[str, ...]

_INT32 = struct.Struct("<i")
_HEAD, _TAIL = _INT32.size, 1
_DOCUMENT, _ARRAY, _DOUBLE = 0x03, 0x04, 0x01
_DOUBLE_BYTES = 8
_MIN_LENGTH = 64
_MAX_LENGTH = 8192  # the most dimensions that an index may have
# What every array of this length contains, and hardly anything else.
_HINT = bytes([_DOUBLE]) + str(_MIN_LENGTH - 1).encode() + b"\0"
_MIN_SIZE_BYTES = _MIN_LENGTH * (3 + _DOUBLE_BYTES)


@dataclass(frozen=True, slots=True)
class Outline:
    """A document in two parts.

    Args:
        raw: the document without the arrays; the very bytes given where there are none.
        arrays: the raw BSON array at each path, none of them inside another array, and none in a
            field that is an `_id` or an operator.
    """

    raw: bytes
    arrays: dict[Path, bytes] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether nothing was taken out."""
        return not self.arrays


def outline(raw: bytes) -> Outline:
    """Take the long arrays of doubles out of a document, which need not be valid BSON.

    The document is valid where the part that is left is.
    """
    if _HINT not in raw:
        return Outline(raw)
    arrays: dict[Path, bytes] = {}
    try:
        rest = _without_arrays(raw, 0, len(raw), (), arrays)
    except (ValueError, KeyError, IndexError, struct.error, RecursionError):
        return Outline(raw)
    return Outline(raw) if rest is None else Outline(rest, arrays)


def array_size(length: int) -> int:
    """Return the bytes of a BSON array of so many doubles."""
    digits = sum(len(str(i)) for i in range(length))
    return _HEAD + length * (2 + _DOUBLE_BYTES) + digits + _TAIL


def read_doubles(arrays: Sequence[bytes], length: int) -> npt.NDArray[np.float32]:
    """Read arrays that `outline` found, all of the same length.

    Returns:
        (n, length) float32; what is too large for it is infinite.
    """
    size, joined = len(arrays[0]), b"".join(arrays)
    numbers = np.empty((len(arrays), length), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for first, count, offset, stride in _strides(length):
            numbers[:, first : first + count] = np.ndarray(
                (len(arrays), count), "<f8", joined, offset, (size, stride)
            )
    return numbers


def _without_arrays(
    raw: bytes, start: int, end: int, path: Path, arrays: dict[Path, bytes]
) -> bytes | None:
    """Return the document at `raw[start:end]` without its arrays, None where it has none.

    Raises:
        ValueError: (or another of those that `outline` catches) it cannot be walked through.
    """
    parts, kept, offset = [], start + _HEAD, start + _HEAD
    names: set[bytes] = set()
    while offset < end - _TAIL:
        name_end = raw.index(b"\0", offset + 1)
        name, value = raw[offset + 1 : name_end], name_end + 1
        after = value_end(raw, raw[offset], value)
        if name in names or not value <= after < end:
            raise ValueError("a name comes twice, or a value does not end where it should")
        names.add(name)
        if name == b"_id" or name.startswith(b"$"):
            pass
        elif raw[offset] == _ARRAY and _is_doubles(raw, value, after):
            arrays[*path, name.decode()] = raw[value:after]
            parts.append(raw[kept:offset])
            kept = after
        elif raw[offset] == _DOCUMENT and after - value >= _MIN_SIZE_BYTES:
            inner = _without_arrays(raw, value, after, (*path, name.decode()), arrays)
            if inner is not None:
                parts += raw[kept:value], inner
                kept = after
        offset = after
    if offset != end - _TAIL or _INT32.unpack_from(raw, start)[0] != end - start:
        raise ValueError("the document does not end where it says")
    if not parts:
        return None
    body = b"".join((*parts, raw[kept:end]))
    return _INT32.pack(_HEAD + len(body)) + body


def _is_doubles(raw: bytes, start: int, end: int) -> bool:
    layout = _layout(end - start) if end - start >= _MIN_SIZE_BYTES else None
    if layout is None:
        return False
    positions, expected = layout
    found = np.frombuffer(raw, np.uint8, end - start, start).take(positions)
    return found.tobytes() == expected


@lru_cache(maxsize=32)
def _layout(size: int) -> tuple[npt.NDArray[np.int64], bytes] | None:
    """Return what surrounds the numbers of an array of this size: where, and the bytes there.

    None where no array of doubles is of this size, or only one that is too short or too long.
    """
    positions: list[int] = []
    expected, offset, length = b"", _HEAD, 0
    while offset + _TAIL < size and length <= _MAX_LENGTH:
        header = b"%c%d\0" % (_DOUBLE, length)
        positions += range(offset, offset + len(header))
        expected += header
        offset, length = offset + len(header) + _DOUBLE_BYTES, length + 1
    if offset + _TAIL != size or not _MIN_LENGTH <= length <= _MAX_LENGTH:
        return None
    positions = [*range(_HEAD), *positions, offset]
    return np.array(positions), _INT32.pack(size) + expected + b"\0"


@lru_cache(maxsize=32)
def _strides(length: int) -> list[tuple[int, int, int, int]]:
    """Return runs of elements whose positions have as many digits.

    Each is the first element, their count, the offset of the first number and the bytes from one
    number to the next.
    """
    runs, first, offset = [], 0, _HEAD
    while first < length:
        digits = len(str(first))
        count = min(10**digits, length) - first
        stride = 2 + digits + _DOUBLE_BYTES
        runs.append((first, count, offset + 2 + digits, stride))
        first, offset = first + count, offset + count * stride
    return runs
