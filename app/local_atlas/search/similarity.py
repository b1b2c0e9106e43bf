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
Doubles = npt.NDArray[np.float64]


def scores(
    element_type: ElementType,
    similarity: Similarity,
    query: Array,
    vectors: Array,
    square_lengths: Doubles,
) -> Floats:
    """Score every row against the query.

    Args:
        element_type: of query and rows.
        similarity: cosine takes no zero vector.
        query: (d,) of the element type's dtype; (d / 8,) for packed bits.
        vectors: (n, d) or (n, d / 8) of the same dtype, not modified.
        square_lengths: (n,) of the vectors, as `square_lengths` computes them; unused but for
            cosine.

    Returns:
        (n,) float32, larger is closer.
    """
    if element_type == "packed_bit":
        return _bit_scores(query, vectors)
    if similarity == "euclidean":
        differences = vectors.astype(np.float64) - query.astype(np.float64)
        return np.float32(1) / (np.float32(1) + _narrow(_row_products(differences, differences)))
    wide_query = query.astype(np.float64)
    products = _row_products(vectors.astype(np.float64), wide_query)
    if similarity == "cosine":
        lengths = np.sqrt(square_lengths) * float(np.linalg.norm(wide_query))
        return _half_up(_narrow(products / lengths))
    if element_type == "int8":
        return np.float32(0.5) + _narrow(products / (len(query) * 2**15))
    return _half_up(_narrow(products))


def square_lengths(vectors: Array) -> Doubles:
    """Return the squared lengths of (n, d) rows of float32 or int8, summed in double precision."""
    wide = vectors.astype(np.float64)
    return _row_products(wide, wide)


def _half_up(similarity: Floats) -> Floats:
    halved: Floats = np.maximum((np.float32(1) + similarity) / np.float32(2), np.float32(0))
    return halved


def _bit_scores(query: Array, vectors: Array) -> Floats:
    bits = 8 * len(query)
    distances = np.bitwise_count(vectors ^ query).sum(axis=1, dtype=np.int64)
    similar: Floats = (bits - distances).astype(np.float32) / np.float32(bits)
    return similar


def _row_products(rows: Array, other: Array) -> Array:
    # einsum sums each row in the same order wherever it lies; BLAS does not.
    subscripts = "ij,ij->i" if other.ndim == rows.ndim else "ij,j->i"
    products: Array = np.einsum(subscripts, rows, other)
    return products


def _narrow(values: Array) -> Floats:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)
