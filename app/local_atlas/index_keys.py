"""The keys of a document in an ordinary index: one sort key for each indexed path.

An array gives a key for each of its elements, an empty one a key of its own; where several paths
run through one array, each of its elements gives one key for all of them. What is missing counts as
null. So it is with https://www.mongodb.com/docs/manual/core/indexes/index-types/index-multikey/
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

from .errors import CommandError
from .mql.bson_order import MISSING_KEY, UNDEFINED_KEY, sort_key
from .mql.paths import MISSING, array_index, as_document, values_at

Document = dict[str, Any]
Key = tuple[bytes, ...]


class DocumentKeys(NamedTuple):
    """The keys of one document, and the positions of the paths that ran into an array."""

    keys: set[Key]
    multikey: set[int]


def document_keys(document: Document, paths: Sequence[str]) -> DocumentKeys:
    """Return the keys of a document in an index on these paths.

    Raises:
        CommandError: 171, two of the paths run into different arrays.
    """
    if is_positional(paths):
        return _positional_keys(document, paths)
    slots = [_reached(document, path.split("."), "") for path in paths]
    multikey: set[int] = set()
    return DocumentKeys(set(_spread(slots, multikey)), multikey)


def is_positional(paths: Iterable[str]) -> bool:
    """Tell whether one of the paths may name an element of an array by its place."""
    return any(array_index(part) is not None for path in paths for part in path.split("."))


class _Slot(NamedTuple):
    """How far one path was followed: to a value, or to an array that is still to be spread."""

    value: Any
    is_array: bool = False
    rest: Sequence[str] = ()
    name: str = ""
    """Of the field that holds the array."""


def _reached(value: Any, parts: Sequence[str], name: str) -> _Slot:
    for depth, part in enumerate(parts):
        if isinstance(value, list):
            return _Slot(value, True, parts[depth:], name)
        inner = as_document(value)
        if inner is None:
            return _Slot(MISSING)
        value, name = inner.get(part, MISSING), part
    return _Slot(value, isinstance(value, list), (), name)


def _spread(slots: list[_Slot], multikey: set[int]) -> Iterator[Key]:
    arrays = [slot for slot in slots if slot.is_array]
    if not arrays:
        yield tuple(_key(slot.value) for slot in slots)
        return
    for other in arrays:
        if other.value is not arrays[0].value:
            raise CommandError(
                171,
                "CannotIndexParallelArrays",
                f"cannot index parallel arrays [{other.name}] [{arrays[0].name}]",
            )
    multikey.update(position for position, slot in enumerate(slots) if slot.is_array)
    for item in arrays[0].value or [_NOTHING]:
        yield from _spread([_within(item, s) if s.is_array else s for s in slots], multikey)


def _within(item: Any, slot: _Slot) -> _Slot:
    """Follow a path into one element of its array; an array in an array is not spread again."""
    if not slot.rest:
        return _Slot(item)
    if isinstance(item, list) or item is _NOTHING:
        return _Slot(MISSING)
    return _reached(item, slot.rest, slot.name)


def _key(value: Any) -> bytes:
    return UNDEFINED_KEY if value is _NOTHING else sort_key(value)


def _positional_keys(document: Document, paths: Sequence[str]) -> DocumentKeys:
    """Return every combination of what a condition on the paths would see.

    A place in an array and a field of that name may both be meant, so these are more than needed.
    """
    columns = []
    for path in paths:
        values = values_at(document, path)
        arrays = [value for value in values if isinstance(value, list)]
        keys = {sort_key(item) for value in arrays for item in value} | {*map(sort_key, values)}
        if not values:
            keys.add(MISSING_KEY)
        if [] in arrays:
            keys.add(UNDEFINED_KEY)
        columns.append(keys)
    return DocumentKeys(set(product(*columns)), set(range(len(paths))))


class _Nothing:
    """Stands for the element that an empty array does not have."""


_NOTHING = _Nothing()
