"""The gallery document: its field names, and embeddings to and from BSON.

    { _id, product_id, title, category, color, price, ...      what the feed carries
      image: { uri, sha256, width_px, height_px, etag, last_modified, gallery },
      embedding: [...] | BinData(float32 or int8),              the path that the index file names
      embedded_by: "<fingerprint>",                             beside the embedding
      updated_at }

`image.uri` is the picture's path relative to the gallery's root (the folder, or the folder of the
manifest) with forward slashes, so that the root may move; or an https URL. `etag` and
`last_modified` are there where the picture's source gave them, `gallery` where ingestion made the
document (see `ingest.pruning`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from bson import Binary, ObjectId
from bson.binary import BinaryVectorDtype
from numpy.typing import NDArray

from app.indexes import SearchIndex, VectorType
from app.pictures import PictureSource, Validators

ItemId = str | int | ObjectId
Embedding = NDArray[np.float32]

# The first byte of BinData of subtype 9:
# https://github.com/mongodb/specifications/blob/master/source/bson-binary-vector/bson-binary-vector.md
_VECTOR_TYPES: dict[int, VectorType] = {
    BinaryVectorDtype.FLOAT32.value[0]: "float32",
    BinaryVectorDtype.INT8.value[0]: "int8",
}

_QUOTED_LENGTH = 100

RESERVED_FIELDS = frozenset({"_id", "image", "embedding", "embedded_by", "updated_at"})


@dataclass(frozen=True, slots=True)
class GalleryImage:
    """One picture of a gallery, before it is embedded.

    Attributes:
        item_id: the document's `_id`: an `ItemId`, save where the document is a shop's own.
        source: where its bytes are.
        uri: what the document's `image.uri` becomes.
        fields: the feed's own fields, already typed (`title`, `category`, `price`, ...).
    """

    item_id: Any
    source: PictureSource
    uri: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What was read off a picture: hash of its bytes (hex), and its upright size in pixels.

    Attributes:
        validators: what the source will recognise these bytes by, None where it has none at all.
    """

    sha256: str
    width_px: int
    height_px: int
    validators: Validators | None = None


def derived_item_id(relative_path: Path) -> str:
    """Return the `_id` of a picture that has none: its relative path, extension kept."""
    return relative_path.as_posix()


def shown_id(item_id: Any) -> Any:
    """Return an `_id` as JSON can hold it: what it cannot is shown as text."""
    return item_id if isinstance(item_id, str | int | None) else str(item_id)


def quoted_id(item_id: Any) -> str:
    """Return an `_id` as error texts name it: as Python writes it, a very long one cut short."""
    written = repr(item_id)
    return written if len(written) <= _QUOTED_LENGTH else f"{written[: _QUOTED_LENGTH - 3]}..."


def to_document(
    image: GalleryImage,
    facts: ImageFacts,
    embedding: Embedding,
    *,
    index: SearchIndex,
    embedded_by: str,
    updated_at: datetime,
) -> dict[str, Any]:
    """Build the gallery document.

    Args:
        image: the picture and the feed's fields.
        facts: the picture's hash and size.
        embedding: (d,) float32, unit length.
        index: says at which path and in which type the embedding is stored.
        embedded_by: fingerprint of what made the embedding.
        updated_at: timezone-aware.
    """
    document: dict[str, Any] = {
        "_id": image.item_id,
        **image.fields,
        "image": {
            "uri": image.uri,
            "sha256": facts.sha256,
            "width_px": facts.width_px,
            "height_px": facts.height_px,
            **(asdict(facts.validators) if facts.validators is not None else {}),
        },
    }
    set_path(document, index.path, embedding_to_bson(embedding, index))
    set_path(document, index.embedded_by_path, embedded_by)
    document["updated_at"] = updated_at
    return document


def embedding_to_bson(embedding: Embedding, index: SearchIndex) -> list[float] | Binary:
    """Return an embedding as the index's type wants it stored: array for `search`, BinData else.

    Args:
        embedding: (d,) float32.
        index: says the type; for int8 see `_to_int8`.
    """
    if index.type == "search":
        values: list[float] = embedding.astype(np.float64).tolist()
        return values
    if index.vector_type == "int8":
        return Binary.from_vector(_to_int8(embedding).tolist(), BinaryVectorDtype.INT8)
    return Binary.from_vector(np.ascontiguousarray(embedding), BinaryVectorDtype.FLOAT32)


def _to_int8(embedding: Embedding) -> NDArray[np.int8]:
    """Return `rint(127 x / max|x|)`: the vector's own largest number becomes 127 or -127.

    The scale differs from vector to vector, which cosine does not see, and uses all 8 bits, which
    a scale for all does not: the numbers of a unit vector of 512 are about 0.04. Each is rounded
    by at most max|x| / 254, so where max|x| is 4 / sqrt(d) the vector turns by at most 4 / 254 =
    0.016 rad, and on average by 0.009. With the clothing model on photos, the cosine between a
    vector and what it was is 0.99997 on average and 0.99995 at worst.
    """
    largest = np.abs(embedding).max()
    scale = 127.0 / largest if largest > 0 else 0.0
    quantized: NDArray[np.int8] = np.rint(embedding * scale).astype(np.int8)
    return quantized


def vector_type_of(value: Any) -> VectorType | None:
    """Return the element type of a stored embedding, None where an index file can name none.

    An array counts as float32: a search takes either for the other.
    """
    if isinstance(value, Binary) and value.subtype == 9 and len(value) > 2:
        return _VECTOR_TYPES.get(value[0])
    return "float32" if isinstance(value, list) else None


def embedding_from_bson(value: Any) -> Embedding:
    """Return a stored embedding, array or BinData of any element type, as (d,) float32.

    A number that no float32 holds becomes infinite, as it does for the engine.

    Raises:
        ValueError: the value is no embedding.
    """
    with np.errstate(over="ignore"):
        if isinstance(value, Binary) and value.subtype == 9:
            return np.asarray(value.as_vector(return_numpy=True).data, dtype=np.float32)
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            return np.asarray(value, dtype=np.float32)
    raise ValueError(f"a {type(value).__name__} is no embedding; expected an array or BinData")


def set_path(document: dict[str, Any], path: str, value: Any) -> None:
    """Set a dotted path in `document`, making the sub-documents on the way; mutates `document`."""
    *parents, leaf = path.split(".")
    for name in parents:
        document = document.setdefault(name, {})
    document[leaf] = value


def get_path(document: dict[str, Any], path: str) -> Any:
    """Return the value at a dotted path of sub-documents, None where there is none."""
    value: Any = document
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
