"""What is written into a collection that is the shop's own: one sub-document, and nothing else.

Each of its fields is set by its path, so that what the shop keeps there stays too. A document that
the shop deletes while a run goes on is not brought back.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import UpdateOne

from app.documents import Embedding, GalleryImage, ImageFacts, embedding_to_bson
from app.ingest.failures import Failure
from app.ingest.updates import Update, UpdateBuilder, operators, validator_values
from app.ingest.writer import GalleryWriter, id_key
from app.layouts import Layout, guest_layout
from app.pictures import Validators

Document = dict[str, Any]


class GuestUpdateBuilder(UpdateBuilder):
    """Builds updates of the sub-document; a picture's `fields` are paths inside it."""

    @property
    def layout(self) -> Layout:
        """That of a guest; raises `ConfigError` where the index file does not fit one."""
        return guest_layout(self.index)

    def stored_paths(self, images: Iterable[GalleryImage]) -> set[str]:
        """Return the paths whose stored values decide what is to be written."""
        layout = self.layout
        paths = {layout.uri, layout.sha256, layout.etag, layout.last_modified, layout.gallery}
        return paths.union([self.index.embedded_by_path], *(image.fields for image in images))

    def with_embedding(
        self, image: GalleryImage, facts: ImageFacts, embedding: Embedding
    ) -> Update:
        """Return the update that stores all of the sub-document, (d,) float32 in it."""
        layout = self.layout
        values = {
            self.index.path: embedding_to_bson(embedding, self.index),
            self.index.embedded_by_path: self.embedded_by,
            layout.sha256: facts.sha256,
            f"{layout.picture}.embedded_at": datetime.now(UTC),
            **validator_values(layout, facts.validators),
            **self.row_values(image),
        }
        return Update(image, operators(values))

    def of_fields(self, image: GalleryImage, validators: Validators | None = None) -> Update:
        """Return the update that leaves the embedding and its time alone."""
        values = self.row_values(image)
        return Update(image, operators({**values, **validator_values(self.layout, validators)}))

    def row_values(self, image: GalleryImage) -> Document:
        """Return what a row says, by path; a document that has it all is left alone."""
        gallery = {} if self.gallery is None else {self.layout.gallery: self.gallery}
        return {**super().row_values(image), **gallery}

    def _size(self, document: Document) -> tuple[int, int]:
        return (0, 0)  # the sub-document keeps none


class GuestWriter(GalleryWriter):
    """Updates documents that are there, and inserts none."""

    def ensure_hash_index(self) -> None:
        """Create nothing: which indexes a shop's own collection has is for the shop to say."""

    def delete_all(self) -> int:
        """Refuse: the documents are the shop's.

        Raises:
            AssertionError: always.
        """
        raise AssertionError("the documents of a shop's own collection are not ours to delete")

    def _operation(self, update: Update) -> UpdateOne:
        # $eq, because an _id may be a document that looks like an operator, as a DBRef does.
        return UpdateOne({"_id": {"$eq": update.image.item_id}}, update.operators, upsert=False)

    def _write_chunk(self, updates: Sequence[Update]) -> list[Failure]:
        refused = super()._write_chunk(updates)
        found = self._collection.find(
            {"_id": {"$in": [update.image.item_id for update in updates]}}, {"_id": 1}
        )
        there = {id_key(document["_id"]) for document in found}
        there.update(id_key(failure.item_id) for failure in refused)
        gone = [update.image for update in updates if id_key(update.image.item_id) not in there]
        return refused + [
            Failure(image.item_id, str(image.source), "Its document was deleted meanwhile.")
            for image in gone
        ]
