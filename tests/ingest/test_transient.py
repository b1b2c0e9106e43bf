"""What is written through a connection that is cut, again and again, by a real proxy."""

import contextlib
import logging
import socket
import threading
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import AutoReconnect
from tenacity import wait_none

from app.config import PROJECT_ROOT
from app.documents import GalleryImage
from app.indexes import read_index_file
from app.ingest.updates import Update, UpdateBuilder
from app.ingest.writer import GalleryWriter
from app.local_atlas.addresses import LoopbackAddress
from app.local_atlas.node import start_node
from app.pictures import FilePicture

INDEX = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")


class CuttingProxy:
    """Passes bytes on to a server; cuts a connection when a command of a name goes by.

    Args:
        port: of the server.
        command: the name of the commands that are cut off.
        cuts: how many of them are.
    """

    def __init__(self, port: int, command: bytes, cuts: int) -> None:
        self.cuts = cuts
        self._command = command
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                threading.Thread(
                    target=self._pass, args=(client, server, True), daemon=True
                ).start()
                threading.Thread(
                    target=self._pass, args=(server, client, False), daemon=True
                ).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_request: bool) -> None:
        with source, target, contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_request and self.cuts and self._command in data:
                    self.cuts -= 1
                    break
                target.sendall(data)
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def server_port(tmp_path):
    node = start_node(tmp_path, LoopbackAddress("127.0.0.1", 0))
    yield node.address.port
    node.close()


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch):
    for method in (GalleryWriter.refusals, GalleryWriter.find_stored):
        monkeypatch.setattr(method.retry, "wait", wait_none())


def client_of(port: int) -> MongoClient:
    return MongoClient(f"mongodb://127.0.0.1:{port}/?directConnection=true")


@pytest.fixture
def cut(server_port):
    """Return a function that gives a writer whose first `cuts` commands of a name are cut off."""
    with contextlib.ExitStack() as stack:

        def writer(command: bytes, cuts: int) -> tuple[GalleryWriter, CuttingProxy]:
            proxy = stack.enter_context(
                contextlib.closing(CuttingProxy(server_port, command, cuts))
            )
            client = stack.enter_context(client_of(proxy.port))
            return GalleryWriter(client.shop.items, UpdateBuilder(INDEX, "f")), proxy

        yield writer


UPDATES = [
    Update(GalleryImage(str(i), FilePicture(Path("x")), "x"), {"$set": {"title": "boot"}})
    for i in range(20)
]
IMAGES = [update.image for update in UPDATES]


def test_what_a_cut_connection_lost_is_written_and_counted_once(cut, server_port, caplog):
    caplog.set_level(logging.WARNING)
    # The driver itself tries once more, and that is cut off too.
    writer, proxy = cut(b"update\0", 4)

    assert writer.write(UPDATES) == []

    assert proxy.cuts == 0
    assert "The database is asked again" in caplog.text
    with client_of(server_port) as client:
        assert client.shop.items.count_documents({"title": "boot"}) == len(UPDATES)


def test_what_is_stored_is_asked_for_again(cut):
    writer, proxy = cut(b"find\0", 3)
    writer.write(UPDATES)

    found = writer.find_stored(IMAGES)

    assert proxy.cuts == 0
    assert None not in found


def test_a_database_that_never_comes_back_ends_the_run(cut):
    writer, proxy = cut(b"update\0", 1000)

    with pytest.raises(AutoReconnect):
        writer.write(UPDATES)

    assert 1000 - proxy.cuts == 10  # five times, and once more by the driver each


def test_what_is_refused_is_not_tried_again(cut, caplog):
    writer, _ = cut(b"nothing", 0)
    wrong = Update(IMAGES[0], {"$set": {"": 1}})

    failures = writer.write([wrong, *UPDATES[1:]])

    assert [failure.item_id for failure in failures] == ["0"]
    assert "asked again" not in caplog.text
