"""Brings the data file of an earlier version up to date when it is opened."""

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from .errors import CommandError
from .index_entries import build_index
from .ordinary_indexes import OrdinaryIndex
from .persistence import FORMAT_VERSION, Persistence, run_query, savepoint
from .stored_collection import StoredCollection

logger = logging.getLogger(__name__)


def upgrade(persistence: Persistence, collections: Iterable[StoredCollection]) -> None:
    """Build the ordinary indexes of an earlier version again, all of them or none.

    An index that its documents do not allow any more is dropped, with a warning.

    Args:
        persistence: whose file may be of an earlier version.
        collections: all that there are; indexes that are dropped are taken out of them.
    """
    if persistence.read("PRAGMA user_version") == [(FORMAT_VERSION,)]:
        return
    with persistence.transaction() as connection:
        for collection in collections:
            kept = [each for each in collection.indexes if _rebuilt(connection, collection, each)]
            collection.indexes = tuple(kept)
        connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")


def _rebuilt(
    connection: sqlite3.Connection, collection: StoredCollection, index: OrdinaryIndex
) -> bool:
    def read(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        return run_query(connection, sql, parameters)

    for table in index.tables:
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    try:
        with savepoint(connection):
            build_index(connection, index, collection.scan(read), collection.namespace)
    except CommandError as error:
        logger.warning(
            "Index %s of %s is dropped: %s", index.name, collection.namespace, error.message
        )
        connection.execute("DELETE FROM indexes WHERE index_id = ?", (index.index_id,))
        return False
    return True
