"""One composed search: several inputs, liked and disliked, and all that a shop asks of its answer.

`query` says what is asked, `vector` makes one query vector of it, `window` how much the engine is
asked for, `steps` does the search as a generator: it yields what it wants of database and model
and is sent the answers, so that the synchronous and the asynchronous side share all but the asking.
"""

from app.composed.answer import ComposedAnswer, ComposedHit
from app.composed.query import (
    ComposedQuery,
    Input,
    Picture,
    Sentence,
    StoredItem,
)

__all__ = [
    "ComposedAnswer",
    "ComposedHit",
    "ComposedQuery",
    "Input",
    "Picture",
    "Sentence",
    "StoredItem",
]
