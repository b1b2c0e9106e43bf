"""Reads record ids from the table of an index: within bounds, in natural order or in the index's.

SQLite does the searching; the SQL is written so that it finds equal keys and ranges in the primary
key of the table, and the order too where the index gives it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .mql.collation import Collation
from .mql.index_bounds import ABOVE_ALL, Interval, Intervals
from .persistence import Read

_FIRST: Final = 20  # many want only the first match
_MAX_WANTED: Final = 1000
_MAX_RANGES: Final = 64  # SELECTs of one statement; SQLite takes 500
_DECODED: Final = 10_000  # record ids that become Python's integers at a time


class Index(Protocol):
    """What a scan has to know of an index."""

    @property
    def name(self) -> str:
        """Unique in its collection."""

    @property
    def tables(self) -> Sequence[str]:
        """The SQL tables that have its entries together, with a column `record_id` too."""

    @property
    def columns(self) -> Sequence[str]:
        """The SQL columns of the sort keys, in the order in which the tables are sorted."""

    @property
    def paths(self) -> Sequence[str]:
        """What is indexed."""

    @property
    def directions(self) -> Sequence[int]:
        """1 or -1 for each path."""

    @property
    def multikey(self) -> "frozenset[int] | set[int]":
        """The positions of the paths that ran into an array."""

    @property
    def collation(self) -> Collation | None:
        """How strings compare in it; None where bytes do."""

    @property
    def specification(self) -> dict[str, Any]:
        """As `listIndexes` shows it."""


@dataclass(slots=True)
class Counts:
    """What a plan looked at: keys, documents, and how many of these did not match."""

    keys: int = 0
    documents: int = 0
    mismatches: int = 0


@dataclass(frozen=True, slots=True)
class IndexScan:
    """A part of an index.

    Attributes:
        index: which.
        bounds: of each path.
        order: the columns that give the order asked for, True for downwards; without any, record
            ids come in their own order.
    """

    index: Index
    bounds: tuple[Intervals, ...]
    order: tuple[tuple[str, bool], ...] = ()

    def record_ids(self, read: Read, wanted: int | None, counts: Counts) -> Iterator[int]:
        """Return the record ids of the entries within the bounds, each once.

        Equal keys come in the order of the record ids.

        Args:
            read: runs one query.
            wanted: how many may be enough.
            counts: is told how many entries were read.
        """
        if not all(self.bounds):
            return
        sql, keys = self._statement()
        first = first_wanted(wanted)
        rows = read(f"SELECT record_id FROM ({sql} LIMIT {first})", keys)
        counts.keys += len(rows)
        seen = dict.fromkeys(record_id for (record_id,) in rows)
        yield from seen
        if len(rows) == first:
            # As one text, which takes some 8 bytes for each of them; a row of its own takes 100.
            ((text,),) = read(f"SELECT group_concat(record_id) FROM ({sql} LIMIT -1)", keys)
            record_ids = np.fromstring(text or "0", dtype=np.int64, sep=",")
            counts.keys += max(0, len(record_ids) - first)
            yield from _unseen(record_ids, seen)

    def _statement(self) -> tuple[str, list[bytes]]:
        """Return the SQL that gives key and record id of each entry, and its parameters."""
        columns = ", ".join([*self.index.columns, "record_id"])
        branches = [(table, branch) for table in self.index.tables for branch in self._branches()]
        selects = (f"SELECT {columns} FROM {table}{_where(each)}" for table, each in branches)
        order = [f"{column} DESC" if is_down else column for column, is_down in self.order]
        sql = f"{' UNION ALL '.join(selects)} ORDER BY {', '.join([*order, 'record_id'])}"
        return sql, [key for _, branch in branches for part in branch for key in part.keys]

    def _branches(self) -> "list[tuple[_Part, ...]]":
        """Return what an entry may meet: all parts of one of these."""
        columns = zip(self.index.columns, self.bounds, strict=True)
        parts = [_parts(column, intervals) for column, intervals in columns]
        while prod(map(len, parts)) > _MAX_RANGES:
            parts.pop()
        return list(product(*parts))


def first_wanted(wanted: int | None) -> int:
    """Return how many record ids a scan reads before all, where so many may be enough."""
    return max(_FIRST, min(wanted or 0, _MAX_WANTED))


class _Part(NamedTuple):
    """A condition on one column, and its parameters; no text where there is none."""

    sql: str
    keys: list[bytes]


def _parts(column: str, intervals: Intervals) -> list[_Part]:
    """Return what a column may meet: one of these."""
    points = [each.low.key for each in intervals if each.is_point]
    ranges = [_range(column, each) for each in intervals if not each.is_point]
    if not points:
        return ranges
    equal = "= ?" if len(points) == 1 else f"IN ({', '.join('?' * len(points))})"
    return [_Part(f"{column} {equal}", points), *ranges]


def _range(column: str, interval: Interval) -> _Part:
    low, high = interval.low, interval.high
    conditions, keys = [], []
    if low.key:
        conditions.append(f"{column} {'>=' if low.is_included else '>'} ?")
        keys.append(low.key)
    if high.key != ABOVE_ALL:
        conditions.append(f"{column} {'<=' if high.is_included else '<'} ?")
        keys.append(high.key)
    return _Part(" AND ".join(conditions), keys)


def _where(branch: Sequence[_Part]) -> str:
    conditions = " AND ".join(part.sql for part in branch if part.sql)
    return f" WHERE {conditions}" if conditions else ""


def _unseen(record_ids: NDArray[np.int64], seen: Iterable[int]) -> Iterator[int]:
    """Yield each record id once, in their order, but none of those that were seen."""
    _, places = np.unique(record_ids, return_index=True)
    once = record_ids[np.sort(places)]
    unseen = once[~np.isin(once, np.fromiter(seen, dtype=np.int64))]
    for start in range(0, len(unseen), _DECODED):
        yield from unseen[start : start + _DECODED].tolist()
