"""Float vectors that are alone in their field, read for many documents at once.

Most documents hold one vector, right in its field and of the right length. Whether that one is
indexed matters to nothing else in the document, so it can be decided for a whole batch; where
several vectors compete for a field, `ingestion.py` looks at one after the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from bson import Binary

from ..long_arrays import Path, array_size, outline, read_doubles
from ..mql.rows import decode
from .definition import SearchIndexDefinition
from .mapping import DocumentMapping, VectorField
from .vectors import VECTOR_SUBTYPE

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_BINARY_HEAD = b"\x27\x00"  # float32, no padding
_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A stored document, decoded but for its lone arrays.

    Args:
        fields: the decoded document.
        lone_arrays: the raw BSON arrays that were left out, by the dotted path of their field.
    """

    fields: Mapping[str, Any]
    lone_arrays: Mapping[str, bytes]


class DocumentReader:
    """Decodes documents for one index."""

    def __init__(self, definition: SearchIndexDefinition) -> None:
        self._sizes = dict(_lone_sizes(definition.mapping.root, (), definition.nested_root))

    def read(self, raw: bytes) -> ReadDocument:
        """Decode a document, and leave out the arrays that are lone vectors."""
        parts = outline(raw)
        for path, array in parts.arrays.items():
            if len(array) != self._sizes.get(path):
                return ReadDocument(decode(raw), {})
        lone_arrays = {".".join(path): array for path, array in parts.arrays.items()}
        return ReadDocument(decode(parts.raw), lone_arrays)


def is_lone_binary(field: VectorField, value: Any) -> bool:
    """Tell whether a value is a well-formed binary float32 vector of the field's length."""
    return (
        isinstance(value, Binary)
        and value.subtype == VECTOR_SUBTYPE
        and len(value) == len(_BINARY_HEAD) + _FLOAT_BYTES * field.dimensions
        and value.startswith(_BINARY_HEAD)
    )


def read_lone_vectors(contents: Sequence[bytes], field: VectorField) -> tuple[Floats, Bools]:
    """Read vectors of the field's length: arrays that were left out, or binary ones.

    Returns:
        (n, d) float32, and (n,) which of them are indexed.
    """
    if isinstance(contents[0], Binary):
        size, joined = len(contents[0]), b"".join(contents)
        shape, strides = (len(contents), field.dimensions), (size, _FLOAT_BYTES)
        values = np.array(np.ndarray(shape, "<f4", joined, len(_BINARY_HEAD), strides))
    else:
        values = read_doubles(contents, field.dimensions)
    # A sum of doubles is finite exactly where every one of these numbers is.
    is_indexed: Bools = np.isfinite(values.sum(axis=1, dtype=np.float64))
    if field.similarity == "cosine":
        is_indexed &= values.any(axis=1)
    return values, is_indexed


def _lone_sizes(
    mapping: DocumentMapping, parent: Path, nested_root: str | None
) -> list[tuple[Path, int]]:
    """Return path and size in bytes of every array that can be nothing but a lone vector."""
    found = []
    for name, field in mapping.fields.items():
        path = (*parent, name)
        if ".".join(path) == nested_root:
            continue
        if field.vector is not None and not field.types:
            found.append((path, array_size(field.vector.dimensions)))
        if field.document is not None:
            found += _lone_sizes(field.document, path, nested_root)
    return found
