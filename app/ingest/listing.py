"""What a gallery listed in a run, so that what it lists no more can be told from what it does."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from app.bson_values import decode_value, encode_value
from app.ingest.failures import Failure, NoPicture
from app.ingest.reader import Row


class Listing:
    """The ids of a run's rows, in a file of SQLite's own, so that memory stays flat."""

    def __init__(self) -> None:
        # An empty name is a temporary file that SQLite deletes. Rows are read by one thread at a
        # time, which is not always the one that began.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        for table in ("listed", "unlisted"):
            self._db.execute(f"CREATE TABLE {table} (id BLOB PRIMARY KEY) WITHOUT ROWID")
        self._nameless = 0
        self._is_whole = False

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on and note their ids; a row that failed is listed all the same."""
        for row in rows:
            if isinstance(row, Failure) and row.item_id is None:
                self._nameless += 1
            elif not isinstance(row, NoPicture):
                self._add("listed", row.item_id)
            yield row
        self._is_whole = True

    def problem(self) -> str | None:
        """Say why what is not listed may be there all the same, None where it is not."""
        if not self._is_whole:
            return "the gallery was not read to its end"
        if self._nameless:
            return f"{self._nameless:,} rows of the gallery have no id that can be read"
        return None

    def keep_unlisted(self, ids: Iterable[Any]) -> int:
        """Keep those of the ids that are not listed, for `unlisted`; return how many."""
        for item_id in ids:
            found = self._db.execute("SELECT 1 FROM listed WHERE id = ?", (_key(item_id),))
            if found.fetchone() is None:
                self._add("unlisted", item_id)
        (count,) = self._db.execute("SELECT count(*) FROM unlisted").fetchone()
        return int(count)

    def unlisted(self) -> Iterator[Any]:
        """Yield the ids that `keep_unlisted` kept."""
        for (key,) in self._db.execute("SELECT id FROM unlisted"):
            yield decode_value(key)

    def close(self) -> None:
        """Delete the file."""
        self._db.close()

    def _add(self, table: str, item_id: Any) -> None:
        self._db.execute(f"INSERT OR IGNORE INTO {table} VALUES (?)", (_key(item_id),))


def _key(item_id: Any) -> bytes:
    is_integer = isinstance(item_id, int) and not isinstance(item_id, bool)
    # A whole number has the width that it was written in, which says nothing about the id.
    return encode_value(int(item_id) if is_integer else item_id)
