"""One collection's documents: a table of `record_id`, `id_key` and the raw BSON.

A record id is given once, grows in the order of insertion and stays with its document.
AUTOINCREMENT keeps those of deleted documents from coming back, so a search index can rely on them.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from .persistence import Read

_T = TypeVar("_T")
Record = tuple[int, bytes]
"""`record_id` and raw document."""

# Rows of one query; a reader holds no lock and no snapshot between two chunks. The first is small,
# because many want only the first match; the others depend on how large the documents are.
_FIRST_CHUNK = 20
_CHUNK = 500
_CHUNK_BYTES = 4 * 1024 * 1024


class RecordTable:
    """The SQL of one documents table; `read` runs on the reader pool or inside a transaction."""

    def __init__(self, collection_id: int) -> None:
        self.name = f"documents_{collection_id}"
        self.create_sql = (
            f"CREATE TABLE {self.name} ("
            "record_id INTEGER PRIMARY KEY AUTOINCREMENT, id_key BLOB NOT NULL UNIQUE, "
            "raw BLOB NOT NULL)"
        )
        # SQLite would rather go through all documents than sort the record ids of a range of ids.
        self.id_source = f"{self.name} INDEXED BY sqlite_autoindex_{self.name}_1"
        self.drop_sql = f"DROP TABLE {self.name}"
        self.insert_sql = f"INSERT INTO {self.name} (record_id, id_key, raw) VALUES (?, ?, ?)"
        self.replace_sql = f"UPDATE {self.name} SET raw = ? WHERE record_id = ?"
        self.delete_sql = f"DELETE FROM {self.name} WHERE record_id = ?"

    def scan(self, read: Read) -> Iterator[Record]:
        """Go through the documents in the order of their record ids."""
        sql = (
            f"SELECT record_id, raw FROM {self.name} WHERE record_id > ? ORDER BY record_id LIMIT ?"
        )
        last, limit = 0, _FIRST_CHUNK
        while chunk := read(sql, (last, limit)):
            yield from chunk
            last, limit = chunk[-1][0], _next_chunk(chunk)

    def fetch(
        self, read: Read, record_ids: Iterator[int], *, first: int = _FIRST_CHUNK
    ) -> Iterator[Record]:
        """Go through the documents that there are among these record ids, in this order.

        Args:
            read: runs one query.
            record_ids: asked for as they are needed.
            first: how many of them to take at once to begin with.
        """
        limit = first
        while wanted := list(islice(record_ids, limit)):
            found = self.by_record_ids(read, wanted)
            chunk = [(record_id, found[record_id]) for record_id in wanted if record_id in found]
            yield from chunk
            limit = _next_chunk(chunk)

    def by_record_ids(self, read: Read, record_ids: Sequence[int]) -> dict[int, bytes]:
        """Return the documents that there are among these record ids."""
        found: dict[int, bytes] = {}
        for chunk in _chunks(record_ids):
            sql = f"SELECT record_id, raw FROM {self.name} WHERE record_id IN ({_marks(chunk)})"
            found.update(read(sql, chunk))
        return found

    def by_id_keys(self, read: Read, id_keys: Sequence[bytes]) -> dict[bytes, Record]:
        """Return the records that there are among these keys of `_id`."""
        found: dict[bytes, Record] = {}
        for chunk in _chunks(id_keys):
            sql = (
                f"SELECT id_key, record_id, raw FROM {self.name} WHERE id_key IN ({_marks(chunk)})"
            )
            found.update((key, (record_id, raw)) for key, record_id, raw in read(sql, chunk))
        return found

    def record_ids(self, read: Read, id_keys: Sequence[bytes]) -> list[int]:
        """Return the record ids that there are among these keys of `_id`."""
        found: list[int] = []
        for chunk in _chunks(id_keys):
            sql = f"SELECT record_id FROM {self.name} WHERE id_key IN ({_marks(chunk)})"
            found += [record_id for (record_id,) in read(sql, chunk)]
        return found

    def count(self, read: Read) -> int:
        """Return the number of documents."""
        return int(read(f"SELECT count(*) FROM {self.name}", ())[0][0])

    def size_bytes(self, read: Read) -> int:
        """Return the BSON size of all documents."""
        return int(read(f"SELECT coalesce(sum(length(raw)), 0) FROM {self.name}", ())[0][0])

    def last_record_id(self, read: Read) -> int:
        """Return the greatest record id that was ever given, 0 where none was."""
        rows = read("SELECT seq FROM sqlite_sequence WHERE name = ?", (self.name,))
        return int(rows[0][0]) if rows else 0


def _next_chunk(chunk: Sequence[tuple[Any, ...]]) -> int:
    """Return how many documents to read next, so that they take some megabytes at most."""
    if not chunk:
        return _CHUNK
    size_bytes = sum(len(raw) for _, raw in chunk)
    return max(1, min(_CHUNK, _CHUNK_BYTES * len(chunk) // max(1, size_bytes)))


def _chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
