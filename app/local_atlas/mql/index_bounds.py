"""Which values of an indexed path a query can match: intervals of sort keys, in order.

For the use of an index. Every document that matches has a key in each constraint's intervals; not
every document that has one matches, so what an index finds is matched again.
https://www.mongodb.com/docs/manual/core/multikey-index-bounds/
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bson import DatetimeMS, MaxKey, MinKey, ObjectId, Regex

from .bson_order import NULL_KEY, UNDEFINED_KEY, is_nan, sort_key
from .bson_text import render
from .bson_types import is_true
from .conditions import is_operator_document
from .paths import array_index


@dataclass(frozen=True, slots=True)
class End:
    """One end of an interval: a sort key, whether it belongs to it, and how `explain` shows it."""

    key: bytes
    is_included: bool
    text: str


@dataclass(frozen=True, slots=True)
class Interval:
    """The sort keys between two ends."""

    low: End
    high: End

    @property
    def is_point(self) -> bool:
        """Whether there is one key in it."""
        return self.low.key == self.high.key

    @property
    def is_empty(self) -> bool:
        """Whether there is no key in it."""
        if self.low.key == self.high.key:
            return not (self.low.is_included and self.high.is_included)
        return self.low.key > self.high.key

    def has(self, key: bytes) -> bool:
        """Tell whether a key is in it."""
        low, high = self.low, self.high
        return (low.key < key or (low.is_included and low.key == key)) and (
            key < high.key or (high.is_included and key == high.key)
        )

    def text(self, *, is_down: bool) -> str:
        """Return it as `explain` shows it, in the direction of the index."""
        first, last = (self.high, self.low) if is_down else (self.low, self.high)
        opening, closing = "[" if first.is_included else "(", "]" if last.is_included else ")"
        return f"{opening}{first.text}, {last.text}{closing}"


Intervals = tuple[Interval, ...]
"""Apart from each other and in order; none of them means that nothing can match."""

ABOVE_ALL: Final = b"\xff"  # no sort key starts with this byte
ALL: Final[Intervals] = (Interval(End(b"", True, "MinKey"), End(ABOVE_ALL, True, "MaxKey")),)


def constraints_on(query: Mapping[str, Any], path: str) -> list[Intervals]:
    """Return what a query asks of a path: each of these, but not all of one value of an array.

    Args:
        query: a filter that compiles.
        path: of an index.
    """
    return [intervals for intervals in _constraints(query, path) if intervals is not None]


def intersection(first: Intervals, second: Intervals) -> Intervals:
    """Return what is in both."""
    pairs = (
        Interval(_later(a.low, b.low), _earlier(a.high, b.high)) for a in first for b in second
    )
    return tuple(pair for pair in pairs if not pair.is_empty)


def is_within(inner: Intervals, outer: Intervals) -> bool:
    """Tell whether every key of `inner` is one of `outer`."""
    return all(any(intersection((a,), (b,)) == (a,) for b in outer) for a in inner)


def are_points(intervals: Intervals) -> bool:
    """Tell whether these are single keys only."""
    return all(interval.is_point for interval in intervals)


def allows_missing(intervals: Intervals) -> bool:
    """Tell whether a missing field may be meant."""
    return any(interval.has(NULL_KEY) for interval in intervals)


def requires_field(query: Mapping[str, Any], path: str) -> bool:
    """Tell whether a document without this field cannot match, as far as that is plain to see."""
    if any(not allows_missing(intervals) for intervals in constraints_on(query, path)):
        return True
    operand = query.get(path, {})
    return is_operator_document(operand) and is_true(operand.get("$exists"))


def _constraints(query: Mapping[str, Any], path: str) -> Iterator[Intervals | None]:
    for name, operand in query.items():
        if name == path:
            yield from _of_operand(operand)
        elif name == "$and":
            for part in operand:
                yield from _constraints(part, path)
        elif path.startswith(f"{name}.") and is_operator_document(operand):
            inner = operand.get("$elemMatch")
            rest = path[len(name) + 1 :]
            if isinstance(inner, dict) and array_index(rest.split(".")[0]) is None:
                yield from _constraints(inner, rest)


def _of_operand(operand: Any) -> Iterator[Intervals | None]:
    if not is_operator_document(operand):
        yield _equal_to(operand)
        return
    for name, value in operand.items():
        if name == "$regex":
            yield _matching(value, operand.get("$options", ""))
        elif name == "$elemMatch":
            yield _of_element(value)
        elif name == "$all":
            yield from _of_all(value)
        elif name in _OPERATORS:
            yield _OPERATORS[name](value)


def _of_element(operators: Mapping[str, Any]) -> Intervals | None:
    """Return what one element has to meet all at once."""
    if not is_operator_document(operators) or not operators.keys() <= _OPERATORS.keys():
        return None
    met = ALL
    for intervals in _of_operand(operators):
        met = met if intervals is None else intersection(met, intervals)
    return met


def _of_all(values: Sequence[Any]) -> Iterator[Intervals | None]:
    for value in values:
        if is_operator_document(value):
            yield _of_element(value["$elemMatch"])
        else:
            yield _equal_to(value)


def _equal_to(value: Any) -> Intervals:
    if isinstance(value, Regex):
        return _matching(value)
    key = sort_key(value)
    points = [_point(key, render(value))]
    if isinstance(value, list):  # the keys of an array are those of its elements
        first = sort_key(value[0]) if value else UNDEFINED_KEY
        points.append(_point(first, render(value[0]) if value else "undefined"))
    return _united(points)


def _one_of(values: Sequence[Any]) -> Intervals:
    return _united([interval for value in values for interval in _equal_to(value)])


def _ordered(*, is_lower_bound: bool, or_equal: bool) -> Callable[[Any], Intervals | None]:
    """Return what makes the interval of `$gt` and its kin, within the bracket of the value."""

    def intervals_of(value: Any) -> Intervals | None:
        if isinstance(value, list | MinKey | MaxKey):
            return None
        key = sort_key(value)
        end = End(key, or_equal, render(value))
        if is_nan(value) or value is None:
            return (Interval(End(key, True, end.text), End(key, True, end.text)),)
        low, high = _bracket(key)
        interval = Interval(end, high) if is_lower_bound else Interval(low, end)
        return () if interval.is_empty else (interval,)

    return intervals_of


def _matching(pattern: Any, options: str = "") -> Intervals:
    """Return the strings that a regular expression may match, and the expression itself."""
    source, is_plain = pattern, not options
    if isinstance(pattern, Regex):
        source, is_plain = pattern.pattern, is_plain and not pattern.flags
    low, high = _bracket(sort_key(""))
    if is_plain and isinstance(source, str) and (prefix := _literal_prefix(source)):
        above = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        low, high = _string_end(prefix, True), _string_end(above, False)
    intervals = [Interval(low, high)]
    if isinstance(pattern, Regex):
        intervals.append(_point(sort_key(pattern), render(pattern)))
    return tuple(intervals)


def _literal_prefix(source: str) -> str:
    """Return what every match begins with, as far as that is plain to see."""
    found = _ANCHORED.match(source)
    if found is None or "|" in source:
        return ""
    prefix = found[1]
    return prefix[:-1] if source[found.end() : found.end() + 1] in _REPEATS else prefix


def _string_end(text: str, is_included: bool) -> End:
    # Without the two zero bytes at its end, the key is below those of all longer strings too.
    return End(sort_key(text)[:-2], is_included, render(text))


def _point(key: bytes, text: str) -> Interval:
    return Interval(End(key, True, text), End(key, True, text))


def _bracket(key: bytes) -> tuple[End, End]:
    """Return the ends of the values that a range compares with this one; NaN is not among them."""
    kind = key[0]
    if kind in _SHOWN_ENDS:
        return _SHOWN_ENDS[kind]
    return End(bytes([kind]), True, "MinKey"), End(bytes([kind + 1]), False, "MaxKey")


def _united(intervals: Sequence[Interval]) -> Intervals:
    """Return them in order, what overlaps made one."""
    made: list[Interval] = []
    for each in sorted(intervals, key=lambda one: (one.low.key, not one.low.is_included)):
        if made and each.low.key <= made[-1].high.key:
            made[-1] = Interval(made[-1].low, _later_high(made[-1].high, each.high))
        else:
            made.append(each)
    return tuple(made)


def _later(a: End, b: End) -> End:
    """Return the greater of two low ends."""
    return max(a, b, key=lambda end: (end.key, not end.is_included))


def _earlier(a: End, b: End) -> End:
    """Return the smaller of two high ends."""
    return min(a, b, key=lambda end: (end.key, end.is_included))


def _later_high(a: End, b: End) -> End:
    return max(a, b, key=lambda end: (end.key, end.is_included))


_OBJECT_IDS: Final = (f"ObjectId('{'0' * 24}')", f"ObjectId('{'f' * 24}')")
_DATES: Final = (f"new Date({-(1 << 63)})", f"new Date({(1 << 63) - 1})")
_ANCHORED: Final = re.compile(r"\^([A-Za-z0-9 _@:,;/~#%&=<>\"'!-]+)")
_REPEATS: Final = ("*", "?", "{")
_SHOWN_ENDS: Final = {
    sort_key(low)[0]: (End(sort_key(low), True, shown_low), End(sort_key(high), has_high, shown))
    for low, high, has_high, shown_low, shown in (
        (-math.inf, math.inf, True, "-inf", "inf"),
        ("", {}, False, '""', "{}"),
        ({}, [], False, "{}", "[]"),
        (ObjectId(b"\x00" * 12), ObjectId(b"\xff" * 12), True, *_OBJECT_IDS),
        (False, True, True, "false", "true"),
        (DatetimeMS(-(1 << 63)), DatetimeMS((1 << 63) - 1), True, *_DATES),
    )
}
_OPERATORS: Final[dict[str, Callable[[Any], Intervals | None]]] = {
    "$eq": _equal_to,
    "$in": _one_of,
    "$gt": _ordered(is_lower_bound=True, or_equal=False),
    "$gte": _ordered(is_lower_bound=True, or_equal=True),
    "$lt": _ordered(is_lower_bound=False, or_equal=False),
    "$lte": _ordered(is_lower_bound=False, or_equal=True),
}
