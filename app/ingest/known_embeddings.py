"""Embeddings that the run's model has made already, by the hash of the picture's bytes.

The same bytes need no second decoding and no second pass through the model: shops show one picture
for many sizes of a product. The last few embeddings of the run are in memory, the others are in the
collection, under its ordinary index on the hash; so memory is the same however many there are.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass

from app.documents import Embedding, ImageFacts

# Enough that a repeated picture is found here while the batch of the first one is being written.
MAX_RECENT = 256


@dataclass(frozen=True, slots=True)
class KnownEmbedding:
    """An embedding, (d,) float32, unit length, and the upright size of its picture."""

    embedding: Embedding
    width_px: int
    height_px: int


LookUp = Callable[[Collection[str]], dict[str, KnownEmbedding]]


class KnownEmbeddings:
    """May be used by several threads at once.

    Args:
        look_up: returns what the collection holds of some hashes, by hash.
    """

    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up
        self._recent: OrderedDict[str, KnownEmbedding] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, hashes: Collection[str]) -> dict[str, KnownEmbedding]:
        """Return what is known of some hashes, by hash; the collection is asked once at most."""
        found = self.recent(hashes)
        others = [one for one in hashes if one not in found]
        return {**found, **self._look_up(others)} if others else found

    def recent(self, hashes: Collection[str]) -> dict[str, KnownEmbedding]:
        """As `find`, of what is in memory alone."""
        with self._lock:
            found = {one: self._recent[one] for one in hashes if one in self._recent}
            for one in found:
                self._recent.move_to_end(one)
            return found

    def add(self, facts: ImageFacts, embedding: Embedding) -> None:
        """Keep an embedding for a while; what was not asked for the longest time goes."""
        with self._lock:
            self._recent[facts.sha256] = KnownEmbedding(embedding, facts.width_px, facts.height_px)
            if len(self._recent) > MAX_RECENT:
                self._recent.popitem(last=False)
