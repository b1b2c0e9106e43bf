"""Search indexes to take care of, on LocalAtlas or on the server that `make test-atlas` names."""

import itertools
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.database import Database

from app.config import Settings
from app.db import connect
from app.index_care.apply import apply_plan
from app.indexes import SearchIndex, read_index_file
from app.local_atlas.options import ServerOptions
from app.local_atlas.search.generation import Generation
from tests import real_server
from tests.local_atlas.nodes import serving

Documents = Collection[dict[str, Any]]

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask a collection of `settings`, which may be on any server."""
    for item in items:
        own_marks = [mark.name for mark in item.iter_markers()]
        fixtures = getattr(item, "fixturenames", ())
        is_ours = "/index_care/" in item.path.as_posix()
        if is_ours and "local_atlas_only" not in own_marks and "settings" in fixtures:
            item.add_marker("atlas")


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a fresh database, on the server that is tested."""
    if real_server.asked is None:
        path = request.getfixturevalue("local_atlas_path")
        return Settings(
            local_atlas_path=path, database=f"care{next(_numbers)}", gallery_root=tmp_path
        )
    database = real_server.asked.new_database().name
    return Settings(mongodb_uri=os.environ["ATLAS_TEST_URI"], database=database)


@pytest.fixture
def collection(settings: Settings) -> Iterator[Documents]:
    """The collection of `settings`, which is not there yet; its database is dropped afterwards."""
    collection = connect(settings)
    yield collection
    if real_server.asked is None:
        collection.database.client.drop_database(settings.database)
    else:
        real_server.asked.drop_database(collection.database)
    collection.database.client.close()


@pytest.fixture
def make_index(tmp_path: Path) -> Callable[..., SearchIndex]:
    """Return a function that writes an index file and reads it."""

    def make(definition: dict[str, Any], name: str = "v", **keys: Any) -> SearchIndex:
        index_type = "vectorSearch" if "fields" in definition else "search"
        content = {"name": name, "type": index_type, "definition": definition, **keys}
        if index_type == "vectorSearch":
            filters = [one["path"] for one in definition["fields"] if one["type"] == "filter"]
            content["filterTypes"] = dict.fromkeys(filters, "token")
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(content))
        return read_index_file(file)

    return make


@pytest.fixture
def apply(collection: Documents) -> Callable[..., Any]:
    """Return `apply_plan` on the collection, with time enough for the server that is tested."""
    timeout_s = 30.0 if real_server.asked is None else real_server.DEADLINE_S

    def apply_it(index: SearchIndex, **options: Any) -> Any:
        return apply_plan(collection, index, timeout_s=timeout_s, **options)

    return apply_it


class HeldBuilds:
    """Makes every build of a LocalAtlas in this process wait until it may go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.may_go_on = threading.Event()


@pytest.fixture
def held_builds(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldBuilds]:
    held = HeldBuilds()
    build = Generation.build

    def build_later(generation: Generation, collection: Any) -> None:
        held.reached.set()
        held.may_go_on.wait(60)
        build(generation, collection)

    monkeypatch.setattr(Generation, "build", build_later)
    yield held
    held.may_go_on.set()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., Database[dict[str, Any]]]]:
    """Return a function that starts a LocalAtlas in this process and gives a database of it."""
    servers: list[AbstractContextManager[Any]] = []

    def start(**options: Any) -> Database[dict[str, Any]]:
        server = serving(tmp_path / f"server{len(servers)}", ServerOptions(**options))
        servers.append(server)
        database: Database[dict[str, Any]] = server.__enter__().care
        return database

    yield start
    for server in servers:
        server.__exit__(None, None, None)
