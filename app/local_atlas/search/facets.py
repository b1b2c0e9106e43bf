"""Facets of $searchMeta: how many of the documents found have each value of a path.

Source: https://github.com/mongodb/mongot, `FacetCollector` and `FacetDefinition`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import NOT_EMULATED
from .mapping import IndexMapping
from .parsing import DocumentParser, document, document_of, integer_within, one_of, refuse, string
from .refusals import QueryError
from .space import Space

Bools = npt.NDArray[np.bool_]

_BUCKETS = integer_within(1, 1000)


@dataclass(frozen=True, slots=True)
class StringFacet:
    """The most frequent strings of a `token` field.

    Args:
        path: of the field.
        buckets: how many strings at most.
    """

    path: str
    buckets: int

    def check(self, mapping: IndexMapping) -> None:
        """Refuse a path whose strings are not indexed whole.

        Raises:
            QueryError: naming it.
        """
        field = mapping.resolve(self.path)
        if field is None or "token" not in field.types:
            raise QueryError(
                f'Cannot facet on field "{self.path}" because it is not indexed as a "token" field.'
            )

    def counted(self, space: Space, met: Bools) -> list[tuple[str, int]]:
        """Return the strings and how many of the chosen slots have each, equals in their order."""
        field = space.field(self.path)
        if field is None or "token" not in field.columns:
            return []
        column, dictionary = field.columns["token"], field.dictionaries["token"]
        kept = np.flatnonzero(column.slots >= 0)
        kept = kept[met[column.slots[kept]]]
        # A string that an array holds twice counts once.
        slots, codes = column.slots[kept].astype(np.int64), column.values[kept]
        pairs = np.unique(slots * len(dictionary) + codes)
        counts = np.bincount(pairs % len(dictionary), minlength=len(dictionary))
        present = np.flatnonzero(counts)
        found = [
            (-count, dictionary.value(code))
            for code, count in zip(present.tolist(), counts[present].tolist(), strict=True)
        ]
        return [(value, -count) for count, value in nsmallest(self.buckets, found)]


def read_facets(value: Any, path: str) -> Mapping[str, StringFacet]:
    """Read facets by their names.

    Raises:
        ParseError: with the search server's path and text, or naming what is not emulated.
    """
    facets = document(value, path)
    if not facets:
        refuse(path, "cannot be empty")
    return {name: document_of(_parse_facet)(facets[name], f"{path}.{name}") for name in facets}


def _parse_facet(parser: DocumentParser) -> StringFacet:
    kind = parser.required("type", one_of("date", "number", "string"))
    if kind != "string":
        refuse(parser.path, f"is a facet of type {kind} {NOT_EMULATED}")
    return StringFacet(parser.required("path", string), parser.optional("numBuckets", _BUCKETS, 10))
