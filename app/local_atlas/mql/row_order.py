"""`$sort`, `$limit` and `$skip`: which rows come, in which order, and how many are worth having."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import islice
from typing import TYPE_CHECKING, Any

from .expression_compiler import Variables
from .rows import Row

if TYPE_CHECKING:
    from .pipelines import Environment, Stage


@dataclass(frozen=True, slots=True)
class Sort:
    """`$sort`: stable, and with only the best rows kept where no more are wanted.

    Attributes:
        key: of a row.
        by_fields: the order where it is one of fields alone, without metadata.
        limit: how many rows are wanted; None for all.
    """

    key: Callable[[Row], bytes]
    by_fields: Mapping[str, Any] | None = None
    limit: int | None = None

    def __call__(
        self, rows: Iterator[Row], environment: "Environment", variables: Variables
    ) -> Iterator[Row]:
        """Return the rows in order; reads all of them with the first."""
        if self.limit is None:
            yield from sorted(rows, key=self.key)
        else:
            yield from nsmallest(self.limit, rows, key=self.key)


@dataclass(frozen=True, slots=True)
class RowRange:
    """`$limit` and `$skip`: which rows pass.

    Attributes:
        skip: how many do not.
        limit: how many do then; None for all.
    """

    skip: int
    limit: int | None

    def __call__(
        self, rows: Iterator[Row], environment: "Environment", variables: Variables
    ) -> Iterator[Row]:
        """Return the rows in the range; reads no row behind it."""
        stop = None if self.limit is None else min(self.skip + self.limit, sys.maxsize)
        return islice(rows, self.skip, stop)


def limit_sorts(stages: "list[Stage]") -> "list[Stage]":
    """Tell each sort how many rows the `$skip` and `$limit` stages behind it leave."""
    made = list(stages)
    for position, each in enumerate(stages):
        wanted = rows_wanted(stages[position + 1 :])
        if isinstance(each, Sort) and wanted is not None:
            made[position] = replace(each, limit=wanted)
    return made


def rows_wanted(following: "list[Stage]") -> int | None:
    """Return how many rows, the first ones, pass what follows; None for all."""
    skipped = 0
    for each in following:
        if not isinstance(each, RowRange):
            return None
        if each.limit is not None:
            return skipped + each.limit
        skipped += each.skip
    return None
