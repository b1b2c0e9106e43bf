"""A checked index definition, of either type."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import CommandError
from .mapping import IndexMapping, VectorField
from .parsing import DocumentParser, document, integer, refuse, string
from .search_definition import parse_search_mappings
from .stored_source import StoredSource, read_stored_source
from .vector_definition import map_fields, parse_vector_fields

IndexType = Literal["search", "vectorSearch"]

_PARTITIONS = (1, 2, 4, 8, 16, 32, 64)
_STORED_SOURCE_TRUE_REFUSED = (
    "storedSource: true is not supported for vector indexes. "
    "Accepted values are include, exclude, or false."
)


@dataclass(frozen=True, slots=True)
class SearchIndexDefinition:
    """What an index of either type indexes.

    `vectors` maps full dotted paths to vector fields. `identity` is what two definitions are
    compared by when an index of the same name is created again: a vectorSearch index compares its
    fields and partitions only, so a changed `storedSource` or `nestedRoot` passes for the same.
    """

    type: IndexType
    mapping: IndexMapping
    vectors: Mapping[str, VectorField]
    identity: Any
    nested_root: str | None = None
    stored_source: StoredSource = field(default_factory=StoredSource)


def parse_definition(
    index_type: IndexType, definition: Any, *, prefix: str = "", allow_unknown: bool = False
) -> SearchIndexDefinition:
    """Check a definition and return it compiled.

    Args:
        index_type: the type under which the index is created.
        definition: the user's document, not modified.
        prefix: path of the definition for error texts: `userCommand.indexes[0]` on create, empty
            on update.
        allow_unknown: whether unknown top-level keys pass (the engine checks them on update only).

    Raises:
        ParseError: with the search server's path and text.
        CommandError: 125 where `nestedRoot` names no field.
    """
    parser = DocumentParser(document(definition, prefix), prefix)
    parse = _parse_search if index_type == "search" else _parse_vector_search
    result = parse(parser)
    if not allow_unknown:
        parser.close()
    return result


def _parse_search(parser: DocumentParser) -> SearchIndexDefinition:
    mappings = parse_search_mappings(parser)
    partitions = parser.optional("numPartitions", _read_partitions, 1)
    stored_source = parser.optional("storedSource", read_stored_source, StoredSource())
    vectors = {
        path: one.vector for path, one in mappings.mapping.declared() if one.vector is not None
    }
    identity = (mappings, partitions, stored_source)
    return SearchIndexDefinition(
        "search", mappings.mapping, vectors, identity, stored_source=stored_source
    )


def _parse_vector_search(parser: DocumentParser) -> SearchIndexDefinition:
    fields = parse_vector_fields(parser)
    partitions = parser.optional("numPartitions", _read_partitions, 1)
    stored_source = parser.optional("storedSource", read_stored_source, StoredSource())
    if stored_source.keeps_all:
        parser.refuse(_STORED_SOURCE_TRUE_REFUSED)
    nested_root = parser.optional_or_none("nestedRoot", string)
    vectors = {one.path: one.vector for one in fields if one.vector is not None}
    if nested_root is not None and not any(path.startswith(f"{nested_root}.") for path in vectors):
        raise CommandError(
            125,
            "CommandFailed",
            f'nestedRoot "{nested_root}" does not match any vector field path '
            "in the index definition",
        )
    return SearchIndexDefinition(
        "vectorSearch",
        map_fields(fields),
        vectors,
        identity=(fields, partitions),
        nested_root=nested_root,
        stored_source=stored_source,
    )


def _read_partitions(value: Any, path: str) -> int:
    partitions = integer(value, path)
    if partitions not in _PARTITIONS:
        refuse(path, f"numPartitions {partitions} must be of 1, 2, 4, 8, 16, 32, or 64.")
    return partitions
