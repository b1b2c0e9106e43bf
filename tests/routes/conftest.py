"""The service on a real HTTP server, over a small gallery in a real LocalAtlas."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import waitress.server
from tests.fakes import FakeEmbedder

from app import create_app
from app.config import Settings
from app.embedding.base import Embedder
from tests.galleries import fill_gallery


@contextlib.contextmanager
def serving(settings: Settings, embedder: Embedder | None = None) -> Iterator[httpx.Client]:
    """Serve the application on a free port and yield a client of it."""
    app = create_app(settings, embedder=embedder)
    server = waitress.server.create_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        port = server.effective_port
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        server.close()
        thread.join(10)
        server.task_dispatcher.shutdown()
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
