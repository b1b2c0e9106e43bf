"""The operators `wildcard` and `regex`: texts with a term that a pattern matches from end to end.

Patterns are compared with the terms as the index has them, without an analysis of their own.
https://www.mongodb.com/docs/atlas/atlas-search/operators-collectors/wildcard/
https://www.mongodb.com/docs/atlas/atlas-search/operators-collectors/regex/
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from .lucene_patterns import regex_pattern, wildcard_pattern
from .space import Space
from .text_column import TextColumn
from .text_conditions import TextSearch

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HasPattern:
    """Met where a text has a term that a pattern matches.

    Args:
        search: the patterns, and where.
        syntax: of the patterns, which is the operator's name.
        allows_analyzed: paths may be searched whose strings are cut into words.
    """

    search: TextSearch
    syntax: Literal["wildcard", "regex"]
    allows_analyzed: bool = False

    def slots(self, space: Space) -> Bools:
        """Return the slots with such a term."""
        compile_one = wildcard_pattern if self.syntax == "wildcard" else regex_pattern

        def find(column: TextColumn, query: str) -> Bools:
            matches = compile_one(query).fullmatch
            terms = [term for term in column.terms() if matches(term) is not None]
            return column.slots_with_any(terms, space.capacity)

        return self.search.slots(space, find)
