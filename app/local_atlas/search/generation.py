"""One version of an index: what is built of it, from what was saved or from the documents.

Writes that come meanwhile wait, and go in when it is built.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from bson.datetime_ms import DatetimeMS

from ..journal import Position
from .definition import SearchIndexDefinition
from .index_keeper import IndexKeeper
from .saved_state import UnusableState
from .search_data import Change, SearchData
from .strict_writes import SkipFinder, SkippedDocuments, check_build

logger = logging.getLogger(__name__)

# The engine's own names, which error texts print; `describe` has the public ones.
State: TypeAlias = Literal["NOT_STARTED", "INITIAL_SYNC", "STEADY", "FAILED"]

_CHUNK_DOCUMENTS = 1000
_WAIT_STEP_S = 0.05


class IndexedCollection(Protocol):
    """What an index needs of the collection that it indexes."""

    database: str
    name: str
    uuid: Any

    def scan(self) -> Any:
        """Yield `(record_id, raw)` of every document, in the order of record ids."""

    def count(self) -> int:
        """Return the number of documents."""
        ...

    def get_many(self, record_ids: Sequence[int]) -> list[bytes | None]:
        """Return the raw documents of these record ids in the same order, None where gone."""
        ...


class Clock(Protocol):
    """What limits how long a query may wait."""

    def check_time(self) -> None:
        """Raise where the time of the command is up."""


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a definition."""

    number: int
    created_at: DatetimeMS
    document: dict[str, Any]
    definition: SearchIndexDefinition


class Generation:
    """The contents of one version, built from a scan of the collection.

    Writes that come while it is being built wait, and go in after the scan.

    Args:
        version: what is built.
        keeper: saves it, and opens it at the next start; None for neither.
        restored: whether the index was there before the server started. Then it answers as if it
            had never been away: queries wait for it instead of being refused.
        finder: refuses to build over documents of which something would be passed over.
    """

    def __init__(
        self,
        version: Version,
        keeper: IndexKeeper | None = None,
        *,
        restored: bool = False,
        finder: SkipFinder | None = None,
    ) -> None:
        self.version = version
        self._keeper = keeper
        self.data = SearchData(version.definition, keeper)
        self.message: str | None = None
        self.origin = "built"  # or opened, where it was saved
        self.is_cancelled = False
        self._restored = restored
        self._finder = finder
        self._state: State = "NOT_STARTED"
        self._lock = threading.Lock()
        self._backlog: list[Change] | None = []
        self._position: Position | None = None
        self._done = threading.Event()

    @property
    def state(self) -> State:
        """Where the build stands; a restored index is never seen unfinished."""
        return self._state if self._state == "FAILED" or not self._restored else "STEADY"

    @property
    def notice(self) -> str | None:
        """What there is to say about it, if anything."""
        unmerged = 0 if self.message else self.data.unmerged
        if unmerged:
            return (
                f"{unmerged} vectors are still to be sorted; until then, queries compare them all."
            )
        return self.message

    @property
    def is_building(self) -> bool:
        """Whether writes wait for the end of a build that is to come or under way."""
        return self._backlog is not None

    def feed(self, changes: list[Change], position: Position | None = None) -> None:
        """Take in committed writes, now or after the build; a failure is kept and not raised.

        The writes stand whatever the index makes of them; one that missed some must not answer.
        """
        with self._lock:
            if self._state == "FAILED":
                return
            if self._backlog is not None:
                self._backlog.extend(changes)
                self._position = position
                return
            try:
                self.data.apply(changes, position)
            except Exception as error:
                self._fail(error)

    def build(self, collection: IndexedCollection) -> None:
        """Fill the index; a failure is kept and not raised."""
        self._state = "INITIAL_SYNC"
        try:
            position = self._fill(collection)
            with self._lock:
                # What was cancelled may hold a part of the documents and must never be saved.
                position = None if self.is_cancelled else self._position or position
                self.data.apply(self._backlog or [], position)
                self._backlog = None
                # What was cancelled holds a part of the documents and must never answer.
                self._state = "FAILED" if self.is_cancelled else "STEADY"
        except Exception as error:
            with self._lock:
                self._fail(error)
        finally:
            self._done.set()

    def cancel(self) -> None:
        """Stop a build that nobody wants any more."""
        self.is_cancelled = True
        self.data.stop()

    def discard(self) -> None:
        """Stop whatever is under way for an index that is gone, and delete what was saved of it."""
        self.cancel()
        if self._keeper is not None:
            self._keeper.discard()

    def close(self) -> None:
        """Wait for the end of what `cancel` has stopped, and save what was built."""
        self.data.wait_until_merged()
        if self._state == "STEADY":
            self.data.save_if_quick()

    def wait(self, clock: Clock) -> None:
        """Wait until a restored index is there again."""
        while self._restored and not self._done.wait(_WAIT_STEP_S):
            clock.check_time()

    def _fail(self, error: Exception) -> None:
        # What missed a write must not be saved either: a start would bring in later ones only.
        self.data.stop()
        self._backlog = None
        if isinstance(error, SkippedDocuments):
            self.message = str(error)
            logger.error("A search index failed: %s", error)
        else:
            self.message = f"{type(error).__name__}: {error}"
            logger.error("A search index failed", exc_info=error)
        self._state = "FAILED"

    def _fill(self, collection: IndexedCollection) -> Position | None:
        """Open what was saved, else build from the documents; return what is contained then."""
        if self._keeper is None:
            self._scan(collection)
            return None
        if self._restored:
            try:
                return self._open(self._keeper, collection)
            except Exception as error:
                # Whatever is wrong with what was saved, the documents are there.
                self._start_again(self._keeper, error)
        position = self._keeper.mark()
        self._scan(collection)
        self.message = None
        return position

    def _start_again(self, keeper: IndexKeeper, error: Exception) -> None:
        is_known = isinstance(error, UnusableState)
        reason = str(error) if is_known else f"{type(error).__name__}: {error}"
        logger.warning(
            "%s is built again from the documents: %s.",
            keeper,
            reason,
            exc_info=None if is_known else error,
        )
        self.message = f"It is built again from the documents: {reason}."
        self.data.stop()
        self.data = SearchData(self.version.definition, self._keeper)
        if self.is_cancelled:
            self.data.stop()

    def _open(self, keeper: IndexKeeper, collection: IndexedCollection) -> Position:
        state, changed, position = keeper.load()
        self.data.restore(state)
        for start in range(0, len(changed), _CHUNK_DOCUMENTS):
            chunk = changed[start : start + _CHUNK_DOCUMENTS]
            self._take(list(zip(chunk, collection.get_many(chunk), strict=True)))
        self.origin = f"opened with {len(changed)} changes"
        return position

    def _scan(self, collection: IndexedCollection) -> None:
        chunk: list[Change] = []
        self.data.begin_filling(collection.count())
        for record in collection.scan():
            chunk.append(record)
            if len(chunk) == _CHUNK_DOCUMENTS:
                if self.is_cancelled:
                    return
                self._take(chunk)
                chunk = []
        self._take(chunk)
        self.data.end_filling()

    def _take(self, chunk: list[Change]) -> None:
        if self._finder is not None:
            check_build(self._finder, (raw for _, raw in chunk if raw is not None))
        self.data.apply(chunk)
