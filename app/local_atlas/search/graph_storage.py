"""Room for the rows of a graph: reserved at once, so that rows never move, and free until used.

FAISS keeps rows in a C++ vector whose room can only be had by filling it. The pages that this
touches are given back to the system, which hands them out again one by one as rows come.
"""

import ctypes
import mmap
import sys
from functools import cache
from typing import Any

import faiss

_FLOAT_BYTES = 4


def empty_storage(dimensions: int, capacity: int) -> faiss.IndexFlatL2:
    """Return a storage without rows that takes `capacity` of them and stays where it is."""
    storage = faiss.IndexFlatL2(dimensions)
    if not capacity:
        return storage
    size_bytes = capacity * dimensions * _FLOAT_BYTES
    codes: Any = storage.codes  # FAISS's type hints do not know it
    if _doubles():
        # What is full takes twice its room for one more element: half of the room is never filled.
        half = -(-size_bytes // 2)
        _fill(codes, half)
        _fill(codes, half + 1)
    else:
        _fill(codes, size_bytes)
    codes.resize(0)  # the room stays
    return storage


def _fill(codes: Any, size_bytes: int) -> None:
    codes.resize(size_bytes)
    if sys.platform == "linux":
        address = faiss.rev_swig_ptr(codes.data(), size_bytes).ctypes.data
        _release(address, address + size_bytes)


def _release(start: int, end: int) -> None:
    """Give back the pages between two addresses, whose content is lost."""
    first, last = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
    if first < last:
        length = ctypes.c_size_t(last - first)
        ctypes.CDLL(None).madvise(ctypes.c_void_p(first), length, mmap.MADV_DONTNEED)


@cache
def _doubles() -> bool:
    """Tell whether a full vector takes twice its room, as those of GCC and Clang do."""
    vector: Any = faiss.UInt8Vector()
    vector.resize(1 << 12)
    vector.resize((1 << 12) + 1)
    address = int(vector.data())
    vector.resize(1 << 13)
    return int(vector.data()) == address
