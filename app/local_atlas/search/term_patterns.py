"""The operator `wildcard`: texts that have a term which a pattern matches from end to end.

Patterns are compared with the terms as the index has them, without an analysis of their own; `*`
stands for any characters, `?` for one, and a backslash takes the meaning from what follows it.
https://www.mongodb.com/docs/atlas/atlas-search/operators-collectors/wildcard/
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .space import Space
from .text_column import TextColumn
from .text_conditions import TextSearch

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HasPattern:
    """Met where a text has a term that a pattern matches.

    Args:
        search: the patterns, and where.
        allows_analyzed: paths may be searched whose strings are cut into words.
    """

    search: TextSearch
    allows_analyzed: bool = False

    def slots(self, space: Space) -> Bools:
        """Return the slots with such a term."""

        def find(column: TextColumn, query: str) -> Bools:
            matches = _compiled(query).fullmatch
            terms = [term for term in column.terms() if matches(term) is not None]
            return column.slots_with_any(terms, space.capacity)

        return self.search.slots(space, find)


def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    spelled = (_MEANINGS.get(part) or re.escape(part.removeprefix("\\") or part) for part in parts)
    return re.compile("".join(spelled), re.DOTALL)


_MEANINGS = {"*": ".*", "?": "."}
