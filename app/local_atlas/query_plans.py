"""How the documents that a query may match are found: which index it uses, with which bounds.

A plan only names candidates: each document is matched again, so an index changes no answer. Without
a sort, candidates come in the order of their record ids, however they were found.

The choice: by `_id` where that is pinned; else the index with most leading paths pinned to values,
then one that gives the order asked for, then one with a range; else an index for each part of an
`$or`; else the whole collection.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain
from typing import Any, Final, TypeAlias

import numpy as np
from bson import Regex

from .index_scan import Counts, Index, IndexScan, first_wanted
from .mql.bson_order import sort_key
from .mql.collation import Collation, under
from .mql.index_bounds import (
    ALL,
    Intervals,
    are_points,
    constraints_on,
    intersection,
    requires_field,
)
from .mql.matcher import equality_values
from .mql.numbers import exact_int64
from .ordinary_indexes import IdIndex, OrdinaryIndex
from .partial_indexes import stays_within
from .persistence import Read
from .records import Record, RecordTable

Document = dict[str, Any]

_MAX_POINTS: Final = 50_000  # SQLite takes 250,000 parameters; beyond this a scan is no slower


class Natural(Enum):
    """The hint to use no index."""

    ORDER = "$natural"


Hint: TypeAlias = Index | Natural | None


@dataclass(frozen=True, slots=True)
class FindOptions:
    """What is asked for besides a filter.

    Attributes:
        sort: path: 1 or -1; empty for natural order.
        wanted: how many documents are wanted, the first ones; None for all.
        hint: which index to use.
        collation: how strings compare; an index helps only where it has the same.
        counts: is told what was looked at.
    """

    sort: Mapping[str, Any] = field(default_factory=dict)
    wanted: int | None = None
    hint: Hint = None
    collation: Collation | None = None
    counts: Counts = field(default_factory=Counts)


@dataclass(frozen=True, slots=True)
class CollectionScan:
    """Look at every document."""

    is_sorted = False

    def candidates(
        self, records: RecordTable, read: Read, options: FindOptions
    ) -> Iterator[Record]:
        """Return record ids and raw documents."""
        return records.scan(read)


@dataclass(frozen=True, slots=True)
class IdLookup:
    """Look up documents by the sort keys of their `_id`."""

    keys: Sequence[bytes]
    is_sorted = False

    def candidates(
        self, records: RecordTable, read: Read, options: FindOptions
    ) -> Iterator[Record]:
        """Return record ids and raw documents."""
        found = sorted(records.by_id_keys(read, self.keys).values())
        options.counts.keys += len(found)
        return iter(found)


@dataclass(frozen=True, slots=True)
class IndexLookup:
    """Look up documents through an ordinary index."""

    scan: IndexScan

    @property
    def is_sorted(self) -> bool:
        """Whether the candidates come in the order that was asked for."""
        return bool(self.scan.order)

    def candidates(
        self, records: RecordTable, read: Read, options: FindOptions
    ) -> Iterator[Record]:
        """Return record ids and raw documents."""
        record_ids = self.scan.record_ids(read, options.wanted, options.counts)
        # One more than the first of them would make the scan read its index to the end.
        return records.fetch(read, record_ids, first=first_wanted(options.wanted))


@dataclass(frozen=True, slots=True)
class UnionLookup:
    """Look up what each part of an `$or` may match, each document once."""

    parts: tuple[IdLookup | IndexLookup, ...]
    is_sorted = False

    def candidates(
        self, records: RecordTable, read: Read, options: FindOptions
    ) -> Iterator[Record]:
        """Return record ids and raw documents."""
        found = chain.from_iterable(
            _record_ids(part, records, read, options.counts) for part in self.parts
        )
        record_ids = np.unique(np.fromiter(found, dtype=np.int64))
        return records.fetch(read, iter(record_ids.tolist()))


Plan: TypeAlias = CollectionScan | IdLookup | IndexLookup | UnionLookup


def choose_plan(
    query: Mapping[str, Any], options: FindOptions, indexes: Sequence[OrdinaryIndex], ids: IdIndex
) -> Plan:
    """Return how to find what a query may match.

    Args:
        query: a filter that compiles.
        options: what else is asked for; the sort is one that compiles.
        indexes: the ordinary indexes of the collection.
        ids: that of `_id`.
    """
    hint = options.hint
    if hint is Natural.ORDER:
        return CollectionScan()
    if options.collation is None and (hint is None or hint is ids):
        keys = pinned_id_keys(query)
        if keys is not None:
            return IdLookup(keys)
    # A pattern knows no collation, and an index under one has no other strings.
    is_plain = options.collation is None or not _has_pattern(query)
    if hint is not None:
        helps = is_plain and hint.collation == options.collation
        return IndexLookup(_scan(hint, query, options.sort) if helps else _scan(hint, {}, {}))
    if not is_plain:
        return CollectionScan()
    usable = [each for each in indexes if each.collation == options.collation]
    known: list[Index] = [each for each in usable if _has_all(each, query)]
    best = _best([*known, ids] if options.collation is None else known, query, options)
    if isinstance(best, CollectionScan):
        return _union(query, options, indexes, ids) or best
    return best


def _union(
    query: Mapping[str, Any], options: FindOptions, indexes: Sequence[OrdinaryIndex], ids: IdIndex
) -> UnionLookup | None:
    """Return the look-ups of the parts of an `$or`; None where one of them has no index."""
    if "$or" not in query:
        return None
    rest = {name: operand for name, operand in query.items() if name != "$or"}
    unsorted = FindOptions(collation=options.collation)
    parts = []
    for each in query["$or"]:
        part = choose_plan({"$and": [rest, each]}, unsorted, indexes, ids)
        if not isinstance(part, IdLookup | IndexLookup):
            return None
        parts.append(part)
    return UnionLookup(tuple(parts))


def _record_ids(
    part: IdLookup | IndexLookup, records: RecordTable, read: Read, counts: Counts
) -> Iterator[int]:
    if isinstance(part, IndexLookup):
        return part.scan.record_ids(read, None, counts)
    found = records.record_ids(read, part.keys)
    counts.keys += len(found)
    return iter(found)


def _best(known: Sequence[Index], query: Mapping[str, Any], options: FindOptions) -> Plan:
    scans = [_scan(index, query, options.sort) for index in known]
    rated = ((each, _worth(each)) for each in scans)
    scan, worth = max(rated, key=lambda found: found[1], default=(None, ()))
    return CollectionScan() if scan is None or not any(worth) else IndexLookup(scan)


def _has_pattern(query: Any) -> bool:
    """Tell whether a part of a query is a regular expression."""
    if isinstance(query, Mapping):
        return "$regex" in query or any(map(_has_pattern, query.values()))
    if isinstance(query, list):
        return any(map(_has_pattern, query))
    return isinstance(query, Regex)


def pinned_id_keys(query: Mapping[str, Any]) -> list[bytes] | None:
    """Return the sort keys to which a query pins `_id`; None where it does not."""
    values = equality_values(query, "_id")
    return None if values is None else list(dict.fromkeys(map(sort_key, values)))


def _has_all(index: OrdinaryIndex, query: Mapping[str, Any]) -> bool:
    """Tell whether every document that a query may match is in an index that it may use."""
    if index.is_hidden:
        return False
    if index.is_sparse and not any(requires_field(query, path) for path in index.paths):
        return False
    partial = under(index.collation, index.partial_filter)
    return partial is None or stays_within(query, partial)


def _scan(index: Index, query: Mapping[str, Any], sort: Mapping[str, Any]) -> IndexScan:
    bounds = _bounds(index, query)
    return IndexScan(index, bounds, _order(index, bounds, sort))


def _bounds(index: Index, query: Mapping[str, Any]) -> tuple[Intervals, ...]:
    """Return the bounds of each path.

    The conditions on a path that runs into an array may be met by different elements, so only one
    of them bounds it; and of paths that may run into the same array only one is bounded.
    """
    bounds = []
    is_array_bounded = False
    for position, path in enumerate(index.paths):
        constraints = constraints_on(query, path)
        found = ALL
        if position not in index.multikey:
            for each in constraints:
                found = intersection(found, each)
        elif constraints and not is_array_bounded:
            found = min(constraints, key=_width)
            is_array_bounded = True
        bounds.append(found)
    return tuple(bounds)


def _width(intervals: Intervals) -> tuple[bool, int]:
    """Order what a constraint leaves: first few points, then few ranges."""
    return not are_points(intervals), len(intervals)


def _order(
    index: Index, bounds: Sequence[Intervals], sort: Mapping[str, Any]
) -> tuple[tuple[str, bool], ...]:
    """Return the columns that give an order, upwards or downwards; none where they do not.

    Columns that are pinned to one value may stand between, as they order nothing.
    """
    is_down = {path: exact_int64(direction) == -1 for path, direction in sort.items()}
    wanted = list(is_down)
    columns: list[tuple[str, bool]] = []
    turns = set()
    for position, path in enumerate(index.paths):
        if not wanted:
            break
        is_pinned = len(bounds[position]) == 1 and bounds[position][0].is_point
        if path == wanted[0] and position not in index.multikey:
            turns.add(is_down[path] == (index.directions[position] > 0))
            columns.append((index.columns[position], is_down[path]))
            del wanted[0]
        elif not is_pinned:
            return ()
    return tuple(columns) if not wanted and len(turns) == 1 else ()


def _worth(scan: IndexScan) -> tuple[int, bool, bool]:
    """Return what makes a scan better than others; nothing of it where it is of no use."""
    if sum(map(len, scan.bounds)) > _MAX_POINTS:
        return 0, False, False
    pinned = 0
    for intervals in scan.bounds:
        if not are_points(intervals):
            break
        pinned += 1
    is_bounded = scan.bounds[0] is not ALL
    return pinned, bool(scan.order), is_bounded
