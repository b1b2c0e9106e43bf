"""The feed's values as the types that the index file declares; one sentence where one does not fit.

A column that the index file does not declare keeps what the feed says: text from CSV, any value
from JSON. No value (an empty CSV cell, a JSON null) is None: the document has no such field.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId

from app.config import IdType
from app.documents import ItemId
from app.indexes import FilterType

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_EXPECTED = {
    "token": "a string",
    "number": "a number",
    "boolean": "true or false",
    "date": "an ISO 8601 date",
    "objectId": "24 hexadecimal digits",
}


def value_from_text(name: str, text: str, kind: FilterType | None) -> Any:
    """Convert a CSV cell.

    Args:
        name: of the column, for the message.
        text: of the cell.
        kind: declared type of the column, None where it is not declared.

    Raises:
        ValueError: the text is no value of the type; the message is the rule.
    """
    if text == "":
        return None
    try:
        return _FROM_TEXT[kind](text)
    except (ValueError, OverflowError, InvalidId) as error:
        raise _misfit(name, text, kind) from error


def value_from_json(name: str, value: Any, kind: FilterType | None) -> Any:
    """Check a JSON value, and convert what JSON has no type for; arrays value by value.

    Raises:
        ValueError: the value is not of the type; the message is the rule.
    """
    if value is None or kind is None:
        return value
    if isinstance(value, list):
        return [value_from_json(name, one, kind) for one in value]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "number" and is_number:
        return value
    if kind in ("token", "date", "objectId") and isinstance(value, str):
        return value_from_text(name, value, kind) if kind != "token" else value
    raise _misfit(name, value, kind)


def to_item_id(value: Any, id_type: IdType) -> ItemId:
    """Convert a feed's `_id` to the type of the collection's ids.

    Raises:
        ValueError: it is none; the message is the rule.
    """
    try:
        if id_type == "objectId" and isinstance(value, str):
            return ObjectId(value)
        if id_type == "int" and isinstance(value, int | str) and not isinstance(value, bool):
            return _int64(str(value))
        if id_type == "string" and isinstance(value, str) and value:
            return value
    except (ValueError, InvalidId):
        pass
    raise ValueError(f"_id ({value!r}) does not fit ID_TYPE, which is {id_type}")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number) or "_" in text:
        raise ValueError(text)
    return _int64(text) if text.lstrip("-").isdigit() else number


def _int64(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**63 or "_" in text:
        raise ValueError(text)
    return number


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered not in _TRUE + _FALSE:
        raise ValueError(text)
    return lowered in _TRUE


def _date(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


_FROM_TEXT: dict[FilterType | None, Callable[[str], Any]] = {
    None: str,
    "token": str,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "objectId": ObjectId,
}


def _misfit(name: str, value: Any, kind: FilterType | None) -> ValueError:
    return ValueError(f"{name} ({value!r}) must be {_EXPECTED[kind or 'token']}")
