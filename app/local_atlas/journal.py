"""Which documents changed since when, so that what was built from them can be brought up to date.

Every committed write to a collection with a search index leaves one row: the record ids that it
changed, under a sequence number. Whoever keeps something that was built from the documents notes
the position that it contains, and later asks what came after.

A position is a sequence number and a random token. The token tells two histories apart that went on
under the same numbers, as when the database file was replaced by an older copy of itself.
"""

import os
from array import array
from collections.abc import Container, Iterable
from sqlite3 import Connection
from typing import NamedTuple

from .persistence import Read

_INSERT = "INSERT INTO search_journal (collection_id, token, record_ids) VALUES (?, ?, ?)"
_AFTER = (
    "SELECT sequence, token, record_ids FROM search_journal "
    "WHERE collection_id = ? AND sequence >= ? ORDER BY sequence"
)
# What is left of collections that were dropped goes with it.
_PRUNE = (
    "DELETE FROM search_journal WHERE (collection_id = ? AND sequence < ?) "
    "OR collection_id NOT IN (SELECT collection_id FROM collections)"
)
_COLLECTIONS = "SELECT DISTINCT collection_id FROM search_journal"
_FORGET = "DELETE FROM search_journal WHERE collection_id = ?"
_TOKEN_BYTES = 7  # SQLite's integers have 63 bits and a sign


class Position(NamedTuple):
    """A moment in the history of a collection; later ones compare as greater."""

    sequence: int
    token: int


def note(connection: Connection, collection_id: int, record_ids: Iterable[int] = ()) -> Position:
    """Write down what a transaction changed, inside of it; nothing, to mark a moment.

    Returns:
        The position that contains the change.
    """
    token = int.from_bytes(os.urandom(_TOKEN_BYTES), "little")
    cursor = connection.execute(_INSERT, (collection_id, token, array("q", record_ids).tobytes()))
    assert cursor.lastrowid is not None
    return Position(cursor.lastrowid, token)


def changes_after(
    read: Read, collection_id: int, position: Position
) -> tuple[list[int], Position] | None:
    """Return what changed after a position, and the position that contains all of it.

    Returns:
        Record ids in order, each once; None where the position is not of this history, or lies
        before what the journal still has.
    """
    rows = read(_AFTER, (collection_id, position.sequence))
    if not rows or rows[0][:2] != position:
        return None
    changed: set[int] = set()
    for _, _, record_ids in rows[1:]:
        changed.update(array("q", record_ids))
    return sorted(changed), Position(*rows[-1][:2])


def prune(connection: Connection, collection_id: int, position: Position) -> None:
    """Forget what came before a position, which itself stays."""
    connection.execute(_PRUNE, (collection_id, position.sequence))


def keep_only(connection: Connection, collection_ids: Container[int]) -> None:
    """Forget everything about any other collections."""
    known = connection.execute(_COLLECTIONS).fetchall()
    connection.executemany(_FORGET, [one for one in known if one[0] not in collection_ids])
