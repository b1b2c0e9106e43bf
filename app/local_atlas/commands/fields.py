"""Reads the fields of a command, each checked for its type as the real server does."""

import math
from collections.abc import Mapping
from typing import Any

from bson import Int64

from ..errors import CommandError
from ..mql.bson_types import is_number, is_string, is_true, type_name
from ..mql.collation import Collation, parse_collation
from ..mql.expressions import compile_expression
from ..mql.rows import Row
from ..namespaces import is_collection_name, is_database_name

Document = dict[str, Any]

_MAX_INT64 = 2**63 - 1


def collection_name(body: Document) -> str:
    """Return the collection that the command's first field names.

    Raises:
        CommandError: 73, it is no name of a collection.
    """
    name = next(iter(body.values()))
    if not is_string(name):
        raise CommandError(
            73, "InvalidNamespace", f"collection name has invalid type {type_name(name)}"
        )
    if not is_collection_name(name):
        raise CommandError(
            73, "InvalidNamespace", f"Invalid namespace specified '{body.get('$db')}.{name}'"
        )
    return str(name)


def split_namespace(namespace: str) -> tuple[str, str]:
    """Return the names of the database and of the collection in `database.collection`.

    Raises:
        CommandError: 73, one of them is no such name.
    """
    database, _, name = namespace.partition(".")
    if not is_database_name(database) or not is_collection_name(name):
        raise CommandError(73, "InvalidNamespace", f"Invalid namespace specified '{namespace}'")
    return database, name


def document_field(body: Mapping[str, Any], name: str) -> Document:
    """Return a field that holds a document, `{}` where it is missing or null."""
    value = body.get(name)
    if value is None:
        return {}
    return checked_document(body, name, value)


def optional_document(body: Mapping[str, Any], name: str) -> Document | None:
    """Return a field that holds a document, None where it is missing or null."""
    value = body.get(name)
    return None if value is None else checked_document(body, name, value)


def checked_document(body: Mapping[str, Any], name: str, value: Any) -> Document:
    """Return `value`, refused where it is no document."""
    if not isinstance(value, dict):
        raise wrong_type(body, name, value, "object")
    return value


def list_field(body: Mapping[str, Any], name: str) -> list[Any]:
    """Return a field that must hold an array.

    Raises:
        CommandError: 40414 where it is missing, 14 where it is something else.
    """
    if name not in body:
        raise missing_field(body, name)
    value = body[name]
    if not isinstance(value, list):
        raise wrong_type(body, name, value, "array")
    return value


def documents_field(body: Mapping[str, Any], name: str) -> list[Document]:
    """Return a field that holds an array of documents, `[]` where it is missing."""
    values = list_field(body, name) if name in body else []
    return [checked_document(body, f"{name}.{i}", value) for i, value in enumerate(values)]


def integers_field(body: Mapping[str, Any], name: str) -> list[int]:
    """Return a field that must hold an array of integers."""
    values = list_field(body, name)
    for position, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(body, f"{name}.{position}", value, "long")
    return values


def string_field(body: Mapping[str, Any], name: str) -> str:
    """Return a field that must hold a string."""
    if name not in body:
        raise missing_field(body, name)
    value = body[name]
    if not is_string(value):
        raise wrong_type(body, name, value, "string")
    return str(value)


def bool_field(body: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """Return a flag; numbers count as the real server counts them."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    if not is_number(value):
        raise wrong_type(body, name, value, "bool")
    return is_true(value)


def int_field(body: Mapping[str, Any], name: str) -> int | None:
    """Return an integer field that may come as any number, None where it is missing or null."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not is_number(value):
        raise wrong_type(body, name, value, "long")
    number = float(value.to_decimal()) if hasattr(value, "to_decimal") else value
    if math.isnan(number):
        return 0
    if abs(number) > _MAX_INT64:
        return Int64(_MAX_INT64 if number > 0 else -_MAX_INT64)
    return int(number)


def non_negative_field(body: Mapping[str, Any], name: str) -> int | None:
    """Return an integer that may not be negative, None where it is missing."""
    value = int_field(body, name)
    if value is not None and value < 0:
        raise CommandError(
            51024,
            "Location51024",
            f"BSON field '{name}' value must be >= 0, actual value '{value}'",
        )
    return value


def let_variables(body: Mapping[str, Any]) -> Document:
    """Return the values of the field `let`; its expressions see no document."""
    nothing = Row(document={})
    return {
        name: compile_expression(expression)(nothing, {})
        for name, expression in document_field(body, "let").items()
    }


def collation_field(body: Mapping[str, Any]) -> Collation | None:
    """Return the collation that a command or statement asks for; None where bytes compare.

    Raises:
        CommandError: it is none, or is not emulated.
    """
    return parse_collation(document_field(body, "collation"))


def missing_field(body: Mapping[str, Any], name: str) -> CommandError:
    """Return error 40414."""
    return CommandError(
        40414,
        "IDLFailedToParse",
        f"BSON field '{_command_name(body)}.{name}' is missing but a required field",
    )


def unknown_field(command: str, name: str, note: str = "") -> CommandError:
    """Return error 40415."""
    return CommandError(
        40415,
        "IDLUnknownField",
        f"BSON field '{command}.{name}' is an unknown field.{note}",
    )


def wrong_type(body: Mapping[str, Any], name: str, value: Any, expected: str) -> CommandError:
    """Return error 14."""
    return CommandError(
        14,
        "TypeMismatch",
        f"BSON field '{_command_name(body)}.{name}' is the wrong type '{type_name(value)}', "
        f"expected type '{expected}'",
    )


def _command_name(body: Mapping[str, Any]) -> str:
    return next(iter(body), "")
