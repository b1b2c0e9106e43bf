"""The field types of a `search` index and the options that each of them takes."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..errors import NOT_EMULATED
from .mapping import DocumentMapping, FieldMapping, VectorField
from .parsing import (
    DocumentParser,
    boolean,
    document,
    document_of,
    integer_within,
    non_empty_string,
    one_of,
    one_or_list_of,
    positive_integer,
    refuse,
    refuse_type,
    string,
)
from .stored_source import StoredSource, read_stored_source
from .vector_definition import MAX_DIMENSIONS, parse_vector_field

Options: TypeAlias = Mapping[str, Any]

# Legal in old definitions, never advertised.
_HIDDEN_TYPES = (
    "dateFacet",
    "numberFacet",
    "stringFacet",
    "sortableDateBetaV1",
    "sortableNumberBetaV1",
    "sortableStringBetaV1",
)
_VECTOR_TYPES = {"knnVector", "vector", "autoEmbedVector"}
_BETA_SORTABLE_TYPES = {name for name in _HIDDEN_TYPES if name.endswith("BetaV1")}
_NEVER_EMBEDDED = _VECTOR_TYPES | _BETA_SORTABLE_TYPES


@dataclass(frozen=True, slots=True)
class FieldType:
    """One type definition of one field."""

    name: str
    options: Options = field(default_factory=dict)
    vector: VectorField | None = None
    document: DocumentMapping | None = None


def read_field(value: Any, path: str) -> FieldMapping:
    """Read `fields.<name>`: one type definition or an array of them."""
    if value is None:
        refuse(path, "cannot be null")
    types = one_or_list_of(read_field_type)(value, path)
    _refuse_conflicts(types, path)
    return FieldMapping(
        types={one.name: one.options for one in types},
        vector=next((one.vector for one in types if one.vector is not None), None),
        document=next((one.document for one in types if one.document is not None), None),
    )


def parse_document(parser: DocumentParser) -> DocumentMapping:
    """Read `dynamic` and `fields`, of the mappings or of a field of type document."""
    dynamic = parser.optional("dynamic", _read_dynamic, None)
    return DocumentMapping(fields=parser.optional("fields", _read_fields, {}), dynamic=dynamic)


def _read_dynamic(value: Any, path: str) -> str | None:
    if isinstance(value, bool):
        return "" if value else None
    if not isinstance(value, Mapping):
        refuse_type(path, "boolean or document", value)
    return document_of(lambda parser: parser.required("typeSet", _read_non_blank))(value, path)


def _read_fields(value: Any, path: str) -> dict[str, FieldMapping]:
    fields = document(value, path)
    return {name: read_field(fields[name], f"{path}.{name}") for name in fields}


def _refuse_conflicts(types: list[FieldType], path: str) -> None:
    repeated = [name for name, count in Counter(one.name for one in types).items() if count > 1]
    if repeated:
        refuse(path, f'field contained multiple "[{", ".join(repeated)}]" type definitions')
    names = {one.name for one in types}
    if len(names & _BETA_SORTABLE_TYPES) > 1:
        refuse(path, f"can only define one of [{', '.join(sorted(_BETA_SORTABLE_TYPES))}]")
    if len(names & _VECTOR_TYPES) > 1:
        refuse(path, "can only define one of [knnVector, vector]")
    if {"token", "sortableStringBetaV1"} <= names:
        refuse(path, "Can only define one of [SortableStringBetaV1, Token]")


def _no_options(parser: DocumentParser) -> Options:
    return {}


def _token(parser: DocumentParser) -> Options:
    return {"normalizer": parser.optional("normalizer", one_of("lowercase", "none"), "none")}


def _number(parser: DocumentParser) -> Options:
    options = {
        "representation": parser.optional("representation", one_of("double", "int64"), "double"),
        "indexIntegers": parser.optional("indexIntegers", boolean, True),
        "indexDoubles": parser.optional("indexDoubles", boolean, True),
    }
    if not (options["indexIntegers"] or options["indexDoubles"]):
        parser.refuse("at least one of indexIntegers or indexDoubles must be true")
    return options


def _string(parser: DocumentParser) -> Options:
    return {
        "analyzer": parser.optional_or_none("analyzer", non_empty_string),
        "searchAnalyzer": parser.optional_or_none("searchAnalyzer", non_empty_string),
        "similarity": parser.optional_or_none("similarity", document),
        "ignoreAbove": parser.optional_or_none("ignoreAbove", positive_integer),
        "indexOptions": parser.optional(
            "indexOptions", one_of("docs", "freqs", "offsets", "positions"), "offsets"
        ),
        "store": parser.optional("store", boolean, True),
        "norms": parser.optional("norms", one_of("include", "omit"), "include"),
        "multi": parser.optional("multi", _read_multi, dict[str, Options]()),
    }


def _read_multi(value: Any, path: str) -> dict[str, Options]:
    multi = document(value, path)
    for name in multi:
        if "." in name:
            refuse(path, 'multi path cannot contain "."')
    return {name: document_of(_parse_multi)(multi[name], f"{path}.{name}") for name in multi}


def _parse_multi(parser: DocumentParser) -> Options:
    if parser.required("type", _TYPE_NAME) != "string":
        parser.refuse("multi definition must be string field")
    options = _string(parser)
    if options["multi"]:
        parser.refuse("multi definition cannot contain nested multi definition")
    return options


def _autocomplete(parser: DocumentParser) -> Options:
    shortest = parser.optional("minGrams", positive_integer, 2)
    longest = parser.optional("maxGrams", positive_integer, 15)
    if shortest > longest:
        parser.refuse("minGrams cannot be greater than maxGrams")
    return {
        "analyzer": parser.optional_or_none("analyzer", non_empty_string),
        "minGrams": shortest,
        "maxGrams": longest,
        "tokenization": parser.optional(
            "tokenization", one_of("edgeGram", "nGram", "rightEdgeGram"), "edgeGram"
        ),
        "foldDiacritics": parser.optional("foldDiacritics", boolean, True),
        "similarity": parser.optional_or_none("similarity", document),
    }


def _geo(parser: DocumentParser) -> Options:
    return {"indexShapes": parser.optional("indexShapes", boolean, False)}


def _embedded_documents(parser: DocumentParser) -> Options:
    mapping = parse_document(parser)
    illegal = _types_below(mapping) & _NEVER_EMBEDDED
    if illegal:
        parser.refuse(
            f"cannot define fields of type {', '.join(sorted(illegal))} "
            "inside an embeddedDocuments field"
        )
    return {
        "mapping": mapping,
        "storedSource": parser.optional("storedSource", read_stored_source, StoredSource()),
    }


def _types_below(mapping: DocumentMapping) -> set[str]:
    names: set[str] = set()
    for one in mapping.fields.values():
        names |= set(one.types)
        if one.document is not None:
            names |= _types_below(one.document)
    return names


_OPTIONS: dict[str, Callable[[DocumentParser], Options]] = {
    "autocomplete": _autocomplete,
    "boolean": _no_options,
    "date": _no_options,
    "embeddedDocuments": _embedded_documents,
    "geo": _geo,
    "number": _number,
    "objectId": _no_options,
    "string": _string,
    "token": _token,
    "uuid": _no_options,
    "dateFacet": _no_options,
    "numberFacet": _number,
    "stringFacet": _no_options,
    "sortableDateBetaV1": _no_options,
    "sortableNumberBetaV1": _no_options,
    "sortableStringBetaV1": _no_options,
}

_TYPE_NAME = one_of(
    *(name for name in _OPTIONS if name not in _HIDDEN_TYPES),
    "autoEmbedVector",
    "document",
    "knnVector",
    "vector",
    hidden=_HIDDEN_TYPES,
)
_DIMENSIONS = integer_within(1, MAX_DIMENSIONS)
_SIMILARITY = one_of("cosine", "dotProduct", "euclidean")


def _parse_field_type(parser: DocumentParser) -> FieldType:
    name = parser.required("type", _TYPE_NAME)
    if name == "autoEmbedVector":
        refuse(parser.path, f'field type "autoEmbedVector" {NOT_EMULATED}')
    if name == "knnVector":
        knn_vector = VectorField(
            dimensions=parser.required("dimensions", _DIMENSIONS),
            similarity=parser.required("similarity", _SIMILARITY),  # type: ignore[arg-type]
        )
        return FieldType(name, vector=knn_vector)
    if name == "vector":
        return FieldType(name, vector=parse_vector_field(parser))
    if name == "document":
        return FieldType(name, document=parse_document(parser))
    return FieldType(name, _OPTIONS[name](parser))


read_field_type = document_of(_parse_field_type)


def _read_non_blank(value: Any, path: str) -> str:
    text = string(value, path)
    if not text.strip():
        refuse(path, "cannot be blank")
    return text


def read_type_set(value: Any, path: str) -> tuple[str, dict[str, Options]]:
    """Read one element of `typeSets`: a name and the types that it stands for."""
    return document_of(_parse_type_set)(value, path)


def _parse_type_set(parser: DocumentParser) -> tuple[str, dict[str, Options]]:
    name = parser.required("name", _read_non_blank)
    return name, parser.required("types", _read_types_of_set)


def _read_types_of_set(value: Any, path: str) -> dict[str, Options]:
    if not isinstance(value, list):
        refuse_type(path, "array", value)
    if not value:
        refuse(path, "cannot be empty")
    types = [read_field_type(element, f"{path}[{i}]") for i, element in enumerate(value)]
    if len({one.name for one in types}) < len(types):
        refuse(path, "cannot contain elements with the same type")
    disallowed = {*_VECTOR_TYPES, *_HIDDEN_TYPES, "document", "embeddedDocuments"}
    if any(one.name in disallowed for one in types):
        refuse(
            path,
            "The following field type definitions are disallowed in a typeSet definition: "
            f"[{', '.join(sorted(disallowed))}]",
        )
    return {one.name: one.options for one in types}
