"""`verify`: proves that what was written is searchable, and says why where it is not.

Every document that has something at the index's path is asked for in the index. What is not found
is looked at: a vector that the engine passes over has a fault, and a good one lags behind.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from app.bson_values import encode_value
from app.field_paths import projection
from app.index_care.faults import Fault, Reason, find_fault, holds_something
from app.index_care.listing import Documents
from app.index_care.presence import Finder, make_finder
from app.index_care.staleness import is_stale
from app.index_care.verify_report import FingerprintCounts, MissingDocument, VerifyReport
from app.indexes import SearchIndex

BATCH = 1000

_FIRST_POLL_S, _LAST_POLL_S = 0.1, 2.0
_NOTHING = frozenset({"missing", "null", "undefined"})
_LAGS = Fault(Reason.LAG, "is good, and the index does not have it yet")
_STALE = Fault(Reason.STALE, "is not the one that the index has, which is an older one")

Row = Mapping[str, Any]


def verify_index(
    collection: Documents, index: SearchIndex, *, wait_s: float = 0.0, compare: bool = False
) -> VerifyReport:
    """Ask the index for every document that has a vector.

    Works past 10,000 documents, and while others write. Only `_id`s and fingerprints are read of
    what is found, unless vectors are compared.

    Args:
        collection: any.
        index: live, its vector type that which queries ask with.
        wait_s: how long documents that lag behind may take.
        compare: whether the vector that the index has must be the document's.

    Raises:
        The driver's errors.
    """
    started_s = time.monotonic()
    check = _Check(collection, index, make_finder(collection, index), compare=compare)
    for rows in _scanned(collection, index, compare=compare):
        check.ask_for(rows)
    check.diagnose()
    caught_up_s = check.wait(wait_s)
    return VerifyReport(
        index=index.name,
        namespace=collection.full_name,
        path=index.path,
        vector_type=index.vector_type,
        method=check.finder.method,
        documents=check.documents,
        by_fingerprint=dict(check.counts),
        missing=tuple(check.missing()),
        caught_up=check.caught_up,
        caught_up_s=caught_up_s,
        seconds=time.monotonic() - started_s,
    )


@dataclass
class _Suspect:
    """A document that the index did not find, or not with its own vector."""

    item_id: Any
    embedded_by: str | None
    fault: Fault


@dataclass
class _Check:
    """What is known so far; `ask_for`, then `diagnose`, then `wait`."""

    collection: Documents
    index: SearchIndex
    finder: Finder
    compare: bool
    documents: int = 0
    caught_up: int = 0
    counts: defaultdict[str | None, FingerprintCounts] = field(
        default_factory=lambda: defaultdict(FingerprintCounts)
    )
    suspects: dict[bytes, _Suspect] = field(default_factory=dict)

    def ask_for(self, rows: Sequence[Row]) -> None:
        """Look up a batch of documents in the index."""
        self.documents += len(rows)
        filled = [row for row in rows if row["kind"] not in _NOTHING]
        found = self.finder.find([row["_id"] for row in filled]) if filled else {}
        for row in filled:
            counts, key = self.counts[row["embedded_by"]], encode_value(row["_id"])
            counts.documents += 1
            fault = self._fault(row, found.get(key))
            if fault is None:
                counts.searchable += 1
            else:
                self.suspects[key] = _Suspect(row["_id"], row["embedded_by"], fault)

    def diagnose(self) -> None:
        """Look at the documents that were not found; forget those that hold nothing any more."""
        self._look_at([key for key, one in self.suspects.items() if one.fault is _LAGS])

    def wait(self, wait_s: float) -> float | None:
        """Ask again for what lags behind, at least once.

        Returns:
            Seconds until nothing did, None where something still does.
        """
        start_s, poll_s = time.monotonic(), _FIRST_POLL_S
        while True:
            self._ask_again()
            waited_s = time.monotonic() - start_s
            if not self._behind():
                return waited_s
            if waited_s >= wait_s:
                return None
            time.sleep(min(poll_s, wait_s - waited_s))
            poll_s = min(poll_s * 1.5, _LAST_POLL_S)

    def missing(self) -> Iterator[MissingDocument]:
        """Return what is not searchable, each with its reason."""
        for one in self.suspects.values():
            yield MissingDocument(one.item_id, one.fault.reason, one.fault.detail)

    def _behind(self) -> list[bytes]:
        return [key for key, one in self.suspects.items() if one.fault in (_LAGS, _STALE)]

    def _ask_again(self) -> None:
        self.finder.refresh()
        behind = iter(self._behind())
        while keys := list(islice(behind, BATCH)):
            found = self.finder.find([self.suspects[key].item_id for key in keys])
            documents = self._read(keys) if self.compare else {}
            for key in keys:
                if self._fault(documents.get(key, {}), found.get(key)) is None:
                    self.counts[self.suspects.pop(key).embedded_by].searchable += 1
                    self.caught_up += 1
        # One that was changed or deleted while it was waited for is no lag.
        self._look_at(self._behind())

    def _look_at(self, keys: Sequence[bytes]) -> None:
        remaining = iter(keys)
        while some := list(islice(remaining, BATCH)):
            documents = self._read(some)
            for key in some:
                if key not in documents or not holds_something(documents[key], self.index):
                    self.counts[self.suspects.pop(key).embedded_by].documents -= 1
                    continue
                fault = find_fault(documents[key], self.index)
                if fault is not None:
                    self.suspects[key].fault = fault

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, Row]:
        ids = [self.suspects[key].item_id for key in keys]
        found = self.collection.find({"_id": {"$in": ids}}, projection([self.index.path]))
        return {encode_value(document["_id"]): document for document in found}

    def _fault(self, row: Row, score: float | None) -> Fault | None:
        if score is None:
            return _LAGS
        return _STALE if self.compare and is_stale(row, score, self.index) else None


def _scanned(
    collection: Documents, index: SearchIndex, *, compare: bool
) -> Iterator[list[dict[str, Any]]]:
    """Yield every document in batches: `_id`, `embedded_by`, the `kind` of what is at the path."""
    fields: dict[str, Any] = {
        "embedded_by": f"${index.embedded_by_path}",
        "kind": {"$type": f"${index.path}"},
    }
    if compare:
        fields |= {name: 1 for name in projection([index.path]) if name != "_id"}
    with collection.aggregate([{"$project": fields}], batchSize=BATCH) as rows:
        while batch := list(islice(rows, BATCH)):
            yield [{**row, "embedded_by": _fingerprint(row)} for row in batch]


def _fingerprint(row: Row) -> str | None:
    """Return the fingerprint of a document; others may keep something else at its path."""
    value = row.get("embedded_by")
    return value if isinstance(value, str) else None
