"""Float vectors that are alone in their field, read for many documents at once.

Most documents hold one vector, right in its field and of the right length. Whether that one is
indexed matters to nothing else in the document, so it can be decided for a whole batch; where
several vectors compete for a field, `ingestion.py` looks at one after the other.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from bson import Binary

from ..long_arrays import Path, array_size, outline, read_doubles
from ..mql.rows import decode
from ..raw_documents import MAX_DOCUMENT_SIZE_BYTES
from .definition import SearchIndexDefinition
from .mapping import DocumentMapping, VectorField
from .vectors import VECTOR_SUBTYPE

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_BINARY_HEAD = b"\x27\x00"  # float32, no padding
_FLOAT_BYTES = 4


ReadDocument = tuple[dict[str, Any], Mapping[str, bytes]]
"""The decoded fields, and the raw BSON arrays that were left out, by their dotted path."""

_NOTHING: Mapping[str, bytes] = {}


class DocumentReader:
    """Decodes documents for one index."""

    def __init__(self, definition: SearchIndexDefinition) -> None:
        self._sizes = dict(_lone_sizes(definition.mapping.root, (), definition.nested_root))
        self._least_size = min(self._sizes.values(), default=MAX_DOCUMENT_SIZE_BYTES)

    def read(self, raw: bytes) -> ReadDocument:
        """Decode a document, and leave out the arrays that are lone vectors."""
        if len(raw) < self._least_size:
            return decode(raw), _NOTHING
        parts = outline(raw)
        for path, array in parts.arrays.items():
            if len(array) != self._sizes.get(path):
                return decode(raw), _NOTHING
        return decode(parts.raw), {".".join(path): array for path, array in parts.arrays.items()}


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
