"""Arrays, strings and rows of vectors in files, with a checksum over every byte.

A state is what JSON can hold, and in it, at any depth, numpy arrays, `Strings` and `Rows`; an array
can also be a function that returns it, called when it is written. The arrays and strings of one
state go into one file. Rows are only ever appended, so what an earlier
state has written of them is used again, and only the new ones are written, as another segment.
Files are read through their checksums once, while they are copied to where they belong.
"""

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from .matrix import MatrixView

Array = npt.NDArray[Any]

_BLOCK_BYTES = 4 * 1024 * 1024
_STRING_ENCODING = ("utf-8", "surrogatepass")


class UnusableState(Exception):
    """What was saved cannot be used; the message says why, as a part of a sentence."""


@dataclass(frozen=True, slots=True)
class Strings:
    """Strings, or byte strings, in order."""

    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a matrix, saved.

    Args:
        lineage: names the matrix as long as its rows are only appended to.
        view: all rows.
    """

    lineage: str
    view: MatrixView


class Segment(NamedTuple):
    """A file with some rows and their checksum."""

    file: str
    rows: int
    checksum: int


class SavedRows:
    """Rows in their files, to be read once, from the first to the last."""

    def __init__(self, directory: Path, saved: Mapping[str, Any]) -> None:
        self.lineage: str = saved["lineage"]
        self.segments = [Segment(*one) for one in saved["segments"]]
        self._directory = directory
        self._dtype = np.dtype(saved["dtype"])
        self._width: int = saved["width"]
        self._blocks = self._read_blocks()
        self._block: Array = np.empty((0, self._width), self._dtype)

    def __len__(self) -> int:
        return sum(segment.rows for segment in self.segments)

    def next(self, limit: int) -> Iterator[Array]:
        """Yield the next rows, in (n_i, width) arrays whose memory the next one takes over.

        Raises:
            UnusableState: a file is missing or too short; before the last rows of a segment also
                where any of it is damaged.
        """
        while limit:
            taken = self._block[:limit]
            if not len(taken):
                self._block = next(self._blocks)
                continue
            self._block = self._block[limit:]
            limit -= len(taken)
            yield taken

    def _read_blocks(self) -> Iterator[Array]:
        at_once = max(1, _BLOCK_BYTES // (self._width * self._dtype.itemsize))
        buffer = np.empty((at_once, self._width), self._dtype)
        for segment in self.segments:
            checksum, left = 0, segment.rows
            with _opened(self._directory / segment.file) as file:
                while left:
                    block = buffer[:left]
                    checksum = _read_into(file, block, checksum)
                    left -= len(block)
                    if not left and checksum != segment.checksum:
                        raise UnusableState(f"{segment.file} is damaged")
                    yield block


class StateWriter:
    """Writes one state into a directory, as files that are not there yet; on disk at the end.

    Args:
        directory: where.
        number: names the files; no other state in the directory has it.
        segments: what is there already of rows, by lineage.
    """

    def __init__(
        self, directory: Path, number: int, segments: Mapping[str, Sequence[Segment]]
    ) -> None:
        self._directory = directory
        self._number = number
        self._known = segments
        self._name = f"{number}.arrays"
        self._file = (directory / self._name).open("wb")
        self.segments: dict[str, list[Segment]] = {}

    def files(self) -> set[str]:
        """Return the names of the files that the state lies in."""
        return {self._name, *(one.file for all_of in self.segments.values() for one in all_of)}

    def write(self, value: Any) -> Any:
        """Write a state; return it with references in the place of arrays, strings and rows."""
        if isinstance(value, dict):
            return {key: self.write(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.write(one) for one in value]
        if callable(value):
            value = value()
        if isinstance(value, np.ndarray):
            return {"$array": self._array(value)}
        if isinstance(value, Strings):
            return {"$strings": {key: self._array(one) for key, one in _packed(value).items()}}
        return {"$rows": self._rows(value)} if isinstance(value, Rows) else value

    def __enter__(self) -> "StateWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._file:
            if error is None:
                _flush(self._file)

    def _array(self, array: Array) -> dict[str, Any]:
        array = np.ascontiguousarray(array)
        offset = self._file.tell()
        checksum = _write(self._file, array, 0)
        place = {"file": self._name, "offset": offset, "checksum": checksum}
        return {**place, "dtype": array.dtype.str, "shape": list(array.shape)}

    def _rows(self, rows: Rows) -> dict[str, Any]:
        segments = list(self._known.get(rows.lineage, ()))
        start, end = sum(segment.rows for segment in segments), len(rows.view)
        # A segment that is not larger than what comes after it becomes a part of that, as in a
        # binary counter: or else there would be many.
        while start < end and segments and segments[-1].rows <= end - start:
            start -= segments.pop().rows
        if start < end:
            segments.append(self._segment(rows.view, start, end))
        self.segments[rows.lineage] = segments
        first = rows.view.parts[0]
        shape = {"dtype": first.dtype.str, "width": first.shape[1]}
        return {**shape, "lineage": rows.lineage, "segments": segments}

    def _segment(self, view: MatrixView, start: int, end: int) -> Segment:
        name = f"{self._number}.{len(self.segments)}.rows"
        checksum = 0
        with (self._directory / name).open("wb") as file:
            for part in view.between(start, end):
                checksum = _write(file, part, checksum)
            _flush(file)
        return Segment(name, end - start, checksum)


class StateReader:
    """Reads one state from a directory.

    Attributes:
        segments: those of the rows that were met, by lineage.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.segments: dict[str, list[Segment]] = {}

    def read(self, saved: Any) -> Any:
        """Return what `StateWriter.write` was given, with `SavedRows` in the place of `Rows`.

        Raises:
            UnusableState: a file is missing, too short or damaged.
        """
        if isinstance(saved, list):
            return [self.read(one) for one in saved]
        if not isinstance(saved, dict):
            return saved
        if "$array" in saved:
            return self._array(saved["$array"])
        if "$strings" in saved:
            return Strings(
                _unpacked({key: self._array(one) for key, one in saved["$strings"].items()})
            )
        if "$rows" in saved:
            rows = SavedRows(self._directory, saved["$rows"])
            self.segments[rows.lineage] = rows.segments
            return rows
        return {key: self.read(one) for key, one in saved.items()}

    def _array(self, saved: Mapping[str, Any]) -> Array:
        array: Array = np.empty(saved["shape"], saved["dtype"])
        with _opened(self._directory / saved["file"]) as file:
            file.seek(saved["offset"])
            if _read_into(file, array, 0) != saved["checksum"]:
                raise UnusableState(f"{saved['file']} is damaged")
        return array


def unsaved_bytes(state: Any, segments: Mapping[str, Sequence[Segment]]) -> int:
    """Return the size of the arrays and rows of a state that are not in any of the segments."""
    if isinstance(state, dict):
        return sum(unsaved_bytes(one, segments) for one in state.values())
    if isinstance(state, list):
        return sum(unsaved_bytes(one, segments) for one in state)
    if isinstance(state, Rows):
        part = state.view.parts[0]
        saved = sum(segment.rows for segment in segments.get(state.lineage, ()))
        return (len(state.view) - saved) * int(part[:0].strides[0])
    return int(state.nbytes) if isinstance(state, np.ndarray) else 0


def _packed(strings: Strings) -> dict[str, Array]:
    lengths = np.fromiter(map(len, strings.values), np.int64, len(strings.values))
    if strings.values and isinstance(strings.values[0], str):
        content, kind = "".join(strings.values).encode(*_STRING_ENCODING), "text"
    else:
        content, kind = b"".join(strings.values), "bytes"
    return {"lengths": lengths, kind: np.frombuffer(content, np.uint8)}


def _unpacked(packed: Mapping[str, Array]) -> list[Any]:
    content = packed["text"] if "text" in packed else packed["bytes"]
    whole: Any = content.tobytes()
    if "text" in packed:
        whole = whole.decode(*_STRING_ENCODING)
    ends = np.cumsum(packed["lengths"]).tolist()
    return [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _opened(path: Path) -> FileIO:
    try:
        return FileIO(path)
    except OSError as error:
        raise UnusableState(f"{path.name} cannot be read: {error.strerror}") from error


def _read_into(file: FileIO, array: Array, checksum: int) -> int:
    """Fill an array from a file; return the checksum with its bytes."""
    content = _as_bytes(array)
    for start in range(0, len(content), _BLOCK_BYTES):
        block = content[start : start + _BLOCK_BYTES]
        if file.readinto(block) != len(block):
            raise UnusableState(f"{Path(str(file.name)).name} is too short")
        checksum = zlib.crc32(block, checksum)
    return checksum


def _write(file: BinaryIO, array: Array, checksum: int) -> int:
    """Append an array to a file; return the checksum with its bytes."""
    content = _as_bytes(array)
    for start in range(0, len(content), _BLOCK_BYTES):
        block = content[start : start + _BLOCK_BYTES]
        file.write(block)
        checksum = zlib.crc32(block, checksum)
    return checksum


def _as_bytes(array: Array) -> memoryview:
    # A memoryview of nothing cannot be cast.
    return array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
