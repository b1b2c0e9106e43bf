"""Rows -> decisions: what is already there, what only needs its fields, and pixels for the rest.

Each picture's bytes are read once: the hash that decides whether anything changed, and the pixels
that are embedded, are of the same bytes even while somebody replaces the file.
"""

import hashlib
import stat
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import bson
from bson.errors import InvalidDocument
from PIL.Image import Image

from app.documents import GalleryImage, ImageFacts, ItemId, get_path
from app.embedding.images import read_image
from app.errors import UnreadableImage
from app.ingest.failures import Failure
from app.ingest.updates import Update, UpdateBuilder

MAX_FILE_BYTES = 256 * 1024 * 1024
# A document holds 16 MiB (https://www.mongodb.com/docs/manual/reference/limits/), the embedding
# and what ingestion adds less than one of them.
MAX_FIELDS_BYTES = 15 * 1024 * 1024
# Models look at 224 to 448 px. A batch of camera pictures in full would take gigabytes, so they
# wait at a size that is still more than twice that: by whole factors, which moves no embedding.
MIN_WAITING_SIDE_PX = 768

Document = dict[str, Any]
FindStored = Callable[[Sequence[GalleryImage]], Mapping[ItemId, Document]]


@dataclass(frozen=True, slots=True)
class Pending:
    """A picture that must be embedded: its row, its facts, its pixels."""

    image: GalleryImage
    facts: ImageFacts
    pixels: Image


@dataclass(slots=True)
class PreparedBatch:
    """What became of one batch of rows; each of them is in exactly one place.

    Attributes:
        unchanged: how many are in the database just like this.
        failures: what cannot be embedded.
        changed: updates of rows whose picture is embedded and whose fields are not the stored ones.
        pending: pictures to embed.
    """

    unchanged: int = 0
    failures: list[Failure] = field(default_factory=list)
    changed: list[Update] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Content:
    image: GalleryImage
    content: bytes
    sha256: str


class Preparation:
    """Brings rows to a decision; used by one thread at a time.

    Args:
        find_stored: returns the stored documents of some pictures, by id.
        updates: builds the update of a row whose picture is embedded already.
        max_pixels: as `read_image` takes it.
        executor: threads for reading and decoding; both let other threads run meanwhile.
    """

    def __init__(
        self,
        find_stored: FindStored,
        updates: UpdateBuilder,
        *,
        max_pixels: int,
        executor: Executor,
    ) -> None:
        self._find_stored = find_stored
        self._updates = updates
        self._max_pixels = max_pixels
        self._executor = executor

    def __call__(self, rows: Sequence[GalleryImage | Failure]) -> PreparedBatch:
        """Decide on every row.

        Raises:
            The driver's errors.
        """
        batch = PreparedBatch()
        contents: list[_Content] = []
        for outcome in self._executor.map(_read, rows):
            if isinstance(outcome, Failure):
                batch.failures.append(outcome)
            else:
                contents.append(outcome)
        to_decode = self._settle_known(contents, batch)
        for decoded in self._executor.map(self._decode, to_decode):
            if isinstance(decoded, Failure):
                batch.failures.append(decoded)
            else:
                batch.pending.append(decoded)
        return batch

    def _settle_known(self, contents: Sequence[_Content], batch: PreparedBatch) -> list[_Content]:
        stored = self._find_stored([one.image for one in contents]) if contents else {}
        unknown = []
        for one in contents:
            document = stored.get(one.image.item_id)
            if document is None or not self._is_embedded(document, one.sha256):
                unknown.append(one)
            elif _has_fields(document, one.image):
                batch.unchanged += 1
            else:
                batch.changed.append(self._updates.of_fields(one.image))
        return unknown

    def _is_embedded(self, document: Document, sha256: str) -> bool:
        embedded_by = get_path(document, self._updates.index.embedded_by_path)
        is_same_model: bool = embedded_by == self._updates.embedded_by
        return is_same_model and bool(get_path(document, "image.sha256") == sha256)

    def _decode(self, one: _Content) -> Pending | Failure:
        try:
            pixels = read_image(one.content, max_pixels=self._max_pixels)
        except UnreadableImage as error:
            return _failure(one.image, error.message)
        facts = ImageFacts(one.sha256, pixels.width, pixels.height)
        return Pending(one.image, facts, _reduced(pixels))


def _read(row: GalleryImage | Failure) -> _Content | Failure:
    if isinstance(row, Failure):
        return row
    if (problem := _fields_problem(row)) is not None:
        return _failure(row, problem)
    try:
        status = row.source.stat()
        if not stat.S_ISREG(status.st_mode):
            return _failure(row, "The picture is no ordinary file.")
        if status.st_size > MAX_FILE_BYTES:
            return _failure(
                row, f"The file has {status.st_size:,} bytes, at most {MAX_FILE_BYTES:,} are read."
            )
        content = row.source.read_bytes()
    except OSError as error:
        return _failure(row, f"The picture cannot be read: {error.strerror}.")
    return _Content(row, content, hashlib.sha256(content).hexdigest())


def _fields_problem(image: GalleryImage) -> str | None:
    try:
        size_bytes = len(bson.encode({"_id": image.item_id, "uri": image.uri, **image.fields}))
    except (InvalidDocument, OverflowError, ValueError, RecursionError) as error:
        return f"Its fields cannot be stored: {error}."
    if size_bytes > MAX_FIELDS_BYTES:
        return f"Its fields have {size_bytes:,} bytes, at most {MAX_FIELDS_BYTES:,} fit a document."
    return None


def _has_fields(document: Document, image: GalleryImage) -> bool:
    return all(
        _is_same(get_path(document, path), value)
        for path, value in {**image.fields, "image.uri": image.uri}.items()
    )


def _is_same(stored: Any, value: Any) -> bool:
    """Compare as BSON: there 1, 1.0 and true are three values, and a date has milliseconds."""
    return bson.encode({"": stored}) == bson.encode({"": value})


def _reduced(pixels: Image) -> Image:
    factor = min(pixels.size) // MIN_WAITING_SIDE_PX
    return pixels.reduce(factor) if factor > 1 else pixels


def _failure(image: GalleryImage, reason: str) -> Failure:
    return Failure(image.item_id, str(image.source), reason)
