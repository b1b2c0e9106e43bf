"""The file beneath: one SQLite database in a data directory, its connections and its schema.

WAL with synchronous=FULL: a commit returns when the write-ahead log is on disk, so an acknowledged
write survives `kill -9` and a power cut. One connection writes; reads borrow one of a pool and see
what was last committed. What the tables hold is known to `records.py`, `ordinary_indexes.py`,
`journal.py`, `store.py` and `changes`; only the schema stands here.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from .errors import CommandError

FILE_NAME = "local_atlas.sqlite"
FORMAT_VERSION = 5
# What wrote version 1 kept nothing that its missing journal would have to bring up to date; what
# wrote version 2 knew no options of collections; until version 4 indexes had other tables, see
# `upgrade.py`.
_READABLE_VERSIONS = (1, 2, 3, 4, FORMAT_VERSION)
# Documents with an embedding take 2 to 7 kB. Pages of 16 kB hold them with little waste: the file
# stays under 1.3 times its BSON, with the default of 4 kB it was twice as large.
PAGE_SIZE_BYTES = 16384
# The writer's cache holds the inner pages of what it appends to; there may be many readers, whose
# pages the system caches anyway.
_WRITER_CACHE_KIB = 32 * 1024
_READER_CACHE_KIB = 4 * 1024

Read = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Runs one query and returns all its rows."""


class Reader(Protocol):
    """What a collection reads its tables through."""

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one query and return all its rows."""


_SCHEMA = """
CREATE TABLE IF NOT EXISTS collections (
    collection_id INTEGER PRIMARY KEY AUTOINCREMENT,
    database TEXT NOT NULL,
    name TEXT NOT NULL,
    uuid BLOB NOT NULL,
    UNIQUE (database, name)
);
CREATE TABLE IF NOT EXISTS collection_options (
    collection_id INTEGER PRIMARY KEY,
    options BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS indexes (
    index_id INTEGER PRIMARY KEY AUTOINCREMENT,
    collection_id INTEGER NOT NULL,
    specification BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS multikey_paths (
    index_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (index_id, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS search_indexes (id TEXT PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS retryable_writes (
    session BLOB PRIMARY KEY,
    txn_number INTEGER NOT NULL,
    reply BLOB NOT NULL,
    used_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS search_journal (
    sequence INTEGER PRIMARY KEY,
    collection_id INTEGER NOT NULL,
    token INTEGER NOT NULL,
    record_ids BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS capped_totals (
    collection_id INTEGER PRIMARY KEY,
    documents INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS change_log (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster_time INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    operation TEXT NOT NULL,
    database TEXT NOT NULL,
    collection TEXT NOT NULL,
    details BLOB NOT NULL,
    document BLOB,
    before BLOB
);
CREATE TABLE IF NOT EXISTS change_log_databases (
    database TEXT PRIMARY KEY,
    since_sequence INTEGER NOT NULL,
    since_time INTEGER NOT NULL
);
"""


class StorageError(Exception):
    """The data directory cannot be used; the message is one sentence."""


class Persistence:
    """The connections to the database file of one data directory.

    Raises:
        StorageError: the file cannot be opened, or another version of LocalAtlas wrote it.
    """

    def __init__(self, directory: Path) -> None:
        self.file = directory / FILE_NAME
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._closed = False
        try:
            self._writer = self._connect(_WRITER_CACHE_KIB)
            self._create_schema()
        except sqlite3.Error as error:
            raise StorageError(f"The data file {self.file} cannot be used: {error}.") from error

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one query on what was last committed and return all its rows."""
        with self._reader() as connection:
            return run_query(connection, sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the writing connection inside a transaction; the caller sees to it that it is alone.

        The transaction is on disk when the block ends, and undone when it raises.
        """
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException:
            # A full disk may have ended the transaction already.
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def size_bytes(self) -> int:
        """Return the size of the database file, without its log."""
        return self.file.stat().st_size

    def close(self) -> None:
        """Close every connection; the last one folds the log into the file."""
        with self._readers_lock:
            self._closed = True
            readers, self._readers = self._readers, []
        for connection in readers:
            connection.close()
        self._writer.close()

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with self._readers_lock:
            connection = self._readers.pop() if self._readers else None
        if connection is None:
            connection = self._connect(_READER_CACHE_KIB)
        try:
            yield connection
        finally:
            with self._readers_lock:
                if not self._closed:
                    self._readers.append(connection)
                    connection = None
            if connection is not None:
                connection.close()

    def _connect(self, cache_kib: int) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE_BYTES}")  # takes effect on a new file
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        connection.execute("PRAGMA busy_timeout = 10000")
        return connection

    def _create_schema(self) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version not in (0, *_READABLE_VERSIONS):
            raise StorageError(
                f"The data file {self.file} has format {version}, "
                f"this version of LocalAtlas reads format {FORMAT_VERSION}."
            )
        self._writer.executescript(_SCHEMA)
        if version == 0:
            self._writer.execute(f"PRAGMA user_version = {FORMAT_VERSION}")


def run_query(
    connection: sqlite3.Connection, sql: str, parameters: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    """Run one query and return all its rows.

    Raises:
        CommandError: 175, the collection was dropped while a cursor was reading it.
    """
    try:
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        raise CommandError(
            175, "QueryPlanKilled", "collection dropped while it was being read"
        ) from error


@contextmanager
def savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    """Undo only what the block wrote when it raises, and leave the transaction open."""
    connection.execute("SAVEPOINT statement")
    try:
        yield
    except BaseException:
        # A full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK TO statement")
            connection.execute("RELEASE statement")
        raise
    connection.execute("RELEASE statement")
