"""A float32 number per row that falls as the score does, and by how much it may be wrong.

It costs one matrix product, while a score is computed row by row: see `similarity`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from .mapping import VectorField
from .matrix import MatrixView
from .vectors import Vector

Array = npt.NDArray[Any]
Ids = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

_EPSILON = float(np.finfo(np.float32).eps)
# A float32 product of vectors whose lengths multiply to something outside is not to be trusted.
_TRUSTED = (1e-25, 1e30)


def closeness(
    matrix: MatrixView, square_lengths: Doubles, field: VectorField, query: Vector, rows: Ids | None
) -> Array:
    """Return the closeness of some rows.

    Args:
        matrix: all rows.
        square_lengths: of the chosen rows.
        field: how they are compared.
        query: of the rows' element type and dimensions.
        rows: the chosen ones, ascending; None for all.

    Returns:
        (n,) float32; rows outside of what float32 holds may get anything.
    """
    if query.element_type == "packed_bit":
        few_differences: Array = -matrix.bit_differences(query.values, rows).astype(np.float32)
        return few_differences
    products = matrix.products(query.values.astype(np.float32), rows)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if field.similarity == "cosine":
            cosines: Array = products / np.sqrt(square_lengths).astype(np.float32)
            return cosines
        if field.similarity == "dotProduct":
            # Scores of less than 0 are 0, and so equal; those of int8 are never cut off.
            is_cut = query.element_type == "float32"
            return np.maximum(products, np.float32(-1)) if is_cut else products
        near: Array = 2 * products - square_lengths.astype(np.float32)
        return near


def resolution(field: VectorField, query: Vector, closeness: float) -> float:
    """Return how far closenesses may lie apart where the scores, in float32, are equal."""
    # A score is the result of a few roundings.
    roundings = 8 * _EPSILON
    length = float(np.linalg.norm(query.values.astype(np.float64)))
    if query.element_type == "packed_bit":
        return 0.0
    if field.similarity == "cosine":
        return roundings * length
    if field.similarity == "euclidean":
        return roundings * (1 + max(length**2 - closeness, 0.0))
    scale = 2.0**14 * len(query.values) if query.element_type == "int8" else 1.0
    return roundings * (scale + abs(closeness))


def product_error(dimensions: int) -> float:
    """Return how wrong a float32 product may be, as a part of the product of the lengths."""
    # It is summed in at least eight lanes.
    return _EPSILON * (dimensions / 8 + 16)


def worst_error(field: VectorField, query: Vector, square_lengths: Doubles) -> float | None:
    """Return by how much a closeness may be wrong, or None where float32 cannot hold it."""
    if query.element_type == "packed_bit":
        return 0.0
    length = float(np.linalg.norm(query.values.astype(np.float64)))
    shortest, longest = np.sqrt(square_lengths.min()), np.sqrt(square_lengths.max())
    if longest * length > _TRUSTED[1] or longest**2 > _TRUSTED[1]:
        return None
    relative = product_error(len(query.values))
    if field.similarity == "cosine":
        return relative * length if shortest * length > _TRUSTED[0] else None
    if field.similarity == "dotProduct":
        return float(relative * longest * length)
    return float(2 * relative * (longest + length) ** 2)
