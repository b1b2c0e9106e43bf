"""What a search asks of one collection through PyMongo, and whether it may be asked at all."""

from typing import Any

from pymongo.collection import Collection
from pymongo.errors import ExecutionTimeout, OperationFailure

from app.data_state import BAD_FOR_S, DataState, DataStateCache, read_data_state
from app.embedding.base import Embedder
from app.errors import IndexNotReady
from app.fusion import Server, probe, server_without_stage
from app.indexes import SearchIndex
from app.lexical_indexes import LexicalIndex
from app.pipelines import Pipeline

Document = dict[str, Any]


class Asker:
    """Asks one collection; every method raises the driver's errors.

    Args:
        collection: the gallery.
        index: of its vectors.
        lexical: finds words, None where nothing does.
        embedder: whose hits they are to be.
        max_time_ms: limit of one search on the server.
    """

    def __init__(
        self,
        collection: Collection[Document],
        index: SearchIndex,
        lexical: LexicalIndex | None,
        embedder: Embedder,
        *,
        max_time_ms: int,
    ) -> None:
        self._collection = collection
        self._lexical = lexical
        self._embedder = embedder
        self._max_time_ms = max_time_ms
        self._state = DataStateCache(lambda: read_data_state(collection, index, lexical))
        self._server: Server | None = None

    def rows(self, pipeline: Pipeline) -> list[Document]:
        """Return what a search yields; one that fails is asked once more where it may be.

        Raises:
            IndexNotReady: it failed, and an index is no longer what it was when last looked at.
        """
        try:
            return self._rows(pipeline)
        except ExecutionTimeout:
            raise
        except OperationFailure:  # the index was being built at that moment, say
            self.searchable_state(is_fresh=True, needs_words=True)
            return self._rows(pipeline)

    def documents(self, query: Document, projection: dict[str, int]) -> list[Document]:
        """Return the documents that match a query."""
        return list(self._collection.find(query, projection, max_time_ms=self._max_time_ms))

    def refresh_state(self) -> DataState:
        """Return what is known of indexes and data, at most a second old."""
        return self._state.refresh(BAD_FOR_S)

    def problem(self, state: DataState, *, needs_words: bool = False) -> str | None:
        """Return why searches, or those for words, are refused in this state, or None."""
        problem = state.problem(own_fingerprint(self._embedder), self._collection.full_name)
        return problem or (state.words_problem if needs_words else None)

    def searchable_state(self, *, is_fresh: bool = False, needs_words: bool = False) -> DataState:
        """Return what is known of indexes and data, read now where it has to be.

        Raises:
            IndexNotReady: the search is refused.
        """

        def problem(state: DataState) -> str | None:
            return self.problem(state, needs_words=needs_words)

        if is_fresh:
            state = self._state.refresh(0)
        else:
            state = self._state.get(is_good=lambda state: problem(state) is None)
        refuse(problem(state))
        return state

    def server(self) -> Server:
        """Return what is known of the server, which is asked once, by way of the index of words."""
        if self._server is None:
            assert self._lexical is not None, "nothing is fused without words"
            try:
                self.rows(probe(self._lexical))
            except OperationFailure as error:
                self._server = server_without_stage(self._collection.name, error)
            else:
                self._server = Server(self._collection.name, has_rank_fusion=True)
        return self._server

    def _rows(self, pipeline: Pipeline) -> list[Document]:
        return list(self._collection.aggregate(pipeline, maxTimeMS=self._max_time_ms))


def own_fingerprint(embedder: Embedder) -> str | None:
    """Return the model's fingerprint, None while the model is not loaded."""
    return embedder.fingerprint if embedder.is_loaded else None


def refuse(problem: str | None) -> None:
    """Raise `IndexNotReady` where there is a problem."""
    if problem is not None:
        raise IndexNotReady(problem)
