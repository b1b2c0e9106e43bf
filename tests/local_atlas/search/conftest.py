"""A strict LocalAtlas beside the usual one."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from app.local_atlas.options import ServerOptions
from tests.local_atlas.nodes import serving

_names = itertools.count(1)


@pytest.fixture(scope="session")
def strict_client(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[MongoClient[dict[str, Any]]]:
    """A client of a strict LocalAtlas."""
    with serving(tmp_path_factory.mktemp("strict"), ServerOptions(is_strict=True)) as client:
        yield client


@pytest.fixture
def strict_db(strict_client: MongoClient[dict[str, Any]]) -> Iterator[Database[dict[str, Any]]]:
    """A database of it that no other test uses; dropped after the test."""
    name = f"strict_{next(_names)}"
    yield strict_client[name]
    strict_client.drop_database(name)
