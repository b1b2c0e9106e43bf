"""Fixtures for tests that need a MongoDB with Atlas Search; pytest finds them by itself.

| fixture | scope | what |
|---|---|---|
| `local_atlas_uri` | session | the URI of a LocalAtlas with an empty data directory of its own |
| `local_atlas_client` | session | a `MongoClient` of it |
| `local_atlas_db` | function | an empty `Database`, dropped after the test |

The server is a process of its own that starts with the first test that asks for it, so other
processes can use the URI too. Under pytest-xdist every worker has one. It ends some seconds after
the last connection to it has gone, also where pytest was killed.

Two ini options: `local_atlas_strict = true` starts it with `--strict`, and
`local_atlas_index_lag_ms = N` with `--index-lag-ms N`.
"""

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

# Every pytest run of whoever has LocalAtlas installed imports this module: the driver and the
# launcher only come in with the first fixture that is used.
if TYPE_CHECKING:
    from pymongo import MongoClient
    from pymongo.database import Database

_LINGER_S = 2.0
_CONNECT_TIMEOUT_MS = 10_000

_database_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what the configuration may say of the server."""
    parser.addini(
        "local_atlas_strict",
        "refuse what the search engine skips in silence",
        "bool",
        default=False,
    )
    parser.addini("local_atlas_index_lag_ms", "how long a write is not searchable", default="0")


@pytest.fixture(scope="session")
def local_atlas_uri(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> "Iterator[str]":
    """The URI of a LocalAtlas that is this test session's own, or this xdist worker's."""
    from pymongo import MongoClient

    from .launcher import start_or_join

    uri = start_or_join(
        tmp_path_factory.mktemp("local_atlas"),
        linger_s=_LINGER_S,
        index_lag_ms=_index_lag_ms(pytestconfig),
        strict=pytestconfig.getini("local_atlas_strict"),
    )
    # Holds a connection for the whole session: between two tests that connect by themselves the
    # server would otherwise be alone, and end.
    client: MongoClient[dict[str, Any]]
    with MongoClient(uri, serverSelectionTimeoutMS=_CONNECT_TIMEOUT_MS) as client:
        client.admin.command("ping")
        yield uri


@pytest.fixture(scope="session")
def local_atlas_client(local_atlas_uri: str) -> "Iterator[MongoClient[dict[str, Any]]]":
    """A client of the session's LocalAtlas, closed with the session."""
    from pymongo import MongoClient

    client: MongoClient[dict[str, Any]]
    with MongoClient(local_atlas_uri, serverSelectionTimeoutMS=_CONNECT_TIMEOUT_MS) as client:
        yield client


@pytest.fixture
def local_atlas_db(
    local_atlas_client: "MongoClient[dict[str, Any]]",
) -> "Iterator[Database[dict[str, Any]]]":
    """An empty database that no other test uses, dropped after the test."""
    name = f"test_{next(_database_numbers)}"
    yield local_atlas_client[name]
    local_atlas_client.drop_database(name)


def _index_lag_ms(config: pytest.Config) -> int:
    text = str(config.getini("local_atlas_index_lag_ms"))
    if not text.isascii() or not text.isdigit():
        raise pytest.UsageError(
            f"local_atlas_index_lag_ms ({text!r}) must be a whole number of milliseconds from 0."
        )
    return int(text)
