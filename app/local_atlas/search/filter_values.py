"""Read the values that a filter compares with, in either dialect."""

from collections.abc import Mapping
from typing import Any, NoReturn

from bson import Binary

from .parsing import DocumentParser, Reader, list_of, refuse, refuse_type
from .values import UUID_SUBTYPE, Value, comparable
from .vectors import bson_type_name

_KINDS = "boolean, objectId, number, string, date, uuid, or null"


def read_value(value: Any, path: str) -> Value | None:
    """Read what something may be equal to; None is null."""
    if value is None:
        return None
    known = comparable(value)
    if known is None:
        if isinstance(value, bytes):
            _refuse_other_binaries(value, path)
        refuse_type(path, _KINDS, value)
    return known


def read_same_values(value: Any, path: str) -> list[Value]:
    """Read what something may be one of: at least one value, all of one kind, none of them null."""
    values = list_of(read_non_null, may_be_empty=False)(value, path)
    if len({one.kind for one in values}) > 1:
        refuse(path, "must have elements of the same type")
    return values


def read_bound(value: Any, path: str) -> Value:
    """Read one end of a range."""
    return comparable(value) or _refuse_bound(value, path)


def _refuse_bound(value: Any, path: str) -> NoReturn:
    if isinstance(value, Mapping):
        # A document can only be a GeoJSON point, which no range takes.
        parser = DocumentParser(value, path)
        parser.required("type", _any)
        parser.required("coordinates", _any)
        refuse(path, "range operator does not support GEO point type")
    is_binary = isinstance(value, bytes)
    refuse(
        path, "must be a uuid" if is_binary else f"Type is not supported: {bson_type_name(value)}"
    )


def boxed(read: Reader[Any]) -> Reader[tuple[Any]]:
    """Return a reader whose result is never None, even where it read a null."""
    return lambda value, path: (read(value, path),)


def read_non_null(value: Any, path: str) -> Value:
    """Read what something may be equal to, but for null."""
    known = read_value(value, path)
    if known is None:
        refuse(path, "value type cannot be null")
    return known


def _refuse_other_binaries(value: bytes, path: str) -> None:
    if not isinstance(value, Binary) or value.subtype != UUID_SUBTYPE:
        refuse(path, "binary value must be UUID subtype 4")


def _any(value: Any, path: str) -> Any:
    return value
