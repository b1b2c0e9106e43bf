"""Counts the values of filterable fields that the search index cannot hold as its file says.

The engine passes over them without a word: a Decimal128 is never indexed, and a value of another
type than the field's is not found by a filter.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import Decimal128, ObjectId
from bson.datetime_ms import DatetimeMS

from app.documents import get_path
from app.indexes import FilterType

_TYPES: dict[FilterType, tuple[type, ...]] = {
    "token": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "date": (datetime, DatetimeMS),
    "objectId": (ObjectId,),
}
_NAMES: dict[type, str] = {
    Decimal128: "decimal128",
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    datetime: "date",
    DatetimeMS: "date",
    ObjectId: "objectId",
    dict: "object",
    list: "array",
}


@dataclass(frozen=True, slots=True)
class Misfit:
    """A field that documents hold as another type than the index file declares.

    Attributes:
        found: the type of the values.
        expected: that of the index file.
        documents: how many hold it so.
    """

    field: str
    found: str
    expected: FilterType
    documents: int


class FieldTypes:
    """Looks at documents one by one; one thread at a time.

    Args:
        filter_types: filterable path -> the type of its values.
    """

    def __init__(self, filter_types: Mapping[str, FilterType]) -> None:
        self._filter_types = filter_types
        self._counts: Counter[tuple[str, str, FilterType]] = Counter()

    def look_at(self, document: dict[str, Any]) -> None:
        """Count what does not fit in one document; arrays value by value."""
        for path, kind in self._filter_types.items():
            value = get_path(document, path)
            values = value if isinstance(value, list) else [value]
            for name in {_name(one) for one in values if not _fits(one, kind)}:
                self._counts[path, name, kind] += 1

    def note(self, path: str, value: Any, kind: FilterType) -> None:
        """Count a value that the caller could not make one of this type."""
        self._counts[path, _name(value), kind] += 1

    def misfits(self) -> list[Misfit]:
        """Return what was found so far, by field."""
        return [
            Misfit(path, found, kind, count)
            for (path, found, kind), count in sorted(self._counts.items())
        ]


def _fits(value: Any, kind: FilterType) -> bool:
    if value is None:
        return True
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _name(value: Any) -> str:
    return next(
        (name for kind, name in _NAMES.items() if isinstance(value, kind)), type(value).__name__
    )
