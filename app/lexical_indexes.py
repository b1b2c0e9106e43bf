"""Index files whose words can be searched: of type `search`, with fields `string`.

They are fields of `INDEX_FILE` itself, beside its vector, or of a second search index on the same
collection, which `LEXICAL_INDEX_FILE` describes: a vectorSearch index holds no words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from app.errors import ConfigError
from app.indexes import (
    FilterType,
    IndexFileProblem,
    SearchIndex,
    filter_fields,
    mapped_fields,
    read_index_content,
    read_vector_index,
    require,
)

# What the engine takes where a field says nothing.
_SHORTEST_GRAM = 2


@dataclass(frozen=True, slots=True)
class LexicalIndex:
    """The part of a search index that finds words.

    Attributes:
        definition: what is sent to the server, unchanged.
        text_paths: dotted paths of the fields `string`, at least one.
        completions: dotted paths of the fields `autocomplete`, and of how many characters what
            somebody typed must be at least, to be found there.
        filter_types: filterable path -> the type of its values.
    """

    name: str
    definition: Mapping[str, Any]
    text_paths: tuple[str, ...]
    completions: Mapping[str, int]
    filter_types: Mapping[str, FilterType]
    type: Literal["search"] = "search"


AnyIndex = SearchIndex | LexicalIndex


def read_any_index_file(path: Path) -> AnyIndex:
    """Read and check an index file with or without a vector.

    Raises:
        ConfigError: as `app.indexes.read_index_file`.
    """
    content = read_index_content(path)
    try:
        if _has_no_vector(content):
            return parse_lexical(content)
        return read_vector_index(content)
    except IndexFileProblem as error:
        raise ConfigError(f"Index file {path}: {error}.") from error


def lexical_index(index: SearchIndex, path: Path | None) -> LexicalIndex | None:
    """Return what finds words beside a vector index; None where nothing does.

    Args:
        index: of `INDEX_FILE`, whose own words are taken where there is no other file.
        path: of `LEXICAL_INDEX_FILE`.

    Raises:
        ConfigError: the file cannot be used, or not with this index.
    """
    if path is None:
        return _words_of(index)
    content = read_index_content(path)
    try:
        lexical = parse_lexical(content)
        _check_beside(lexical, index)
    except IndexFileProblem as error:
        raise ConfigError(f"Index file {path}: {error}.") from error
    return lexical


def parse_lexical(content: Any) -> LexicalIndex:
    """Read the content of a file, or of an entry of `$listSearchIndexes` made to look like one.

    Raises:
        IndexFileProblem: the rule that it breaks.
    """
    require(isinstance(content, dict), "must hold one JSON object")
    name, index_type, definition = (content.get(key) for key in ("name", "type", "definition"))
    require(isinstance(name, str) and name != "", '"name" must be a non-empty string')
    require(index_type == "search", f'"type" ({index_type!r}) must be "search", to find words')
    require(isinstance(definition, dict), '"definition" must be an object')
    texts = _paths(definition, "string")
    require(bool(texts), '"definition" has no field of type "string", expected at least one')
    completions = {
        path: field.get("minGrams", _SHORTEST_GRAM)
        for path, field in mapped_fields(definition)
        if field.get("type") == "autocomplete"
    }
    return LexicalIndex(name, definition, texts, completions, filter_fields(definition))


def _words_of(index: SearchIndex) -> LexicalIndex | None:
    if index.type != "search" or not _paths(index.definition, "string"):
        return None
    content = {"name": index.name, "type": index.type, "definition": index.definition}
    return parse_lexical(content)


def _check_beside(lexical: LexicalIndex, index: SearchIndex) -> None:
    require(lexical.name != index.name, f'"name" ({lexical.name!r}) is that of INDEX_FILE')
    for path, kind in index.filter_types.items():
        require(
            lexical.filter_types.get(path) == kind,
            f'"{path}" must be a field of type "{kind}", which it is in INDEX_FILE, so that '
            f"filters find the same items by words as by vectors",
        )


def _has_no_vector(content: Any) -> bool:
    definition = content.get("definition") if isinstance(content, dict) else None
    if not isinstance(definition, dict) or "mappings" not in definition:
        return False
    return not _paths(definition, "knnVector") and bool(_paths(definition, "string"))


def _paths(definition: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    return tuple(path for path, field in mapped_fields(definition) if field.get("type") == kind)
