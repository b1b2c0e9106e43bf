"""Similar items: a stored item, a picture or a text becomes a query vector, a pipeline, and hits.

`SimilarItems` asks through PyMongo; `app.similar_async.AsyncSimilarItems` is the same for
`AsyncMongoClient` and Motor. What both share is pure and stands at the end of this module.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL.Image import Image
from pymongo.collection import Collection

from app.data_state import BAD_FOR_S, DataState, DataStateCache, read_data_state
from app.db import database_errors
from app.documents import Embedding, ItemId, embedding_from_bson, get_path, vector_type_of
from app.embedding.base import Embedder, Pixels
from app.errors import IndexNotReady, ItemNotEmbedded, ItemNotFound, ModelUnavailable
from app.filters import Filter, all_of
from app.indexes import SearchIndex
from app.pipelines import Pipeline, search_pipeline

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hit:
    """One result.

    Attributes:
        score: Atlas's score, larger is better.
        document: the item without its embedding.
    """

    item_id: ItemId
    score: float
    document: Document


@dataclass(frozen=True, slots=True)
class Answer:
    """The hits of one search, best first, and where the time went."""

    hits: list[Hit]
    embed_ms: float
    search_ms: float


class SimilarItems:
    """Answers similar-item queries over one collection and one search index.

    Args:
        collection: the gallery.
        index: decides the pipeline.
        embedder: of the model that made the embeddings; used for pictures and texts only.
        max_time_ms: limit of one search on the server.
        where: names the database in errors, without credentials.
    """

    def __init__(
        self,
        collection: Collection[Document],
        index: SearchIndex,
        embedder: Embedder,
        *,
        max_time_ms: int,
        where: str = "MONGODB_URI",
    ) -> None:
        self._collection = collection
        self._index = index
        self._embedder = embedder
        self._max_time_ms = max_time_ms
        self._where = where
        self._state = DataStateCache(lambda: read_data_state(collection, index))

    def to_item(self, item_id: ItemId, *, limit: int, condition: Filter | None = None) -> Answer:
        """Search with an item's stored embedding; the item itself is left out.

        Works before the model is loaded. Hits are of the model that made the item's embedding.

        Raises:
            ItemNotFound: no item has this id.
            ItemNotEmbedded: it has no embedding yet.
            ServiceError: as `to_embedding`.
        """
        start_s = time.perf_counter()
        with database_errors(self._where):
            document = self._collection.find_one(
                {"_id": item_id},
                {self._index.path: 1, self._index.embedded_by_path: 1},
                max_time_ms=self._max_time_ms,
            )
        embedding, embedded_by = stored_embedding(document, item_id, self._index)
        rows = self._ask(embedding, embedded_by, limit + 1, condition)
        hits = [hit for hit in to_hits(rows) if hit.item_id != item_id][:limit]
        return Answer(hits, 0.0, _ms_since(start_s))

    def to_image(self, image: Image, *, limit: int, condition: Filter | None = None) -> Answer:
        """Search with a picture (upright RGB); as `to_prepared` otherwise."""
        require_loaded(self._embedder)
        return self.to_prepared(self._embedder.prepare(image), limit=limit, condition=condition)

    def to_prepared(self, pixels: Pixels, *, limit: int, condition: Filter | None = None) -> Answer:
        """Search with a picture that went through `Embedder.prepare`.

        Raises:
            ModelUnavailable: the model is not loaded yet.
            ServiceError: as `to_embedding`.
        """
        require_loaded(self._embedder)
        start_s = time.perf_counter()
        embedding = self._embedder.embed_prepared(pixels[None])[0]
        return self._timed_search(embedding, start_s, limit, condition)

    def to_text(self, text: str, *, limit: int, condition: Filter | None = None) -> Answer:
        """Search with a sentence.

        Raises:
            TextNotSupported: the model has no text tower.
            ModelUnavailable: the model is not loaded yet.
            ServiceError: as `to_embedding`.
        """
        if self._embedder.supports_text:
            require_loaded(self._embedder)
        start_s = time.perf_counter()
        embedding = self._embedder.embed_texts([text])[0]
        return self._timed_search(embedding, start_s, limit, condition)

    def to_embedding(
        self, embedding: Embedding, *, limit: int, condition: Filter | None = None
    ) -> list[Hit]:
        """Search with a vector of the service's own model.

        Args:
            embedding: (d,) float32, unit length.
            limit: hits wanted.
            condition: only items that match it.

        Returns:
            At most `limit` hits, best first.

        Raises:
            IndexNotReady: the live index is missing, not queryable, or disagrees with its file, or
                the collection holds no embedding of this model.
            DatabaseUnavailable, SearchTimeout: the database did not answer.
        """
        return to_hits(self._ask(embedding, self._embedder.fingerprint, limit, condition))

    def refresh_state(self) -> DataState:
        """Return what is known of index and data, at most a second old.

        Raises:
            DatabaseUnavailable: the database cannot be asked.
        """
        with database_errors(self._where):
            return self._state.refresh(BAD_FOR_S)

    def coverage(self) -> dict[str, int]:
        """Return how many items there are, and how many this service's model has embedded.

        Raises:
            DatabaseUnavailable: the database cannot be asked.
        """
        ours = {self._index.embedded_by_path: own_fingerprint(self._embedder) or ""}
        with database_errors(self._where):
            return {
                "items": self._collection.estimated_document_count(),
                "embedded_by_this_model": self._collection.count_documents(ours),
            }

    def problem(self, state: DataState) -> str | None:
        """Return why searches are refused in this state, or None."""
        return state.problem(own_fingerprint(self._embedder), self._collection.full_name)

    def _timed_search(
        self, embedding: Embedding, start_s: float, limit: int, condition: Filter | None
    ) -> Answer:
        embed_ms = _ms_since(start_s)
        start_s = time.perf_counter()
        hits = self.to_embedding(embedding, limit=limit, condition=condition)
        return Answer(hits, embed_ms, _ms_since(start_s))

    def _ask(
        self, embedding: Embedding, embedded_by: str, limit: int, condition: Filter | None
    ) -> list[Document]:
        with database_errors(self._where):
            state = self._state.get(is_good=lambda state: self.problem(state) is None)
            refuse(self.problem(state))
            pipeline = same_model_pipeline(
                state, self._index, embedding, embedded_by, limit=limit, condition=condition
            )
            rows = list(self._collection.aggregate(pipeline, maxTimeMS=self._max_time_ms))
            if not rows:  # on Atlas a missing index reads as "no results"
                refuse(self.problem(self._state.refresh(0)))
        return rows


def stored_embedding(
    document: Document | None, item_id: ItemId, index: SearchIndex
) -> tuple[Embedding, str]:
    """Return an item's embedding and the fingerprint of what made it.

    Raises:
        ItemNotFound: there is no document.
        ItemNotEmbedded: it holds no embedding, a broken one, or one of another length.
        IndexNotReady: it is of an element type that the index's queries pass over in silence.
    """
    if document is None:
        raise ItemNotFound(f"No item has the id {item_id!r}.")
    value, embedded_by = get_path(document, index.path), get_path(document, index.embedded_by_path)
    if value is None or not isinstance(embedded_by, str):
        raise ItemNotEmbedded(f"Item {item_id!r} has no embedding yet.")
    try:
        embedding = embedding_from_bson(value)
    except (ValueError, TypeError) as error:
        raise ItemNotEmbedded(f"The embedding of item {item_id!r} cannot be read.") from error
    if embedding.shape != (index.dimensions,):
        raise ItemNotEmbedded(
            f"The embedding of item {item_id!r} has {embedding.size} dimensions, "
            f"the index {index.dimensions}."
        )
    if (stored := vector_type_of(value)) != index.vector_type:
        raise IndexNotReady(
            f"The embedding of item {item_id!r} is {stored or 'of an unknown type'}, and the file "
            f"of search index {index.name} says vectorType {index.vector_type}."
        )
    return embedding, embedded_by


def same_model_pipeline(
    state: DataState,
    index: SearchIndex,
    embedding: Embedding,
    embedded_by: str,
    *,
    limit: int,
    condition: Filter | None,
) -> Pipeline:
    """Build the search that keeps within the model that made `embedding`."""
    kept = all_of(condition, state.same_model_filter(embedded_by, index))
    return search_pipeline(index, embedding, limit=limit, condition=kept)


def to_hits(rows: Sequence[Document]) -> list[Hit]:
    """Turn the rows of a search pipeline into hits, order kept."""
    return [Hit(row["item"]["_id"], row["score"], row["item"]) for row in rows]


def own_fingerprint(embedder: Embedder) -> str | None:
    """Return the model's fingerprint, None while the model is not loaded."""
    return embedder.fingerprint if embedder.is_loaded else None


def require_loaded(embedder: Embedder) -> None:
    """Refuse a search that needs the model before it is there.

    Raises:
        ModelUnavailable: it is not loaded.
    """
    if not embedder.is_loaded:
        raise ModelUnavailable(f"The model {embedder.name} is still loading.")


def refuse(problem: str | None) -> None:
    """Raise `IndexNotReady` where there is a problem."""
    if problem is not None:
        raise IndexNotReady(problem)


def _ms_since(start_s: float) -> float:
    return (time.perf_counter() - start_s) * 1000.0
