"""Ordinary (not search) indexes: a table of keys and record ids beside the documents.

A table has one column of sort keys (`bson_order.sort_key`) for each indexed path, in the path's
direction, and the record id behind them, so that SQLite finds equal keys, ranges and an order in
it. New entries go into a small table of their own and are settled in the large one many at a time:
one by one, each would rewrite a page somewhere in it. `index_keys.py` says which keys a document
has; `query_plans.py` which index a query uses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import CommandError
from .index_keys import DocumentKeys, Key, document_keys, is_positional
from .mql.bson_order import MISSING_KEY, compare, sort_key
from .mql.bson_text import render_field
from .mql.collation import Collation, parse_collation, under
from .mql.matcher import compile_filter
from .mql.numbers import to_int64
from .mql.paths import MISSING, values_at

Document = dict[str, Any]

ID_INDEX_NAME = "_id_"


@dataclass(slots=True)
class Unsettled:
    """How many entries this server has added since new ones were settled last."""

    entries: int = 0


@dataclass(frozen=True, slots=True)
class OrdinaryIndex:
    """One index: its specification as `listIndexes` shows it, and the tables that hold its keys.

    Attributes:
        index_id: names the tables.
        specification: not to be modified.
        multikey: the positions of the paths that ran into an array in some document; writes add to
            it before they are committed, nothing takes away from it.
        paths: the indexed paths in order.
        directions: 1 or -1 for each of them.
        columns: the names of their SQL columns.
        collation: how strings compare in it; None where bytes do.
        unsettled: counts the new entries.
    """

    index_id: int
    specification: Document
    multikey: set[int] = field(default_factory=set, compare=False)
    paths: tuple[str, ...] = field(init=False, compare=False)
    directions: tuple[int, ...] = field(init=False, compare=False)
    columns: tuple[str, ...] = field(init=False, compare=False)
    collation: Collation | None = field(init=False, compare=False)
    unsettled: Unsettled = field(init=False, compare=False)
    _covers: Callable[[Document], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pattern, partial = self.specification["key"], self.partial_filter
        collation = parse_collation(self.specification.get("collation", {}))
        covers = _always if partial is None else compile_filter(under(collation, partial))
        derived = {
            "paths": tuple(pattern),
            "directions": tuple(-1 if compare(each, 0) < 0 else 1 for each in pattern.values()),
            "columns": tuple(f"key_{position}" for position in range(len(pattern))),
            "collation": collation,
            "unsettled": Unsettled(),
            "_covers": covers,
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)
        if is_positional(pattern):
            self.multikey.update(range(len(pattern)))

    @property
    def name(self) -> str:
        """The name, unique in its collection."""
        return str(self.specification["name"])

    @property
    def is_unique(self) -> bool:
        """Whether two documents may not share a key."""
        return bool(self.specification.get("unique"))

    @property
    def is_sparse(self) -> bool:
        """Whether documents that have none of the paths are left out."""
        return bool(self.specification.get("sparse"))

    @property
    def is_hidden(self) -> bool:
        """Whether no query may use it."""
        return bool(self.specification.get("hidden"))

    @property
    def lifetime_s(self) -> int | None:
        """How long after the date in it a document expires; None where none does."""
        seconds = self.specification.get("expireAfterSeconds")
        return None if seconds is None else to_int64(seconds)

    @property
    def partial_filter(self) -> Document | None:
        """What the documents in the index match; None where all may be in it."""
        return self.specification.get("partialFilterExpression")

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the SQL tables that hold its entries together; new ones go into the last.

        A unique index has one table, whose primary key keeps it so.
        """
        settled = f"index_{self.index_id}"
        return (settled,) if self.is_unique else (settled, f"recent_{self.index_id}")

    def create_sql(self, table: str) -> str:
        """Return the SQL that makes one of the tables."""
        declared = [f"{column} BLOB NOT NULL" for column in self.columns]
        ordered = [
            f"{column} DESC" if direction < 0 else column
            for column, direction in zip(self.columns, self.directions, strict=True)
        ]
        primary_key = ordered if self.is_unique else [*ordered, "record_id"]
        return (
            f"CREATE TABLE {table} ({', '.join(declared)}, record_id INTEGER NOT NULL, "
            f"PRIMARY KEY ({', '.join(primary_key)})) WITHOUT ROWID"
        )

    @property
    def conflict_sql(self) -> str:
        """The SQL that finds who has a key; its columns, then the record id that does not count."""
        pinned = " AND ".join(f"{column} = ?" for column in self.columns)
        return f"SELECT record_id FROM {self.tables[0]} WHERE {pinned} AND record_id <> ?"

    def insert_sql(self, table: str) -> str:
        """Return the SQL that adds one entry to a table: its key, then the record id."""
        marks = ", ".join("?" * (len(self.columns) + 1))
        return f"INSERT INTO {table} ({', '.join(self.columns)}, record_id) VALUES ({marks})"

    def delete_sql(self, table: str) -> str:
        """Return the SQL that removes one entry from a table: its key, then the record id."""
        pinned = " AND ".join(f"{column} = ?" for column in [*self.columns, "record_id"])
        return f"DELETE FROM {table} WHERE {pinned}"

    def keys_of(self, document: Document) -> DocumentKeys:
        """Return the keys under which this document stands.

        Raises:
            CommandError: 171, two of the paths run into different arrays.
        """
        document = under(self.collation, document)
        if not self._covers(document):
            return DocumentKeys(set(), set())
        found = document_keys(document, self.paths)
        if self.is_sparse and self._lacks_all(document, found.keys):
            return DocumentKeys(set(), set())
        return found

    def key_value_of(self, document: Document, key: Key) -> Document:
        """Return the values of which a document has this key, as a duplicate key error shows it."""
        return {
            path: _value_with(part, under(self.collation, values_at(document, path)))
            for path, part in zip(self.paths, key, strict=True)
        }

    def _lacks_all(self, document: Document, keys: set[Key]) -> bool:
        # Only the key of a missing field is that of null too: a look at the document tells them.
        if keys != {(MISSING_KEY,) * len(self.paths)}:
            return False
        return all(value is MISSING for path in self.paths for value in values_at(document, path))


@dataclass(frozen=True, slots=True)
class IdIndex:
    """The index of `_id`, whose keys stand in the table of the documents."""

    tables: tuple[str, ...]
    name: str = ID_INDEX_NAME
    columns: tuple[str, ...] = ("id_key",)
    paths: tuple[str, ...] = ("_id",)
    directions: tuple[int, ...] = (1,)
    multikey: frozenset[int] = frozenset()
    collation: None = None

    @property
    def specification(self) -> Document:
        """As `listIndexes` shows it."""
        return {"v": 2, "key": {"_id": 1}, "name": self.name}


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


def _value_with(key: bytes, values: Sequence[Any]) -> Any:
    found = (value for value in values if value is not MISSING and sort_key(value) == key)
    return next(found, None)
