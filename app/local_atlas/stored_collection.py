"""One collection as readers see it: the documents that match, found through an index if one helps.

Reading holds no lock and no snapshot: documents come in chunks, each as it is committed when its
chunk is read. What writes is in `collection_writer.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bson import Binary

from .mql.collation import Collation, under
from .mql.expression_compiler import Scope
from .mql.matcher import compile_filter
from .mql.rows import Row, decode
from .ordinary_indexes import ID_INDEX_NAME, OrdinaryIndex, best_lookup, pinned_keys
from .persistence import Persistence, Read
from .records import Record, RecordTable

Document = dict[str, Any]


class StoredCollection:
    """One collection: its identity, its indexes and its documents as they are committed."""

    def __init__(
        self,
        database: str,
        name: str,
        uuid: Binary,
        collection_id: int,
        options: Document | None = None,
    ) -> None:
        self.database = database
        self.name = name
        self.uuid = uuid
        self.collection_id = collection_id
        self.options: Document = options or {}
        """As `create` took them and `listCollections` shows them; replaced, never changed."""
        self.records = RecordTable(collection_id)
        self.indexes: tuple[OrdinaryIndex, ...] = ()  # without that of `_id`
        self.next_record_id = 1
        self.is_journaled = False  # whether somebody keeps what was built from the documents
        self._persistence: Persistence | None = None

    @property
    def namespace(self) -> str:
        """`database.collection`."""
        return f"{self.database}.{self.name}"

    def attach(self, persistence: Persistence) -> None:
        """Let the collection read; called once it is committed."""
        self._persistence = persistence

    def find_rows(
        self, query: Mapping[str, Any] | None, variables: Mapping[str, Any] | None = None
    ) -> Iterator[Row]:
        """Return the documents that match, in the order of their record ids."""
        for _, row in self.find(query, variables):
            yield row

    def find(
        self,
        query: Mapping[str, Any] | None,
        variables: Mapping[str, Any] | None = None,
        *,
        read: Read | None = None,
        collation: Collation | None = None,
    ) -> Iterator[tuple[int, Row]]:
        """Return record ids and documents that match, in the order of the record ids.

        Args:
            query: a filter; None or `{}` for all.
            variables: those that `$expr` may use.
            read: reads inside a write transaction, where not what is committed is wanted.
            collation: how strings compare; those of query and variables are collated already, and
                so are then those of the decoded documents.

        Raises:
            CommandError: the filter is malformed; at the call, before anything is read.
        """
        if collation is not None:
            return self._find_collated(query or {}, variables or {}, read, collation)
        if not query:
            return ((record_id, Row(raw=raw)) for record_id, raw in self.scan(read))
        variables = variables or {}
        matches = compile_filter(query, scope=Scope(frozenset(variables)))
        id_keys = pinned_keys(query, "_id")
        candidates = self._candidates(query, id_keys, read or self.read)
        rows = ((record_id, Row(raw=raw)) for record_id, raw in candidates)
        if id_keys is not None and _asks_only_for_ids(query):
            return rows
        return (found for found in rows if matches(found[1].document, variables))

    def _find_collated(
        self,
        query: Mapping[str, Any],
        variables: Mapping[str, Any],
        read: Read | None,
        collation: Collation,
    ) -> Iterator[tuple[int, Row]]:
        """Go through all documents: the keys of the indexes are those of plain strings."""
        matches = compile_filter(query, scope=Scope(frozenset(variables), make_key=collation.key))
        rows = (
            (record_id, Row(raw=raw, document=under(collation, decode(raw))))
            for record_id, raw in self.scan(read)
        )
        return (found for found in rows if matches(found[1].document, variables))

    def scan(self, read: Read | None = None) -> Iterator[Record]:
        """Return record id and raw document of all documents, in the order of the record ids."""
        return self.records.scan(read or self.read)

    def get_many(self, record_ids: Sequence[int]) -> list[bytes | None]:
        """Return the raw documents of these record ids in the same order, None where gone."""
        found = self.records.by_record_ids(self.read, record_ids)
        return [found.get(record_id) for record_id in record_ids]

    def count(self) -> int:
        """Return the number of documents."""
        return self.records.count(self.read)

    def index_specifications(self) -> list[Document]:
        """Return the specifications of all indexes as `listIndexes` shows them."""
        id_index = {"v": 2, "key": {"_id": 1}, "name": ID_INDEX_NAME}
        return [id_index, *(index.specification for index in self.indexes)]

    def read(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run one query on what is committed."""
        assert self._persistence is not None, "the collection is not committed"
        return self._persistence.read(sql, parameters)

    def _candidates(
        self, query: Mapping[str, Any], id_keys: Sequence[bytes] | None, read: Read
    ) -> Iterator[Record]:
        if id_keys is not None:
            return iter(sorted(self.records.by_id_keys(read, id_keys).values()))
        best = best_lookup(self.indexes, query)
        if best is None:
            return self.records.scan(read)
        index, prefixes = best
        return self.records.fetch(read, index.lookup(read, prefixes))


def _asks_only_for_ids(query: Mapping[str, Any]) -> bool:
    """Tell whether a look-up by `_id`, if it is pinned, answers the query: nothing is decoded."""
    if len(query) != 1 or "_id" not in query:
        return False
    value = query["_id"]
    if isinstance(value, dict) and next(iter(value), "").startswith("$"):
        return len(value) == 1 and next(iter(value)) in ("$eq", "$in")
    return True
