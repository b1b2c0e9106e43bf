"""The conditions of the operators `text` and `phrase`, and which slots meet them.

A query is analysed as the path's strings are (or by the path's `searchAnalyzer`); one that comes
to no terms matches nothing. What an index cannot do for a query, `text_checks` has refused before.
Source: https://github.com/mongodb/mongot, `TextQueryFactory` and `PhraseQueryFactory`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .fuzzy import Fuzzy, similar_terms
from .query_paths import AnyTextPath, TextPath, Wildcard
from .space import Space
from .text_column import TextColumn

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TextSearch:
    """Texts that are looked for, each at each of some paths, with synonyms of a mapping's name."""

    paths: tuple[AnyTextPath, ...]
    queries: tuple[str, ...]
    synonyms: str | None = None

    def slots(self, space: Space, find: Callable[[TextColumn, str], Bools]) -> Bools:
        """Return the slots that `find` finds for at least one of the texts at one of the paths."""
        result = np.zeros(space.capacity, np.bool_)
        for _, column in self.columns(space):
            for query in self.queries:
                result |= find(column, query)
        return result

    def columns(self, space: Space) -> Iterator[tuple[TextPath, TextColumn]]:
        """Yield the paths with their texts, as far as any were indexed."""
        for path, column in space.texts():
            if any(
                wanted.matches(path.path) and path == TextPath(path.path)
                if isinstance(wanted, Wildcard)
                else wanted == path
                for wanted in self.paths
            ):
                yield path, column


@dataclass(frozen=True, slots=True)
class HasText:
    """Met where a text has one or all of the terms of a query, or terms close to them."""

    search: TextSearch
    needs_all: bool = False
    fuzzy: Fuzzy | None = None

    def slots(self, space: Space) -> Bools:
        """Return the slots with the terms."""
        return self.search.slots(
            space, lambda column, query: self._found(column, query, space.capacity)
        )

    def _found(self, column: TextColumn, query: str, capacity: int) -> Bools:
        terms = [term for term in column.analyze_query(query) if term is not None]
        if not self.needs_all or not terms:
            close = {one for term in terms for one in self._expanded(column, term)}
            return column.slots_with_any(close, capacity)
        found = np.ones(capacity, np.bool_)
        for term in terms:
            found &= column.slots_with_any(self._expanded(column, term), capacity)
        return found

    def _expanded(self, column: TextColumn, term: str) -> list[str]:
        return [term] if self.fuzzy is None else similar_terms(term, column.terms(), self.fuzzy)


@dataclass(frozen=True, slots=True)
class HasPhrase:
    """Met where a text has the terms of a query in their order."""

    search: TextSearch
    slop: int = 0

    def slots(self, space: Space) -> Bools:
        """Return the slots with the phrase."""
        return self.search.slots(
            space,
            lambda column, query: column.slots_with_phrase(
                column.analyze_query(query), self.slop, space.capacity
            ),
        )
