"""How far a search index is behind the writes, from the documents that were written last.

READY says nothing of that, and a server tells no number; what was written last and is not found
yet does.
"""

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.errors import ExecutionTimeout

from app.bson_values import encode_value
from app.documents import get_path
from app.field_paths import projection
from app.index_care.definitions import filter_types
from app.index_care.faults import find_fault
from app.index_care.listing import Documents
from app.index_care.presence import make_finder
from app.indexes import SearchIndex
from app.layouts import written_at_path

_NEWEST = 100
# The ordinary index on the date finds them at once; without it the whole collection is sorted.
_MAX_TIME_MS = 300
_GOOD_FOR_S = 10.0


@dataclass(frozen=True, slots=True)
class Lag:
    """What is not searchable yet, of the documents that were written last.

    Attributes:
        documents: how many of the last `of` have a good vector and are not found.
        seconds: since the oldest of them was written; 0 where there is none.
    """

    documents: int
    of: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "documents": self.documents,
            "of_the_newest": self.of,
            "seconds": round(self.seconds, 3),
        }


class LagWatch:
    """Measures at most every ten seconds, however often a probe asks."""

    def __init__(self, collection: Documents, index: SearchIndex) -> None:
        self._collection = collection
        self._index = index
        self._lock = threading.Lock()
        self._lag: Lag | None = None
        self._read_at_s = -math.inf

    def read(self) -> Lag | None:
        """Return what `measure_lag` does; raises the driver's errors."""
        with self._lock:
            if time.monotonic() - self._read_at_s > _GOOD_FOR_S:
                self._lag = measure_lag(self._collection, self._index)
                self._read_at_s = time.monotonic()
            return self._lag


def measure_lag(collection: Documents, index: SearchIndex) -> Lag | None:
    """Look up the newest documents in the index.

    Returns:
        None where it cannot be told: `_id` is no filter field of the index, or the newest
        documents cannot be found quickly.

    Raises:
        The driver's errors.
    """
    if "_id" not in filter_types(index.definition):
        return None
    path = written_at_path(index)
    newest = collection.find({path: {"$type": "date"}}, {path: 1}).sort(path, -1).limit(_NEWEST)
    try:
        rows = list(newest.max_time_ms(_MAX_TIME_MS))
    except ExecutionTimeout:
        return None
    found = make_finder(collection, index).find([row["_id"] for row in rows]) if rows else {}
    behind = [row for row in rows if encode_value(row["_id"]) not in found]
    behind = _with_good_vector(collection, index, behind)
    dates = [one for one in (get_path(dict(row), path) for row in behind) if _is_date(one)]
    seconds = (datetime.now(UTC) - min(dates)).total_seconds() if dates else 0.0
    return Lag(len(behind), len(rows), max(seconds, 0.0))


def _with_good_vector(
    collection: Documents, index: SearchIndex, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    if not rows:
        return []
    found = collection.find(
        {"_id": {"$in": [row["_id"] for row in rows]}}, projection([index.path])
    )
    vectors: Mapping[bytes, dict[str, Any]] = {encode_value(one["_id"]): one for one in found}
    read = [(row, vectors.get(encode_value(row["_id"]))) for row in rows]
    return [row for row, one in read if one is not None and find_fault(one, index) is None]


def _is_date(value: Any) -> bool:
    return isinstance(value, datetime)
