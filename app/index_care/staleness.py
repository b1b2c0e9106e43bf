"""Whether the vector that an index has of a document is the one that the document has now."""

import math
from collections.abc import Mapping
from typing import Any, cast

from app.documents import embedding_to_bson
from app.index_care.faults import Fault, take_vector
from app.index_care.presence import probe_vector
from app.indexes import SearchIndex
from app.local_atlas.search.mapping import Similarity
from app.local_atlas.search.similarity import scores, square_lengths
from app.local_atlas.search.vectors import read_query_vector

# An exact search compares the vectors as they were stored, so scores agree but for the order in
# which float32 products are summed. Two vectors of one collection agree so closely by chance about
# once in ten thousand times.
_RELATIVE, _ABSOLUTE = 2e-5, 1e-9


def is_stale(document: Mapping[str, Any], score: float, index: SearchIndex) -> bool:
    """Compare the score that the index gave a document with the one that its vector has.

    Args:
        document: holds what is at the index's path.
        score: that the index gave it for `probe_vector`.
        index: says how vectors are compared.
    """
    vector = take_vector(document, index)
    if isinstance(vector, Fault):
        return True
    query = read_query_vector(embedding_to_bson(probe_vector(index), index), "")
    row = vector.values[None]
    (expected,) = scores(
        vector.element_type,
        cast(Similarity, index.similarity),
        query.values,
        row,
        square_lengths(row),
    )
    return not math.isclose(score, float(expected), rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
