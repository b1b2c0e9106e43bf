"""The service on a real HTTP server, over a small gallery in a real LocalAtlas."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from werkzeug.serving import make_server

from app import create_app
from app.config import Settings
from app.embedding.base import Embedder
from app.fetching import Fetcher
from tests.fakes import FakeEmbedder
from tests.galleries import fill_gallery


@contextlib.contextmanager
def serving(
    settings: Settings, embedder: Embedder | None = None, fetcher: Fetcher | None = None
) -> Iterator[httpx.Client]:
    """Serve the application on a free port and yield a client of it."""
    app = create_app(settings, embedder=embedder, fetcher=fetcher)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client:
            yield client
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        app.extensions["similar_items"].close()


@pytest.fixture
def serve() -> Iterator[Callable[..., httpx.Client]]:
    """Return a function that serves given settings until the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(serving(*arguments))


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder(dimensions=512)


@pytest.fixture
def gallery(either_index: Settings, collection: Any, embedder: FakeEmbedder) -> Settings:
    """Settings of a filled gallery, with either index."""
    Path(either_index.gallery_root).mkdir(exist_ok=True)
    fill_gallery(collection, either_index, embedder)
    return either_index


@pytest.fixture
def client(gallery: Settings, embedder: FakeEmbedder, serve: Any) -> httpx.Client:
    """A client of the service over the filled gallery, its model loaded."""
    client = serve(gallery, embedder)
    deadline_s = time.monotonic() + 10
    while client.get("/readyz").status_code != 200 and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return client
