"""What a gallery takes on Atlas, computed: bytes of documents, and memory and disk of the index.

Documents are encoded as they are written, so their size is exact; the database compresses them on
disk, and keeps indexes of its own beside them (of `_id` at least). Of the search index the vectors
and their graph are counted, which are nearly all of it; filter fields come on top.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import bson
import numpy as np

from app.documents import GalleryImage, ImageFacts, to_document
from app.indexes import SearchIndex

Quantization = Literal["none", "scalar", "binary"]

# https://www.mongodb.com/docs/vector-search/about/vector-quantization/: scalar quantization keeps a
# byte of each number and binary a bit; vectors in full stay on disk, and the graph is not smaller.
_BITS_PER_NUMBER: dict[Quantization, int] = {"none": 32, "scalar": 8, "binary": 1}

# `hnswOptions.maxEdges` of a vectorSearch index, where it is not set.
MAX_EDGES = 16
_BYTES_PER_EDGE = 4


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a number of pictures takes under one index file.

    Attributes:
        stored_as: "array", "float32" or "int8".
        document_bytes: of one document, the mean of a sample.
        storage_bytes: of all documents, before the database compresses them.
        index_memory_bytes: for each quantization that the index can have.
        index_disk_bytes: as `index_memory_bytes`; vectors in full stay there beside quantized ones.
    """

    stored_as: str
    document_bytes: int
    storage_bytes: int
    index_memory_bytes: dict[Quantization, int]
    index_disk_bytes: dict[Quantization, int]


def capacity(index: SearchIndex, pictures: int, sample: Sequence[GalleryImage]) -> Capacity:
    """Compute what `pictures` documents take, whose fields are like those of a sample."""
    document_bytes = round(float(np.mean([_document_bytes(one, index) for one in sample])))
    per_vector = {kind: bytes_per_vector(index, kind) for kind in quantizations(index)}
    full = _number_bytes(index, "none")
    return Capacity(
        stored_as="array" if index.type == "search" else index.vector_type,
        document_bytes=document_bytes,
        storage_bytes=pictures * document_bytes,
        index_memory_bytes={kind: pictures * size for kind, size in per_vector.items()},
        index_disk_bytes={
            kind: pictures * (size if kind == "none" else size + full)
            for kind, size in per_vector.items()
        },
    )


def quantizations(index: SearchIndex) -> list[Quantization]:
    """Return how the engine can quantize the index's vectors: only float32 in `vectorSearch`."""
    if index.type == "search" or index.vector_type == "int8":
        return ["none"]
    return list(_BITS_PER_NUMBER)


def bytes_per_vector(index: SearchIndex, quantization: Quantization) -> int:
    """Return the memory that one vector of the index takes: its numbers, and its graph's edges."""
    return _number_bytes(index, quantization) + graph_bytes_per_vector()


def graph_bytes_per_vector() -> int:
    """Return the most that the HNSW graph takes for one vector.

    Twice `maxEdges` on the lowest layer, which holds every vector, and `maxEdges` on each above,
    which holds one in `maxEdges` of those below (https://arxiv.org/abs/1603.09320, section 4.1).
    """
    above = MAX_EDGES / (MAX_EDGES - 1)
    return round((2 * MAX_EDGES + above) * _BYTES_PER_EDGE)


def _number_bytes(index: SearchIndex, quantization: Quantization) -> int:
    bits = 8 if index.vector_type == "int8" else _BITS_PER_NUMBER[quantization]
    return -(-index.dimensions * bits // 8)


def _document_bytes(image: GalleryImage, index: SearchIndex) -> int:
    embedding = np.full(index.dimensions, index.dimensions**-0.5, dtype=np.float32)
    document = to_document(
        image,
        ImageFacts(sha256="0" * 64, width_px=1000, height_px=1000),
        embedding,
        index=index,
        embedded_by="0" * 64,
        updated_at=datetime.now(UTC),
    )
    return len(bson.encode(document))
