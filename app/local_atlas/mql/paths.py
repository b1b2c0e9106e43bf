"""Dotted paths through documents and arrays: what a path reaches, and copies with a path changed.

`values_at` is what a match condition looks at, `get` what an expression's field path gives. They
differ as they do in MongoDB: a condition sees the elements of an array and the array itself, takes
`a.0` as an array index and as a field name; an expression maps over arrays and knows no index.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from bson import DBRef


class Missing:
    """The type of `MISSING`: there is no such field (null is `None`)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False

    def __deepcopy__(self, memo: Any) -> "Missing":
        return self


MISSING: Final = Missing()
Document = dict[str, Any]


def get(document: Any, path: str) -> Any:
    """Return the value of a field path as an aggregation expression sees it.

    A path through an array gives the array of what its documents hold there; scalars inside it are
    passed over. `MISSING` where nothing is.
    """
    return compile_get(path)(document)


def compile_get(path: str) -> Callable[[Any], Any]:
    """Return `get` for one path, split once."""
    parts = path.split(".")
    if len(parts) == 1:
        return lambda document: _field(document, path)
    return lambda document: _walk(document, parts, 0)


def values_at(document: Document, path: str) -> list[Any]:
    """Return the values that a condition on this path is tried against.

    The elements of an array and then the array itself; `MISSING` for each document on the way that
    lacks the field; nothing at all where the path runs into an array without documents.
    """
    return compile_values_at(path)(document)


def leaves_at(document: Document, path: str) -> list[Any]:
    """Return what `values_at` does, but an array at the end of the path stays whole."""
    return compile_leaves_at(path)(document)


def compile_values_at(path: str) -> Callable[[Document], list[Any]]:
    """Return `values_at` for one path, split once."""
    return _compile_collect(path, spread_leaf=True)


def compile_leaves_at(path: str) -> Callable[[Document], list[Any]]:
    """Return `leaves_at` for one path, split once."""
    return _compile_collect(path, spread_leaf=False)


def _compile_collect(path: str, *, spread_leaf: bool) -> Callable[[Document], list[Any]]:
    parts = path.split(".")

    def collect(document: Document) -> list[Any]:
        found: list[Any] = []
        _collect(document, parts, 0, found, spread_leaf=spread_leaf)
        return found

    return collect


def array_index(part: str) -> int | None:
    """Return the array position that a path component names, None where it is a field name."""
    if part.isdecimal() and part.isascii() and (part == "0" or part[0] != "0"):
        return int(part)
    return None


def as_document(value: Any) -> Document | None:
    """Return a value as a document, a DBRef in its stored form; None where it is none."""
    if isinstance(value, dict):
        return value
    return dict(value.as_doc()) if isinstance(value, DBRef) else None


def _field(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name, MISSING)
    if isinstance(value, list):
        found = (_field(item, name) for item in value if not isinstance(item, list))
        return [item for item in found if item is not MISSING]
    document = as_document(value)
    return MISSING if document is None else document.get(name, MISSING)


def _walk(value: Any, parts: Sequence[str], start: int) -> Any:
    for position in range(start, len(parts)):
        if isinstance(value, list):
            found = (_walk(item, parts, position) for item in value if not isinstance(item, list))
            return [item for item in found if item is not MISSING]
        value = _field(value, parts[position])
        if value is MISSING:
            return MISSING
    return value


def _collect(
    document: Document, parts: Sequence[str], start: int, found: list[Any], *, spread_leaf: bool
) -> None:
    node: Any = document
    last = len(parts) - 1
    for position in range(start, last):
        node = node.get(parts[position], MISSING)
        if isinstance(node, list):
            _collect_in_array(node, parts, position + 1, found, spread_leaf=spread_leaf)
            return
        if not isinstance(node, dict):
            node = as_document(node)
            if node is None:
                found.append(MISSING)
                return
    value = node.get(parts[last], MISSING)
    if spread_leaf and isinstance(value, list):
        found.extend(value)
    found.append(value)


def _collect_in_array(
    array: list[Any], parts: Sequence[str], start: int, found: list[Any], *, spread_leaf: bool
) -> None:
    """Collect below an array: in each document by field name, and in one element by position.

    An element that the path's end names by position is taken whole, even if it is an array.
    """
    wanted = array_index(parts[start])
    is_last = start + 1 == len(parts)
    for index, item in enumerate(array):
        inner = as_document(item)
        if inner is not None:
            _collect(inner, parts, start, found, spread_leaf=spread_leaf)
        if index != wanted:
            continue
        if is_last:
            found.append(item)
        elif inner is not None:
            _collect(inner, parts, start + 1, found, spread_leaf=spread_leaf)
        elif isinstance(item, list):
            _collect_in_array(item, parts, start + 1, found, spread_leaf=spread_leaf)


def plain_value(document: Document, path: str) -> Any:
    """Return the value of a path through documents only; `MISSING` behind an array or scalar."""
    value: Any = document
    for part in path.split("."):
        inner = as_document(value)
        value = MISSING if inner is None else inner.get(part, MISSING)
    return value


def with_value(document: Document, path: str, value: Any) -> Document:
    """Return a copy with a path set, or taken away by `MISSING`.

    What is no document on the way is replaced by one.
    """
    name, _, rest = path.partition(".")
    if rest:
        inner = as_document(document.get(name, MISSING))
        if inner is None and value is MISSING:
            return document
        value = with_value({} if inner is None else inner, rest, value)
    if value is MISSING:
        return {key: item for key, item in document.items() if key != name}
    return {**document, name: value}
