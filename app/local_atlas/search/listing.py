"""Which indexes a list command asks for, and the size that its answer may have."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import bson

from ..errors import CommandError
from ..mql.bson_types import is_string, type_name
from .index_requests import IndexSelector
from .registry import SearchRegistry

if TYPE_CHECKING:
    from ..store import StoredCollection

_MAX_REPLY_BYTES = 16 * 1024 * 1024


def read_selector(command: str, fields: Mapping[str, Any]) -> IndexSelector | None:
    """Read `name` and `id`; None where neither is given.

    Raises:
        CommandError: 72 where both are given, 14 where one is no string.
    """
    selected = {name: fields[name] for name in ("name", "id") if fields.get(name) is not None}
    for name, value in selected.items():
        if not is_string(value):
            raise CommandError(
                14,
                "TypeMismatch",
                f"BSON field '{command}.{name}' is the wrong type '{type_name(value)}', "
                "expected type 'string'",
            )
    if len(selected) > 1:
        raise CommandError(72, "InvalidOptions", "Cannot set both 'name' and 'id'.")
    return IndexSelector(**selected) if selected else None


def checked_entries(
    registry: SearchRegistry, collection: "StoredCollection", selector: IndexSelector | None
) -> list[dict[str, Any]]:
    """Return the entries of a list command.

    Raises:
        CommandError: 396 where they do not fit one reply.
    """
    entries = registry.entries(collection, selector)
    if sum(len(bson.encode(entry)) for entry in entries) > _MAX_REPLY_BYTES:
        raise CommandError(
            396,
            "IndexInformationTooLarge",
            "The requested indexes are too large. Try narrowing your filter.",
        )
    return entries
