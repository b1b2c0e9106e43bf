"""Where an index keeps what it knows of its documents: slots, filter columns and vectors.

Nothing here is locked; `SearchData` owns the lock.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from bson import Binary

from .field_columns import FieldColumns, Part
from .inverted_file import MergeStep
from .lone_vectors import read_lone_vectors
from .mapping import IndexMapping, VectorField
from .query_paths import TextPath
from .refusals import QueryError
from .slot_table import SlotTable
from .text_column import TextColumn
from .text_fields import text_column
from .values import Kind
from .vector_index import VectorIndex
from .vectors import ElementType, Vector

Ids = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

_NUMBERS = {"int", "double"}


class Batch:
    """What some documents add, gathered in lists so that numpy is called once per list.

    Attributes:
        exists: slots of the documents that have a path.
        nulls: slots of those that have it, or an element in it, as an explicit null.
        values: slots and values of one part of a path.
        texts: slots and strings that are analysed.
        vectors: slots, record ids and the one vector each of a path and element type.
        lone_vectors: slots, record ids and contents of float vectors that are still to be read, by
            path and by whether they are binary.
    """

    def __init__(self) -> None:
        self.exists: dict[str, list[int]] = defaultdict(list)
        self.nulls: dict[str, list[int]] = defaultdict(list)
        self.values: dict[tuple[str, Part], tuple[list[int], list[Any]]] = defaultdict(
            lambda: ([], [])
        )
        self.texts: dict[TextPath, tuple[list[int], list[str]]] = defaultdict(lambda: ([], []))
        self.vectors: dict[tuple[str, ElementType], tuple[list[int], list[int], list[Vector]]] = (
            defaultdict(lambda: ([], [], []))
        )
        self.lone_vectors: dict[tuple[str, bool], tuple[list[int], list[int], list[bytes]]] = (
            defaultdict(lambda: ([], [], []))
        )

    def add_value(self, path: str, part: Part, slot: int, value: Any) -> None:
        """Note one comparable value."""
        slots, values = self.values[path, part]
        slots.append(slot)
        values.append(value)

    def add_text(self, path: TextPath, slot: int, text: str) -> None:
        """Note one string that is analysed."""
        slots, texts = self.texts[path]
        slots.append(slot)
        texts.append(text)

    def add_vector(self, path: str, slot: int, record_id: int, vector: Vector) -> None:
        """Note the one vector of a path."""
        slots, record_ids, vectors = self.vectors[path, vector.element_type]
        slots.append(slot)
        record_ids.append(record_id)
        vectors.append(vector)

    def add_lone_vector(self, path: str, slot: int, record_id: int, content: bytes) -> None:
        """Note a vector that `read_lone_vectors` is to read."""
        slots, record_ids, contents = self.lone_vectors[path, isinstance(content, Binary)]
        slots.append(slot)
        record_ids.append(record_id)
        contents.append(content)

    def add_lone_arrays(self, arrays: Mapping[str, bytes], slot: int, record_id: int) -> None:
        """Note the arrays that a `DocumentReader` left out of a document."""
        for path, array in arrays.items():
            self.exists[path].append(slot)
            self.add_lone_vector(path, slot, record_id, array)


class Space:
    """Slots with their columns and vectors.

    Root documents have one slot each; in the space of nested documents a record has one slot per
    element of its array.

    Args:
        mapping: of the index, which says how strings are indexed and so compared.
    """

    def __init__(self, mapping: IndexMapping) -> None:
        self._mapping = mapping
        self.expected = 0
        self._slots = SlotTable()
        self._fields: dict[str, FieldColumns] = {}
        self._texts: dict[TextPath, TextColumn] = {}
        self._vectors: dict[tuple[str, ElementType], VectorIndex] = {}

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def capacity(self) -> int:
        """What every slot is below."""
        return self._slots.capacity

    def take_slot(self, record_id: int) -> int:
        """Return a fresh slot for (one more part of) a record."""
        return self._slots.take(record_id)

    def slots_of(self, record_id: int) -> list[int]:
        """Return the slots of a record, none where it is not indexed."""
        return self._slots.slots_of(record_id)

    def owners(self) -> Ids:
        """Return (capacity,) the record of each slot, below zero where the slot is free."""
        return self._slots.owners()

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, which later changes leave alone; vectors are not copied."""
        return {
            "slots": self._slots.state(),
            "fields": [
                {"path": path, "columns": columns.state()} for path, columns in self._fields.items()
            ],
            "texts": [
                {"path": path, "column": texts.state()} for path, texts in self._texts.items()
            ],
            "vectors": [
                {"path": path, "type": element_type, "index": vectors.state()}
                for (path, element_type), vectors in self._vectors.items()
            ],
        }

    def restore(self, state: dict[str, Any], fields: Mapping[str, VectorField]) -> None:
        """Become what `state` was taken of; `fields` are the vector fields of the index.

        Raises:
            UnusableState: saved rows are damaged.
        """
        self._slots.restore(state["slots"])
        for saved in state["fields"]:
            self._columns(saved["path"]).restore(saved["columns"])
        for saved in state["texts"]:
            text_path = TextPath(*saved["path"])
            texts = text_column(self._mapping, text_path)
            assert texts is not None, f"{text_path} had an analyzer"
            texts.restore(saved["column"])
            self._texts[text_path] = texts
        for saved in state["vectors"]:
            path, element_type = saved["path"], saved["type"]
            vectors = VectorIndex(fields[path], element_type)
            vectors.restore(saved["index"])
            self._vectors[path, element_type] = vectors

    def forget(self, record_id: int) -> None:
        """Remove everything known of a record."""
        for slot in self._slots.release(record_id):
            for columns in self._fields.values():
                columns.clear(slot)
            for texts in self._texts.values():
                texts.clear(slot)
            for vectors in self._vectors.values():
                vectors.remove(slot)

    def apply(self, batch: Batch, fields: dict[str, VectorField]) -> None:
        """Take in what a batch gathered; `fields` are the vector fields of the index."""
        for path, slots in batch.exists.items():
            self._columns(path).exists.set(slots, self.capacity)
        for path, slots in batch.nulls.items():
            self._columns(path).nulls.set(slots, self.capacity)
        for (path, part), (slots, values) in batch.values.items():
            self._columns(path).add(part, slots, values, self.capacity)
        for text_path, (slots, texts) in batch.texts.items():
            self._add_texts(text_path, slots, texts)
        for (path, element_type), (slots, record_ids, vectors) in batch.vectors.items():
            self._vector_index(path, element_type, fields).add(slots, record_ids, vectors)
        for (path, _), (slots, record_ids, contents) in batch.lone_vectors.items():
            rows, is_indexed = read_lone_vectors(contents, fields[path])
            if is_indexed.any():
                self._vector_index(path, "float32", fields).add_rows(
                    np.array(slots)[is_indexed], np.array(record_ids)[is_indexed], rows[is_indexed]
                )

    def compact(self) -> None:
        """Give back the room of what was removed, where it is worth it."""
        for columns in self._fields.values():
            columns.compact()
        for texts in self._texts.values():
            texts.compact()
        for vectors in self._vectors.values():
            vectors.compact()

    def is_merge_due(self) -> bool:
        """Tell whether vectors wait to be sorted into cells."""
        return any(vectors.is_merge_due() for vectors in self._vectors.values())

    @property
    def unmerged(self) -> int:
        """How many vectors are about to be sorted into cells."""
        return sum(vectors.unmerged for vectors in self._vectors.values())

    def next_merge(self) -> tuple[VectorIndex, MergeStep] | None:
        """Return what is to be sorted next, or None where there is nothing to do."""
        for vectors in self._vectors.values():
            step = vectors.next_merge()
            if step is not None:
                return vectors, step
        return None

    def field(self, path: str) -> FieldColumns | None:
        """Return what is known of a path, or None where no document had anything there."""
        return self._fields.get(path)

    def as_indexed(self, path: str, kind: Kind, content: Any) -> Any:
        """Return what a value to compare with would be in the index of a path."""
        if kind == "token" and isinstance(content, str) and self._mapping.is_lowercase(path):
            return content.lower()
        return content

    def text(self, path: TextPath) -> TextColumn | None:
        """Return the analysed texts of a path, or None where no document had any there."""
        return self._texts.get(path)

    def texts(self) -> Iterable[tuple[TextPath, TextColumn]]:
        """Return the analysed texts by path; none of those whose analyzer is not emulated."""
        return self._texts.items()

    def vectors(self, path: str, element_type: ElementType) -> VectorIndex | None:
        """Return the vectors of a path and type, or None where no document had one."""
        return self._vectors.get((path, element_type))

    def element_types(self, path: str) -> list[ElementType]:
        """Return the element types that the vectors of a path have now."""
        return [kind for (one, kind), kept in self._vectors.items() if one == path and len(kept)]

    def numbers_at(self, path: str, slots: Ids) -> Doubles:
        """Return the number at a path of each slot, NaN where there is not exactly one.

        Raises:
            QueryError: the path is not indexed as a number.
        """
        mapping = self._mapping.resolve(path)
        if mapping is None or "number" not in mapping.types:
            raise QueryError(
                f'path expression for function score requires path "{path}" to be indexed as '
                "numeric"
            )
        columns = self._fields.get(path)
        numbers = np.zeros(len(slots))
        counts = np.zeros(len(slots), np.int64)
        for part, column in columns.columns.items() if columns is not None else ():
            if part in _NUMBERS:
                of_part, values = column.only_values_of(slots)
                counts += of_part
                numbers += np.where(of_part == 1, values, 0)
        return np.where(counts == 1, numbers, np.nan)

    def _add_texts(self, path: TextPath, slots: list[int], texts: list[str]) -> None:
        if path not in self._texts:
            column = text_column(self._mapping, path)
            if column is None:
                return  # no query is taken for it, so nobody misses the texts
            self._texts[path] = column
        self._texts[path].add(slots, texts)

    def _vector_index(
        self, path: str, element_type: ElementType, fields: dict[str, VectorField]
    ) -> VectorIndex:
        key = path, element_type
        if key not in self._vectors:
            self._vectors[key] = VectorIndex(fields[path], element_type, self.expected)
        return self._vectors[key]

    def _columns(self, path: str) -> FieldColumns:
        columns = self._fields.get(path)
        if columns is None:
            columns = self._fields[path] = FieldColumns()
        return columns
