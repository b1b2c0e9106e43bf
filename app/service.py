"""What one process of the web service holds: settings, index, model, and the way to the data.

Nothing is opened before it is needed, and nothing crosses a fork: a forked worker opens its own
database client and loads its own model.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask, current_app, g, has_request_context
from pymongo.collection import Collection

from app.config import Settings
from app.db import connect
from app.embedding.base import Embedder, Pixels, require_loaded
from app.embedding.images import read_for_side
from app.errors import BadRequest, ConfigError, DatabaseUnavailable, ServiceError
from app.fetching import Fetched, Fetcher, FetchLimits
from app.index_care.switching import Switch, read_switch
from app.indexes import SearchIndex
from app.lexical_indexes import LexicalIndex
from app.local_atlas.launcher import LauncherError, start_or_join
from app.serving import ServedIndex, Serving
from app.shown_bucket import ShownBucket
from app.similar import SimilarItems

logger = logging.getLogger(__name__)

FETCHES_AT_ONCE = 4

_EXTENSION = "similar_items"
_SERVING = "serving"


class Service:
    """The parts that routes use.

    Args:
        settings: as read at start.
        index: as read from `settings.index_file`.
        lexical: what finds words, None where nothing does.
        make_embedder: returns a fresh model, not yet loaded; called once per process.
        make_fetcher: returns what fetches pictures at URLs that requests name, None where that is
            not allowed; called once per process.
    """

    def __init__(
        self,
        settings: Settings,
        index: SearchIndex,
        lexical: LexicalIndex | None,
        make_embedder: Callable[[], Embedder],
        make_fetcher: Callable[[], Fetcher | None],
    ) -> None:
        self.settings = settings
        self._own_index = index
        self.lexical = lexical
        self._make_embedder = make_embedder
        self._make_fetcher = make_fetcher
        self._parts = self._make_parts()

    @property
    def embedder(self) -> Embedder:
        """The model, loaded or not."""
        return self._here().embedder

    @property
    def model_problem(self) -> str | None:
        """Why the model cannot embed yet, in one sentence, or None."""
        return self._here().model_problem

    @property
    def collection(self) -> Collection[dict[str, Any]]:
        """The gallery; raises `DatabaseUnavailable` where LocalAtlas cannot be started."""
        return self._here().opened()[1]

    @property
    def similar(self) -> SimilarItems:
        """The search; raises as `collection`."""
        return self._serving().similar

    @property
    def index(self) -> SearchIndex:
        """The index that is asked: that of the settings, or what stands in for it."""
        try:
            return self._serving().index
        except DatabaseUnavailable:
            return self._own_index

    @property
    def served(self) -> ServedIndex:
        """Which index is asked, and why none other is; raises as `collection`."""
        return self._here().opened()[0]

    def prepare(self, content: bytes) -> Pixels:
        """Decode an upload to what the model sees, as ingestion does; see `Embedder.prepare`.

        Raises:
            ModelUnavailable: the model is not loaded yet.
            UnreadableImage: the bytes are no picture that can be read.
        """
        return self._here().prepare(content)

    def fetch(self, urls: Sequence[str]) -> list[bytes]:
        """Fetch the pictures that the sender of a request names, some at a time.

        Raises:
            BadRequest: that is not allowed.
            FetchError: one of them could not be had.
        """
        if not urls:
            return []
        fetcher = self._here().fetcher
        if fetcher is None:
            raise BadRequest(
                "image_url is not taken here; ALLOW_IMAGE_URLS=1 lets this service fetch pictures."
            )
        with ThreadPoolExecutor(FETCHES_AT_ONCE, thread_name_prefix="fetch-linked") as threads:
            answers = list(threads.map(fetcher.fetch, urls))
        return [one.content for one in answers if isinstance(one, Fetched)]

    def read_from_bucket(self, uri: str) -> bytes | None:
        """Return an object's bytes; None where it is not there, or not to be shown.

        Raises:
            ImageUnavailable: the bucket does not give it now.
        """
        bucket = self._here().shown_bucket
        return bucket.read(uri) if bucket is not None else None

    def start(self) -> None:
        """Load the model in the background."""
        self._here().load_in_background()

    def revive_local_atlas(self) -> None:
        """Start LocalAtlas again where it is ours and has died; the client reconnects by itself."""
        if self.settings.mongodb_uri:
            return
        try:
            start_or_join(self.settings.local_atlas_path)
        except LauncherError as error:
            logger.warning("LocalAtlas cannot be started again: %s", error)

    def close(self) -> None:
        """Close the database client of this process."""
        self._here().close()

    def _serving(self) -> Serving:
        """Return what is asked; a request asks the same from its beginning to its end."""
        if not has_request_context():
            return self.served.current()
        if _SERVING not in g:
            setattr(g, _SERVING, self.served.current())
        serving: Serving = getattr(g, _SERVING)
        return serving

    def _here(self) -> "_ProcessParts":
        if self._parts.pid != os.getpid():
            self._parts = self._make_parts()
            self._parts.load_in_background()
        return self._parts

    def _make_parts(self) -> "_ProcessParts":
        return _ProcessParts(
            self.settings,
            self._own_index,
            self.lexical,
            self._make_embedder(),
            self._make_fetcher(),
        )


class _ProcessParts:
    """What must not cross a fork."""

    def __init__(
        self,
        settings: Settings,
        index: SearchIndex,
        lexical: LexicalIndex | None,
        embedder: Embedder,
        fetcher: Fetcher | None,
    ) -> None:
        self.pid = os.getpid()
        self.embedder = embedder
        self.fetcher = fetcher
        self.shown_bucket = (
            ShownBucket(settings.gallery_bucket, settings.fetch_max_bytes)
            if settings.gallery_bucket
            else None
        )
        self._settings = settings
        self._index = index
        self._lexical = lexical
        self._lock = threading.Lock()
        # A picture takes 150 MB until it is prepared, or more, and 150 kB then. More decoders than
        # cores would finish no earlier.
        self._decoding = threading.BoundedSemaphore(os.cpu_count() or 1)
        self._opened: tuple[ServedIndex, Collection[dict[str, Any]]] | None = None
        self._load_error: str | None = None

    @property
    def model_problem(self) -> str | None:
        if self._load_error is not None:
            return self._load_error
        if not self.embedder.is_loaded:
            return f"The model {self.embedder.name} is still loading."
        return None

    def opened(self) -> tuple[ServedIndex, Collection[dict[str, Any]]]:
        with self._lock:
            if self._opened is None:
                collection = connect(self._settings)
                self._opened = self._served(collection), collection
            return self._opened

    def _served(self, collection: Collection[dict[str, Any]]) -> ServedIndex:
        def read() -> Switch | None:
            follows = self._settings.follow_switches
            return read_switch(collection, self._index.name) if follows else None

        def make(index: SearchIndex) -> Serving:
            similar = SimilarItems(
                collection,
                index,
                self.embedder,
                self._lexical,
                max_time_ms=self._settings.max_time_ms,
                where=self._settings.database_label,
            )
            return Serving(index, similar)

        return ServedIndex(make(self._index), read, make)

    def prepare(self, content: bytes) -> Pixels:
        require_loaded(self.embedder)
        side_px, max_pixels = self.embedder.input_side_px, self._settings.max_image_pixels
        with self._decoding:
            picture = read_for_side(content, side_px, max_pixels=max_pixels)
            return self.embedder.prepare(picture.image)

    def load_in_background(self) -> None:
        threading.Thread(target=self._load, name="load-model", daemon=True).start()

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened[1].database.client.close()
                self._opened = None
        if self.fetcher is not None:
            self.fetcher.close()

    def _load(self) -> None:
        start_s = time.perf_counter()
        try:
            self.embedder.load()
            check_dimensions(self.embedder, self._index, self._settings)
        except ServiceError as error:
            self._load_error = error.message
            logger.error("Model %s could not be loaded: %s", self.embedder.name, error.message)
        except Exception:
            self._load_error = f"The model {self.embedder.name} could not be loaded."
            logger.exception("Model %s could not be loaded", self.embedder.name)
        else:
            logger.info(
                "Model %s loaded in %.1f s", self.embedder.name, time.perf_counter() - start_s
            )


def request_fetcher(settings: Settings) -> Fetcher:
    """Return a fetcher for pictures that a request names: somebody waits for the answer."""
    limits = FetchLimits(
        max_bytes=min(settings.fetch_max_bytes, settings.max_content_length_bytes),
        total_s=min(5.0, settings.fetch_timeout_ms / 1000),
        connect_s=2.0,
        read_s=3.0,
        turn_s=1.0,
        max_retries=1,
        backoff_s=0.2,
        max_retry_after_s=1.0,
        per_host=settings.fetch_per_host,
    )
    return Fetcher(limits, allow_http=settings.allow_http_images)


def check_dimensions(embedder: Embedder, index: SearchIndex, settings: Settings) -> None:
    """Refuse a model whose embeddings do not fit the index file.

    Raises:
        ConfigError: it names both.
        ModelUnavailable: the model lies on a hub that does not answer.
    """
    if embedder.dimensions != index.dimensions:
        raise ConfigError(
            f"MODEL {embedder.name} makes {embedder.dimensions} dimensions, "
            f"INDEX_FILE {settings.index_file} has {index.dimensions}."
        )


def init_app(app: Flask, service: Service) -> None:
    """Attach the service to the application."""
    app.extensions[_EXTENSION] = service


def current_service() -> Service:
    """Return the service of the application that handles this request."""
    service: Service = current_app.extensions[_EXTENSION]
    return service
