"""A LocalAtlas for the tests: one in-process server on a Unix socket for all of them.

Tests that only use `client`, `db` or `module_db` run on a real server too, see `tests.atlas_run`.
"""

import itertools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from app.local_atlas.addresses import SocketAddress
from app.local_atlas.node import Node, start_node
from tests import real_server

_names = itertools.count(1)

pytest.register_assert_rewrite("tests.local_atlas.search.wording")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of searching that speak only through the driver."""
    for item in items:
        if "/local_atlas/search/" in item.path.as_posix() and _speaks_through_the_driver(item):
            item.add_marker("atlas")


def _speaks_through_the_driver(item: pytest.Item) -> bool:
    """Return whether a test asks nothing but what every server answers."""
    fixtures = getattr(item, "fixturenames", ())
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return (
        "client" in fixtures
        and "local_atlas_only" not in [mark.name for mark in item.iter_markers()]
        and "(not emulated by LocalAtlas)" not in str(parameters)
    )


@pytest.fixture(scope="session")
def local_atlas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A running LocalAtlas; `local_atlas.uri` is what drivers connect to."""
    directory: Path = tmp_path_factory.mktemp("atlas")
    node = start_node(directory / "data", SocketAddress(directory / "test.sock"))
    yield node
    node.close()


@pytest.fixture(scope="session")
def client(request: pytest.FixtureRequest) -> Iterator[MongoClient[dict[str, Any]]]:
    """A PyMongo client of it, or of the real server that the tests run on."""
    if real_server.asked is not None:
        yield real_server.asked.client
        return
    uri = request.getfixturevalue("local_atlas").uri
    with MongoClient(uri, serverSelectionTimeoutMS=5000) as mongo:
        yield mongo


@pytest.fixture
def db(client: MongoClient[dict[str, Any]]) -> Iterator[Database[dict[str, Any]]]:
    """A database that no other test uses; dropped after the test."""
    with _new_database(client) as database:
        yield database


@pytest.fixture(scope="module")
def module_db(client: MongoClient[dict[str, Any]]) -> Iterator[Database[dict[str, Any]]]:
    """A database for what the tests of a module read and never change; dropped after them."""
    with _new_database(client) as database:
        yield database


@contextmanager
def _new_database(client: MongoClient[dict[str, Any]]) -> Iterator[Database[dict[str, Any]]]:
    if real_server.asked is None:
        database = client[f"test_{next(_names)}"]
        yield database
        client.drop_database(database)
    else:
        database = real_server.asked.new_database()
        yield database
        real_server.asked.drop_database(database)


@pytest.fixture
def peer(local_atlas: Node) -> Iterator[socket.socket]:
    """A bare connection, for what no driver sends."""
    with local_atlas.address.connect(timeout_s=5) as connection:
        yield connection
