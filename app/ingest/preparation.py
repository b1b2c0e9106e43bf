"""Rows -> decisions: what is already there, what only needs its fields, and pixels for the rest.

The stored documents are looked up first, so that a source that knows its picture's state can spare
the reading. Bytes are read once: the hash that decides whether anything changed, and the pixels
that are embedded, are of the same bytes even while somebody replaces the file. Only bytes that
this model has not embedded yet, under whatever id, are decoded.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bson.errors import InvalidDocument

from app.bson_values import encode_document, encode_value
from app.documents import GalleryImage, ImageFacts, get_path
from app.embedding.base import Embedder, Pixels
from app.embedding.images import read_for_side
from app.errors import UnreadableImage
from app.ingest.failures import Failure
from app.ingest.known_embeddings import KnownEmbedding, KnownEmbeddings
from app.ingest.updates import Update, validator_values
from app.ingest.writer import GalleryWriter
from app.layouts import Layout
from app.pictures import NotModified, PictureBytes, PictureUnavailable, Validators

# A document holds 16 MiB (https://www.mongodb.com/docs/manual/reference/limits/), the embedding
# and what ingestion adds less than one of them.
MAX_FIELDS_BYTES = 15 * 1024 * 1024
MAX_WAITING_BYTES = 2 * 1024 * 1024

Document = dict[str, Any]
Read = Callable[[], PictureBytes | NotModified]


@dataclass(frozen=True, slots=True)
class Pending:
    """A picture that must be embedded: its row, its facts, its pixels as `prepare` makes them."""

    image: GalleryImage
    facts: ImageFacts
    pixels: Pixels


@dataclass(slots=True)
class PreparedBatch:
    """What became of one batch of rows; each of them is in exactly one place.

    Attributes:
        unchanged: how many are in the database just like this.
        failures: what cannot be embedded.
        changed: updates of rows whose picture is embedded, under this id or another.
        pending: pictures to embed.
    """

    unchanged: int = 0
    failures: list[Failure] = field(default_factory=list)
    changed: list[Update] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)

    def add(self, outcome: "Outcome") -> None:
        """Put a row where it belongs."""
        match outcome:
            case None:
                self.unchanged += 1
            case Failure():
                self.failures.append(outcome)
            case Update():
                self.changed.append(outcome)
            case Pending():
                self.pending.append(outcome)


# None for a row of which nothing is to be done.
Outcome = Pending | Update | Failure | None


@dataclass(frozen=True, slots=True)
class _Decoded:
    pixels: Pixels
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class _New:
    """A picture whose bytes are not those that are embedded under its id."""

    image: GalleryImage
    sha256: str
    validators: Validators | None
    content: bytes | _Decoded | UnreadableImage


class Preparation:
    """Brings rows to a decision; used by one thread at a time.

    Args:
        writer: finds what is stored; its updates are those of rows whose picture is embedded.
        known: what this model has embedded, by the hash of the bytes.
        embedder: prepares the pixels of one that is not.
        max_pixels: as `read_image` takes it.
        decoding: threads for decoding and scaling, about as many as cores, and for reading what is
            here.
        reading: threads for reading what is elsewhere, where most of the time is waiting.
    """

    def __init__(
        self,
        writer: GalleryWriter,
        *,
        known: KnownEmbeddings,
        embedder: Embedder,
        max_pixels: int,
        decoding: Executor,
        reading: Executor,
    ) -> None:
        self._find_stored = writer.find_stored
        self._updates = writer.updates
        self._layout = writer.updates.layout
        self._known = known
        self._embedder = embedder
        self._max_pixels = max_pixels
        self._decoding = decoding
        self._reading = reading

    def __call__(self, rows: Sequence[GalleryImage | Failure]) -> PreparedBatch:
        """Decide on every row.

        Raises:
            The driver's errors.
        """
        batch = PreparedBatch()
        storable: list[GalleryImage] = []
        for row in map(_storable, rows):
            if isinstance(row, Failure):
                batch.failures.append(row)
            else:
                storable.append(row)
        documents = self._find_stored(storable) if storable else []
        stored = [self._if_ours(document) for document in documents]
        reads = [self._start_reading(*one) for one in zip(storable, stored, strict=True)]
        new: list[_New] = []
        for outcome in self._decoding.map(self._decide, storable, stored, reads):
            if isinstance(outcome, _New):
                new.append(outcome)
            else:
                batch.add(outcome)
        for settled in self._settle(new):
            batch.add(settled)
        return batch

    def _start_reading(self, image: GalleryImage, stored: Document | None) -> Read:
        """Return what gives the bytes; those of a remote picture are on their way already."""
        read = partial(image.source.read, _known_validators(stored, image, self._layout))
        return self._reading.submit(read).result if image.source.is_remote else read

    def _decide(
        self, image: GalleryImage, stored: Document | None, read: Read
    ) -> _New | Update | Failure | None:
        """Return what is to be done about a picture, None for nothing."""
        try:
            picture = read()
        except PictureUnavailable as error:
            return Failure(
                image.item_id, str(image.source), error.reason, retryable=error.retryable
            )
        if isinstance(picture, NotModified):
            assert stored is not None  # else nothing was known
            is_same = _has_values(stored, self._updates.row_values(image))
            return None if is_same else self._updates.of_fields(image)
        sha256 = hashlib.sha256(picture.content).hexdigest()
        if stored is None or get_path(stored, self._layout.sha256) != sha256:
            return self._new(image, picture, sha256)
        validators = validator_values(self._layout, picture.validators)
        if _has_values(stored, {**self._updates.row_values(image), **validators}):
            return None
        return self._updates.of_fields(image, picture.validators)

    def _if_ours(self, document: Document | None) -> Document | None:
        """Return a document that is embedded by this run's model, None for any other."""
        path = self._updates.index.embedded_by_path
        is_ours = document is not None and get_path(document, path) == self._updates.embedded_by
        return document if is_ours else None

    def _settle(self, new: Sequence[_New]) -> Iterator[Outcome]:
        """Yield what is to be done about each new picture; the same bytes are decoded once."""
        known = self._known.find({one.sha256 for one in new})
        first = {one.sha256: one.content for one in reversed(new) if one.sha256 not in known}
        decoded = dict(zip(first, self._decoding.map(self._decode, first.values()), strict=True))
        for one in new:
            if one.sha256 in known:
                yield self._copy(one, known[one.sha256])
                continue
            match decoded[one.sha256]:
                case UnreadableImage() as error:
                    yield Failure(one.image.item_id, str(one.image.source), error.message)
                case _Decoded(pixels, width_px, height_px):
                    facts = ImageFacts(one.sha256, width_px, height_px, one.validators)
                    yield Pending(one.image, facts, pixels)

    def _copy(self, new: _New, known: KnownEmbedding) -> Update:
        facts = ImageFacts(new.sha256, known.width_px, known.height_px, new.validators)
        update = self._updates.with_embedding(new.image, facts, known.embedding)
        return replace(update, is_duplicate=True)

    def _new(self, image: GalleryImage, picture: PictureBytes, sha256: str) -> _New:
        # Until the whole batch is looked up its bytes wait, and a batch of large ones would be
        # much; pixels are little. For those, a duplicate costs a decoding and no embedding.
        is_large = len(picture.content) > MAX_WAITING_BYTES
        content = self._decode(picture.content) if is_large else picture.content
        return _New(image, sha256, picture.validators, content)

    def _decode(self, content: bytes | _Decoded | UnreadableImage) -> _Decoded | UnreadableImage:
        if not isinstance(content, bytes):
            return content
        try:
            decoded = read_for_side(
                content, self._embedder.input_side_px, max_pixels=self._max_pixels
            )
        except UnreadableImage as error:
            return error
        pixels = self._embedder.prepare(decoded.image)
        return _Decoded(pixels, decoded.width_px, decoded.height_px)


def _storable(row: GalleryImage | Failure) -> GalleryImage | Failure:
    if isinstance(row, Failure) or (problem := _fields_problem(row)) is None:
        return row
    return Failure(row.item_id, str(row.source), problem)


def _known_validators(
    stored: Document | None, image: GalleryImage, layout: Layout
) -> Validators | None:
    """Return the validators of the bytes that are embedded; another place has others."""
    if stored is None or get_path(stored, layout.uri) != image.uri:
        return None
    etag, last_modified = get_path(stored, layout.etag), get_path(stored, layout.last_modified)
    if etag is None and last_modified is None:
        return None
    return Validators(etag, last_modified)


def _fields_problem(image: GalleryImage) -> str | None:
    try:
        size_bytes = len(encode_document({"_id": image.item_id, "uri": image.uri, **image.fields}))
    except (InvalidDocument, OverflowError, ValueError, RecursionError) as error:
        return f"Its fields cannot be stored: {error}."
    if size_bytes > MAX_FIELDS_BYTES:
        return f"Its fields have {size_bytes:,} bytes, at most {MAX_FIELDS_BYTES:,} fit a document."
    return None


def _has_values(document: Document, values: Document) -> bool:
    return all(_is_same(get_path(document, path), value) for path, value in values.items())


def _is_same(stored: Any, value: Any) -> bool:
    """Compare as BSON: there 1, 1.0 and true are three values, and a date has milliseconds."""
    return encode_value(stored) == encode_value(value)
