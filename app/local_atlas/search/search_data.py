"""The built contents of one index: takes writes in, answers queries.

One lock guards slots and columns. A query holds it while its filter becomes a mask, some
milliseconds at most, and computes scores outside it; see `vector_index`.
"""

import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..mql.rows import decode
from .conditions import Condition
from .definition import SearchIndexDefinition
from .ingestion import Ingestion
from .mapping import VectorField
from .nested import ScoreMode, joined
from .space import Batch, Space
from .vector_index import Hits, Snapshot, nearest
from .vectors import Vector

Bools = npt.NDArray[np.bool_]
Change = tuple[int, bytes | None]

_NO_HITS = Hits(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))


class SearchData:
    """Everything that an index keeps in memory, rebuilt from the documents when it is lost."""

    def __init__(self, definition: SearchIndexDefinition) -> None:
        self._definition = definition
        self._lock = threading.Lock()
        self._root = Space(definition.mapping.is_lowercase)
        self._nested = Space(definition.mapping.is_lowercase)
        self._ingestion = Ingestion(definition, self._nested.take_slot)

    def apply(self, changes: Sequence[Change]) -> None:
        """Take in writes: raw documents by record id, None for deleted; the last one counts."""
        latest = {record_id: None if raw is None else decode(raw) for record_id, raw in changes}
        with self._lock:
            root, nested = Batch(), Batch()
            for record_id, document in latest.items():
                self._root.forget(record_id)
                self._nested.forget(record_id)
                if document is not None:
                    slot = self._root.take_slot(record_id)
                    self._ingestion.add(record_id, slot, document, root, nested)
            vectors = dict(self._definition.vectors)
            self._root.apply(root, vectors)
            self._nested.apply(nested, vectors)
            self._root.compact()
            self._nested.compact()

    def expect(self, documents: int) -> None:
        """Make room for this many vectors at once, before the first is there."""
        self._root.expected = documents

    def __len__(self) -> int:
        return len(self._root)

    def nearest(self, path: str, query: Vector, k: int, condition: Condition | None = None) -> Hits:
        """Return the k nearest root documents that meet the condition.

        Args:
            path: of a vector field of the definition.
            query: of its dimensions.
            k: how many at most.
            condition: the filter, or None.
        """
        found = self._look_up(self._root, path, query, condition)
        return _NO_HITS if found is None else nearest(found[0], found[1], query, k, found[2])

    def nearest_parents(
        self,
        path: str,
        query: Vector,
        candidates: int | None,
        condition: Condition | None,
        score_mode: ScoreMode,
    ) -> Hits:
        """Return the documents of the nearest nested documents.

        Args:
            path: of a vector field below the nested root.
            query: of its dimensions.
            candidates: how many nested documents are looked at; None for all.
            condition: the filter on nested documents, or None.
            score_mode: how the scores of one document's nested documents become one.
        """
        found = self._look_up(self._nested, path, query, condition)
        if found is None:
            return _NO_HITS
        k = candidates if candidates is not None else max(len(found[0].slots), 1)
        return joined(nearest(found[0], found[1], query, k, found[2]), score_mode)

    def meeting(self, hits: Hits, condition: Condition) -> Hits:
        """Return those of the hits whose root documents meet a condition."""
        with self._lock:
            mask = condition.slots(self._root)
            slots = [self._root.slots_of(record_id) for record_id in hits.record_ids.tolist()]
        kept = np.array([bool(one) and bool(mask[one[0]]) for one in slots], np.bool_)
        return Hits(hits.record_ids[kept], hits.slots[kept], hits.scores[kept])

    def numbers_at(self, path: str, record_ids: Sequence[int]) -> list[float | None]:
        """Return the number at a path of each record, None where there is not exactly one."""
        with self._lock:
            return [self._root.number_at(path, record_id) for record_id in record_ids]

    def _look_up(
        self, space: Space, path: str, query: Vector, condition: Condition | None
    ) -> tuple[Snapshot, VectorField, Bools | None] | None:
        with self._lock:
            vectors = space.vectors(path, query.element_type)
            if vectors is None:
                return None
            allowed = None if condition is None else condition.slots(space)
            return vectors.snapshot(), vectors.field, allowed
