"""Turns stored vectors from arrays into BinData and back, a batch at a time, while others write.

A vector is replaced only where it is still the one that was read, so nobody's write is undone.
float32 is what the engine makes of an array anyway, so no score changes; an array that was more
precise comes back rounded to float32.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from bson import Binary
from bson.binary import BinaryVectorDtype
from pymongo import UpdateOne

from app.documents import get_path
from app.field_paths import projection
from app.index_care.listing import Documents
from app.local_atlas.search.vectors import stored_vector

BATCH = 200

Convert = Callable[[Any], Any | None]


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of the vectors.

    Attributes:
        changed: how many were turned.
        left: that are no finite float32 vector, or that somebody else changed meanwhile.
    """

    changed: int
    left: int


def to_bindata(collection: Documents, path: str) -> Converted:
    """Turn arrays of numbers into BinData float32; raises the driver's errors."""
    return _convert(collection, path, "array", _as_bindata)


def to_arrays(collection: Documents, path: str) -> Converted:
    """Turn BinData float32 into arrays of doubles; raises the driver's errors."""
    return _convert(collection, path, "binData", _as_array)


def _convert(collection: Documents, path: str, stored_as: str, convert: Convert) -> Converted:
    changed = left = 0
    for batch in _batches(collection, path, stored_as):
        updates = []
        for document in batch:
            value = get_path(document, path)
            converted = convert(value)
            if converted is not None:
                condition = {"_id": document["_id"], path: value}
                updates.append(UpdateOne(condition, {"$set": {path: converted}}))
        done = collection.bulk_write(updates, ordered=False).modified_count if updates else 0
        changed += done
        left += len(batch) - done
    return Converted(changed, left)


def _batches(collection: Documents, path: str, stored_as: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the documents of one kind, in the order of `_id`, so that none comes twice."""
    found = collection.find({path: {"$type": stored_as}}, projection([path]), batch_size=BATCH)
    with found.sort("_id", 1) as documents:
        while batch := list(islice(documents, BATCH)):
            yield batch


def _as_bindata(value: Any) -> Binary | None:
    vector = stored_vector(value) if isinstance(value, list) else None
    if vector is None or not vector.is_finite:
        return None
    return Binary.from_vector(vector.values.astype(np.float32), BinaryVectorDtype.FLOAT32)


def _as_array(value: Any) -> list[float] | None:
    vector = stored_vector(value) if isinstance(value, Binary) else None
    if vector is None or vector.element_type != "float32":
        return None
    numbers: list[float] = vector.values.astype(np.float64).tolist()
    return numbers
