"""The pictures that the documents of the shop's own collection name in one of their fields."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bson import Decimal128, ObjectId
from gridfs import GridFSBucket
from pymongo.collection import Collection
from pymongo.errors import CursorNotFound

from app.documents import GalleryImage
from app.errors import ConfigError
from app.field_paths import is_inside, projection, value_at
from app.indexes import SearchIndex
from app.ingest.database_pictures import FieldPicture, GridFSPicture
from app.ingest.failures import Failure, NoPicture
from app.ingest.field_types import FieldTypes, Misfit
from app.ingest.places import PictureFinder
from app.layouts import guest_layout, own_paths

logger = logging.getLogger(__name__)

Document = dict[str, Any]

# Documents may be large, and a reply is held in memory.
_CURSOR_BATCH = 100


class GuestGallery:
    """Rows in the order of `_id`, whatever types ids are of.

    Args:
        collection: the shop's own.
        field: dotted path of the picture: its path, its URL, its bytes, or its id in GridFS;
            a number takes one element of an array.
        finder: finds the pictures that paths and URLs name.
        index: its path's sub-document is ours.
        copies: numeric fields of which a double is kept in our sub-document.
    """

    def __init__(
        self,
        collection: Collection[Document],
        field: str,
        finder: PictureFinder,
        *,
        index: SearchIndex,
        copies: Sequence[str] = (),
    ) -> None:
        """Check the field and the copies.

        Raises:
            ConfigError: the index file fits no guest, or declares no such copy.
        """
        visual = guest_layout(index).picture
        for path in (field, *copies):
            if "" in path.split(".") or path.startswith("$") or is_inside(path, visual):
                raise ConfigError(f"{path!r} must be the dotted name of a field outside {visual}.")
        self._copies = {path: f"{visual}.{path}" for path in copies}
        for path, copy in self._copies.items():
            if index.filter_types.get(copy) != "number":
                raise ConfigError(
                    f"--filter-copy {path} would keep {copy}, which INDEX_FILE does not declare as "
                    f"a number."
                )
        for path in index.filter_types:
            if is_inside(path, visual) and path not in [*self._copies.values(), *own_paths(index)]:
                logger.warning(
                    "INDEX_FILE declares %s, which this run does not write (--filter-copy %s does)",
                    path,
                    path.removeprefix(f"{visual}."),
                )
        self.root = finder.root.local_folder
        self._collection = collection
        self._field = field
        self._finder = finder
        self._files = GridFSBucket(collection.database)
        own = {path: kind for path, kind in index.filter_types.items()
               if not is_inside(path, visual)}  # fmt: skip
        self._types = FieldTypes(own)
        self._projection = projection([field, *copies, *own])

    def rows(self) -> Iterator[GalleryImage | Failure]:
        """Yield every document's row."""
        for document in self._documents():
            self._types.look_at(document)
            yield self._row(document)

    def count(self) -> int:
        """Return about how many documents there are."""
        return self._collection.estimated_document_count()

    def misfits(self) -> list[Misfit]:
        """Return which filterable fields the rows so far hold as types that no filter finds."""
        return self._types.misfits()

    def _documents(self) -> Iterator[Document]:
        query: Document = {}
        while True:
            cursor = self._collection.find(query, self._projection).sort("_id", 1)
            with cursor.batch_size(_CURSOR_BATCH) as documents:
                try:
                    for document in documents:
                        # Unlike a plain $gt, this goes on across types of ids.
                        after = ["$_id", {"$literal": document["_id"]}]
                        query = {"$expr": {"$gt": after}}
                        yield document
                    return
                except CursorNotFound:  # a server forgets one that is not asked for ten minutes
                    logger.info("The cursor timed out; reading goes on after the last document")

    def _row(self, document: Document) -> GalleryImage | Failure:
        item_id, value = document["_id"], value_at(document, self._field)
        try:
            source, uri = self._picture(value)
        except ValueError as error:
            outcome = NoPicture if value is None or value in ("", []) else Failure
            where = f"{self._collection.full_name}:{self._field}"
            return outcome(item_id, where, f"{_sentence(error)}.")
        return GalleryImage(item_id, source, uri, self._copied(document))

    def _copied(self, document: Document) -> Document:
        fields: Document = {}
        for path, copy in self._copies.items():
            value = value_at(document, path)
            fields[copy] = _doubles(value)
            if fields[copy] is None and value is not None:
                self._types.note(path, value, "number")
        return fields

    def _picture(self, value: Any) -> tuple[Any, str]:
        if value is None:
            raise ValueError(f"it has no {self._field}")
        if isinstance(value, list) and len(value) != 1:
            raise ValueError(
                f"{self._field} names {len(value)} pictures, expected one, such as {self._field}.0"
            )
        (value,) = value if isinstance(value, list) else [value]
        if isinstance(value, bytes):
            picture = FieldPicture(value, self._field)
            return picture, picture.uri
        if isinstance(value, ObjectId):
            stored = GridFSPicture(self._files, value)
            return stored, stored.uri
        if isinstance(value, Mapping):
            raise ValueError(f"{self._field} is a document; name the field of it that is meant")
        found = self._finder.find(self._field, value)
        return found.source, found.uri


def _doubles(value: Any) -> Any:
    """Return numbers, or text that writes them, as doubles; None for anything else."""
    if isinstance(value, list):
        return [one for one in map(_doubles, value) if one is not None] or None
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal128):
        return None
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _sentence(error: ValueError) -> str:
    text = str(error)
    return text[:1].upper() + text[1:] if text.startswith("it ") else text
