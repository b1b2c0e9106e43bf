"""The definition of a `search` index, checked as the search server checks it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .field_types import parse_document, read_type_set
from .mapping import DocumentMapping, IndexMapping, TextSettings
from .parsing import (
    DocumentParser,
    document,
    document_of,
    list_of,
    non_empty_string,
    refuse,
    refuse_type,
    string,
)

_NESTED_ROOT_REFUSED = (
    "`nestedRoot` is not supported in search index definitions. Remove `nestedRoot` from the "
    'definition, or set the index `type` to `"vectorSearch"` if you intended to create a vector '
    "search index."
)


@dataclass(frozen=True, slots=True)
class SearchMappings:
    """The mapping of a search index and the parts that only its equality needs."""

    mapping: IndexMapping
    text_options: Mapping[str, Any]


def parse_search_mappings(parser: DocumentParser) -> SearchMappings:
    """Read `mappings`, the analyzers, synonyms and type sets.

    Raises:
        ParseError: with the search server's path and text.
    """
    if parser.has("nestedRoot"):
        parser.refuse(_NESTED_ROOT_REFUSED)
    text_options: dict[str, Any] = {
        "analyzer": parser.optional_or_none("analyzer", string),
        "searchAnalyzer": parser.optional_or_none("searchAnalyzer", string),
    }
    root = parser.required("mappings", document_of(parse_document))
    text_options["analyzers"] = parser.optional_or_none("analyzers", _read_analyzers)
    type_sets = dict(parser.optional_or_none("typeSets", _read_type_sets) or [])
    text_options["sort"] = parser.optional_or_none("sort", document)
    text_options["synonyms"] = parser.optional_or_none("synonyms", _read_synonyms)
    unknown = sorted(_used_type_sets(root) - type_sets.keys())
    if unknown:
        refuse("", f"Invalid typeSets defined in index definition: [{', '.join(unknown)}]")
    text = TextSettings(
        text_options["analyzer"],
        text_options["searchAnalyzer"],
        frozenset(name for name, *_ in text_options["synonyms"] or ()),
    )
    return SearchMappings(IndexMapping(root, type_sets, text), text_options)


def _parse_synonyms(parser: DocumentParser) -> tuple[str, str, str]:
    name = parser.required("name", non_empty_string)
    collection = parser.required("source", document_of(_parse_source))
    return name, collection, parser.required("analyzer", non_empty_string)


def _parse_source(parser: DocumentParser) -> str:
    return parser.required("collection", non_empty_string)


_read_synonyms = list_of(document_of(_parse_synonyms))


def _read_analyzers(value: Any, path: str) -> list[Mapping[str, Any]]:
    analyzers = list_of(document)(value, path)
    names = [string(one.get("name"), f"{path}[{i}].name") for i, one in enumerate(analyzers)]
    if len(set(names)) < len(names):
        refuse(path, "cannot contain elements with the same name")
    return analyzers


def _read_type_sets(value: Any, path: str) -> list[tuple[str, Any]]:
    if not isinstance(value, list):
        refuse_type(path, "array", value)
    type_sets = [read_type_set(element, f"{path}[{i}]") for i, element in enumerate(value)]
    if len({name for name, _ in type_sets}) < len(type_sets):
        refuse(path, "cannot contain elements with the same name")
    if not type_sets:
        refuse(path, "cannot be empty")
    return type_sets


def _used_type_sets(mapping: DocumentMapping) -> set[str]:
    used = {mapping.dynamic} if mapping.dynamic else set()
    for one in mapping.fields.values():
        if one.document is not None:
            used |= _used_type_sets(one.document)
    return used
