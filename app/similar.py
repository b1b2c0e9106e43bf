"""Similar items: a stored item, a picture or a text becomes a query vector, a pipeline, and hits.

`SimilarItems` asks through PyMongo; `app.similar_async.AsyncSimilarItems` is the same for
`AsyncMongoClient` and Motor. What both share is pure: `app.hits`, `app.pipelines`, `app.composed`.
"""

import time
from collections.abc import Sequence
from typing import Any

from PIL.Image import Image
from pymongo.collection import Collection

from app.asking import Asker, own_fingerprint
from app.composed.answer import ComposedAnswer
from app.composed.inputs import embed_now
from app.composed.pages import page_steps
from app.composed.plan import BY_WORDS_ONLY
from app.composed.query import ComposedQuery
from app.composed.steps import Search, search_steps
from app.composed.wants import Aggregate, AskServer, Embed, Find, ReadState, Want
from app.data_state import DataState
from app.db import database_errors
from app.documents import Embedding, ItemId
from app.embedding.base import Embedder, Pixels, require_loaded
from app.filters import Filter, all_of
from app.hits import Answer, Document, Hit, same_model_pipeline, to_hits
from app.index_care.lag import Lag, LagWatch
from app.indexes import SearchIndex
from app.lexical_indexes import LexicalIndex
from app.lexical_pipelines import suggestions_of, suggestions_pipeline, text_pipeline
from app.stored_embedding import stored_embedding


class SimilarItems:
    """Answers similar-item queries over one collection and one search index.

    Args:
        collection: the gallery.
        index: decides the pipeline.
        embedder: of the model that made the embeddings; used for pictures and texts only.
        lexical: finds words, None where nothing does.
        max_time_ms: limit of one search on the server.
        where: names the database in errors, without credentials.
    """

    def __init__(
        self,
        collection: Collection[Document],
        index: SearchIndex,
        embedder: Embedder,
        lexical: LexicalIndex | None = None,
        *,
        max_time_ms: int,
        where: str = "MONGODB_URI",
    ) -> None:
        self._collection = collection
        self._index = index
        self._embedder = embedder
        self._lexical = lexical
        self._where = where
        self._lag = LagWatch(collection, index)
        self._asker = Asker(collection, index, lexical, embedder, max_time_ms=max_time_ms)

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
            paths = (self._index.path, self._index.embedded_by_path)
            found = self._asker.documents({"_id": item_id}, dict.fromkeys(paths, 1))
        document = found[0] if found else None
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
        """Search with a sentence, by its words where the model understands none.

        Raises:
            TextNotSupported: the model has no text tower, and nothing finds words.
            ModelUnavailable: the model is not loaded yet.
            ServiceError: as `to_embedding`.
        """
        start_s = time.perf_counter()
        if not self._embedder.supports_text and self._lexical is not None:
            rows = self._ask_words(self._lexical, text, limit, condition)
            return Answer(to_hits(rows), 0.0, _ms_since(start_s), BY_WORDS_ONLY)
        if self._embedder.supports_text:
            require_loaded(self._embedder)
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
        steps = search_steps(
            query,
            self._index,
            self._lexical,
            self._embedder.calibration,
            embeds_text=self._embedder.supports_text,
        )
        return self._follow(steps)

    def next_page(
        self, cursor: str, *, limit: int = 10, fields: Sequence[str] | None = None
    ) -> ComposedAnswer:
        """Go on with a composed search where a page of it ended.

        Raises:
            ServiceError: as `composed.pages.page_steps` and `to_embedding`.
        """
        calibration = self._embedder.calibration
        return self._follow(
            page_steps(cursor, self._index, calibration, limit=limit, fields=fields)
        )

    def suggestions(self, typed: str, *, limit: int, condition: Filter | None = None) -> list[str]:
        """Return how what somebody is typing may go on, the likeliest first.

        Raises:
            BadRequest: no index completes words.
            ServiceError: as `to_embedding`.
        """
        pipeline = suggestions_pipeline(self._lexical, typed, condition=condition)
        if pipeline is None:
            return []
        with database_errors(self._where):
            self._asker.searchable_state(needs_words=True)
            return suggestions_of(self._asker.rows(pipeline), typed, limit)

    def refresh_state(self) -> DataState:
        """Return what is known of index and data, at most a second old.

        Raises:
            DatabaseUnavailable: the database cannot be asked.
        """
        with database_errors(self._where):
            return self._asker.refresh_state()

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

    def lag(self) -> Lag | None:
        """Return how far the index is behind the writes, None where that cannot be told.

        Raises:
            DatabaseUnavailable: the database cannot be asked.
        """
        with database_errors(self._where):
            return self._lag.read()

    def problem(self, state: DataState) -> str | None:
        """Return why searches are refused in this state, or None."""
        return self._asker.problem(state)

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
            case ReadState(is_fresh, needs_words):
                return self._asker.searchable_state(is_fresh=is_fresh, needs_words=needs_words)
            case AskServer():
                return self._asker.server()
            case Find(query, projection):
                return self._asker.documents(query, projection)
            case Aggregate(pipeline):
                return self._asker.rows(pipeline)
            case Embed():
                return embed_now(self._embedder, want)

    def _ask(
        self, embedding: Embedding, embedded_by: str, limit: int, condition: Filter | None
    ) -> list[Document]:
        with database_errors(self._where):
            state = self._asker.searchable_state()
            pipeline = same_model_pipeline(
                state, self._index, embedding, embedded_by, limit=limit, condition=condition
            )
            rows = self._asker.rows(pipeline)
            if not rows:  # on Atlas a missing index reads as "no results"
                self._asker.searchable_state(is_fresh=True)
        return rows

    def _ask_words(
        self, lexical: LexicalIndex, text: str, limit: int, condition: Filter | None
    ) -> list[Document]:
        require_loaded(self._embedder)
        with database_errors(self._where):
            state = self._asker.searchable_state(needs_words=True)
            kept = state.same_model_filter(self._embedder.fingerprint, self._index)
            pipeline = text_pipeline(
                lexical, self._index, text, limit=limit, condition=all_of(condition, kept)
            )
            rows = self._asker.rows(pipeline)
            if not rows:
                self._asker.searchable_state(is_fresh=True, needs_words=True)
        return rows


def _ms_since(start_s: float) -> float:
    return (time.perf_counter() - start_s) * 1000.0
