"""Keeps the entries of one ordinary index, inside the transaction that writes the documents."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from .index_keys import Key
from .mql.rows import decode
from .ordinary_indexes import OrdinaryIndex, duplicate_key_error

Document = dict[str, Any]
Entry = tuple[Key, int]
"""A key and the record id under it."""

_INDEXED_AT_ONCE = 500  # documents
# New entries fall on pages everywhere in a large table. A share of it at a time, as in a
# log-structured merge, the pages written for each entry stay as few as they are, however large.
_SETTLED_AT_ONCE = 20_000
_SETTLED_SHARE = 16


def build_index(
    connection: sqlite3.Connection,
    index: OrdinaryIndex,
    documents: Iterator[tuple[int, bytes]],
    namespace: str,
) -> None:
    """Make the tables of an index and fill them from raw documents with their record ids.

    Raises:
        CommandError: as `add_entries`.
    """
    for table in index.tables:
        connection.execute(index.create_sql(table))
    while batch := {rid: decode(raw) for rid, raw in islice(documents, _INDEXED_AT_ONCE)}:
        add_entries(connection, index, batch, namespace)
    settle(connection, index)


def add_entries(
    connection: sqlite3.Connection,
    index: OrdinaryIndex,
    documents: Mapping[int, Document],
    namespace: str,
) -> None:
    """Add the entries of new documents, by their record ids.

    Raises:
        CommandError: 11000, two documents would share a key of a unique index; what was added until
            then is for the caller to undo. 171, a document cannot be in the index.
    """
    entries: list[Entry] = []
    multikey: set[int] = set()
    for record_id, document in documents.items():
        keys, arrays = index.keys_of(document)
        entries += [(key, record_id) for key in sorted(keys)]
        multikey |= arrays
    _insert(connection, index, entries, documents, namespace)
    _note_arrays(connection, index, multikey)
    if index.unsettled.entries > max(_SETTLED_AT_ONCE, max(documents, default=0) // _SETTLED_SHARE):
        settle(connection, index)


def settle(connection: sqlite3.Connection, index: OrdinaryIndex) -> None:
    """Move the new entries of an index to where the others are."""
    settled, *recent = index.tables
    for table in recent:
        connection.execute(f"INSERT INTO {settled} SELECT * FROM {table}")
        connection.execute(f"DELETE FROM {table}")
    index.unsettled.entries = 0


def drop_entries(connection: sqlite3.Connection, index: OrdinaryIndex) -> None:
    """Drop the tables of an index."""
    for table in index.tables:
        connection.execute(f"DROP TABLE {table}")


def replace_entries(
    connection: sqlite3.Connection,
    index: OrdinaryIndex,
    changes: Mapping[int, tuple[Document, Document]],
    namespace: str,
) -> None:
    """Change the entries of documents that are replaced: as they were and as they will be.

    Raises:
        CommandError: as `add_entries`.
    """
    removed: list[Entry] = []
    added: list[Entry] = []
    multikey: set[int] = set()
    for record_id, (old, new) in changes.items():
        old_keys = index.keys_of(old).keys
        new_keys, arrays = index.keys_of(new)
        removed += [(key, record_id) for key in old_keys - new_keys]
        added += [(key, record_id) for key in sorted(new_keys - old_keys)]
        multikey |= arrays
    _delete(connection, index, removed)
    documents = {record_id: new for record_id, (_, new) in changes.items()}
    _insert(connection, index, added, documents, namespace)
    _note_arrays(connection, index, multikey)


def remove_entries(
    connection: sqlite3.Connection, index: OrdinaryIndex, documents: Iterable[tuple[int, Document]]
) -> None:
    """Remove the entries of documents, given with their record ids."""
    entries = [
        (key, record_id)
        for record_id, document in documents
        for key in index.keys_of(document).keys
    ]
    _delete(connection, index, entries)


def _delete(connection: sqlite3.Connection, index: OrdinaryIndex, entries: list[Entry]) -> None:
    for table in index.tables:
        connection.executemany(index.delete_sql(table), _rows(entries))


def _rows(entries: Iterable[Entry]) -> Iterator[tuple[bytes | int, ...]]:
    return ((*key, record_id) for key, record_id in entries)


def _insert(
    connection: sqlite3.Connection,
    index: OrdinaryIndex,
    entries: list[Entry],
    documents: Mapping[int, Document],
    namespace: str,
) -> None:
    try:
        connection.executemany(index.insert_sql(index.tables[-1]), _rows(entries))
    except sqlite3.IntegrityError as error:
        for key, record_id in entries:
            if connection.execute(index.conflict_sql, (*key, record_id)).fetchone():
                value = index.key_value_of(documents[record_id], key)
                pattern = index.specification["key"]
                raise duplicate_key_error(namespace, index.name, pattern, value) from error
        raise
    index.unsettled.entries += len(entries)


def _note_arrays(connection: sqlite3.Connection, index: OrdinaryIndex, multikey: set[int]) -> None:
    """Keep which paths run into arrays; queries know of it before they can see such a document."""
    if multikey:
        connection.executemany(
            "INSERT OR IGNORE INTO multikey_paths (index_id, position) VALUES (?, ?)",
            [(index.index_id, position) for position in multikey],
        )
        index.multikey.update(multikey)
