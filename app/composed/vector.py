"""Several inputs as one query vector.

The query is q = s / |s| with s = sum of w_i e_i over the positive inputs minus sum of w_j e_j over
the negative ones, where every e is scaled to unit length first and every w is above 0. So only the
proportions of the weights count, and the cosine of an item x with q is the sum of the inputs'
contributions, +-w_i cos(e_i, x) / |s|.
"""

import math

import numpy as np

from app.composed.query import ComposedQuery
from app.documents import Embedding
from app.embedding.base import unit_rows
from app.errors import BadRequest

# Of the sum of all weights. What is left below it is mostly what float32 lost, and no direction.
MIN_LENGTH = 1e-3


def signed_weights(query: ComposedQuery) -> Embedding:
    """Return the weights in the order of the inputs, those of the negative ones below zero.

    Returns:
        (n,) float32, shares of all weights: a weight may be too small for a float32.
    """
    weights = [one.weight for one in query.positive]
    weights += [-one.weight for one in query.negative]
    shares: Embedding = (np.array(weights) / math.fsum(map(abs, weights))).astype(np.float32)
    return shares


def query_vector(embeddings: Embedding, weights: Embedding) -> Embedding:
    """Sum the inputs up.

    Args:
        embeddings: (n, d) float32 of any lengths.
        weights: (n,) float32, below zero for negative inputs.

    Returns:
        (d,) float32, unit length.

    Raises:
        BadRequest: the inputs cancel, so that no direction is left.
    """
    total = weighted_sum(embeddings, weights)
    length, most = float(np.linalg.norm(total)), float(np.abs(weights).sum())
    if length < MIN_LENGTH * most:
        raise BadRequest(
            f"The inputs cancel: their weighted sum has {length / most:.2g} of the length that the "
            f"weights sum up to; expected other weights or inputs."
        )
    vector: Embedding = (total / length).astype(np.float32)
    return vector


def weighted_sum(embeddings: Embedding, weights: Embedding) -> Embedding:
    """Return s, (d,) float32; the arguments as those of `query_vector`."""
    total: Embedding = weights @ unit_rows(embeddings)
    return total


def contributions(embeddings: Embedding, weights: Embedding, others: Embedding) -> Embedding:
    """Split the cosines of vectors with the query into what each input brings to them.

    Args:
        embeddings: the inputs, as for `query_vector`.
        weights: as for `query_vector`.
        others: (m, d) float32, rows of unit length.

    Returns:
        (m, n) float32; a row sums up to the cosine of that vector with the query.
    """
    length = np.linalg.norm(weighted_sum(embeddings, weights))
    parts: Embedding = (others @ unit_rows(embeddings).T) * (weights / length)
    return parts
