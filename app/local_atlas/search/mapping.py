"""What an index definition says about each field, in one shape for both index types.

A `DocumentMapping` maps field names to `FieldMapping`s; a `FieldMapping` says as what a value is
indexed (`types`), whether it is a vector, and what lies below it (`document`). A vectorSearch index
lists full paths and a search index nests; both end up as this tree, which ingestion walks along
with a document and which queries resolve their paths in.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Similarity = Literal["cosine", "dotProduct", "euclidean"]

# The types that a filter can ask for; every other type of a search index only makes a field exist.
FILTER_TYPES = ("boolean", "date", "number", "objectId", "token", "uuid")

# Types under which the engine looks into an array at all (a lone knnVector, say, does not).
_ARRAY_TYPES = {*FILTER_TYPES, "string", "stringFacet", "geo", "autocomplete"}
_ARRAY_TYPES |= {"sortableDateBetaV1", "sortableNumberBetaV1", "sortableStringBetaV1"}


@dataclass(frozen=True, slots=True)
class VectorField:
    """How the vectors of one path are compared and indexed."""

    dimensions: int
    similarity: Similarity
    quantization: str = "none"
    indexing_method: str = "hnsw"
    max_edges: int = 16
    num_edge_candidates: int = 100


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """As what the values of one field are indexed.

    `types` maps each type name to its options: `number` has `representation` (`double`, `int64`,
    or `split` in a vectorSearch index, where ints and doubles are two indexes), `indexIntegers`
    and `indexDoubles`; `token` has `normalizer`.
    """

    types: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    vector: VectorField | None = None
    document: "DocumentMapping | None" = None

    def looks_into_arrays(self) -> bool:
        """Tell whether a search index visits the elements of an array in this field."""
        return self.document is not None or not _ARRAY_TYPES.isdisjoint(self.types)


@dataclass(frozen=True, slots=True)
class DocumentMapping:
    """The declared fields of a (sub)document, and what becomes of the others.

    `dynamic` is None where undeclared fields are not indexed, "" for the default types, else the
    name of a type set.
    """

    fields: Mapping[str, FieldMapping] = field(default_factory=dict)
    dynamic: str | None = None


# What `dynamic: true` indexes: neither vectors nor tokens.
_DYNAMIC_FIELD = FieldMapping(
    types={
        "boolean": {},
        "date": {},
        "number": {"representation": "double", "indexIntegers": True, "indexDoubles": True},
        "objectId": {},
        "string": {},
        "uuid": {},
    },
    document=DocumentMapping(dynamic=""),
)


@dataclass(frozen=True, slots=True)
class TextSettings:
    """The analyzers of fields that name none, and the names of the synonym mappings."""

    analyzer: str | None = None
    search_analyzer: str | None = None
    synonyms: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class IndexMapping:
    """The whole mapping of an index."""

    root: DocumentMapping
    type_sets: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    text: TextSettings = field(default_factory=TextSettings)

    def child(self, parent: DocumentMapping, name: str) -> FieldMapping | None:
        """Return the mapping of a field of a document, declared or dynamic."""
        declared = parent.fields.get(name)
        if declared is not None or parent.dynamic is None:
            return declared
        return self.dynamic_field(parent.dynamic)

    def dynamic_field(self, dynamic: str) -> FieldMapping:
        """Return the mapping of every undeclared field under this `dynamic`."""
        if not dynamic:
            return _DYNAMIC_FIELD
        return FieldMapping(
            types=self.type_sets[dynamic], document=DocumentMapping(dynamic=dynamic)
        )

    def dynamic_strings(self) -> Iterator[Mapping[str, Any]]:
        """Yield the options of the strings of undeclared fields, wherever there may be some."""
        documents = [self.root, *(one.document for _, one in self.declared())]
        dynamics = {one.dynamic for one in documents if one is not None}
        for dynamic in dynamics - {None}:
            options = self.dynamic_field(str(dynamic)).types.get("string")
            if options is not None:
                yield options

    def resolve(self, path: str) -> FieldMapping | None:
        """Return the mapping that a query finds under a full dotted path.

        A dotted key of a definition (`fields: {"a.v": ...}`) is found as well, although nothing is
        ever indexed under it: documents are walked field name by field name.
        """
        for declared_path, mapping in self.declared():
            if declared_path == path:
                return mapping
        current: DocumentMapping | None = self.root
        mapping_or_none: FieldMapping | None = None
        for name in path.split("."):
            mapping_or_none = self.child(current, name) if current is not None else None
            current = mapping_or_none.document if mapping_or_none is not None else None
        return mapping_or_none

    def is_lowercase(self, path: str) -> bool:
        """Tell whether the strings of a path are indexed in lower case."""
        mapping = self.resolve(path)
        token = mapping.types.get("token") if mapping is not None else None
        return token is not None and token.get("normalizer") == "lowercase"

    def declared(self) -> Iterator[tuple[str, FieldMapping]]:
        """Yield every declared field with its full dotted path, parents first."""
        yield from _walk(self.root, "")


def _walk(parent: DocumentMapping, prefix: str) -> Iterator[tuple[str, FieldMapping]]:
    for name, mapping in parent.fields.items():
        path = f"{prefix}{name}"
        yield path, mapping
        if mapping.document is not None:
            yield from _walk(mapping.document, f"{path}.")
