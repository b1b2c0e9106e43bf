"""The gallery document: its field names, and embeddings to and from BSON.

    { _id, product_id, title, category, color, price, ...      what the feed carries
      image: { uri, sha256, width_px, height_px, etag, last_modified },
      embedding: [...] | BinData(float32),                      the path that the index file names
      embedded_by: "<fingerprint>",                             beside the embedding
      updated_at }

`image.uri` is the picture's path relative to the gallery's root (the folder, or the folder of the
manifest) with forward slashes, so that the root may move; or an https URL. `etag` and
`last_modified` are there where the picture's source gave them.
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

from app.indexes import SearchIndex
from app.ingest.pictures import PictureSource, Validators

ItemId = str | int | ObjectId
Embedding = NDArray[np.float32]

RESERVED_FIELDS = frozenset({"_id", "image", "embedding", "embedded_by", "updated_at"})


@dataclass(frozen=True, slots=True)
class GalleryImage:
    """One picture of a gallery, before it is embedded.

    Attributes:
        item_id: the document's `_id`.
        source: where its bytes are.
        uri: what the document's `image.uri` becomes.
        fields: the feed's own fields, already typed (`title`, `category`, `price`, ...).
    """

    item_id: ItemId
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
        index: `vector_type` int8 maps [-1, 1] to [-127, 127], rounded.
    """
    if index.type == "search":
        values: list[float] = embedding.astype(np.float64).tolist()
        return values
    if index.vector_type == "int8":
        quantized = np.clip(np.rint(embedding * 127.0), -127, 127).astype(np.int8)
        return Binary.from_vector(quantized.tolist(), BinaryVectorDtype.INT8)
    return Binary.from_vector(np.ascontiguousarray(embedding), BinaryVectorDtype.FLOAT32)


def embedding_from_bson(value: Any) -> Embedding:
    """Return a stored embedding, array or BinData of any element type, as (d,) float32.

    Raises:
        ValueError: the value is no embedding.
    """
    if isinstance(value, Binary) and value.subtype == 9:
        return np.asarray(value.as_vector().data, dtype=np.float32)
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
