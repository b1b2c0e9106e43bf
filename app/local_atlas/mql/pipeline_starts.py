"""Where the rows of a pipeline come from: the collection, or the search side."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .expression_compiler import Variables
from .row_order import Sort
from .rows import Row

if TYPE_CHECKING:
    from .pipelines import Environment


@dataclass(frozen=True, slots=True)
class CollectionStart:
    """The documents of the collection, with what the collection may answer from an index.

    Attributes:
        query: what they match; None for all.
        order: the sort that they come in, by fields only; None for their natural order.
        wanted: how many of them are wanted, the first ones; None for all.
    """

    query: Mapping[str, Any] | None
    order: Sort | None = None
    wanted: int | None = None

    @property
    def sort(self) -> Mapping[str, Any]:
        """The fields and directions of the order; empty for their natural order."""
        return {} if self.order is None else self.order.by_fields or {}

    def __call__(self, environment: "Environment", variables: Variables) -> Iterator[Row]:
        """Return the rows; they may be more than are wanted."""
        return environment.rows(self.query, self.sort, self.wanted)


@dataclass(frozen=True, slots=True)
class SearchStart:
    """A stage that the search side answers, told how many of its rows are wanted.

    Attributes:
        name: of the stage.
        operand: its specification.
        limit: how many rows are wanted, the first ones; None for all.
    """

    name: str
    operand: Any
    limit: int | None = None

    def __call__(self, environment: "Environment", variables: Variables) -> Iterator[Row]:
        """Return the rows, best first; they may be more than are wanted."""
        return environment.search_sources[self.name](self.operand, environment, self.limit)
