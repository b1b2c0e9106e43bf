"""Fixtures of the application's tests: a real LocalAtlas, asked by the real driver."""

import dataclasses
import itertools
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from pymongo.collection import Collection

from app.config import PROJECT_ROOT, Settings
from app.db import connect

# A job that a shell runs in the background ignores Ctrl-C, and so would every process that the
# tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_database_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def local_atlas_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the LocalAtlas that the session's tests share; it ends after its last client."""
    return tmp_path_factory.mktemp("local_atlas")


@pytest.fixture
def settings(local_atlas_path: Path, tmp_path: Path) -> Settings:
    """Settings of a fresh database on the session's LocalAtlas."""
    return Settings(
        local_atlas_path=local_atlas_path,
        database=f"test{next(_database_numbers)}",
        gallery_root=tmp_path,
    )


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """Run an S3 on loopback for the session; its tests name buckets that no other names."""
    from tests.buckets import s3_server  # slow to import, and few tests need it

    with s3_server() as address:
        yield address


@pytest.fixture
def s3(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of the S3 that the test's environment points at."""
    from tests.buckets import point_environment_at

    point_environment_at(s3_address, monkeypatch)
    fsspec.filesystem("s3").clear_instance_cache()
    return s3_address


@pytest.fixture(params=["gallery_knn.json", "gallery_vector.json"], ids=["knn", "vector"])
def either_index(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """The settings with each of the index files that ship."""
    return dataclasses.replace(settings, index_file=PROJECT_ROOT / "atlas" / request.param)


@pytest.fixture(params=["one index", "two indexes"])
def hybrid_index(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """The settings with index files that find words too: with the vectors, or beside them."""
    folder = PROJECT_ROOT / "atlas"
    if request.param == "one index":
        return dataclasses.replace(settings, index_file=folder / "gallery_hybrid_knn.json")
    return dataclasses.replace(
        settings,
        index_file=folder / "gallery_vector.json",
        lexical_index_file=folder / "gallery_hybrid_text.json",
    )


@pytest.fixture
def collection(settings: Settings) -> Iterator[Collection[dict[str, Any]]]:
    """The empty gallery collection of `settings`; its database is dropped after the test."""
    collection = connect(settings)
    yield collection
    collection.database.client.drop_database(settings.database)
    collection.database.client.close()
