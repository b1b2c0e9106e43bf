"""The array position that a query matched, which the positional `$` of an update stands for.

A position is the one at which a condition of the query would still match if the array on its path
held nothing else. https://www.mongodb.com/docs/manual/reference/operator/update/positional/
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .filters import Filter
from .matcher import compile_filter
from .paths import Document


def compile_position(query: Mapping[str, Any]) -> Callable[[Document], int | None]:
    """Return a function from a matching document to the position, None where no array matched."""
    conditions = [
        (path.split("."), compile_filter({path: operand})) for path, operand in _conditions(query)
    ]

    def position(document: Document) -> int | None:
        found = None
        for parts, matches in conditions:  # the last condition that has one decides
            index = _matched_index(document, parts, matches)
            found = index if index is not None else found
        return found

    return position


def _conditions(query: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, operand in query.items():
        if not name.startswith("$"):
            yield name, operand
        elif name in {"$and", "$or"} and isinstance(operand, list):
            for part in operand:
                if isinstance(part, Mapping):
                    yield from _conditions(part)


def _matched_index(document: Document, parts: list[str], matches: Filter) -> int | None:
    value: Any = document
    for depth, part in enumerate(parts, start=1):
        value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, list):
            for index, element in enumerate(value):
                if matches(_nested(parts[:depth], [element])):
                    return index
            return None
    return None


def _nested(parts: list[str], value: Any) -> Document:
    for part in reversed(parts):
        value = {part: value}
    assert isinstance(value, dict)
    return value
