"""Atlas's scores of unit vectors, from their cosine and back.

https://www.mongodb.com/docs/atlas/atlas-vector-search/vector-search-stage/#atlas-vector-search-score
"""


def score_of_cosine(cosine: float, similarity: str) -> float:
    """Return the score of two vectors of unit length with this cosine."""
    if similarity == "euclidean":
        return 1 / (1 + (2 - 2 * cosine))  # the squared distance of unit vectors
    return (1 + cosine) / 2


def cosine_of_score(score: float, similarity: str) -> float:
    """Return the cosine of two vectors of unit length with this score, which is above 0."""
    if similarity == "euclidean":
        return 1 - (1 / score - 1) / 2
    return 2 * score - 1
