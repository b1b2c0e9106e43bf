"""A LocalAtlas for the tests: one in-process server on a Unix socket for all of them."""

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from app.local_atlas.addresses import SocketAddress
from app.local_atlas.node import Node, start_node

_names = itertools.count(1)


@pytest.fixture(scope="session")
def local_atlas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A running LocalAtlas; `local_atlas.uri` is what drivers connect to."""
    directory: Path = tmp_path_factory.mktemp("atlas")
    node = start_node(directory / "data", SocketAddress(directory / "test.sock"))
    yield node
    node.close()


@pytest.fixture(scope="session")
def client(local_atlas: Node) -> Iterator[MongoClient[dict[str, Any]]]:
    """A PyMongo client of it."""
    with MongoClient(local_atlas.uri, serverSelectionTimeoutMS=5000) as mongo:
        yield mongo


@pytest.fixture
def db(client: MongoClient[dict[str, Any]]) -> Iterator[Database[dict[str, Any]]]:
    """A database that no other test uses; dropped after the test."""
    name = f"test_{next(_names)}"
    yield client[name]
    client.drop_database(name)


@pytest.fixture
def peer(local_atlas: Node) -> Iterator[socket.socket]:
    """A bare connection, for what no driver sends."""
    with local_atlas.address.connect(timeout_s=5) as connection:
        yield connection
