"""Keeps the contents of search indexes in the data directory, so that a start need not build them.

What is saved is a moment of the past; the journal says which documents changed since. An index is
saved when a good share of it has changed and no vector waits to be sorted, and never for
more than a small part of the time.
"""

import hashlib
import logging
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import bson
import faiss

from .. import __version__
from ..journal import Position
from ..store import Store, StoredCollection
from .saved_index import SavedIndex
from .saved_state import UnusableState

logger = logging.getLogger(__name__)

FOLDER = "search_indexes"
# Whatever changes what is saved of the same documents, or how, raises this.
_FORMAT = 6
# So many changes are brought in within a moment at the next start.
_FEW_CHANGES = 1000
_CHANGED_SHARE = 0.05
# Saving may take one part in so many of the time.
_RESTED = 20
_RETRY_S = 60.0
# Some seconds on a solid state disk.
_QUICKLY_SAVED_BYTES = 4 * 1024**3


class IndexArchive:
    """The saved indexes of one data directory.

    Args:
        store: whose collections are indexed.
        directory: the data directory.
    """

    def __init__(self, store: Store, directory: Path) -> None:
        self.store = store
        self._directory = directory / FOLDER
        self._lock = threading.Lock()
        # What the journal is still needed for: by collection and directory, the position saved.
        self._needed: dict[tuple[int, str], Position] = {}

    def keeper(
        self, collection: StoredCollection, name: str, key: str, identity: Mapping[str, Any]
    ) -> "IndexKeeper":
        """Return what keeps one version of an index.

        Args:
            collection: the one that is indexed.
            name: of the index, for the log.
            key: of index and version, the name of the directory.
            identity: what the contents depend on besides the documents: BSON values by name.
        """
        hashes = {
            what: hashlib.sha256(bson.encode({"": value})).hexdigest()
            for what, value in identity.items()
        }
        whole = {
            "format": _FORMAT,
            "version of LocalAtlas": __version__,
            "version of FAISS": faiss.__version__,
            "byte order": sys.byteorder,
            **hashes,
        }
        saved = SavedIndex(self._directory / key, whole)
        return IndexKeeper(self, collection, saved, name=name, key=key)

    def keep_only(self, keys: Collection[str]) -> None:
        """Delete what there is of any other indexes and versions, the journal's part included."""
        self.store.forget_journals()
        if not self._directory.exists():
            return
        for path in self._directory.iterdir():
            if path.name not in keys:
                shutil.rmtree(path, ignore_errors=True)

    def note(self, collection: StoredCollection, key: str, position: Position) -> None:
        """Take notice that a saved index relies on the journal from a position on."""
        with self._lock:
            self._needed[collection.collection_id, key] = position

    def forget(self, collection: StoredCollection, key: str) -> None:
        """Take notice that a saved index is not there any more."""
        with self._lock:
            self._needed.pop((collection.collection_id, key), None)

    def release(self, collection: StoredCollection) -> None:
        """Take notice that a collection has no index any more."""
        collection.is_journaled = False
        self.store.forget_journals()

    def is_noted(self, collection: StoredCollection, key: str) -> bool:
        """Tell whether a saved index relies on the journal."""
        return (collection.collection_id, key) in self._needed

    def prune(self, collection: StoredCollection) -> None:
        """Let the journal forget what no saved index of a collection needs any more."""
        with self._lock:
            needed = [
                position
                for (collection_id, _), position in self._needed.items()
                if collection_id == collection.collection_id
            ]
        if needed:
            self.store.prune_journal(collection, min(needed))


class IndexKeeper:
    """Saves one version of an index now and then, and opens it at the next start."""

    def __init__(
        self,
        archive: IndexArchive,
        collection: StoredCollection,
        saved: SavedIndex,
        *,
        name: str,
        key: str,
    ) -> None:
        self._archive = archive
        self._collection = collection
        self._saved = saved
        self._name = name
        self._key = key
        self._not_before_s = 0.0  # on the monotonic clock

    def __str__(self) -> str:
        return f"Search index {self._name}"

    def load(self) -> tuple[Any, list[int], Position]:
        """Return the saved state, the record ids that changed since, and what contains both.

        Raises:
            UnusableState: there is no state that belongs to these documents.
        """
        state, saved_at = self._saved.load()
        found = self._archive.store.changes_after(self._collection, saved_at)
        if found is None:
            raise UnusableState("the documents have another history")
        changed, position = found
        self._archive.note(self._collection, self._key, saved_at)
        return state, changed, position

    def mark(self) -> Position:
        """Return the position that documents read from now on contain."""
        return self._archive.store.mark(self._collection)

    def due_in_s(self, changed: int, documents: int) -> float | None:
        """Return in how many seconds to save, None where it is not worth it.

        Args:
            changed: how many documents changed since the last time.
            documents: how many there are.
        """
        if changed < max(_FEW_CHANGES, _CHANGED_SHARE * documents):
            return None
        return max(0.0, self._not_before_s - time.monotonic())

    def is_quick(self, changed: int, state: Any) -> bool:
        """Tell whether to save at the end, where somebody waits for it."""
        return changed >= _FEW_CHANGES and self._saved.unsaved_bytes(state) <= _QUICKLY_SAVED_BYTES

    def save(self, state: Any, position: Position) -> bool:
        """Save a state that contains a position.

        Returns:
            Whether it is saved: not where nobody wants it any more, or it failed, which is logged.
        """
        started_s = time.monotonic()
        if not self._archive.is_noted(self._collection, self._key):
            self._archive.note(self._collection, self._key, position)
        try:
            if not self._saved.save(state, position):  # it was discarded meanwhile
                self._archive.forget(self._collection, self._key)
                return False
            self._archive.note(self._collection, self._key, position)
            self._archive.prune(self._collection)
        except (OSError, sqlite3.Error) as error:
            self._not_before_s = time.monotonic() + _RETRY_S
            logger.warning("%s could not be saved: %s", self, error)
            return False
        took_s = time.monotonic() - started_s
        self._not_before_s = time.monotonic() + _RESTED * took_s
        logger.info("%s saved in %.2f s", self, took_s)
        return True

    def discard(self) -> None:
        """Delete what is saved; nothing will be saved any more."""
        self._archive.forget(self._collection, self._key)
        self._saved.discard()
