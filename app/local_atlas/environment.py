"""What a query of one collection runs in: its rows, its time limit, other collections."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .commands.merges import merging
from .commands.outputs import replacing
from .commands.table import CommandContext
from .mql.matcher import compile_filter
from .mql.outputs import Merge, Target, Write
from .mql.rows import Row
from .search.stages import search_sources
from .store import StoredCollection


class StoreEnvironment:
    """The environment of a command on one collection, which need not exist.

    Args:
        context: of the command.
        name: of the collection, in the command's database.
        variables: the values of `let`.
    """

    def __init__(
        self, context: CommandContext, name: str, variables: Mapping[str, Any] | None = None
    ) -> None:
        self.variables = dict(variables or {})
        self.name = name
        self.search_sources = search_sources(context.search)
        self._context = context

    @property
    def collection(self) -> StoredCollection | None:
        """The collection, None where it does not exist."""
        return self._context.store.collection(self._context.database, self.name)

    @property
    def namespace(self) -> str:
        """`database.collection`, whether it exists or not."""
        return f"{self._context.database}.{self.name}"

    def rows(self, query: Mapping[str, Any] | None) -> Iterator[Row]:
        """Return the documents that match, in their natural order."""
        collection = self.collection
        if collection is None:
            compile_filter(query or {})  # what is wrong with it is an error all the same
            return iter(())
        found = collection.find(query, self.variables, read=self._timed_read(collection))
        return (row for _, row in found)

    def on(self, collection_name: str) -> "StoreEnvironment":
        """Return the environment of another collection of the database."""
        return StoreEnvironment(self._context, collection_name, self.variables)

    def replacing(self, target: Target) -> Write:
        """Return what replaces a collection by rows."""
        return replacing(self._context, target)

    def merging(self, merge: Merge, variables: Mapping[str, Any]) -> Write:
        """Return what merges rows into a collection."""
        return merging(self._context, merge, variables)

    def check_time(self) -> None:
        """Stop the command where its `maxTimeMS` has run out."""
        self._context.check_time()

    def _timed_read(self, collection: StoredCollection) -> Any:
        # Documents come in chunks, so a long scan looks at the clock once for each of them.
        def read(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
            self._context.check_time()
            return collection.read(sql, parameters)

        return read
