"""A headless Chromium, and the service that it looks at."""

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

from app.config import PROJECT_ROOT, Settings
from tests.browser.page import Page
from tests.fakes import FakeEmbedder
from tests.galleries import fill_gallery
from tests.routes.conftest import serving

_BROWSER_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # containers run tests as root, where the sandbox refuses to start
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    "--lang=en",
)


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    """Debian's Chromium, driven by the chromedriver of the same version."""
    binary, server = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or server is None:
        pytest.skip("chromium and chromedriver are not installed (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for option in _BROWSER_OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(server, log_output=os.devnull)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings, with the index file that is the default."""
    return dataclasses.replace(settings, index_file=PROJECT_ROOT / "atlas" / "gallery_knn.json")


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def gallery(settings: Settings, collection: Any, embedder: FakeEmbedder) -> Settings:
    """Settings of a filled gallery."""
    fill_gallery(collection, settings, embedder)
    return settings


@pytest.fixture
def with_words(settings: Settings, collection: Any, embedder: FakeEmbedder) -> Settings:
    """Settings of a filled gallery with an index of its words."""
    words = PROJECT_ROOT / "atlas" / "gallery_hybrid_text.json"
    settings = dataclasses.replace(settings, lexical_index_file=words)
    fill_gallery(collection, settings, embedder)
    return settings


@pytest.fixture
def look_at(driver: Any) -> Iterator[Callable[..., Page]]:
    """Return a function that serves settings and opens the page of that service."""
    running = []

    def look(settings: Settings, embedder: FakeEmbedder, path: str = "/") -> Page:
        service = serving(settings, embedder)
        client = service.__enter__()
        running.append(service)
        page = Page(driver, str(client.base_url).rstrip("/"))
        page.complaints()  # those of the test before
        page.resize(1280, 900)
        page.open(path)
        return page

    yield look
    driver.get("about:blank")
    for service in running:
        service.__exit__(None, None, None)


@pytest.fixture
def page(look_at: Callable[..., Page], gallery: Settings, embedder: FakeEmbedder) -> Page:
    """The page of a filled gallery."""
    return look_at(gallery, embedder)


@pytest.fixture
def photo(gallery: Settings) -> Path:
    """A picture of the navy item, as a reader would have it on disk."""
    return gallery.gallery_root / "navy.png"
