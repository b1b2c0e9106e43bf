"""The database's side of ingestion: what is stored, and unordered bulk upserts."""

import logging
from collections.abc import Collection as Sized
from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property
from statistics import mean
from typing import Any

from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, OperationFailure

from app.bson_values import encode_document, encode_value
from app.data_state import sample_query
from app.documents import GalleryImage, get_path, vector_type_of
from app.errors import ConfigError
from app.ingest.failures import Failure
from app.ingest.known_embeddings import KnownEmbedding
from app.ingest.transient import retried
from app.ingest.updates import Update, UpdateBuilder

logger = logging.getLogger(__name__)

Document = dict[str, Any]

# A driver's message holds 48 MB; smaller ones give the server a steadier stream.
MAX_BULK_BYTES = 8 * 1024 * 1024
MAX_BULK_OPERATIONS = 1000
SAMPLE_SIZE = 100
# Of a picture that very many documents show, a few are read.
MAX_FOUND_PER_HASH = 4


class GalleryWriter:
    """Finds and upserts the gallery's documents; several threads may write while one finds.

    Attributes:
        updates: builds the updates of the run, for its model and its index.
    """

    def __init__(self, collection: Collection[Document], updates: UpdateBuilder) -> None:
        self.updates = updates
        self._collection = collection

    def check_model(self) -> None:
        """Refuse to mix models at the index's path.

        Raises:
            ConfigError: a document holds an embedding of another model.
        """
        path = self.updates.index.embedded_by_path
        other = self._collection.find_one(self._other_models(), {path: 1})
        if other is not None:
            stored, own = str(get_path(other, path))[:12], self.updates.embedded_by[:12]
            raise ConfigError(
                f"{self._collection.full_name} holds embeddings of model {stored} at "
                f"{self.updates.index.path!r}, this run's model is {own}; "
                f"--replace-model embeds everything anew."
            )

    def check_vector_type(self) -> None:
        """Refuse to mix element types at the index's path: a query finds one type only.

        Raises:
            ConfigError: a document holds a vector of another type than the index file says.
        """
        index = self.updates.index
        fingerprints = self._collection.distinct(index.embedded_by_path)
        samples = [self._collection.find_one(*sample_query(index, one)) for one in fingerprints]
        # Vectors of unknown origin count too: whoever else asks the path would miss these. Looking
        # for one among all documents could take hours where none has any.
        unlabelled = self._collection.find({index.embedded_by_path: None}, {index.path: 1})
        for sample in [*samples, *unlabelled.limit(SAMPLE_SIZE)]:
            stored = vector_type_of(get_path(sample, index.path)) if sample else None
            if stored not in (None, index.vector_type):
                raise ConfigError(
                    f"{self._collection.full_name} holds {stored} vectors at {index.path!r} and "
                    f"the index file says vectorType {index.vector_type}; one path holds one type, "
                    f"so take another collection or path, or start anew with --drop."
                )

    def bytes_per_document(self) -> int | None:
        """Return the mean size of this model's documents, over 100 of them; None without any."""
        raw = self._collection.with_options(CodecOptions(document_class=RawBSONDocument))
        ours = raw.find({self.updates.index.embedded_by_path: self.updates.embedded_by})
        sizes = [len(document.raw) for document in ours.limit(SAMPLE_SIZE)]
        return round(mean(sizes)) if sizes else None

    def count_other_models(self) -> int:
        """Return how many documents hold an embedding of another model."""
        return self._collection.count_documents(self._other_models())

    def delete_all(self) -> int:
        """Delete every document, keep collection and indexes; return how many there were."""
        return self._collection.delete_many({}).deleted_count

    @retried
    def find_stored(self, images: Sequence[GalleryImage]) -> list[Document | None]:
        """Return the stored document of each picture, without its embedding, None for none."""
        paths = self.updates.stored_paths(images)
        found = self._collection.find(
            {"_id": {"$in": [image.item_id for image in images]}}, dict.fromkeys(sorted(paths), 1)
        )
        documents = {id_key(document["_id"]): document for document in found}
        return [documents.get(id_key(image.item_id)) for image in images]

    def ensure_hash_index(self) -> None:
        """Create the ordinary index that exact duplicates are looked up through, where allowed."""
        path = self.updates.layout.sha256
        try:
            self._collection.create_index(path)
        except OperationFailure as error:
            reason = (error.details or {}).get("errmsg", str(error))
            logger.warning("Without an index on %s few duplicates are found: %s", path, reason)

    @retried
    def find_embeddings(self, hashes: Sized[str]) -> dict[str, KnownEmbedding]:
        """Return this model's embeddings of pictures with these hashes, by hash.

        Without an ordinary index on the hash there are none: each look-up would read all documents.
        """
        if not self._has_hash_index:
            return {}
        path = self.updates.layout.sha256
        # The model is compared here: in the query, it could make the server choose the index on it
        # instead, and read all that the model has embedded.
        found = self._collection.find(
            {path: {"$in": list(hashes)}}, dict.fromkeys((path, *self.updates.known_paths()), 1)
        )
        known: dict[str, KnownEmbedding] = {}
        for document in found.limit(MAX_FOUND_PER_HASH * len(hashes)):
            one = self.updates.known_embedding(document)
            sha256 = get_path(document, path)
            if one is not None and sha256 is not None:
                known[sha256] = one
        return known

    @cached_property
    def _has_hash_index(self) -> bool:
        try:
            indexes = self._collection.index_information()
        except OperationFailure:  # not allowed to look
            return False
        return any(one["key"][0][0] == self.updates.layout.sha256 for one in indexes.values())

    def write(self, updates: Sequence[Update]) -> list[Failure]:
        """Upsert, unordered; return one failure for each update that the database refused.

        Raises:
            The driver's errors, where a whole command failed again and again.
        """
        return [failure for chunk in _chunks(updates) for failure in self._write_chunk(chunk)]

    def _write_chunk(self, updates: Sequence[Update]) -> list[Failure]:
        reasons = self.refusals([self._operation(update) for update in updates])
        return [_refused(updates[i].image, reason) for i, reason in sorted(reasons.items())]

    @retried
    def refusals(self, operations: Sequence[UpdateOne]) -> dict[int, str]:
        """Write what fits one message; return the reasons of what was refused, by place."""
        try:
            self._collection.bulk_write(operations, ordered=False)
        except BulkWriteError as error:
            reasons = {one["index"]: one["errmsg"] for one in error.details["writeErrors"]}
            if concerns := error.details.get("writeConcernErrors"):
                # Written here, but not acknowledged as safe: the next run looks again.
                reasons = dict.fromkeys(range(len(operations)), concerns[0]["errmsg"]) | reasons
            return reasons
        return {}

    def _operation(self, update: Update) -> UpdateOne:
        return UpdateOne({"_id": update.image.item_id}, update.operators, upsert=True)

    def _other_models(self) -> Document:
        return {self.updates.index.embedded_by_path: {"$nin": [self.updates.embedded_by, None]}}


def id_key(item_id: Any) -> Hashable:
    """Return what is equal for equal `_id`s alone: to Python 1 is True, and a document no key."""
    is_plain = isinstance(item_id, str | int | float | ObjectId) and not isinstance(item_id, bool)
    return item_id if is_plain else encode_value(item_id)


def _chunks(updates: Sequence[Update]) -> Iterator[list[Update]]:
    chunk: list[Update] = []
    chunk_bytes = 0
    for update in updates:
        size_bytes = len(encode_document(update.operators))
        is_full = len(chunk) == MAX_BULK_OPERATIONS or chunk_bytes + size_bytes > MAX_BULK_BYTES
        if chunk and is_full:
            yield chunk
            chunk, chunk_bytes = [], 0
        chunk.append(update)
        chunk_bytes += size_bytes
    if chunk:
        yield chunk


def _refused(image: GalleryImage, reason: str) -> Failure:
    return Failure(image.item_id, str(image.source), f"The database refused it: {reason}.")
