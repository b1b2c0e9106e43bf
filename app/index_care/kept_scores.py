"""The scores of all documents that an index has, by encoded `_id`, kept on disk.

There may be millions, and a set of them in memory would take a hundred bytes each and more.
"""

import sqlite3
import weakref
from collections.abc import Iterable, Mapping, Sequence

# What every SQLite takes in one statement.
_MOST_VARIABLES = 900


class KeptScores:
    """Holds what it was made of, in a temporary file that goes with it.

    Args:
        scores: pairs of encoded `_id` and score, read one by one; the last of an `_id` counts.
    """

    def __init__(self, scores: Iterable[tuple[bytes, float]]) -> None:
        # "" is how SQLite names such a file. Any thread may collect what nobody holds any more.
        self._database = sqlite3.connect("", check_same_thread=False)
        weakref.finalize(self, self._database.close)
        self._database.execute(
            "CREATE TABLE scores (key BLOB PRIMARY KEY, score REAL) WITHOUT ROWID"
        )
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?)", scores)

    def of(self, keys: Sequence[bytes]) -> Mapping[bytes, float]:
        """Return the scores of those keys that are there."""
        found: dict[bytes, float] = {}
        for first in range(0, len(keys), _MOST_VARIABLES):
            some = keys[first : first + _MOST_VARIABLES]
            marks = ",".join("?" * len(some))
            found.update(
                self._database.execute(
                    f"SELECT key, score FROM scores WHERE key IN ({marks})", some
                )
            )
        return found
