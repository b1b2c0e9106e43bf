"""Similar items for asyncio: the same searches through `AsyncMongoClient` or Motor.

The pure parts are `app.similar`'s and `app.pipelines`'; only the asking is asynchronous. The model
runs in a worker thread, so that the event loop goes on.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from PIL.Image import Image
from pymongo.errors import ExecutionTimeout, OperationFailure

from app.asking import own_fingerprint, refuse
from app.composed.answer import ComposedAnswer
from app.composed.inputs import embed_now
from app.composed.pages import page_steps
from app.composed.query import ComposedQuery
from app.composed.steps import Search, search_steps
from app.composed.wants import Aggregate, AskServer, Embed, Find, ReadState, Want
from app.data_state import (
    BAD_FOR_S,
    GOOD_FOR_S,
    Answers,
    DataState,
    good_for_s,
    make_data_state,
    sample_query,
)
from app.db import database_errors
from app.documents import Embedding, ItemId
from app.embedding.base import Embedder, Pixels, require_loaded
from app.filters import Filter, all_of
from app.fusion import Server, probe, server_without_stage
from app.hits import Document, Hit, same_model_pipeline, to_hits
from app.indexes import SearchIndex
from app.lexical_indexes import LexicalIndex
from app.lexical_pipelines import suggestions_of, suggestions_pipeline, text_pipeline
from app.pipelines import Pipeline
from app.stored_embedding import stored_embedding


class AsyncSimilarItems:
    """Answers similar-item queries; the methods and errors of `app.similar.SimilarItems`.

    Args:
        collection: an `AsyncCollection` of PyMongo or an `AsyncIOMotorCollection`.
        index: decides the pipeline.
        embedder: of the model that made the embeddings; used for pictures and texts only.
        lexical: finds words, None where nothing does.
        max_time_ms: limit of one search on the server.
        where: names the database in errors, without credentials.
    """

    def __init__(
        self,
        collection: Any,
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
        self._server: Server | None = None
        self._max_time_ms = max_time_ms
        self._where = where
        self._state: DataState | None = None
        self._state_read_at_s = 0.0
        self._state_good_for_s = GOOD_FOR_S

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
        """Search with a sentence, by its words where the model understands none."""
        if not self._embedder.supports_text and self._lexical is not None:
            return to_hits(await self._ask_words(self._lexical, text, limit, condition))
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
        steps = search_steps(
            query,
            self._index,
            self._lexical,
            self._embedder.calibration,
            embeds_text=self._embedder.supports_text,
        )
        return await self._follow(steps)

    async def next_page(
        self, cursor: str, *, limit: int = 10, fields: Sequence[str] | None = None
    ) -> ComposedAnswer:
        """Go on with a composed search where a page of it ended."""
        calibration = self._embedder.calibration
        return await self._follow(
            page_steps(cursor, self._index, calibration, limit=limit, fields=fields)
        )

    async def suggestions(
        self, typed: str, *, limit: int, condition: Filter | None = None
    ) -> list[str]:
        """Return how what somebody is typing may go on, the likeliest first."""
        pipeline = suggestions_pipeline(self._lexical, typed, condition=condition)
        if pipeline is None:
            return []
        with database_errors(self._where):
            await self._searchable_state(needs_words=True)
            return suggestions_of(await self._rows(pipeline), typed, limit)

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
            case ReadState(is_fresh, needs_words):
                return await self._searchable_state(is_fresh=is_fresh, needs_words=needs_words)
            case AskServer():
                return await self._asked_server()
            case Find(query, projection):
                found = self._collection.find(query, projection, max_time_ms=self._max_time_ms)
                return [document async for document in found]
            case Aggregate(pipeline):
                return await self._rows(pipeline)
            case Embed():
                return await asyncio.to_thread(embed_now, self._embedder, want)

    async def _searchable_state(
        self, *, is_fresh: bool = False, needs_words: bool = False
    ) -> DataState:
        state = await (self._read_state() if is_fresh else self._current_state(needs_words))
        refuse(self._problem(state, needs_words))
        return state

    async def _asked_server(self) -> Server:
        if self._server is None:
            assert self._lexical is not None, "nothing is fused without words"
            try:
                await self._rows(probe(self._lexical))
            except OperationFailure as error:
                self._server = server_without_stage(str(self._collection.name), error)
            else:
                self._server = Server(str(self._collection.name), has_rank_fusion=True)
        return self._server

    async def _ask(
        self, embedding: Embedding, embedded_by: str, limit: int, condition: Filter | None
    ) -> list[Document]:
        with database_errors(self._where):
            state = await self._searchable_state()
            pipeline = same_model_pipeline(
                state, self._index, embedding, embedded_by, limit=limit, condition=condition
            )
            rows = await self._rows(pipeline)
            if not rows:  # on Atlas a missing index reads as "no results"
                await self._searchable_state(is_fresh=True)
        return rows

    async def _ask_words(
        self, lexical: LexicalIndex, text: str, limit: int, condition: Filter | None
    ) -> list[Document]:
        require_loaded(self._embedder)
        with database_errors(self._where):
            state = await self._searchable_state(needs_words=True)
            kept = state.same_model_filter(self._embedder.fingerprint, self._index)
            pipeline = text_pipeline(
                lexical, self._index, text, limit=limit, condition=all_of(condition, kept)
            )
            rows = await self._rows(pipeline)
            if not rows:
                await self._searchable_state(is_fresh=True, needs_words=True)
        return rows

    async def _rows(self, pipeline: Pipeline) -> list[Document]:
        try:
            return await _all_rows(self._collection, pipeline, self._max_time_ms)
        except ExecutionTimeout:
            raise
        except OperationFailure:  # the index was being built at that moment, say
            await self._searchable_state(is_fresh=True, needs_words=True)
            return await _all_rows(self._collection, pipeline, self._max_time_ms)

    def _problem(self, state: DataState, needs_words: bool) -> str | None:
        name = str(self._collection.full_name)
        problem = state.problem(own_fingerprint(self._embedder), name)
        return problem or (state.words_problem if needs_words else None)

    async def _current_state(self, needs_words: bool) -> DataState:
        state, age_s = self._state, time.monotonic() - self._state_read_at_s
        if state is not None:
            is_good = self._problem(state, needs_words) is None
            if age_s <= (self._state_good_for_s if is_good else BAD_FOR_S):
                return state
        return await self._read_state()

    async def _read_state(self) -> DataState:
        start_s = time.monotonic()
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
        name = str(self._collection.full_name)
        self._state = make_data_state(answers, self._index, self._lexical, collection_name=name)
        self._state_read_at_s = time.monotonic()
        self._state_good_for_s = good_for_s(self._state_read_at_s - start_s)
        return self._state


async def _all_rows(collection: Any, pipeline: Any, max_time_ms: int | None) -> list[Document]:
    options = {} if max_time_ms is None else {"maxTimeMS": max_time_ms}
    cursor = collection.aggregate(pipeline, **options)
    if asyncio.iscoroutine(cursor):  # PyMongo's aggregate is awaited, Motor's is not
        cursor = await cursor
    return [row async for row in cursor]
