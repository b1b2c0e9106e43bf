"""What is to be written of a picture, in the update language of the database; pure.

Only what a run knows is set: a field that a document has from elsewhere stays, and a field that the
feed gives no value is removed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from app.documents import (
    Embedding,
    GalleryImage,
    ImageFacts,
    embedding_from_bson,
    get_path,
    to_document,
)
from app.indexes import SearchIndex
from app.ingest.known_embeddings import KnownEmbedding
from app.layouts import GALLERY_LAYOUT, Layout
from app.pictures import Validators

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Update:
    """What is to be written of one picture: `$set`, and `$unset` where a field has no value.

    Attributes:
        is_duplicate: whether its embedding is that of another picture of the same bytes.
    """

    image: GalleryImage
    operators: Document
    is_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class UpdateBuilder:
    """Builds the updates of one run.

    Attributes:
        index: where an embedding goes, and in which type.
        embedded_by: fingerprint of the run's model.
        gallery: what documents carry of their gallery (`pruning.gallery_id`), None for nothing.
    """

    index: SearchIndex
    embedded_by: str
    gallery: str | None = None

    @property
    def layout(self) -> Layout:
        """Where documents say which picture they show."""
        return GALLERY_LAYOUT

    def stored_paths(self, images: Iterable[GalleryImage]) -> set[str]:
        """Return the paths whose stored values decide what is to be written."""
        paths = {self.layout.picture, self.index.embedded_by_path}
        for image in images:
            paths.update(name.split(".")[0] for name in image.fields)
        return paths

    def row_values(self, image: GalleryImage) -> Document:
        """Return what a row says, by path; a document that has it all is left alone."""
        return {**image.fields, self.layout.uri: image.uri}

    def known_paths(self) -> list[str]:
        """Return the paths that `known_embedding` reads."""
        sizes = [f"{self.layout.picture}.{name}" for name in ("width_px", "height_px")]
        return [self.index.path, self.index.embedded_by_path, *sizes]

    def known_embedding(self, document: Document) -> KnownEmbedding | None:
        """Return the embedding that a document holds, None unless this run's model made it."""
        size = self._size(document)
        if size is None or get_path(document, self.index.embedded_by_path) != self.embedded_by:
            return None
        try:
            embedding = embedding_from_bson(get_path(document, self.index.path))
        except (ValueError, TypeError):  # somebody else has written there
            return None
        if embedding.shape != (self.index.dimensions,) or not np.isfinite(embedding).all():
            return None
        return KnownEmbedding(embedding, *size)

    def with_embedding(
        self, image: GalleryImage, facts: ImageFacts, embedding: Embedding
    ) -> Update:
        """Return the update that stores a picture's fields and its embedding, (d,) float32."""
        document = to_document(
            image,
            facts,
            embedding,
            index=self.index,
            embedded_by=self.embedded_by,
            updated_at=datetime.now(UTC),
        )
        written = operators(_by_path(document, self.index.path))
        if self.gallery is not None:
            # A document that was there before, made by somebody else, never becomes the gallery's.
            written["$setOnInsert"] = {self.layout.gallery: self.gallery}
        return Update(image, written)

    def of_fields(self, image: GalleryImage, validators: Validators | None = None) -> Update:
        """Return the update that stores a picture's fields and leaves its embedding alone.

        Args:
            image: the picture and the feed's fields.
            validators: of the bytes that were read; None leaves the stored ones.
        """
        values = {**self.row_values(image), "updated_at": datetime.now(UTC)}
        return Update(image, operators({**values, **validator_values(self.layout, validators)}))

    def _size(self, document: Document) -> tuple[int, int] | None:
        width_px, height_px = (
            get_path(document, f"{self.layout.picture}.{name}")
            for name in ("width_px", "height_px")
        )
        is_known = isinstance(width_px, int) and isinstance(height_px, int)
        return (width_px, height_px) if is_known else None


def operators(values: Document) -> Document:
    """Return the update that sets values by path, and removes the fields whose value is None."""
    given = {"$set": {path: value for path, value in values.items() if value is not None}}
    empty = {path: "" for path, value in values.items() if value is None}
    return {**given, "$unset": empty} if empty else given


def validator_values(layout: Layout, validators: Validators | None) -> Document:
    """Return validators by path; nothing where a source has none at all: stored ones stay then."""
    if validators is None:
        return {}
    return {layout.etag: validators.etag, layout.last_modified: validators.last_modified}


def _by_path(document: Document, embedding_path: str) -> Document:
    """Flatten the sub-documents that are shared with others: `image`, and the embedding's."""
    values: Document = {}
    shared = ["image", *_parents(embedding_path)]
    stack = [("", document)]
    while stack:
        prefix, part = stack.pop()
        for name, value in part.items():
            path = prefix + name
            if path in shared:
                stack.append((f"{path}.", value))
            else:
                values[path] = value
    values.pop("_id")
    return values


def _parents(path: str) -> list[str]:
    names = path.split(".")[:-1]
    return [".".join(names[: i + 1]) for i in range(len(names))]
