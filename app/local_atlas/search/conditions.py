"""The conditions that both filter dialects compile to, and which slots meet them.

Each condition turns into one boolean per slot with a few numpy operations on filter columns. What
a filter may ask for, and of which paths, is the dialects' business (`mql_filter`,
`operator_filter`); here an unknown path just has no values.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .columns import Column
from .field_columns import FieldColumns, Part
from .space import Space
from .values import INT64_MAX, INT64_MIN, Kind, Value, to_int64

Bools = npt.NDArray[np.bool_]

_DOUBLE_MAX = float(np.finfo(np.float64).max)


class Condition(Protocol):
    """Something that a document meets or does not."""

    def slots(self, space: Space) -> Bools:
        """Return (capacity,) which slots meet the condition."""
        ...


@dataclass(frozen=True, slots=True)
class Everything:
    """Met by every document."""

    def slots(self, space: Space) -> Bools:
        """Return all slots."""
        return np.ones(space.capacity, np.bool_)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Met where every part is."""

    parts: Sequence[Condition]

    def slots(self, space: Space) -> Bools:
        """Return the slots that meet every part."""
        result = np.ones(space.capacity, np.bool_)
        for part in self.parts:
            result &= part.slots(space)
        return result


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Met where at least `minimum` parts are."""

    parts: Sequence[Condition]
    minimum: int = 1

    def slots(self, space: Space) -> Bools:
        """Return the slots that meet enough parts."""
        met = np.zeros(space.capacity, np.int32)
        for part in self.parts:
            met += part.slots(space)
        enough: Bools = met >= self.minimum
        return enough


@dataclass(frozen=True, slots=True)
class Not:
    """Met where the part is not: a pure complement, so missing fields meet it."""

    part: Condition

    def slots(self, space: Space) -> Bools:
        """Return the slots that do not meet the part."""
        return ~self.part.slots(space)


@dataclass(frozen=True, slots=True)
class Exists:
    """Met where the path has any value: null, empty or one that no filter can compare, too."""

    path: str

    def slots(self, space: Space) -> Bools:
        """Return the slots that have the path."""
        field = space.field(self.path)
        return _none(space) if field is None else field.exists.up_to(space.capacity)


@dataclass(frozen=True, slots=True)
class IsNull:
    """Met by an explicit null, or an array that holds one; never by a missing field."""

    path: str

    def slots(self, space: Space) -> Bools:
        """Return the slots with a null."""
        field = space.field(self.path)
        return _none(space) if field is None else field.nulls.up_to(space.capacity)


@dataclass(frozen=True, slots=True)
class InRange:
    """Met where one and the same value of the path lies between two bounds of its kind.

    A bound of None leaves that side open. Equality is the range from a value to itself. `closed`
    says of the lower and the upper bound whether it lies in the range.
    """

    path: str
    kind: Kind
    lower: Any = None
    upper: Any = None
    closed: tuple[bool, bool] = (True, True)

    def slots(self, space: Space) -> Bools:
        """Return the slots with a value in the range."""
        field = space.field(self.path)
        result = _none(space)
        if field is None:
            return result
        bounds = replace(
            self,
            lower=space.as_indexed(self.path, self.kind, self.lower),
            upper=space.as_indexed(self.path, self.kind, self.upper),
        )
        for part, column in _columns(field, self.kind):
            entries = bounds._entries(part, column, field)
            if entries is not None:
                result |= column.slots_with(entries, space.capacity)
        return result

    def _entries(self, part: Part, column: Column, field: FieldColumns) -> Bools | None:
        if part in ("int", "date", "boolean"):
            return self._integers_between(column.values)
        if part == "double":
            return self._doubles_between(column.values)
        dictionary = field.dictionaries[part]
        if self.lower == self.upper and self.closed == (True, True):
            code = dictionary.find(self.lower)
            return None if code is None else column.values == code
        accepting = dictionary.accepting(self.lower, self.upper, closed=self.closed)
        accepted: Bools = accepting[column.values]
        return accepted

    def _integers_between(self, values: npt.NDArray[Any]) -> Bools | None:
        low = _least_integer(self.lower, closed=self.closed[0])
        high = _greatest_integer(self.upper, closed=self.closed[1])
        if low is None or high is None or low > high:
            return None
        found: Bools = (values >= low) & (values <= high)
        return found

    def _doubles_between(self, values: npt.NDArray[Any]) -> Bools | None:
        # An open end stops at the largest finite double, so infinities are above or below nothing.
        lower = -_DOUBLE_MAX if self.lower is None else float(self.lower)
        upper = _DOUBLE_MAX if self.upper is None else float(self.upper)
        if not lower <= _DOUBLE_MAX or upper < -_DOUBLE_MAX:
            return None  # not even equality finds an infinity or NaN; `Among` does
        above = values >= lower if self.closed[0] else values > lower
        below = values <= upper if self.closed[1] else values < upper
        found: Bools = above & below
        return found


@dataclass(frozen=True, slots=True)
class Among:
    """Met where a value of the path is one of several of one kind.

    A double among them also matches the integer that it is cut to, in an index that keeps integers
    as such: 5.5 finds 5.
    """

    path: str
    kind: Kind
    values: tuple[Any, ...]

    def slots(self, space: Space) -> Bools:
        """Return the slots with one of the values."""
        field = space.field(self.path)
        result = _none(space)
        if field is None:
            return result
        values = [space.as_indexed(self.path, self.kind, value) for value in self.values]
        for part, column in _columns(field, self.kind):
            wanted = _as_stored(values, part, field)
            if part in field.dictionaries:
                is_wanted = np.zeros(len(field.dictionaries[part]), np.bool_)
                is_wanted[wanted] = True
                entries = is_wanted[column.values]
            else:
                entries = np.isin(column.values, wanted)
            if part == "double" and any(math.isnan(value) for value in wanted):
                entries |= np.isnan(column.values)
            result |= column.slots_with(entries, space.capacity)
        return result


def equal_to(path: str, value: Value | None) -> Condition:
    """Return the condition of equality with a value; None is null."""
    if value is None:
        return IsNull(path)
    return InRange(path, value.kind, value.content, value.content)


def _as_stored(values: list[Any], part: Part, field: FieldColumns) -> list[Any]:
    if part == "int":
        return [to_int64(value) for value in values]
    if part == "double":
        return [float(value) for value in values]
    if part in field.dictionaries:
        codes = (field.dictionaries[part].find(value) for value in values)
        return [code for code in codes if code is not None]
    return values


def _none(space: Space) -> Bools:
    return np.zeros(space.capacity, np.bool_)


def _columns(field: FieldColumns, kind: Kind) -> list[tuple[Part, Column]]:
    parts: tuple[Part, ...] = ("int", "double") if kind == "number" else (kind,)
    return [(part, field.columns[part]) for part in parts if part in field.columns]


def _least_integer(bound: Any, *, closed: bool) -> int | None:
    """Return the least int64 within a lower bound, or None where there is none."""
    if bound is None or bound == -math.inf:
        return INT64_MIN
    if isinstance(bound, float) and not math.isfinite(bound):
        return None
    least = math.ceil(bound)
    if not closed and least == bound:
        least += 1
    return None if least > INT64_MAX else max(least, INT64_MIN)


def _greatest_integer(bound: Any, *, closed: bool) -> int | None:
    """Return the greatest int64 within an upper bound, or None where there is none."""
    if bound is None or bound == math.inf:
        return INT64_MAX
    if isinstance(bound, float) and not math.isfinite(bound):
        return None
    greatest = math.floor(bound)
    if not closed and greatest == bound:
        greatest -= 1
    return None if greatest < INT64_MIN else min(greatest, INT64_MAX)
