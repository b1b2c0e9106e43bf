"""The windows of `$setWindowFields`: which rows of a partition count for each of its rows.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/setWindowFields/
"""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bson import DatetimeMS, Decimal128

from ..errors import failed_to_parse
from .bson_order import sort_key
from .bson_text import render, render_field
from .bson_types import is_number, is_string, type_name
from .expression_compiler import Evaluate, Scope, Variables, compile_operand
from .numbers import DECIMAL_CONTEXT, exact_int64, to_decimal
from .operators.date_arithmetic import TIME_UNITS, add_to_date
from .operators.support import int32_of, location
from .rows import Row

Span = tuple[int, int]
"""The place of a window's first row, and that behind its last."""
Bound = Any
"""A number, 0 for `current`; None for `unbounded`."""


@dataclass(frozen=True, slots=True)
class Partition:
    """The rows of one partition, in order.

    Attributes:
        rows: all of them.
        keys: their keys in the order of `sortBy`; none where it is not given.
    """

    rows: Sequence[Row]
    keys: Sequence[bytes]


class Window(ABC):
    """A rule that gives each row of a partition its window."""

    __slots__ = ()

    @abstractmethod
    def spans(self, partition: Partition, variables: Variables) -> Iterator[Span]:
        """Yield the span of each row."""


@dataclass(frozen=True, slots=True)
class DocumentWindow(Window):
    """So many rows before and behind."""

    lower: Bound = None
    upper: Bound = None

    def spans(self, partition: Partition, variables: Variables) -> Iterator[Span]:
        """Yield the span of each row."""
        count = len(partition.rows)
        for place in range(count):
            first = 0 if self.lower is None else min(max(place + self.lower, 0), count)
            stop = count if self.upper is None else min(max(place + self.upper + 1, 0), count)
            yield first, max(first, stop)


@dataclass(frozen=True, slots=True)
class RangeWindow(Window):
    """The rows whose value in the order is so near.

    Attributes:
        value_of: a row's value in the order.
        unit: of the bounds, where the values are dates.
    """

    lower: Bound
    upper: Bound
    value_of: Evaluate
    unit: str | None

    def spans(self, partition: Partition, variables: Variables) -> Iterator[Span]:
        """Yield the span of each row.

        Raises:
            CommandError: 5429513, 5429413 or 5429414, a value is no date, or no number.
        """
        values = [self.value_of(row, variables) for row in partition.rows]
        for value in values:
            self._check(value)
        keys = [sort_key(value) for value in values]
        for value in values:
            first = 0 if self.lower is None else bisect_left(keys, self._key(value, self.lower))
            stop = len(keys)
            if self.upper is not None:
                stop = bisect_right(keys, self._key(value, self.upper))
            yield first, max(first, stop)

    def _check(self, value: Any) -> None:
        expected = "Invalid range: Expected the sortBy field to be a "
        if self.unit is not None:
            if not isinstance(value, DatetimeMS):
                raise location(5429513, f"{expected}Date, but it was {type_name(value)}")
        elif isinstance(value, DatetimeMS):
            raise location(
                5429413,
                "Invalid range: For windows that involve date or time ranges, a unit must be "
                "provided.",
            )
        elif not is_number(value):
            raise location(5429414, f"{expected}number, but it was {type_name(value)}")

    def _key(self, value: Any, distance: Any) -> bytes:
        if self.unit is not None:
            return sort_key(add_to_date(value, self.unit, int(distance)))
        total = DECIMAL_CONTEXT.add(to_decimal(value), to_decimal(distance))
        return sort_key(Decimal128(total))


WHOLE: Final = DocumentWindow()


def parse_window(operand: Any, sort_by: Mapping[str, Any] | None, scope: Scope) -> Window:
    """Parse the field `window` of an output.

    Args:
        operand: its value.
        sort_by: the order of the stage, None without.
        scope: of the expressions in it.

    Raises:
        CommandError: 9 where it is malformed, 5339900 for bounds the wrong way round, 5339901,
            5339902, 8947400 and 8947401 where it does not go with the order.
    """
    if not isinstance(operand, Mapping):
        raise failed_to_parse("'window' field must be an object")
    if "documents" in operand and "range" in operand:
        raise failed_to_parse("Window bounds can specify either 'documents' or 'unit', not both.")
    if "unit" in operand and "range" not in operand:
        raise failed_to_parse("Window bounds can only specify 'unit' with range-based bounds.")
    if "documents" in operand:
        return _parse_documents(operand, sort_by, scope)
    if "range" in operand:
        return _parse_range(operand, sort_by, scope)
    if operand:
        raise failed_to_parse(
            "'window' field can only contain 'documents' as the only argument or 'range' with an "
            "optional 'unit' field"
        )
    return WHOLE


def _parse_documents(
    operand: Mapping[str, Any], sort_by: Mapping[str, Any] | None, scope: Scope
) -> Window:
    if len(operand) != 1:
        message = "'window' field that specifies documents cannot have other fields"
        raise failed_to_parse(message)
    lower, upper = _parse_bounds("documents", operand["documents"], scope, _check_place)
    _check_order(lower, upper)
    if sort_by is None and (lower is not None or upper is not None):
        raise location(5339901, "Document-based bounds require a sortBy")
    places = [None if bound is None else int32_of(bound) for bound in (lower, upper)]
    return DocumentWindow(*places)


def _parse_range(
    operand: Mapping[str, Any], sort_by: Mapping[str, Any] | None, scope: Scope
) -> Window:
    unit = _parse_unit(operand)
    check = _check_number if unit is None else _check_units
    lower, upper = _parse_bounds("range", operand["range"], scope, check)
    _check_order(lower, upper)
    if sort_by is None or len(sort_by) != 1:
        raise location(5339902, "Range-based bounds require sortBy a single field")
    ((path, order),) = sort_by.items()
    if isinstance(order, Mapping):
        raise location(8947400, "Range-based bounds require a non-expression sortBy")
    if exact_int64(order) != 1:
        raise location(8947401, "Range-based bounds require an ascending sortBy")
    return RangeWindow(lower, upper, compile_operand(f"${path}", scope), unit)


def _parse_unit(operand: Mapping[str, Any]) -> str | None:
    if "unit" not in operand:
        if len(operand) != 1:
            raise failed_to_parse(
                "'window' field that specifies range cannot have other fields besides 'unit'"
            )
        return None
    if len(operand) != 2:
        raise failed_to_parse(
            "'window' field that specifies unit cannot have other fields besides 'range'"
        )
    unit = operand["unit"]
    if not is_string(unit):
        raise failed_to_parse("'unit' must be a string")
    if unit not in TIME_UNITS:
        raise failed_to_parse(f"unknown time unit value: {unit}")
    return str(unit)


def _parse_bounds(
    kind: str, bounds: Any, scope: Scope, check: Callable[[Any], None]
) -> list[Bound]:
    if not isinstance(bounds, list) or len(bounds) != 2:
        shown = render_field(kind, bounds)
        raise failed_to_parse(f"Window bounds must be a 2-element array: {shown}")
    return [_parse_bound(bound, scope, check) for bound in bounds]


def _parse_bound(bound: Any, scope: Scope, check: Callable[[Any], None]) -> Bound:
    if bound == "unbounded":
        return None
    if bound == "current":
        return 0
    if is_string(bound):
        raise failed_to_parse("Window bounds must be 'unbounded', 'current', or a number.")
    value = compile_operand(bound, scope)(Row(document={}), {})
    check(value)
    return value


def _check_place(bound: Any) -> None:
    if int32_of(bound) is None:
        raise failed_to_parse("Numeric document-based bounds must be an integer")


def _check_number(bound: Any) -> None:
    if not is_number(bound):
        raise failed_to_parse("Range-based bounds expression must be a number")


def _check_units(bound: Any) -> None:
    if exact_int64(bound) is None:
        raise failed_to_parse("With 'unit', range-based bounds must be an integer")


def _check_order(lower: Bound, upper: Bound) -> None:
    if lower is not None and upper is not None and sort_key(lower) > sort_key(upper):
        raise location(
            5339900,
            f"Lower bound must not exceed upper bound: [{render(lower)}, {render(upper)}]",
        )
