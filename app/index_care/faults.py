"""Why a document is not in a search index: what the engine passes over in silence.

Source: https://github.com/mongodb/mongot, `IndexableFieldFactory` and `KnnVectorParser`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bson import Binary

from app.index_care.definitions import vector_fields
from app.indexes import SearchIndex
from app.local_atlas.mql.bson_types import type_name
from app.local_atlas.search.vectors import Vector, stored_vector, why_no_vector


class Reason(StrEnum):
    """Why a document is not found."""

    WRONG_DIMENSIONS = "wrong dimensions"
    ZERO_VECTOR = "zero vector"
    NOT_FINITE = "not finite"
    WRONG_TYPE = "wrong type"
    IN_ARRAY = "inside an array"
    STALE = "stale"
    LAG = "lag"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a document; `detail` continues a sentence that begins with it."""

    reason: Reason
    detail: str


def find_fault(document: Mapping[str, Any], index: SearchIndex) -> Fault | None:
    """Return why an index has no vector of a document, None where it should have one."""
    taken = take_vector(document, index)
    return taken if isinstance(taken, Fault) else None


def holds_something(document: Mapping[str, Any], index: SearchIndex) -> bool:
    """Return whether anything but null is at an index's path: an empty array on the way is not."""
    in_arrays = index.type == "vectorSearch"
    values = _values(document, index.path.split("."), in_arrays=in_arrays)
    return any(value is not None for value, _ in values)


def take_vector(document: Mapping[str, Any], index: SearchIndex) -> Vector | Fault:
    """Return the vector of a document that an index takes, or why it takes none.

    Args:
        document: holds what is at the index's path.
        index: its vector type is what queries ask with.
    """
    in_arrays = index.type == "vectorSearch"
    passed_over: Fault | None = None
    for value, is_in_array in _values(document, index.path.split("."), in_arrays=in_arrays):
        if is_in_array and not in_arrays:
            detail = "is inside an array, where a search index looks for no vector"
            passed_over = passed_over or Fault(Reason.IN_ARRAY, detail)
            continue
        vector = stored_vector(value)
        if vector is None:
            passed_over = passed_over or Fault(Reason.WRONG_TYPE, _no_vector(value))
            continue
        # The first vector settles the field, even where it is then not indexed.
        fault = _blocking(vector, index)
        if fault is not None:
            return fault
        fault = _passing(vector, index)
        if fault is None:
            return vector
        passed_over = passed_over or fault
    return passed_over or Fault(Reason.WRONG_TYPE, "is not there")


def _values(
    value: Any, names: list[str], *, in_arrays: bool, is_in_array: bool = False
) -> Iterator[tuple[Any, bool]]:
    """Yield what is at a path, in the engine's order, and whether an array is on the way to it."""
    if names and isinstance(value, Mapping):
        if names[0] in value:
            yield from _values(
                value[names[0]], names[1:], in_arrays=in_arrays, is_in_array=is_in_array
            )
    elif isinstance(value, list) and (names or _holds_vectors(value, in_arrays=in_arrays)):
        for element in value:
            yield from _values(element, names, in_arrays=in_arrays, is_in_array=True)
    elif not names:
        yield value, is_in_array


def _holds_vectors(value: list[Any], *, in_arrays: bool) -> bool:
    return in_arrays and any(isinstance(element, list | Binary) for element in value)


def _blocking(vector: Vector, index: SearchIndex) -> Fault | None:
    if vector.dimensions != index.dimensions:
        detail = f"has {vector.dimensions} dimensions, the index wants {index.dimensions}"
        return Fault(Reason.WRONG_DIMENSIONS, detail)
    if index.similarity == "cosine" and vector.is_zero:
        return Fault(Reason.ZERO_VECTOR, "is a zero vector, which cosine cannot compare")
    return None


def _passing(vector: Vector, index: SearchIndex) -> Fault | None:
    if not vector.is_finite:
        return Fault(Reason.NOT_FINITE, "holds NaN or infinity, as float32")
    if vector.element_type == index.vector_type:
        return None
    detail = f"is {vector.element_type}, which queries of {index.vector_type} never see"
    options = vector_fields(index.definition).get(index.path, {})
    if options.get("quantization", "none") != "none":
        detail = f"is {vector.element_type}, and the index is quantized, which takes float32 only"
    return Fault(Reason.WRONG_TYPE, detail)


def _no_vector(value: Any) -> str:
    if isinstance(value, list) or (isinstance(value, Binary) and value.subtype == 9):
        return f"is no vector: {why_no_vector(value)}"
    return f"is of type {type_name(value)}, and no vector"
