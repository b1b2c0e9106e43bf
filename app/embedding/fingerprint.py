"""The identity of a vector: what made it, down to the bytes of the weights.

Two models agree exactly when their vectors may be compared, whatever their folders are called.
Read without torch, straight from the file: the bytes as stored are hashed, not what they become
in memory, so every machine computes the same digits. For the same reason the precision that a
machine computes in is left out: `precision.py` lets in only what keeps vectors comparable.
"""

import hashlib
import json
import mmap
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from app.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TensorShape:
    """What a file's header says of one tensor; `dtype` is a safetensors code such as "F16"."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of a file and the sha256 of its bytes."""

    header: TensorShape
    sha256: str


def fingerprint(
    tensors: Iterable[StoredTensor],
    *,
    architecture: Mapping[str, Any],
    preprocessing: Mapping[str, Any],
    pooling: str,
    dimensions: int,
    vector_type: str,
) -> str:
    """Hash everything that two comparable vectors have in common.

    Args:
        tensors: the weights, in any order.
        architecture: what the names and shapes of the weights leave open, as JSON values.
        preprocessing: every parameter between a picture and the network, as JSON values.
        pooling: how the network's last feature map becomes one vector.
        dimensions: length of the vector.
        vector_type: how it is stored, "float32" or "int8".

    Returns:
        The sha256 of the parts' canonical JSON, 64 hexadecimal digits.
    """
    weights = sorted(
        (t.header.name, t.header.dtype, list(t.header.shape), t.sha256) for t in tensors
    )
    parts = {
        "weights": hashlib.sha256(_canonical_json(weights)).hexdigest(),
        "architecture": architecture,
        "preprocessing": preprocessing,
        "pooling": pooling,
        "dimensions": dimensions,
        "vector_type": vector_type,
    }
    return hashlib.sha256(_canonical_json(parts)).hexdigest()


def read_safetensors_header(path: Path) -> list[TensorShape]:
    """List the tensors of a safetensors file without reading their bytes.

    Raises:
        ConfigError: the file is missing, cut short or not safetensors.
    """
    try:
        with safe_open(path, framework="numpy") as opened:
            slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118  it has no __iter__
            return [
                TensorShape(name, part.get_dtype(), tuple(part.get_shape()))
                for name, part in slices.items()
            ]
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"{path} cannot be read as safetensors ({error}).") from error


def hash_safetensors(path: Path) -> list[StoredTensor]:
    """Hash every tensor of a safetensors file, without a copy in memory.

    The layout: 8 bytes of header length (little endian), the header as JSON with each tensor's
    `data_offsets` counted from its end, the data. https://huggingface.co/docs/safetensors

    Raises:
        ConfigError: the file is missing, cut short or not safetensors.
    """
    headers = read_safetensors_header(path)  # checks the offsets that are trusted below
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        (header_bytes,) = struct.unpack("<Q", content[:8])
        table = json.loads(content[8 : 8 + header_bytes])
        with memoryview(content) as data:
            start = 8 + header_bytes
            return [
                StoredTensor(header, _sha256(data, start, table[header.name]["data_offsets"]))
                for header in headers
            ]


def _sha256(data: memoryview, start: int, offsets: tuple[int, int]) -> str:
    with data[start + offsets[0] : start + offsets[1]] as part:
        return hashlib.sha256(part).hexdigest()


def _canonical_json(value: object) -> bytes:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
