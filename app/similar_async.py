"""Similar items for asyncio: the same searches through `AsyncMongoClient` or Motor.

The pure parts are `app.similar`'s and `app.pipelines`'; only the asking is asynchronous. The model
runs in a worker thread, so that the event loop goes on.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from PIL.Image import Image

from app.composed.answer import ComposedAnswer
from app.composed.inputs import embed_now
from app.composed.pages import page_steps
from app.composed.query import ComposedQuery
from app.composed.steps import Search, search_steps
from app.composed.wants import Aggregate, Embed, Find, ReadState, Want
from app.data_state import (
    BAD_FOR_S,
    GOOD_FOR_S,
    Answers,
    DataState,
    make_data_state,
    sample_query,
)
from app.db import database_errors
from app.documents import Embedding, ItemId
from app.embedding.base import Embedder, Pixels, require_loaded
from app.filters import Filter
from app.indexes import SearchIndex
from app.similar import (
    Document,
    Hit,
    own_fingerprint,
    refuse,
    same_model_pipeline,
    to_hits,
)
from app.stored_embedding import stored_embedding


class AsyncSimilarItems:
    """Answers similar-item queries; the methods and errors of `app.similar.SimilarItems`.

    Args:
        collection: an `AsyncCollection` of PyMongo or an `AsyncIOMotorCollection`.
        index: decides the pipeline.
        embedder: of the model that made the embeddings; used for pictures and texts only.
        max_time_ms: limit of one search on the server.
        where: names the database in errors, without credentials.
    """

    def __init__(
        self,
        collection: Any,
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
        self._state: DataState | None = None
        self._state_read_at_s = 0.0

    async def to_item(
        self, item_id: ItemId, *, limit: int, condition: Filter | None = None
    ) -> list[Hit]:
        """Search with an item's stored embedding; the item itself is left out."""
        with database_errors(self._where):
            document = await self._collection.find_one(
                {"_id": item_id}, {self._index.path: 1, self._index.embedded_by_path: 1}
            )
        embedding, embedded_by = stored_embedding(document, item_id, self._index)
        rows = await self._ask(embedding, embedded_by, limit + 1, condition)
        return [hit for hit in to_hits(rows) if hit.item_id != item_id][:limit]

    async def to_image(
        self, image: Image, *, limit: int, condition: Filter | None = None
    ) -> list[Hit]:
        """Search with a picture (upright RGB)."""
        require_loaded(self._embedder)
        pixels = await asyncio.to_thread(self._embedder.prepare, image)
        return await self.to_prepared(pixels, limit=limit, condition=condition)

    async def to_prepared(
        self, pixels: Pixels, *, limit: int, condition: Filter | None = None
    ) -> list[Hit]:
        """Search with a picture that went through `Embedder.prepare`."""
        require_loaded(self._embedder)
        embeddings = await asyncio.to_thread(self._embedder.embed_prepared, pixels[None])
        return await self.to_embedding(embeddings[0], limit=limit, condition=condition)

    async def to_text(self, text: str, *, limit: int, condition: Filter | None = None) -> list[Hit]:
        """Search with a sentence."""
        if self._embedder.supports_text:
            require_loaded(self._embedder)
        embeddings = await asyncio.to_thread(self._embedder.embed_texts, [text])
        return await self.to_embedding(embeddings[0], limit=limit, condition=condition)

    async def to_embedding(
        self, embedding: Embedding, *, limit: int, condition: Filter | None = None
    ) -> list[Hit]:
        """Search with a vector of the service's own model: (d,) float32, unit length."""
        fingerprint = await asyncio.to_thread(lambda: self._embedder.fingerprint)
        return to_hits(await self._ask(embedding, fingerprint, limit, condition))

    async def search(self, query: ComposedQuery) -> ComposedAnswer:
        """Search with several inputs and all options."""
        return await self._follow(search_steps(query, self._index))

    async def next_page(
        self, cursor: str, *, limit: int = 10, fields: Sequence[str] | None = None
    ) -> ComposedAnswer:
        """Go on with a composed search where a page of it ended."""
        return await self._follow(page_steps(cursor, self._index, limit=limit, fields=fields))

    async def _follow(self, steps: Search) -> ComposedAnswer:
        with database_errors(self._where):
            try:
                want = next(steps)
                while True:
                    want = steps.send(await self._given(want))
            except StopIteration as done:
                answer: ComposedAnswer = done.value
                return answer

    async def _given(self, want: Want) -> Any:
        match want:
            case ReadState(is_fresh):
                return await self._searchable_state(is_fresh=is_fresh)
            case Find(query, projection):
                found = self._collection.find(query, projection, max_time_ms=self._max_time_ms)
                return [document async for document in found]
            case Aggregate(pipeline):
                return await _all_rows(self._collection, pipeline, self._max_time_ms)
            case Embed():
                return await asyncio.to_thread(embed_now, self._embedder, want)

    async def _searchable_state(self, *, is_fresh: bool) -> DataState:
        state = await (self._read_state() if is_fresh else self._current_state())
        refuse(self._problem(state))
        return state

    async def _ask(
        self, embedding: Embedding, embedded_by: str, limit: int, condition: Filter | None
    ) -> list[Document]:
        with database_errors(self._where):
            state = await self._searchable_state(is_fresh=False)
            pipeline = same_model_pipeline(
                state, self._index, embedding, embedded_by, limit=limit, condition=condition
            )
            rows = await _all_rows(self._collection, pipeline, self._max_time_ms)
            if not rows:  # on Atlas a missing index reads as "no results"
                await self._searchable_state(is_fresh=True)
        return rows

    def _problem(self, state: DataState) -> str | None:
        return state.problem(own_fingerprint(self._embedder), str(self._collection.full_name))

    async def _current_state(self) -> DataState:
        state, age_s = self._state, time.monotonic() - self._state_read_at_s
        if state is not None:
            good_for_s = GOOD_FOR_S if self._problem(state) is None else BAD_FOR_S
            if age_s <= good_for_s:
                return state
        return await self._read_state()

    async def _read_state(self) -> DataState:
        entries = await _all_rows(self._collection, [{"$listSearchIndexes": {}}], None)
        path = self._index.embedded_by_path
        fingerprints = await self._collection.distinct(path)
        answers = Answers(
            entries,
            fingerprints,
            [
                await self._collection.find_one(*sample_query(self._index, one))
                for one in fingerprints
            ],
            await self._collection.count_documents({path: None}, limit=1),
        )
        self._state = make_data_state(
            answers, index=self._index, collection_name=str(self._collection.full_name)
        )
        self._state_read_at_s = time.monotonic()
        return self._state


async def _all_rows(collection: Any, pipeline: Any, max_time_ms: int | None) -> list[Document]:
    options = {} if max_time_ms is None else {"maxTimeMS": max_time_ms}
    cursor = collection.aggregate(pipeline, **options)
    if asyncio.iscoroutine(cursor):  # PyMongo's aggregate is awaited, Motor's is not
        cursor = await cursor
    return [row async for row in cursor]
