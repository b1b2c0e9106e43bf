"""BM25: how well a text fits a term, by how often the term is there and how rare it is.

The formula is that of Lucene since version 8, with its parameters. Lucene rounds the lengths of
texts to one byte and counts documents that were deleted and not yet merged away; both are exact
here, so scores are near those of the engine and not equal to them.
Source: Lucene's `BM25Similarity`.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

K1 = 1.2  # how soon more of the same term counts no more
B = 0.75  # how much a long text is held against it


def rarity(documents: int, holding: int) -> float:
    """Return the inverse document frequency of a term, above zero.

    Args:
        documents: how many have any term.
        holding: how many of them have this one.
    """
    return math.log(1 + (documents - holding + 0.5) / (holding + 0.5))


def saturation(frequencies: Array, lengths: Array, average: float) -> Floats:
    """Return (n,) how much of a term's weight each text earns, from 0 to below 1.

    Args:
        frequencies: (n,) how often the term is in each text.
        lengths: (n,) of how many terms each text is.
        average: of the lengths of all texts.
    """
    slowness = K1 * (1 - B + B * lengths / average)
    earned: Floats = (frequencies / (frequencies + slowness)).astype(np.float32)
    return earned
