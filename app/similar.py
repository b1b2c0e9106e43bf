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

from app.composed.answer import ComposedAnswer
from app.composed.inputs import embed_now
from app.composed.pages import page_steps
from app.composed.query import ComposedQuery
from app.composed.steps import Search, search_steps
from app.composed.wants import Aggregate, Embed, Find, ReadState, Want
from app.data_state import BAD_FOR_S, DataState, DataStateCache, read_data_state
from app.db import database_errors
from app.documents import Embedding, ItemId
from app.embedding.base import Embedder, Pixels, require_loaded
from app.errors import IndexNotReady
from app.filters import Filter, all_of
from app.indexes import SearchIndex
from app.pipelines import Pipeline, search_pipeline
from app.stored_embedding import stored_embedding

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

    def search(self, query: ComposedQuery) -> ComposedAnswer:
        """Search with several inputs and all options.

        Works before the model is loaded where all inputs are items. Hits are of the model that
        made the inputs' embeddings.

        Raises:
            ServiceError: as `composed.steps.search_steps`, `to_prepared`, `to_text` and
                `to_embedding`.
        """
        return self._follow(search_steps(query, self._index))

    def next_page(
        self, cursor: str, *, limit: int = 10, fields: Sequence[str] | None = None
    ) -> ComposedAnswer:
        """Go on with a composed search where a page of it ended.

        Raises:
            ServiceError: as `composed.pages.page_steps` and `to_embedding`.
        """
        return self._follow(page_steps(cursor, self._index, limit=limit, fields=fields))

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

    def _follow(self, steps: Search) -> ComposedAnswer:
        """Give a search what it wants until it has its answer."""
        with database_errors(self._where):
            try:
                want = next(steps)
                while True:
                    want = steps.send(self._given(want))
            except StopIteration as done:
                answer: ComposedAnswer = done.value
                return answer

    def _given(self, want: Want) -> Any:
        match want:
            case ReadState(is_fresh):
                return self._searchable_state(is_fresh=is_fresh)
            case Find(query, projection):
                return list(self._collection.find(query, projection, max_time_ms=self._max_time_ms))
            case Aggregate(pipeline):
                return list(self._collection.aggregate(pipeline, maxTimeMS=self._max_time_ms))
            case Embed():
                return embed_now(self._embedder, want)

    def _searchable_state(self, *, is_fresh: bool) -> DataState:
        if is_fresh:
            state = self._state.refresh(0)
        else:
            state = self._state.get(is_good=lambda state: self.problem(state) is None)
        refuse(self.problem(state))
        return state

    def _ask(
        self, embedding: Embedding, embedded_by: str, limit: int, condition: Filter | None
    ) -> list[Document]:
        with database_errors(self._where):
            state = self._searchable_state(is_fresh=False)
            pipeline = same_model_pipeline(
                state, self._index, embedding, embedded_by, limit=limit, condition=condition
            )
            rows = list(self._collection.aggregate(pipeline, maxTimeMS=self._max_time_ms))
            if not rows:  # on Atlas a missing index reads as "no results"
                self._searchable_state(is_fresh=True)
        return rows


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


def refuse(problem: str | None) -> None:
    """Raise `IndexNotReady` where there is a problem."""
    if problem is not None:
        raise IndexNotReady(problem)


def _ms_since(start_s: float) -> float:
    return (time.perf_counter() - start_s) * 1000.0
