"""Scores of vectors, as the search server computes them.

| similarity | float32 and arrays | int8 | packed bits |
|---|---|---|---|
| euclidean | 1 / (1 + squared distance) | the same on integers | (d - hamming distance) / d |
| dotProduct | max((1 + a.b) / 2, 0) | 0.5 + a.b / (d * 2^15) | never indexed |
| cosine | max((1 + cos) / 2, 0) | (1 + cos) / 2 | never indexed |

Source: https://github.com/mongodb/mongot, `VectorSimilarity`, `VectorSearchUtil` and
`Lucene99NativeMemorySegmentVectorScorer`. The products are summed in double precision and then
narrowed: equal vectors always get equal scores, whichever rows they lie in, which a matrix product
does not promise.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from .mapping import Similarity
from .vectors import ElementType

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]


def scores(
    element_type: ElementType, similarity: Similarity, query: Array, vectors: Array
) -> Floats:
    """Score every row against the query.

    Args:
        element_type: of query and rows.
        similarity: cosine takes no zero vector.
        query: (d,) of the element type's dtype; (d / 8,) for packed bits.
        vectors: (n, d) or (n, d / 8) of the same dtype, not modified.

    Returns:
        (n,) float32, larger is closer.
    """
    if element_type == "packed_bit":
        return _bit_scores(query, vectors)
    if similarity == "euclidean":
        differences = vectors.astype(np.float64) - query.astype(np.float64)
        return np.float32(1) / (np.float32(1) + _narrow(_row_products(differences, differences)))
    products = _row_products(vectors.astype(np.float64), query.astype(np.float64))
    if similarity == "cosine":
        return _half_up(_narrow(products / _norm_products(query, vectors)))
    if element_type == "int8":
        return np.float32(0.5) + _narrow(products / (len(query) * 2**15))
    return _half_up(_narrow(products))


def _half_up(similarity: Floats) -> Floats:
    halved: Floats = np.maximum((np.float32(1) + similarity) / np.float32(2), np.float32(0))
    return halved


def _bit_scores(query: Array, vectors: Array) -> Floats:
    bits = 8 * len(query)
    distances = np.bitwise_count(vectors ^ query).sum(axis=1, dtype=np.int64)
    similar: Floats = (bits - distances).astype(np.float32) / np.float32(bits)
    return similar


def _norm_products(query: Array, vectors: Array) -> Array:
    wide, wide_query = vectors.astype(np.float64), query.astype(np.float64)
    lengths = np.sqrt(_row_products(wide, wide))
    return lengths * float(np.linalg.norm(wide_query))


def _row_products(rows: Array, other: Array) -> Array:
    # einsum sums each row in the same order wherever it lies; BLAS does not.
    subscripts = "ij,ij->i" if other.ndim == rows.ndim else "ij,j->i"
    products: Array = np.einsum(subscripts, rows, other)
    return products


def _narrow(values: Array) -> Floats:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)
