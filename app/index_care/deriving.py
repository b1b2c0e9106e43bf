"""The vectorSearch index that stands in for a `search` index with a knnVector field."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.errors import ConfigError, IndexNotReady
from app.index_care.definitions import filter_types
from app.indexes import FILTER_TYPES, SearchIndex


def derived_content(old: SearchIndex, name: str) -> dict[str, Any]:
    """Return the content of an index file: the same vectors, and every filter declared.

    Args:
        old: live.
        name: of the new index.

    Raises:
        IndexNotReady: the old index is not of type `search`, or has the name of the new one.
    """
    _check_types(old, name, "vectorSearch")
    if old.name == name:
        raise IndexNotReady(
            f"The new index cannot be named {name}, as the old one is; it takes the name of the "
            f"file that --to names."
        )
    # A vectorSearch index takes values of every type; what has no type of ours keeps its field.
    filters = {
        path: next((one for one in FILTER_TYPES if one in types), "token")
        for path, types in sorted(filter_types(old.definition).items())
    }
    vector = {
        "type": "vector",
        "path": old.path,
        "numDimensions": old.dimensions,
        "similarity": old.similarity,
    }
    declared = [{"type": "filter", "path": path} for path in filters]
    return {
        "name": name,
        "type": "vectorSearch",
        "vectorType": "float32",
        "filterTypes": filters,
        "definition": {"fields": [vector, *declared]},
    }


def write_index_file(path: Path, content: Mapping[str, Any]) -> None:
    """Write an index file; raises `ConfigError` where that cannot be done."""
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error


def check_stand_in(old: SearchIndex, new: SearchIndex) -> None:
    """Refuse an index that cannot answer what the old one answers.

    Raises:
        IndexNotReady: the types, the vectors or the filters do not fit.
    """
    _check_types(old, new.name, new.type)
    for name in ("path", "dimensions", "similarity"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            raise IndexNotReady(
                f"The {name} of search index {old.name} is {before} and that of {new.name} is "
                f"{after}; they must be the same, so that both find the same."
            )
    missing = sorted(filter_types(old.definition).keys() - filter_types(new.definition).keys())
    if missing:
        raise IndexNotReady(
            f"Search index {new.name} does not declare {', '.join(missing)}, which queries over "
            f"{old.name} may filter on; they would fail."
        )


def _check_types(old: SearchIndex, new_name: str, new_type: str) -> None:
    if old.type != "search" or new_type != "vectorSearch":
        raise IndexNotReady(
            f"Search index {old.name} is of type {old.type} and {new_name} of type {new_type}; "
            f"migrate leads from search to vectorSearch."
        )
