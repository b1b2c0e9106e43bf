"""Pictures whose bytes the database holds, as an item's `source` names them.

field:photos.0       a field of the item's own document
gridfs:<file id>     a file in GridFS
"""

from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from gridfs import GridFSBucket
from gridfs.errors import NoFile
from pymongo.collection import Collection

from app.field_paths import projection, value_at

_FIELD, _GRIDFS = "field:", "gridfs:"


def field_uri(path: str) -> str:
    """Return how the bytes of a field of the item's document are named."""
    return f"{_FIELD}{path}"


def gridfs_uri(file_id: ObjectId) -> str:
    """Return how a file in GridFS is named."""
    return f"{_GRIDFS}{file_id}"


def is_stored(uri: Any) -> bool:
    """Return whether something names a picture that the database holds."""
    return isinstance(uri, str) and uri.startswith((_FIELD, _GRIDFS))


def read_stored(collection: Collection[dict[str, Any]], item_id: Any, uri: str) -> bytes | None:
    """Return the bytes that are named, None where there are none any more.

    Raises:
        The driver's errors.
    """
    if uri.startswith(_FIELD):
        path = uri.removeprefix(_FIELD)
        document = collection.find_one({"_id": item_id}, projection([path]))
        value = value_at(document or {}, path)
        (value,) = value if isinstance(value, list) and len(value) == 1 else [value]
        return bytes(value) if isinstance(value, bytes) else None
    try:
        file_id = ObjectId(uri.removeprefix(_GRIDFS))
        content: bytes = GridFSBucket(collection.database).open_download_stream(file_id).read()
    except (InvalidId, NoFile):
        return None
    return content
