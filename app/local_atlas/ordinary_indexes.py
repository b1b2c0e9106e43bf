"""Ordinary (not search) indexes: a table of sort keys and record ids beside the documents.

A key is the `sort_key` of each indexed value, one after the other; since every sort key ends
itself, the first fields of a compound key are a prefix of its bytes. A document has one key for
each combination of the values that a condition on the paths would see, so looking up an equality
finds every document that can match it. Null is left to a scan: what is missing has many forms.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import CommandError
from .mql.bson_order import sort_key
from .mql.bson_text import render_field
from .mql.matcher import compile_filter, equality_values
from .mql.paths import MISSING, values_at
from .persistence import Read

Document = dict[str, Any]

ID_INDEX_NAME = "_id_"
_MAX_LOOKUPS = 1000  # more combinations of `$in` lists than this are scanned for instead
_ABOVE_EVERY_KEY = b"\xff"  # no sort key starts with this byte


@dataclass(frozen=True, slots=True)
class OrdinaryIndex:
    """One index: its specification as `listIndexes` shows it, and the table that holds its keys."""

    index_id: int
    specification: Document
    _covers: Callable[[Document], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        partial = self.specification.get("partialFilterExpression")
        object.__setattr__(self, "_covers", _always if partial is None else compile_filter(partial))

    @property
    def name(self) -> str:
        """The name, unique in its collection."""
        return str(self.specification["name"])

    @property
    def paths(self) -> list[str]:
        """The indexed paths in order."""
        return list(self.specification["key"])

    @property
    def is_unique(self) -> bool:
        """Whether two documents may not share a key."""
        return bool(self.specification.get("unique"))

    @property
    def is_complete(self) -> bool:
        """Whether every document is in it: neither sparse nor partial."""
        spec = self.specification
        return not spec.get("sparse") and "partialFilterExpression" not in spec

    @property
    def table(self) -> str:
        """The name of the SQL table."""
        return f"index_{self.index_id}"

    @property
    def create_sql(self) -> str:
        """The SQL that makes the table."""
        primary_key = "key" if self.is_unique else "key, record_id"
        return (
            f"CREATE TABLE {self.table} (key BLOB NOT NULL, record_id INTEGER NOT NULL, "
            f"PRIMARY KEY ({primary_key})) WITHOUT ROWID"
        )

    @property
    def insert_sql(self) -> str:
        """The SQL that adds one (key, record id)."""
        return f"INSERT INTO {self.table} (key, record_id) VALUES (?, ?)"

    @property
    def delete_sql(self) -> str:
        """The SQL that removes one (key, record id)."""
        return f"DELETE FROM {self.table} WHERE key = ? AND record_id = ?"

    def keys_of(self, document: Document) -> set[bytes]:
        """Return the keys under which this document stands.

        Raises:
            CommandError: 171, two of the paths run into different arrays.
        """
        if not self._covers(document):
            return set()
        values = [values_at(document, path) for path in self.paths]
        if self.specification.get("sparse") and all(map(_is_missing, values)):
            return set()
        _refuse_parallel_arrays(self.paths, values)
        columns = [{sort_key(value) for value in column or [None]} for column in values]
        return {b"".join(parts) for parts in itertools.product(*columns)}

    def lookup(self, read: Read, prefixes: Sequence[bytes]) -> list[int]:
        """Return the record ids whose key starts with one of these, each once, in order."""
        sql = f"SELECT record_id FROM {self.table} WHERE key >= ? AND key < ?"
        found = {row[0] for p in prefixes for row in read(sql, (p, p + _ABOVE_EVERY_KEY))}
        return sorted(found)

    def key_value_of(self, document: Document) -> Document:
        """Return what a duplicate key error shows of the document: each path's first value."""
        return {path: _first_value(values_at(document, path)) for path in self.paths}


def lookup_prefixes(index: OrdinaryIndex, query: Mapping[str, Any]) -> list[bytes] | None:
    """Return the key prefixes that a query pins, None where the index does not help it."""
    if not index.is_complete:
        return None
    columns = list(itertools.takewhile(bool, (pinned_keys(query, path) for path in index.paths)))
    combinations = 1
    for column in columns:
        combinations *= len(column or ())
    if not columns or combinations > _MAX_LOOKUPS:
        return None
    return [b"".join(parts) for parts in itertools.product(*(c for c in columns if c))]


def pinned_keys(query: Mapping[str, Any], path: str) -> list[bytes] | None:
    """Return the sort keys to which a query pins a path; None where it does not, or to null."""
    values = equality_values(query, path)
    if values is None or any(value is None for value in values):
        return None
    return list(dict.fromkeys(map(sort_key, values)))


def best_lookup(
    indexes: Sequence[OrdinaryIndex], query: Mapping[str, Any]
) -> tuple[OrdinaryIndex, list[bytes]] | None:
    """Return the index with the longest pinned prefix and the prefixes to look up."""
    candidates = [(index, lookup_prefixes(index, query)) for index in indexes]
    useful = [(index, prefixes) for index, prefixes in candidates if prefixes]
    return max(useful, key=lambda candidate: len(candidate[1][0]), default=None)


def duplicate_key_error(
    namespace: str, name: str, key_pattern: Document, key_value: Document
) -> CommandError:
    """Return error 11000 as the real server words it."""
    shown = ", ".join(render_field(path, value) for path, value in key_value.items())
    return CommandError(
        11000,
        "DuplicateKey",
        f"E11000 duplicate key error collection: {namespace} index: {name} dup key: {{ {shown} }}",
        {"keyPattern": key_pattern, "keyValue": key_value},
    )


def _always(_: Document) -> bool:
    return True


def _is_missing(values: Sequence[Any]) -> bool:
    return all(value is MISSING for value in values)


def _first_value(values: Sequence[Any]) -> Any:
    return None if not values or values[0] is MISSING else values[0]


def _refuse_parallel_arrays(paths: Sequence[str], values: Sequence[Sequence[Any]]) -> None:
    roots = [path.split(".")[0] for path, column in zip(paths, values, strict=True) if column[1:]]
    if len(set(roots)) > 1:
        raise CommandError(
            171,
            "CannotIndexParallelArrays",
            f"cannot index parallel arrays [{roots[1]}] [{roots[0]}]",
        )
