"""What of a document goes into an index: silently skipped is whatever does not fit.

A strict server listens to what is skipped (`on_skip`) and refuses it; see `skips`.

Source: https://github.com/mongodb/mongot, `BsonDocumentProcessor`, `IndexableFieldFactory` and the
two `FieldValueHandler`s. A write never fails because of a search index.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bson import Binary

from ..mql.bson_types import is_string, type_name
from .definition import SearchIndexDefinition
from .lone_vectors import is_lone_binary
from .mapping import DocumentMapping, FieldMapping
from .query_paths import TextPath
from .skips import (
    IN_ARRAY,
    NOT_THE_FIRST,
    OnSkip,
    Skip,
    blocking_fault,
    no_vector_fault,
    passing_fault,
    value_fault,
)
from .space import Batch
from .values import Value, comparable, term, to_int64
from .vectors import VECTOR_SUBTYPE, stored_vector

_TEXT_TYPES = {"autocomplete", "string"}


class Ingestion:
    """Walks documents along the mapping of one index.

    Args:
        definition: of the index.
        take_nested_slot: called with a record id for every nested document; returns its slot.
        on_skip: told of everything that is passed over.
    """

    def __init__(
        self,
        definition: SearchIndexDefinition,
        take_nested_slot: Callable[[int], int],
        on_skip: OnSkip | None = None,
    ) -> None:
        self._mapping = definition.mapping
        self._nested_root = definition.nested_root
        # A search index looks for vectors in fields, a vectorSearch index also inside arrays.
        self._vectors_in_arrays = definition.type == "vectorSearch"
        self._take_nested_slot = take_nested_slot
        self._on_skip = on_skip

    def add(
        self, record_id: int, slot: int, document: Mapping[str, Any], root: Batch, nested: Batch
    ) -> None:
        """Gather what one document adds to the root documents and to the nested ones."""
        walk = _Walk(self, record_id, slot, root, nested)
        walk.document(self._mapping.root, "", document, in_array=False)


class _Walk:
    """One document, or one nested document, on its way into a batch."""

    def __init__(
        self, ingestion: Ingestion, record_id: int, slot: int, batch: Batch, nested: Batch | None
    ) -> None:
        self._ingestion = ingestion
        self._record_id = record_id
        self._slot = slot
        self._batch = batch
        self._nested = nested
        self._settled: set[str] = set()

    def document(
        self, mapping: DocumentMapping, prefix: str, document: Mapping[str, Any], *, in_array: bool
    ) -> None:
        """Visit the fields of a (sub)document that the mapping knows."""
        if mapping.dynamic is None:
            for name, field in mapping.fields.items():
                if name in document:
                    self._field(field, prefix + name, document[name], in_array=in_array)
            return
        for name, value in document.items():
            known = self._ingestion._mapping.child(mapping, name)
            if known is not None:
                self._field(known, prefix + name, value, in_array=in_array)

    def _field(self, field: FieldMapping, path: str, value: Any, *, in_array: bool) -> None:
        self._batch.exists[path].append(self._slot)
        if path == self._ingestion._nested_root and self._nested is not None:
            self._nested_documents(field, path, value)
        else:
            self._value(field, path, value, in_array=in_array)

    def _value(self, field: FieldMapping, path: str, value: Any, *, in_array: bool) -> None:
        if isinstance(value, list):
            self._array(field, path, value, in_array=in_array)
        elif isinstance(value, dict):
            if field.document is not None:
                self.document(field.document, f"{path}.", value, in_array=in_array)
            else:
                self._skip_value(field, path, value)
        elif value is None:
            self._batch.nulls[path].append(self._slot)
        elif field.vector is not None and _is_vector_binary(value):
            self._vector(field, path, value, in_array=in_array)
        elif field.types:
            self._scalar(field, path, value)
        else:
            self._skip_value(field, path, value)

    def _array(self, field: FieldMapping, path: str, value: list[Any], *, in_array: bool) -> None:
        is_vector = self._vector(field, path, value, in_array=in_array)
        if is_vector and not field.types:
            return  # nothing but numbers, which are of no further interest
        if self._ingestion._vectors_in_arrays or field.looks_into_arrays():
            for element in value:
                self._value(field, path, element, in_array=True)

    def _vector(self, field: FieldMapping, path: str, value: Any, *, in_array: bool) -> bool:
        """Take a vector where the field wants one; tell whether the value was one."""
        if field.vector is None:
            return False
        if path in self._settled:
            self._skip_vector(field, path, value, NOT_THE_FIRST)
            return False
        if in_array and not self._ingestion._vectors_in_arrays:
            self._skip_vector(field, path, value, IN_ARRAY)
            return False
        # Whoever listens to what is skipped has to be told before the batch is read.
        is_alone = not in_array and self._ingestion._on_skip is None
        if is_alone and is_lone_binary(field.vector, value):
            self._batch.add_lone_vector(path, self._slot, self._record_id, value)
            return True
        vector = stored_vector(value)
        if vector is None:
            self._skip_vector(field, path, value)
            return False
        # The first vector met settles the field, even one that is then not indexed; some are
        # passed over as if they were not there.
        fault = blocking_fault(field.vector, vector)
        if fault is not None:
            self._settled.add(path)
        else:
            fault = passing_fault(field.vector, vector)
            if fault is None:
                self._settled.add(path)
                self._batch.add_vector(path, self._slot, self._record_id, vector)
        if fault is not None:
            self._skip(path, fault)
        return True

    def _scalar(self, field: FieldMapping, path: str, value: Any) -> None:
        is_text = is_string(value) and not _TEXT_TYPES.isdisjoint(field.types)
        if is_text:
            self._text(field, path, value)
        known = comparable(value)
        if known is None or known.kind not in field.types:
            if not is_text:
                self._skip_value(field, path, value)
            return
        if known.kind == "number":
            self._number(field.types["number"], path, known)
        elif known.kind == "token":
            text = term(known.content)
            if field.types["token"].get("normalizer") == "lowercase":
                text = text.lower()
            self._batch.add_value(path, "token", self._slot, text)
        else:
            self._batch.add_value(path, known.kind, self._slot, known.content)

    def _text(self, field: FieldMapping, path: str, text: str) -> None:
        if "autocomplete" in field.types:
            self._batch.add_text(TextPath(path, use="autocomplete"), self._slot, text)
        if "string" in field.types:
            self._batch.add_text(TextPath(path), self._slot, text)
            for name in field.types["string"].get("multi", ()):
                self._batch.add_text(TextPath(path, name), self._slot, text)

    def _number(self, options: Mapping[str, Any], path: str, known: Value) -> None:
        number = known.content
        is_double = isinstance(number, float)
        if not options["indexDoubles" if is_double else "indexIntegers"]:
            return
        representation = options["representation"]
        if representation == "int64" or (representation == "split" and not is_double):
            self._batch.add_value(path, "int", self._slot, to_int64(number))
        else:
            self._batch.add_value(path, "double", self._slot, float(number))

    def _nested_documents(self, field: FieldMapping, path: str, value: Any) -> None:
        if value is None:
            self._batch.nulls[path].append(self._slot)
        elements = value if isinstance(value, list) else [value]
        for element in elements:
            if isinstance(element, list):
                self._nested_documents(field, path, element)
            elif isinstance(element, dict) and field.document is not None:
                assert self._nested is not None
                slot = self._ingestion._take_nested_slot(self._record_id)
                walk = _Walk(self._ingestion, self._record_id, slot, self._nested, None)
                walk.document(field.document, f"{path}.", element, in_array=True)
            elif element is not None:
                self._skip(path, f"holds a {type_name(element)} where nestedRoot wants documents")

    def _skip(self, path: str, reason: str | None) -> None:
        if self._ingestion._on_skip is not None and reason is not None:
            self._ingestion._on_skip(Skip(path, reason))

    def _skip_value(self, field: FieldMapping, path: str, value: Any) -> None:
        if self._ingestion._on_skip is not None:
            self._skip(path, value_fault(field, value))

    def _skip_vector(
        self, field: FieldMapping, path: str, value: Any, reason: str | None = None
    ) -> None:
        """Report an array or binary where a vector is wanted; `reason` is why no vector fits."""
        if self._ingestion._on_skip is None:
            return
        if reason is None or stored_vector(value) is None:
            looks_inside = self._ingestion._vectors_in_arrays
            reason = no_vector_fault(field, value, looks_inside=looks_inside)
        self._skip(path, reason)


def _is_vector_binary(value: Any) -> bool:
    return isinstance(value, Binary) and value.subtype == VECTOR_SUBTYPE
