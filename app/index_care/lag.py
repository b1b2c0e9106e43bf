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

from bson import ObjectId
from pymongo.errors import ExecutionTimeout, OperationFailure

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
_MAX_TIME_MS = 300
_GOOD_FOR_S = 10.0


@dataclass(frozen=True, slots=True)
class Lag:
    """What is not searchable yet, of the documents that were written last.

    Attributes:
        documents: how many of the last `of` have a good vector and are not found.
        seconds: since the oldest of them was written; 0 where there is none, None where none says
            when it was.
    """

    documents: int
    of: int
    seconds: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "documents": self.documents,
            "of_the_newest": self.of,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
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
    rows = _newest(collection, written_at_path(index))
    if rows is None:
        return None
    found = make_finder(collection, index).find([row["_id"] for row in rows]) if rows else {}
    behind = [row for row in rows if encode_value(row["_id"]) not in found]
    behind = _with_good_vector(collection, index, behind)
    return Lag(len(behind), len(rows), _seconds_since(behind, written_at_path(index)))


def _newest(collection: Documents, path: str) -> list[dict[str, Any]] | None:
    """Return the documents that were written last, None where that would take long.

    The ordinary index on the date finds them at once. Without one, those that were inserted last
    are taken, in the order in which the database keeps them.
    """
    if _has_ordinary_index(collection, path):
        newest = collection.find({path: {"$type": "date"}}, {path: 1}).sort(path, -1)
    else:
        newest = collection.find({}, {path: 1}).sort("$natural", -1)
    try:
        return list(newest.limit(_NEWEST).max_time_ms(_MAX_TIME_MS))
    except ExecutionTimeout:
        return None


def _has_ordinary_index(collection: Documents, path: str) -> bool:
    try:
        indexes = collection.index_information().values()
    except OperationFailure:  # the user may not list them
        return False
    return any(one["key"][0][0] == path for one in indexes)


def _seconds_since(rows: list[dict[str, Any]], path: str) -> float | None:
    if not rows:
        return 0.0
    dates = [_written_at(row, path) for row in rows]
    known = [one for one in dates if one is not None]
    return max((datetime.now(UTC) - min(known)).total_seconds(), 0.0) if known else None


def _written_at(row: dict[str, Any], path: str) -> datetime | None:
    date, item_id = get_path(row, path), row["_id"]
    if isinstance(date, datetime):
        return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return item_id.generation_time if isinstance(item_id, ObjectId) else None


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
