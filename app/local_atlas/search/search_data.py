"""The built contents of one index: takes writes in, answers queries.

One lock guards slots and columns. A query holds it while its filter becomes a mask, some
milliseconds at most, and computes scores outside it; see `vector_index`. So does the thread that
sorts vectors into cells.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..journal import Position
from .approximate_search import nearest_approximately
from .conditions import Condition
from .definition import SearchIndexDefinition
from .exact_search import Hits, nearest
from .facets import StringFacet
from .index_builder import IndexBuilder
from .index_keeper import IndexKeeper
from .ingestion import Ingestion
from .lone_vectors import DocumentReader
from .mapping import VectorField
from .nested import ScoreMode, joined
from .operators import Operator
from .score_details import Explain, explained
from .snapshot import Snapshot
from .space import Batch, Space
from .vectors import ElementType, Vector

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
Change = tuple[int, bytes | None]

_ALL = 2**31 - 1
_NO_HITS = Hits(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))


class SearchData:
    """Everything that an index keeps in memory, rebuilt from the documents when it is lost.

    Args:
        definition: of the index.
        keeper: saves it; None for nothing that outlives the process.
    """

    def __init__(
        self, definition: SearchIndexDefinition, keeper: IndexKeeper | None = None
    ) -> None:
        self._definition = definition
        self._lock = threading.Lock()
        self._root = Space(definition.mapping)
        self._nested = Space(definition.mapping)
        self._reader = DocumentReader(definition)
        self._ingestion = Ingestion(definition, self._nested.take_slot)
        self._keeper = keeper
        self._position: Position | None = None
        self._unsaved = 0  # changes
        self._is_filling = False
        self._builder = IndexBuilder(self._merge, self._rest)

    def apply(self, changes: Sequence[Change], position: Position | None = None) -> None:
        """Take in writes: raw documents by record id, None for deleted; the last one counts.

        Args:
            changes: what was written.
            position: what the index contains then, where it is all there.
        """
        latest = {
            record_id: None if raw is None else self._reader.read(raw)
            for record_id, raw in dict(changes).items()
        }
        with self._lock:
            root, nested = Batch(), Batch()
            for record_id, document in latest.items():
                self._root.forget(record_id)
                self._nested.forget(record_id)
                if document is not None:
                    fields, lone_arrays = document
                    slot = self._root.take_slot(record_id)
                    self._ingestion.add(record_id, slot, fields, root, nested)
                    root.add_lone_arrays(lone_arrays, slot, record_id)
            vectors = dict(self._definition.vectors)
            self._root.apply(root, vectors)
            self._nested.apply(nested, vectors)
            self._root.compact()
            self._nested.compact()
            self._position = position
            self._unsaved += len(latest)
            is_merge_due = self._root.is_merge_due() or self._nested.is_merge_due()
        if not self._is_filling and (is_merge_due or self._save_due_in_s() is not None):
            self._builder.wake()

    def restore(self, state: dict[str, Any]) -> None:
        """Become what was saved, in the place of nothing.

        Raises:
            UnusableState: it is damaged.
        """
        with self._lock:
            self._root.restore(state["root"], self._definition.vectors)
            self._nested.restore(state["nested"], self._definition.vectors)

    def save_if_quick(self) -> None:
        """Save what is worth it; to be called when nothing is being built any more."""
        if self._keeper is None or self._position is None:
            return
        state, position, unsaved = self._capture()
        if self._keeper.is_quick(unsaved, state):
            self._keeper.save(state, position)

    def wait_until_merged(self) -> None:
        """Wait until every vector that is to be in a cell now is there."""
        self._builder.wait()

    @property
    def unmerged(self) -> int:
        """How many vectors are about to be sorted into cells."""
        with self._lock:
            return self._root.unmerged + self._nested.unmerged

    def stop(self) -> None:
        """Sort no vectors any further; queries go on being answered."""
        self._builder.stop()

    def begin_filling(self, documents: int) -> None:
        """Make room for this many vectors, before the first is there.

        Cells are learnt from all of them: none is sorted before `end_filling`.
        """
        self._root.expected = documents
        self._is_filling = True

    def end_filling(self) -> None:
        """Take notice that everything is there that was there when filling began."""
        self._is_filling = False

    def __len__(self) -> int:
        return len(self._root)

    def nearest(
        self,
        path: str,
        query: Vector,
        k: int,
        condition: Condition | None = None,
        *,
        candidates: int | None = None,
    ) -> Hits:
        """Return the k nearest root documents that meet the condition.

        Args:
            path: of a vector field of the definition.
            query: of its dimensions.
            k: how many at most.
            condition: the filter, or None.
            candidates: how many documents an approximate search looks at, at least k; None for an
                exact search.
        """
        return self._search(self._root, path, query, k, condition, candidates)

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
        k = candidates if candidates is not None else _ALL
        hits = self._search(self._nested, path, query, k, condition, candidates)
        return joined(hits, score_mode)

    def meeting(self, hits: Hits, condition: Condition) -> Hits:
        """Return those of the hits whose root documents meet a condition."""
        with self._lock:
            mask = condition.slots(self._root)
            slots = [self._root.slots_of(record_id) for record_id in hits.record_ids.tolist()]
        kept = np.array([bool(one) and bool(mask[one[0]]) for one in slots], np.bool_)
        return Hits(hits.record_ids[kept], hits.slots[kept], hits.scores[kept])

    def ranked(self, operator: Operator) -> Hits:
        """Return the root documents that an operator finds, in no order."""
        with self._lock:
            return self._ranked(operator)

    def ranked_and_explained(self, operator: Operator) -> tuple[Hits, Explain]:
        """Return the same, those that fit best first, and what tells of each of their slots why."""
        with self._lock:
            return self._ranked(operator).ordered(), explained(operator, self._root)

    def _ranked(self, operator: Operator) -> Hits:
        found = operator.scored(self._root)
        slots = np.flatnonzero(found.met & (self._root.owners() >= 0))
        return Hits(self._root.owners()[slots], slots.astype(np.int32), found.scores[slots])

    def counted(
        self, condition: Condition, facets: Mapping[str, StringFacet]
    ) -> tuple[int, dict[str, list[tuple[str, int]]]]:
        """Return how many root documents meet a condition, and the values that they have."""
        with self._lock:
            met = condition.slots(self._root) & (self._root.owners() >= 0)
            values = {name: facet.counted(self._root, met) for name, facet in facets.items()}
            return int(np.count_nonzero(met)), values

    def numbers_at(self, path: str, record_ids: Sequence[int]) -> Doubles:
        """Return the number at a path of each record, NaN where there is not exactly one."""
        with self._lock:
            slots = [self._root.slots_of(record_id) for record_id in record_ids]
            known = np.array([bool(one) for one in slots], np.bool_)
            numbers = np.full(len(record_ids), np.nan)
            first = np.array([one[0] for one in slots if one], np.int64)
            numbers[known] = self._root.numbers_at(path, first)
            return numbers

    def element_types(self, path: str) -> list[ElementType]:
        """Return the element types of the vectors that are kept of a path, root or nested."""
        with self._lock:
            spaces = (self._root, self._nested)
            return sorted({one for space in spaces for one in space.element_types(path)})

    def _search(
        self,
        space: Space,
        path: str,
        query: Vector,
        k: int,
        condition: Condition | None,
        candidates: int | None,
    ) -> Hits:
        found = self._look_up(space, path, query, condition)
        if found is None:
            return _NO_HITS
        snapshot, field = found
        if candidates is None:
            return nearest(snapshot, field, query, k)
        return nearest_approximately(snapshot, field, query, k, candidates)

    def _look_up(
        self, space: Space, path: str, query: Vector, condition: Condition | None
    ) -> tuple[Snapshot, VectorField] | None:
        with self._lock:
            vectors = space.vectors(path, query.element_type)
            if vectors is None:
                return None
            allowed = None if condition is None else condition.slots(space)
            return vectors.snapshot(allowed), vectors.field

    def _save_due_in_s(self) -> float | None:
        if self._keeper is None or self._position is None:
            return None
        return self._keeper.due_in_s(self._unsaved, len(self))

    def _rest(self) -> float | None:
        """Save what is due now; return in how many seconds more will be due."""
        due_in_s = self._save_due_in_s()
        if self._keeper is None or due_in_s is None or due_in_s > 0:
            return due_in_s
        state, position, unsaved = self._capture()
        if self._keeper.save(state, position):
            with self._lock:
                self._unsaved -= unsaved
        return self._save_due_in_s()

    def _capture(self) -> tuple[dict[str, Any], Position, int]:
        """Return the contents, where they lie in history, and how many changes are unsaved."""
        with self._lock:
            assert self._position is not None
            state = {"root": self._root.state(), "nested": self._nested.state()}
            return state, self._position, self._unsaved

    def _merge(self) -> bool:
        """Sort some of the vectors that wait into cells; tell whether there were any."""
        with self._lock:
            found = self._root.next_merge() or self._nested.next_merge()
        if found is None:
            return False
        vectors, step = found
        step.cells.add(step.rows)
        with self._lock:
            vectors.accept(step)
        return True
