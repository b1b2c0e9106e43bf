"""LocalAtlas in this process, with options of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from app.local_atlas.addresses import SocketAddress
from app.local_atlas.node import start_node
from app.local_atlas.options import ServerOptions


@contextmanager
def serving(directory: Path, options: ServerOptions) -> Iterator[MongoClient[dict[str, Any]]]:
    """Serve a directory in this process and give a client of it."""
    address = SocketAddress(directory / "test.sock")
    node = start_node(directory / "data", address, options=options)
    try:
        with MongoClient(node.uri, serverSelectionTimeoutMS=5000) as client:
            yield client
    finally:
        node.close()
