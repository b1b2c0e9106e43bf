"""The operator `autocomplete`: what it finds, and how well that fits.

A document is found by a gram of the query, or by one that is a few edits away. Where the path is
indexed as a string as well, whole words of the query count besides.
Source: https://github.com/mongodb/mongot, `AutocompleteQueryFactory`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .completion_column import CompletionColumn
from .fuzzy import Fuzzy, edit_distance
from .query_paths import TextPath
from .scored import Scored
from .space import Space
from .text_conditions import HasPhrase, HasText, TextSearch
from .text_ranking import (
    Match,
    phrase_matches,
    summed,
    text_matches,
    texts_of,
    weighed_terms,
)

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HasCompletion:
    """Met where a text goes on as a query begins.

    Args:
        path: of an `autocomplete` field.
        queries: what was typed, in any of several ways.
        fuzzy: how far a gram may be from that, None for not at all.
        in_order: whether the words are to come one after the other.
    """

    path: str
    queries: tuple[str, ...]
    fuzzy: Fuzzy | None = None
    in_order: bool = False

    def slots(self, space: Space) -> Bools:
        """Return the slots with one of the grams."""
        result = np.zeros(space.capacity, np.bool_)
        for slots in self._found(space):
            result |= slots
        return result

    def scored(self, space: Space) -> Scored:
        """Return what is found; what is a few edits away scores 1."""
        grams = self._near(space) if self.fuzzy is not None else self._exact(space)
        words = summed(self.word_matches(space), space.capacity)
        scores = np.where(grams.met, grams.scores + words.scores, np.float32(0))
        return Scored(grams.met, scores)

    def gram_matches(self, space: Space) -> Iterator[Match]:
        """Yield what each gram of the queries finds, where none may have an edit."""
        column = self._column(space)
        if column is None:
            return
        texts = texts_of(TextPath(self.path, use="autocomplete"), column, space.capacity)
        for terms in self._terms(column):
            weighed = weighed_terms(texts, [(term, 1.0) for term in terms])
            met = np.zeros(space.capacity, np.bool_)
            for one in weighed:
                met[one.slots] = True
            yield Match(met, weighed)

    def word_matches(self, space: Space) -> Iterator[Match]:
        """Yield what whole words find besides; of what no gram finds they say nothing."""
        search = TextSearch((TextPath(self.path),), self.queries)
        if self.in_order:
            return phrase_matches(HasPhrase(search), space)
        return text_matches(HasText(search), space)

    def _exact(self, space: Space) -> Scored:
        return summed(self.gram_matches(space), space.capacity)

    def _near(self, space: Space) -> Scored:
        met = np.zeros(space.capacity, np.bool_)
        scores = np.zeros(space.capacity, np.float32)
        for slots in self._found(space):
            met |= slots
            scores += slots.astype(np.float32)
        return Scored(met, scores)

    def _found(self, space: Space) -> Iterator[Bools]:
        """Yield which slots have one of the grams that stand for one of a query."""
        column = self._column(space)
        if column is not None:
            for terms in self._terms(column):
                yield column.slots_with_any(terms, space.capacity)

    def _column(self, space: Space) -> CompletionColumn | None:
        column = space.text(TextPath(self.path, use="autocomplete"))
        return column if isinstance(column, CompletionColumn) else None

    def _terms(self, column: CompletionColumn) -> list[list[str]]:
        """Return the grams that are looked for, those that stand for one of the query together."""
        texts = [column.grams.of_query(one, whole=self.in_order) for one in self.queries]
        wanted = list(dict.fromkeys(term for terms in texts for term in terms))
        if self.fuzzy is None:
            return [[term] for term in wanted]
        indexed = column.terms()
        return [_close(term, indexed, self.fuzzy) for term in wanted]


def _close(term: str, indexed: list[str], fuzzy: Fuzzy) -> list[str]:
    """Return all grams that are few edits away behind the prefix that must be equal."""
    size = fuzzy.prefix_length
    if len(term) <= size:
        return [term]
    return [
        one
        for one in indexed
        if abs(len(one) - len(term)) <= fuzzy.max_edits
        and one.startswith(term[:size])
        and edit_distance(term[size:], one[size:], fuzzy.max_edits) is not None
    ]
