"""Rows of numbers in a few arrays, so that growing never copies what is there.

A view taken earlier keeps what it has seen.
"""

import mmap
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Ids = npt.NDArray[np.int64]

# What is not filled yet takes no memory.
_CHUNK_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class MatrixView:
    """The rows of a moment, which later changes of the matrix leave alone.

    Args:
        parts: (n_i, width) arrays of one dtype, none of them empty unless it is the only one.
    """

    parts: tuple[Array, ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @property
    def values(self) -> Array:
        """All rows as one array: copied where they lie in several."""
        return self.parts[0] if len(self.parts) == 1 else np.concatenate(self.parts)

    def take(self, rows: Ids) -> Array:
        """Return a copy of some rows, whose numbers ascend."""
        taken = np.empty((len(rows), self.parts[0].shape[1]), self.parts[0].dtype)
        for where, part, local in self._blocks(rows):
            taken[where] = part[local]
        return taken

    def between(self, start: int, end: int) -> Iterator[Array]:
        """Yield the rows of a range, not copied, in as many arrays as they lie in."""
        for part in self.parts:
            if start < len(part) and end > 0:
                yield part[max(start, 0) : end]
            start, end = start - len(part), end - len(part)

    def products(self, target: Array, rows: Ids | None = None) -> Array:
        """Multiply rows with a vector.

        Args:
            target: (d,) float32.
            rows: the ascending numbers of those to multiply; None for all.

        Returns:
            float32, one per row; no warning where one is out of float32's range.
        """
        products = np.empty(len(self) if rows is None else len(rows), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for where, part, local in self._blocks(rows):
                if local is None:
                    _multiply(part.astype(np.float32, copy=False), target, products[where])
                elif part.dtype == np.float32:
                    _multiply_in_place(part, target, local, products[where])
                else:
                    _multiply(part[local].astype(np.float32), target, products[where])
        return products

    def bit_differences(self, target: Array, rows: Ids | None = None) -> Array:
        """Return (n,) int32, the number of bits in which rows of packed bits differ from one."""
        differences = np.empty(len(self) if rows is None else len(rows), np.int32)
        for where, part, local in self._blocks(rows):
            chosen = part if local is None else part[local]
            np.bitwise_count(chosen ^ target).sum(axis=1, dtype=np.int32, out=differences[where])
        return differences

    def _blocks(self, rows: Ids | None) -> Iterator[tuple[slice, Array, Any]]:
        """Yield place in the result, part, and the rows within the part (None for all)."""
        start = 0
        for part in self.parts:
            end = start + len(part)
            if rows is None:
                yield slice(start, end), part, None
            else:
                first, last = np.searchsorted(rows, (start, end)).tolist()
                if first < last:
                    yield slice(first, last), part, rows[first:last] - start
            start = end


class Matrix:
    """Rows that are only ever appended; not locked by itself.

    Args:
        width: of a row.
        dtype: of its numbers.
        expected: how many rows to make room for at first.
    """

    def __init__(self, width: int, dtype: type[np.generic], expected: int = 0) -> None:
        self._width = width
        self._dtype = dtype
        self._expected = expected
        self._chunks: list[Array] = []
        self._starts: list[int] = []
        self._count = 0

    def append(self, rows: Array) -> None:
        """Append (n, width) rows."""
        while len(rows):
            if not self._chunks or self._count == self._starts[-1] + len(self._chunks[-1]):
                self._begin_chunk()
            start = self._count - self._starts[-1]
            fitting = min(len(self._chunks[-1]) - start, len(rows))
            self._chunks[-1][start : start + fitting] = rows[:fitting]
            self._count += fitting
            rows = rows[fitting:]

    def after(self, start: int, limit: int) -> Array:
        """Return the rows from number `start` on, not copied, at least one and at most `limit`.

        Args:
            start: of a row that is there.
            limit: there are fewer at the end of a chunk.
        """
        number = bisect_right(self._starts, start) - 1
        first = start - self._starts[number]
        return self._filled(number)[first : first + limit]

    def view(self) -> MatrixView:
        """Return the rows as they are now."""
        parts = tuple(self._filled(number) for number in range(len(self._chunks)))
        return MatrixView(parts or (np.empty((0, self._width), self._dtype),))

    def _filled(self, number: int) -> Array:
        return self._chunks[number][: self._count - self._starts[number]]

    def _begin_chunk(self) -> None:
        # Each is as large as all before, so that there are few of them.
        fewest = _CHUNK_BYTES // (self._width * np.dtype(self._dtype).itemsize)
        rows = max(1, fewest, self._count, self._expected - self._count)
        self._chunks.append(_room(rows, self._width, self._dtype))
        self._starts.append(self._count)


def _room(rows: int, width: int, dtype: type[np.generic]) -> Array:
    """Return a chunk that takes no memory before it is written to, and none when it is dropped."""
    # What numpy allocates and frees in this size, the C library may keep for itself.
    size_bytes = rows * width * np.dtype(dtype).itemsize
    memory = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # not every kernel has them; rows here and there are read sooner
            memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype).reshape(rows, width)


def _multiply(part: Array, target: Array, products: Array) -> None:
    # The threads of numpy's matrix product wait by spinning, so that those of many clients keep
    # each other from running: 16 at a time got a few products a second.
    faiss.omp_set_num_threads(1)
    output, query, stored = map(faiss.swig_ptr, (products, target, part))
    faiss.fvec_inner_products_ny(  # type: ignore[attr-defined]  # FAISS has no hint for it
        output, query, stored, part.shape[1], len(part)
    )


def _multiply_in_place(part: Array, target: Array, rows: Ids, products: Array) -> None:
    # Copying the rows together for a matrix product takes several times as long as the product.
    # FAISS would start a team of threads for one query.
    faiss.omp_set_num_threads(1)
    output, query, stored, chosen = map(faiss.swig_ptr, (products, target, part, rows))
    faiss.fvec_inner_products_by_idx(  # type: ignore[attr-defined]  # FAISS has no hint for it
        output, query, stored, chosen, part.shape[1], 1, len(rows)
    )
