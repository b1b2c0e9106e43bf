"""What an index passes over in silence, and why.

Ingestion decides with these functions and reports what they say to whoever listens; nobody does
unless a server is strict. A reason continues a sentence that begins with the path.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from bson import Binary

from ..mql.bson_types import type_name
from .mapping import FILTER_TYPES, FieldMapping, VectorField
from .vectors import Vector, why_no_vector

IN_ARRAY = "is a vector inside an array, where a search index looks for none"
NOT_THE_FIRST = "holds a second vector, and only the first one is indexed"

_VECTOR_TYPES = frozenset({"knnVector", "vector"})
_SEARCHED_TYPES = frozenset({*FILTER_TYPES, "autocomplete", "string"})
_NUMBER_KINDS = frozenset({"int", "long", "double"})
_CONTAINERS = (list, dict, Binary)


@dataclass(frozen=True, slots=True)
class Skip:
    """One value that an index passes over."""

    path: str
    reason: str


OnSkip: TypeAlias = Callable[[Skip], None]


def blocking_fault(field: VectorField, vector: Vector) -> str | None:
    """Return why a vector is not indexed and keeps later ones of its path out; None if it is."""
    if vector.dimensions != field.dimensions:
        return f"has {vector.dimensions} dimensions, and the index wants {field.dimensions}"
    if field.similarity == "cosine" and vector.is_zero:
        return "is a zero vector, which cosine cannot compare"
    return None


def passing_fault(field: VectorField, vector: Vector) -> str | None:
    """Return why a vector is passed over as if it were not there; None where it is not."""
    if vector.element_type == "float32":
        return None if vector.is_finite else _not_finite(vector)
    if field.quantization != "none":
        return f"is {vector.element_type}, and the index is quantized, which takes float32 only"
    if vector.element_type == "packed_bit" and field.similarity != "euclidean":
        return f"is packed_bit, which {field.similarity} cannot compare"
    return None


def no_vector_fault(field: FieldMapping, value: Any, *, looks_inside: bool) -> str | None:
    """Return why an array or binary that is no vector is lost; None where it is not.

    Args:
        field: which wants a vector.
        value: an array, or binary data of the vector subtype.
        looks_inside: whether vectors are looked for inside arrays.
    """
    if isinstance(value, list):
        if not field.types.keys() <= _VECTOR_TYPES:
            return None  # the elements are indexed as something else
        if looks_inside and any(isinstance(element, _CONTAINERS) for element in value):
            return None  # each element tells for itself
    return f"is no vector: {why_no_vector(value)}"


def value_fault(field: FieldMapping, value: Any) -> str | None:
    """Return why a value that is neither array nor vector is lost; None where nobody wanted it."""
    wanted = field.types.keys() - _VECTOR_TYPES
    kind = type_name(value)
    if field.vector is not None and not wanted:
        return f"is of type {kind}, and no vector"
    if not wanted or not wanted <= _SEARCHED_TYPES or _is_dynamic(field):
        return None
    if field.vector is not None and kind in _NUMBER_KINDS:
        return None  # an element of a vector, which is indexed as a whole
    if wanted >= set(FILTER_TYPES):
        return f"is of type {kind}, which no filter can compare"
    return f"is of type {kind}, and the index maps it as {', '.join(sorted(wanted))}"


def _is_dynamic(field: FieldMapping) -> bool:
    return field.document is not None and field.document.dynamic is not None


def _not_finite(vector: Vector) -> str:
    position = int(np.flatnonzero(~np.isfinite(vector.values))[0])
    return f"is not finite as float32 at position {position}"
