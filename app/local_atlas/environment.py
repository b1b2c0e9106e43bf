"""What a query of one collection runs in: its rows, its time limit, other collections."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .commands.merges import merging
from .commands.outputs import replacing
from .commands.table import CommandContext
from .errors import NOT_EMULATED, CommandError, bad_value
from .index_scan import Counts
from .mql.collation import Collation, under
from .mql.expression_compiler import Scope
from .mql.matcher import compile_filter
from .mql.outputs import Merge, Target, Write
from .mql.rows import Row
from .mql.sorting import compile_sort
from .mql.stages import run_pipeline
from .query_plans import FindOptions, Hint, Natural
from .search.stages import search_sources
from .statistics import statistics_rows
from .store import StoredCollection
from .views import MAX_DEPTH, is_view


class StoreEnvironment:
    """The environment of a command on one collection, which need not exist.

    Args:
        context: of the command.
        name: of the collection, in the command's database.
        variables: the values of `let`.
        hint: which index to use.
        collation: how strings compare; those of `variables` and of every query are collated.
        depth: how many views were opened to get here.
    """

    def __init__(
        self,
        context: CommandContext,
        name: str,
        variables: Mapping[str, Any] | None = None,
        *,
        hint: Hint = None,
        collation: Collation | None = None,
        depth: int = 0,
    ) -> None:
        self.variables = dict(variables or {})
        self.name = name
        self.counts = Counts()
        self._hint = hint
        self.search_sources = search_sources(context.search)
        self._context = context
        self._collation = collation
        self._depth = depth

    @property
    def collection(self) -> StoredCollection | None:
        """The collection, None where it does not exist."""
        return self._context.collection(self.name)

    @property
    def namespace(self) -> str:
        """`database.collection`, whether it exists or not."""
        return f"{self._context.database}.{self.name}"

    def rows(
        self,
        query: Mapping[str, Any] | None,
        sort: Mapping[str, Any] | None = None,
        wanted: int | None = None,
    ) -> Iterator[Row]:
        """Return the documents that match, in the order asked for; else in their natural order."""
        collection = self.collection
        if collection is None:
            compile_filter(query or {})  # what is wrong with it is an error all the same
            if sort:
                compile_sort(sort)
            return iter(())
        if is_view(collection.options):
            found_rows = self._view_rows(collection.options, query)
            return iter(sorted(found_rows, key=compile_sort(sort))) if sort else found_rows
        order = sort or _order_of(self._hint)
        options = FindOptions(order, wanted, self._hint, self._collation, self.counts)
        found = collection.find(
            query, self.variables, read=self._timed_read(collection), options=options
        )
        return (row for _, row in found)

    def on(self, collection_name: str) -> "StoreEnvironment":
        """Return the environment of another collection of the database."""
        return StoreEnvironment(
            self._context, collection_name, self.variables, collation=self._collation
        )

    def statistics(self, name: str, operand: Mapping[str, Any]) -> Iterator[Row]:
        """Return what a stage that tells of the collection or the server finds."""
        return statistics_rows(self._context, name, operand, self.name)

    def replacing(self, target: Target) -> Write:
        """Return what replaces a collection by rows."""
        return replacing(self._context, target)

    def merging(self, merge: Merge, variables: Mapping[str, Any]) -> Write:
        """Return what merges rows into a collection."""
        if self._collation is not None:
            raise bad_value(f"$merge with a collation {NOT_EMULATED}")
        return merging(self._context, merge, variables)

    def check_time(self) -> None:
        """Stop the command where its `maxTimeMS` has run out."""
        self._context.check_time()

    def _view_rows(
        self, options: Mapping[str, Any], query: Mapping[str, Any] | None
    ) -> Iterator[Row]:
        if self._depth == MAX_DEPTH:
            message = f"View depth limit exceeded; maximum depth is {MAX_DEPTH}"
            raise CommandError(165, "ViewDepthLimitExceeded", message)
        collation = self._collation
        source = StoreEnvironment(
            self._context, options["viewOn"], collation=collation, depth=self._depth + 1
        )
        make_key = None if collation is None else collation.key
        scope = Scope(frozenset(self.variables), make_key=make_key)
        matches = compile_filter(query or {}, scope=scope)
        rows = run_pipeline(under(collation, options["pipeline"]), source, make_key)
        return (row for row in rows if matches(row.document, self.variables))

    def _timed_read(self, collection: StoredCollection) -> Any:
        # Documents come in chunks, so a long scan looks at the clock once for each of them.
        def read(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
            self._context.check_time()
            return collection.read(sql, parameters)

        return read


def _order_of(hint: Hint) -> Mapping[str, int]:
    """Return the order in which an index gives documents that are asked for in no order."""
    if hint is None or isinstance(hint, Natural):
        return {}
    return dict(zip(hint.paths, hint.directions, strict=True))
