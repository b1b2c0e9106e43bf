"""The definition of a `vectorSearch` index, checked as the search server checks it."""

from dataclasses import dataclass

from ..errors import NOT_EMULATED
from .mapping import FILTER_TYPES, DocumentMapping, FieldMapping, IndexMapping, VectorField
from .parsing import (
    DocumentParser,
    document_of,
    integer_within,
    list_of,
    one_of,
    refuse,
    string,
)

MAX_DIMENSIONS = 8192

_DIMENSIONS = integer_within(1, MAX_DIMENSIONS)
_SIMILARITY = one_of("cosine", "dotProduct", "euclidean")
_QUANTIZATION = one_of("none", "scalar", "binary")
_INDEXING_METHOD = one_of("hnsw", "flat")
_FIELD_TYPE = one_of("autoEmbed", "embeddedDocuments", "filter", "text", "vector")

# A filter field takes every type; ints and doubles lie in two indexes side by side.
_FILTER_FIELD = FieldMapping(
    types={
        **{name: {} for name in FILTER_TYPES},
        "number": {"representation": "split", "indexIntegers": True, "indexDoubles": True},
    }
)


@dataclass(frozen=True, slots=True)
class IndexedPath:
    """One element of `fields`: a vector, or a filter where `vector` is None."""

    path: str
    vector: VectorField | None = None


def parse_vector_fields(parser: DocumentParser) -> list[IndexedPath]:
    """Read `fields`, in order; two of them never share a path.

    Raises:
        ParseError: with the search server's path and text.
    """

    def read(value: object, path: str) -> list[IndexedPath]:
        fields = list_of(document_of(_parse_field), may_be_empty=False)(value, path)
        if len({field.path for field in fields}) < len(fields):
            refuse(path, "Vector and filter fields should have distinct paths")
        return fields

    return parser.required("fields", read)


def parse_vector_field(parser: DocumentParser) -> VectorField:
    """Read the options of one vector field (also of `type: "vector"` in a search index)."""
    dimensions = parser.required("numDimensions", _DIMENSIONS)
    quantization = parser.optional("quantization", _QUANTIZATION, "none")
    if quantization == "binary" and dimensions % 8:
        parser.refuse(f"numDimensions {dimensions} must be a multiple of 8 for binary quantization")
    options = parser.optional_or_none("hnswOptions", document_of(_parse_hnsw_options))
    indexing_method = parser.optional("indexingMethod", _INDEXING_METHOD, "hnsw")
    if options is not None and indexing_method != "hnsw":
        parser.refuse('hnswOptions is only supported with "indexingMethod: hnsw".')
    max_edges, num_edge_candidates = options or (16, 100)
    return VectorField(
        dimensions=dimensions,
        similarity=parser.required("similarity", _SIMILARITY),  # type: ignore[arg-type]
        quantization=quantization,
        indexing_method=indexing_method,
        max_edges=max_edges,
        num_edge_candidates=num_edge_candidates,
    )


def map_fields(fields: list[IndexedPath]) -> IndexMapping:
    """Return the fields as a tree that documents are walked along."""
    tree: dict[str, dict] = {}  # type: ignore[type-arg]  # nested by field name, to any depth
    for field in fields:
        branch = tree
        *parents, leaf = field.path.split(".")
        for name in parents:
            branch = branch.setdefault(name, {}).setdefault("below", {})
        branch.setdefault(leaf, {})["field"] = field
    return IndexMapping(_document(tree))


def _parse_field(parser: DocumentParser) -> IndexedPath:
    kind = parser.required("type", _FIELD_TYPE)
    if kind not in ("vector", "filter"):
        refuse(parser.path, f'field type "{kind}" {NOT_EMULATED}')
    path = parser.required("path", string)
    return IndexedPath(path, parse_vector_field(parser) if kind == "vector" else None)


def _parse_hnsw_options(parser: DocumentParser) -> tuple[int, int]:
    return (
        parser.optional("maxEdges", integer_within(16, 64), 16),
        parser.optional("numEdgeCandidates", integer_within(100, 3200), 100),
    )


def _document(tree: dict[str, dict]) -> DocumentMapping:  # type: ignore[type-arg]
    return DocumentMapping({name: _field(branch) for name, branch in tree.items()})


def _field(branch: dict) -> FieldMapping:  # type: ignore[type-arg]
    field: IndexedPath | None = branch.get("field")
    document = _document(branch["below"]) if "below" in branch else None
    if field is None:
        return FieldMapping(document=document)
    if field.vector is not None:
        return FieldMapping(vector=field.vector, document=document)
    return FieldMapping(types=_FILTER_FIELD.types, document=document)
