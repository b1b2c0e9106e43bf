"""One collection as readers see it: the documents that match, found through an index if one helps.

Reading holds no lock and no snapshot: documents come in chunks, each as it is committed when its
chunk is read. What writes is in `collection_writer.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import Any

from bson import Binary

from .index_scan import Counts
from .mql.collation import under
from .mql.expression_compiler import Scope
from .mql.filters import Filter
from .mql.matcher import compile_filter
from .mql.rows import Row, decode
from .mql.sorting import compile_sort
from .ordinary_indexes import IdIndex, OrdinaryIndex
from .persistence import Read, Reader
from .query_plans import FindOptions, IdLookup, Plan, choose_plan
from .records import Record, RecordTable

Document = dict[str, Any]
Match = tuple[int, Row]
"""Record id and document."""


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
        self.id_index = IdIndex((self.records.id_source,))
        self.indexes: tuple[OrdinaryIndex, ...] = ()  # without that of `_id`
        self.next_record_id = 1
        self.is_journaled = False  # whether somebody keeps what was built from the documents
        self._reader: Reader | None = None

    @property
    def namespace(self) -> str:
        """`database.collection`."""
        return f"{self.database}.{self.name}"

    def attach(self, reader: Reader) -> None:
        """Let the collection read; called once it is committed."""
        self._reader = reader

    def find(
        self,
        query: Mapping[str, Any] | None,
        variables: Mapping[str, Any] | None = None,
        *,
        read: Read | None = None,
        options: FindOptions | None = None,
    ) -> Iterator[Match]:
        """Return record ids and documents that match, in the order asked for.

        Args:
            query: a filter; None or `{}` for all.
            variables: those that `$expr` may use.
            read: reads inside a write transaction, where not what is committed is wanted.
            options: what else is asked for. Without a sort, documents come in the order of their
                record ids, and so do those that sort alike. Under a collation, the strings of query
                and variables are collated already, and so are then those of the documents.

        Raises:
            CommandError: the filter or the sort is malformed; at the call, before anything is read.
        """
        options = options or FindOptions()
        query, variables = query or {}, variables or {}
        make_key = None if options.collation is None else options.collation.key
        matches = compile_filter(query, scope=Scope(frozenset(variables), make_key=make_key))
        key = compile_sort(options.sort) if options.sort else None
        plan = self.plan(query, options)
        found = self._rows(plan, read or self.read, options)
        if query and not (isinstance(plan, IdLookup) and _asks_only_for_ids(query)):
            found = _matching(found, matches, variables, options.counts)
        return found if key is None or plan.is_sorted else _sorted(found, key, options.wanted)

    def plan(self, query: Mapping[str, Any], options: FindOptions) -> Plan:
        """Return how `find` finds what a query may match; both compile."""
        return choose_plan(query, options, self.indexes, self.id_index)

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
        return [self.id_index.specification, *(index.specification for index in self.indexes)]

    def read(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run one query on what is committed."""
        assert self._reader is not None, "the collection is not committed"
        return self._reader.read(sql, parameters)

    def _rows(self, plan: Plan, read: Read, options: FindOptions) -> Iterator[Match]:
        collation = options.collation
        for record_id, raw in plan.candidates(self.records, read, options):
            options.counts.documents += 1
            document = None if collation is None else under(collation, decode(raw))
            yield record_id, Row(raw=raw, document=document)


def _matching(
    found: Iterator[Match], matches: Filter, variables: Mapping[str, Any], counts: Counts
) -> Iterator[Match]:
    for match in found:
        if matches(match[1].document, variables):
            yield match
        else:
            counts.mismatches += 1


def _sorted(
    found: Iterator[Match], key: Callable[[Row], bytes], wanted: int | None
) -> Iterator[Match]:
    if wanted is None:
        yield from sorted(found, key=lambda match: key(match[1]))
    else:
        yield from nsmallest(wanted, found, key=lambda match: key(match[1]))


def _asks_only_for_ids(query: Mapping[str, Any]) -> bool:
    """Tell whether a look-up by `_id`, if it is pinned, answers the query: nothing is decoded."""
    if len(query) != 1 or "_id" not in query:
        return False
    value = query["_id"]
    if isinstance(value, dict) and next(iter(value), "").startswith("$"):
        return len(value) == 1 and next(iter(value)) in ("$eq", "$in")
    return True
