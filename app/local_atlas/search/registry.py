"""All search indexes: created, updated, dropped, built in the background, fed with every write.

Locks: the store tells of writes while it holds its own lock, so `_lock`, which those calls take,
is never held while the store is called. Commands that change definitions take turns (`_turn`).
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from bson import ObjectId

from ..errors import CommandError
from ..journal import Position
from ..options import ServerOptions
from ..store import Store, StoredCollection
from .definition import parse_definition
from .entries import describe
from .generation import Generation, Version
from .index_keeper import IndexArchive
from .index_records import key_of, new_version, to_record, version_of
from .index_requests import IndexRequest, IndexSelector, check_names
from .lag import Lag
from .live_index import LiveIndex
from .parsing import ParseError
from .search_data import Change
from .strict_writes import SkipFinder, check_definition, write_check

logger = logging.getLogger(__name__)


class SearchRegistry:
    """The search indexes of one store, which it is to be a listener of before anything is written.

    Indexes whose definitions the store kept are opened from the archive, or built again from the
    documents, in the background. Without an archive nothing that was built outlives the process.
    """

    def __init__(
        self,
        store: Store,
        options: ServerOptions | None = None,
        archive: IndexArchive | None = None,
    ) -> None:
        options = options or ServerOptions()
        self.is_strict = options.is_strict
        self._lag = Lag(options.index_lag_ms / 1000) if options.index_lag_ms else None
        self._store = store
        self._archive = archive
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._indexes: dict[bytes, list[LiveIndex]] = {}
        self._builds: queue.SimpleQueue[tuple[LiveIndex, Generation] | None] = queue.SimpleQueue()
        self._is_closed = False
        self._restore()
        self._builder = threading.Thread(
            target=self._build_all, name="search-index-builder", daemon=True
        )
        self._builder.start()

    def find(self, collection: StoredCollection, name: str) -> LiveIndex | None:
        """Return the index of a collection by its name."""
        return next((one for one in self._of(collection) if one.name == name), None)

    def names(self, collection: StoredCollection) -> list[str]:
        """Return the names of a collection's indexes, in the order of their creation."""
        return [index.name for index in self._of(collection)]

    def entries(
        self, collection: StoredCollection, selector: IndexSelector | None = None
    ) -> list[dict[str, Any]]:
        """Return what is listed of a collection's indexes, in the order of their creation."""
        indexes = self._of(collection)
        return [describe(one) for one in indexes if selector is None or selector.selects(one)]

    def create(
        self, collection: StoredCollection, requests: Sequence[IndexRequest]
    ) -> list[tuple[str, str]]:
        """Create all of the indexes or none.

        Returns:
            Name and id of each. One that is there already with an equal definition is left alone;
            as with the real engine, the id returned for it means nothing.

        Raises:
            CommandError: 68 for another definition under the same name, 125 for a name twice.
        """
        with self._turn:
            created: list[LiveIndex] = []
            replies: list[tuple[str, str]] = []
            for request in requests:
                index_id = str(ObjectId())
                replies.append((request.name, index_id))
                existing = self.find(collection, request.name)
                if existing is not None:
                    request.check_equal(existing, is_strict=self.is_strict)
                    continue
                if self.is_strict:
                    check_definition(request.name, request.definition)
                created.append(self._new_index(collection, request, index_id))
            check_names(created)
            for index in created:
                self._store.save_search_index(to_record(index, index.latest))
            with self._writes_kept_out():
                self._add(created)
        return replies

    def update(
        self, collection: StoredCollection, selector: IndexSelector, document: dict[str, Any]
    ) -> None:
        """Give an index another definition; the old one answers until the new one is built.

        Raises:
            CommandError: 27 for no such index, 125 for a bad definition.
        """
        with self._turn:
            index = self._selected(collection, selector)
            try:
                definition = parse_definition(index.type, document)
            except ParseError as error:
                raise CommandError(125, "CommandFailed", str(error)) from error
            if self.is_strict:
                check_definition(index.name, definition)
            version = new_version(index.latest.number + 1, document, definition)
            generation = self._generation(collection, index.name, index.id, version)
            self._store.save_search_index(to_record(index, version))
            with self._writes_kept_out(), self._lock:
                index.stage(generation)
            self._builds.put((index, generation))

    def check_type(
        self, collection: StoredCollection, selector: IndexSelector, index_type: str
    ) -> None:
        """Refuse an update that would change the type.

        Raises:
            CommandError: 27 for no such index, 197 for another type.
        """
        if self._selected(collection, selector).type != index_type:
            raise CommandError(
                197, "InvalidIndexSpecificationOption", "An index's type cannot be changed"
            )

    def drop(self, collection: StoredCollection, selector: IndexSelector) -> None:
        """Drop an index.

        Raises:
            CommandError: 27 for no such index.
        """
        with self._turn:
            index = self._selected(collection, selector)
            self._store.delete_search_index(index.id)
            with self._lock:
                self._indexes[bytes(collection.uuid)].remove(index)
            index.discard()
            if self._archive is not None and not self._of(collection):
                self._archive.release(collection)

    def on_write(
        self,
        collection: StoredCollection,
        changes: list[Change],
        position: Position | None = None,
    ) -> None:
        """Take in committed writes; called in commit order, under the store's lock."""
        with self._lock:
            indexes = self._indexes.get(bytes(collection.uuid), ())
            generations = [one for index in indexes for one in index.generations()]
        for generation in generations:
            # A build takes in everything: it has read some of what waits, and must not go back.
            if self._lag is None or generation.is_building:
                generation.feed(changes, position)
            else:
                self._lag.put(partial(generation.feed, changes, position))

    def write_check(self, collection: StoredCollection) -> Callable[[bytes], None] | None:
        """Return what refuses a raw document for a strict server's indexes, None without any.

        Called under the store's lock.
        """
        definitions = {index.name: index.latest.definition for index in self._of(collection)}
        return write_check(definitions) if definitions else None

    def on_drop(self, collection: StoredCollection) -> None:
        """Forget the indexes of a dropped collection; called under the store's lock."""
        with self._lock:
            indexes = self._indexes.pop(bytes(collection.uuid), [])
        for index in indexes:
            self._store.delete_search_index(index.id)
            index.discard()

    def close(self) -> None:
        """Take in what waits, stop building and wait for the builders."""
        if self._lag is not None:
            self._lag.close()
        self._is_closed = True
        with self._lock:
            indexes = [index for indexes in self._indexes.values() for index in indexes]
        generations = [one for index in indexes for one in index.generations()]
        for generation in generations:
            generation.cancel()
        self._builds.put(None)
        self._builder.join()
        for generation in generations:
            generation.close()

    def _of(self, collection: StoredCollection) -> list[LiveIndex]:
        with self._lock:
            return list(self._indexes.get(bytes(collection.uuid), ()))

    def _selected(self, collection: StoredCollection, selector: IndexSelector) -> LiveIndex:
        for index in self._of(collection):
            if selector.selects(index):
                return index
        raise selector.not_found(collection)

    def _add(self, indexes: Sequence[LiveIndex]) -> None:
        with self._lock:
            for index in indexes:
                self._indexes.setdefault(bytes(index.collection.uuid), []).append(index)
        for index in indexes:
            self._builds.put((index, index.main))

    def _writes_kept_out(self) -> AbstractContextManager[None]:
        # A write that looked for the indexes to check against must not end after a build of one
        # that it did not see.
        return self._store.locked() if self.is_strict else nullcontext()

    def _generation(
        self,
        collection: StoredCollection,
        name: str,
        index_id: str,
        version: Version,
        *,
        restored: bool = False,
    ) -> Generation:
        finder = SkipFinder(version.definition) if self.is_strict else None
        keeper = None
        if self._archive is not None:
            # What a strict server has built holds every document whole.
            identity = {"definition": version.document, "strictness": self.is_strict}
            keeper = self._archive.keeper(collection, name, key_of(index_id, version), identity)
        return Generation(version, keeper, restored=restored, finder=finder)

    def _new_index(
        self, collection: StoredCollection, request: IndexRequest, index_id: str
    ) -> LiveIndex:
        version = new_version(0, request.document, request.definition)
        generation = self._generation(collection, request.name, index_id, version)
        return LiveIndex(index_id, request.name, request.type, collection, generation)

    def _restored_index(self, collection: StoredCollection, record: dict[str, Any]) -> LiveIndex:
        # What was saved stays good only if no write escapes the journal, from the first one on.
        collection.is_journaled = True
        name, index_id, version = record["name"], record["id"], version_of(record)
        generation = self._generation(collection, name, index_id, version, restored=True)
        return LiveIndex(index_id, name, record["type"], collection, generation)

    def _build_all(self) -> None:
        while (item := self._builds.get()) is not None:
            index, generation = item
            if self._is_closed or generation.is_cancelled:
                continue
            started = time.monotonic()
            generation.build(index.collection)
            with self._lock:
                index.promote(generation)
            logger.info(
                "Search index %s %s: %d documents in %.2f s",
                index.name,
                generation.origin,
                len(generation.data),
                time.monotonic() - started,
            )

    def _restore(self) -> None:
        by_uuid = {bytes(one.uuid): one for one in self._store.collections()}
        restored = []
        for record in self._store.load_search_indexes():
            collection = by_uuid.get(bytes(record["uuid"]))
            if collection is None:  # dropped, and the server ended before it could say so
                self._store.delete_search_index(record["id"])
                continue
            try:
                restored.append(self._restored_index(collection, record))
            except (ParseError, CommandError) as error:
                logger.error("Search index %s cannot be restored: %s", record["name"], error)
        if self._archive is not None:
            self._archive.keep_only({key_of(one.id, one.latest) for one in restored})
        self._add(restored)
