"""BSON values as the server writes them in error texts: `{ a: 1, b: "x" }`."""

from typing import Any

from bson import DatetimeMS, DBRef, Decimal128, MaxKey, MinKey, ObjectId, Regex
from bson.timestamp import Timestamp

from .bson_order import regex_options


def render(value: Any) -> str:
    """Return a value as an error text shows it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict):
        fields = ", ".join(render_field(name, item) for name, item in value.items())
        return f"{{ {fields} }}" if fields else "{}"
    if isinstance(value, DBRef):
        return render(dict(value.as_doc()))
    if isinstance(value, list):
        return f"[ {', '.join(map(render, value))} ]" if value else "[]"
    return _render_scalar(value)


def render_field(name: str, value: Any) -> str:
    """Return a field as an error text shows it: `$size: -1`."""
    return f"{name}: {render(value)}"


def _render_scalar(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.15g}" if value != int_or_none(value) else f"{value:.1f}"
    if isinstance(value, ObjectId):
        return f"ObjectId('{value}')"
    if isinstance(value, DatetimeMS):
        return f"new Date({int(value)})"
    if isinstance(value, Regex):
        return f"/{value.pattern}/{regex_options(value)}"
    if isinstance(value, Timestamp):
        return f"Timestamp({value.time}, {value.inc})"
    if isinstance(value, bytes):
        return f"BinData({getattr(value, 'subtype', 0)}, {value.hex().upper()})"
    if isinstance(value, MinKey | MaxKey):
        return type(value).__name__
    return str(value) if isinstance(value, int | Decimal128) else repr(value)


def int_or_none(value: float) -> int | None:
    """Return the integer that a double equals, None where there is none or it is huge."""
    return int(value) if abs(value) < 1e15 and value.is_integer() else None
