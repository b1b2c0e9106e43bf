"""Definitions with one vector field `v`, of few dimensions."""

from typing import Any


def vector_definition(*filters: str, dimensions: int = 2, **options: Any) -> dict[str, Any]:
    """A vectorSearch definition."""
    vector = {"type": "vector", "path": "v", "numDimensions": dimensions, "similarity": "cosine"}
    declared = [{"type": "filter", "path": path} for path in filters]
    return {"fields": [{**vector, **options}, *declared]}


def knn_definition(dimensions: int = 2, **fields: Any) -> dict[str, Any]:
    """A search definition; `fields` are the other fields' definitions."""
    vector = {"type": "knnVector", "dimensions": dimensions, "similarity": "cosine"}
    return {"mappings": {"dynamic": False, "fields": {"v": vector, **fields}}}
