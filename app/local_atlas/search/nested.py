"""From nested documents to the documents that hold them."""

from typing import Literal, TypeAlias

import numpy as np

from .exact_search import Hits

ScoreMode: TypeAlias = Literal["max", "avg"]


def joined(hits: Hits, mode: ScoreMode) -> Hits:
    """Return one hit per record, with the best or the mean score of its hits, best first."""
    record_ids, first, inverse = np.unique(hits.record_ids, return_index=True, return_inverse=True)
    if mode == "max":
        scores = hits.scores[first]  # hits come best first
    else:
        sums = np.bincount(inverse, weights=hits.scores, minlength=len(record_ids))
        scores = (sums / np.bincount(inverse, minlength=len(record_ids))).astype(np.float32)
    return Hits(record_ids, hits.slots[first], scores).ordered()
