"""Dotted paths into documents that somebody else made: through arrays, too."""

from collections.abc import Iterable, Sequence
from typing import Any


def value_at(document: dict[str, Any], path: str) -> Any:
    """Return what is at a path, None for nothing.

    A number takes one element of an array; without one, the path goes on in every element, and the
    values that they have there come as a list.
    """
    return _value_at(document, path.split("."))


def projection(paths: Iterable[str]) -> dict[str, int]:
    """Return the projection that reads the paths: an array whole, and none inside another."""
    names = {"_id"}
    for path in paths:
        parts = path.split(".")
        until = next((i for i, part in enumerate(parts) if part.isdigit()), len(parts))
        names.add(".".join(parts[:until]))
    return {
        name: 1
        for name in sorted(names)
        if not any(is_inside(name, other) for other in names if other != name)
    }


def is_inside(path: str, parent: str) -> bool:
    """Return whether a path is another one, or leads on from it."""
    return path == parent or path.startswith(f"{parent}.")


def _value_at(value: Any, names: Sequence[str]) -> Any:
    for i, name in enumerate(names):
        if isinstance(value, list) and name.isdigit():
            value = value[int(name)] if int(name) < len(value) else None
        elif isinstance(value, list):
            found = [_value_at(one, names[i:]) for one in value]
            return [one for one in found if one is not None] or None
        elif isinstance(value, dict):
            value = value.get(name)
        else:
            return None
    return value
