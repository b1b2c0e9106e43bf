"""Search index files (`atlas/*.json`): read and checked; `app.live_indexes` is the server's side.

A file holds `{"name", "type", "definition"}`, as the driver sends them, and two keys of ours:
`vectorType` (how embeddings are stored) and, for type `vectorSearch`, `filterTypes` (a filter field
of that type carries no type of its own). Everything else in the application reads path, dimensions,
similarity and filterable fields from here and repeats none of them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from app.errors import ConfigError
from app.filters import Filter

IndexType = Literal["search", "vectorSearch"]
VectorType = Literal["float32", "int8"]
FilterType = Literal["token", "number", "boolean", "date", "objectId"]

# What other values of these options make a filter find other documents than it finds over a
# vectorSearch index, which has no such options.
_FILTER_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "token": {"normalizer": "none"},
    "number": {"representation": "double", "indexIntegers": True, "indexDoubles": True},
}

SIMILARITIES = ("cosine", "dotProduct", "euclidean")
FILTER_TYPES = ("token", "number", "boolean", "date", "objectId")
MAX_DIMENSIONS = 8192


class Candidates(Protocol):
    """Knows how many candidates a search needs; `app.index_care.tuning` measures it."""

    def num_candidates(self, limit: int, condition: Filter | None) -> int | None:
        """Return how many to examine for `limit` hits, None to compare every item."""


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """One search index as its file describes it.

    Attributes:
        definition: what is sent to the server, unchanged.
        path: dotted path of the embedding.
        dimensions: length of an embedding.
        vector_type: element type in which embeddings are stored and queried.
        filter_types: filterable path -> the type of its values.
        candidates: how many candidates a search needs; None for the usual number.
    """

    name: str
    type: IndexType
    definition: Mapping[str, Any]
    path: str
    dimensions: int
    similarity: str
    vector_type: VectorType
    filter_types: Mapping[str, FilterType]
    candidates: "Candidates | None" = None

    @property
    def embedded_by_path(self) -> str:
        """Path of the fingerprint: the sibling `embedded_by` of the embedding."""
        parent, _, _ = self.path.rpartition(".")
        return f"{parent}.embedded_by" if parent else "embedded_by"


def read_index_file(path: Path) -> SearchIndex:
    """Read and check an index file.

    Raises:
        ConfigError: the file is missing, is no JSON, or breaks a rule; the message names the file,
            the field and the rule.
    """
    content = read_index_content(path)
    try:
        return read_vector_index(content)
    except IndexFileProblem as error:
        raise ConfigError(f"Index file {path}: {error}.") from error


def read_index_content(path: Path) -> Any:
    """Read the JSON of an index file, whatever it holds.

    Raises:
        ConfigError: the file is missing, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Index file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"Index file {path} is not valid JSON: {error}.") from error


def parse_live_index(
    entry: Mapping[str, Any],
    filter_types: Mapping[str, FilterType],
    *,
    vector_type: VectorType = "float32",
) -> SearchIndex:
    """Read an entry of `$listSearchIndexes` as if it were a file.

    Args:
        entry: holds `name`, `latestDefinition` and, on Atlas and LocalAtlas, `type`.
        filter_types: types for the filter fields of a vectorSearch index, which carry none.
        vector_type: of the vectors that it is to find, which a definition does not carry either.

    Raises:
        ValueError: the definition is none that this service can use; the message is the rule.
    """
    definition = entry.get("latestDefinition", {})
    index_type = entry.get("type") or ("vectorSearch" if "fields" in definition else "search")
    content = {"name": entry["name"], "type": index_type, "definition": definition}
    content["vectorType"] = vector_type
    if index_type == "vectorSearch":
        fields = definition.get("fields", [])
        declared = [field["path"] for field in fields if field["type"] == "filter"]
        content["filterTypes"] = {path: filter_types.get(path, "token") for path in declared}
    return read_vector_index(content)


class IndexFileProblem(ValueError):
    """A rule that an index file breaks; who reads the file adds its name."""


@dataclass(frozen=True, slots=True)
class _VectorField:
    path: str
    dimensions: int
    similarity: str
    quantization: str


def read_vector_index(content: Any) -> SearchIndex:
    """Read the content of a file.

    Raises:
        IndexFileProblem: the rule that it breaks.
    """
    require(isinstance(content, dict), "must hold one JSON object")
    unknown = sorted(set(content) - {"name", "type", "definition", "vectorType", "filterTypes"})
    require(not unknown, f"has an unknown key {', '.join(map(repr, unknown))}")
    name, index_type = content.get("name"), content.get("type")
    definition, vector_type = content.get("definition"), content.get("vectorType", "float32")
    require(isinstance(name, str) and name != "", '"name" must be a non-empty string')
    require(
        index_type in ("search", "vectorSearch"),
        f'"type" ({index_type!r}) must be "search" or "vectorSearch"',
    )
    require(isinstance(definition, dict), '"definition" must be an object')
    require(
        vector_type in ("float32", "int8"),
        f'"vectorType" ({vector_type!r}) must be "float32" or "int8"',
    )
    if index_type == "search":
        require("filterTypes" not in content, '"filterTypes" goes with type "vectorSearch" only')
        vectors, filters = _read_mappings(definition)
    else:
        vectors, filters = _read_fields(definition, content.get("filterTypes", {}))
    require(
        len(vectors) == 1, f'"definition" has {len(vectors)} vector fields, expected exactly one'
    )
    vector = vectors[0]
    _check_path(vector.path)
    if vector_type == "int8":
        _check_int8(index_type, vector)
    return SearchIndex(
        name=name,
        type=index_type,
        definition=definition,
        path=vector.path,
        dimensions=vector.dimensions,
        similarity=vector.similarity,
        vector_type=vector_type,
        filter_types=filters,
    )


def mapped_fields(definition: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the fields of a search index by their dotted paths, one for each of their types.

    Raises:
        IndexFileProblem: the mappings are none.
    """
    mappings = definition.get("mappings")
    require(isinstance(mappings, dict), '"definition.mappings" must be an object')
    yield from _leaf_fields(cast(dict[str, Any], mappings), "")


def filter_fields(definition: Mapping[str, Any]) -> dict[str, FilterType]:
    """Return the filterable paths of a search index and their types.

    Raises:
        IndexFileProblem: the mappings are none, or an option of a field is another than ours.
    """
    filters: dict[str, FilterType] = {}
    for path, field in mapped_fields(definition):
        if field.get("type") in FILTER_TYPES:
            _check_filter_options(path, field)
            filters[path] = cast(FilterType, field["type"])
    return filters


def _read_mappings(
    definition: dict[str, Any],
) -> tuple[list[_VectorField], dict[str, FilterType]]:
    vectors = [
        _vector_field(path, field, "dimensions")
        for path, field in mapped_fields(definition)
        if field.get("type") == "knnVector"
    ]
    return vectors, filter_fields(definition)


def _leaf_fields(document: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    fields = document.get("fields", {})
    require(isinstance(fields, dict), f'"fields" of "{prefix or "mappings"}" must be an object')
    for name, definitions in fields.items():
        for field in definitions if isinstance(definitions, list) else [definitions]:
            require(isinstance(field, dict), f'field "{prefix}{name}" must be an object')
            if field.get("type") == "document":
                yield from _leaf_fields(field, f"{prefix}{name}.")
            else:
                yield prefix + name, field


def _read_fields(
    definition: dict[str, Any], filter_types: Any
) -> tuple[list[_VectorField], dict[str, FilterType]]:
    fields = definition.get("fields")
    require(isinstance(fields, list), '"definition.fields" must be an array')
    require(isinstance(filter_types, dict), '"filterTypes" must be an object')
    vectors, paths = [], []
    for i, field in enumerate(cast(list[Any], fields)):
        require(
            isinstance(field, dict) and isinstance(field.get("path"), str),
            f'"definition.fields[{i}]" must be an object with a "path"',
        )
        if field.get("type") == "vector":
            vectors.append(_vector_field(field["path"], field, "numDimensions"))
        elif field.get("type") == "filter":
            paths.append(field["path"])
    for path in paths:
        require(
            filter_types.get(path) in FILTER_TYPES,
            f'"filterTypes" must give filter field "{path}" one of {", ".join(FILTER_TYPES)}',
        )
    unknown = sorted(set(filter_types) - set(paths))
    require(not unknown, f'"filterTypes" names {unknown}, which the definition does not declare')
    return vectors, {path: filter_types[path] for path in paths}


def _vector_field(path: str, field: dict[str, Any], dimensions_key: str) -> _VectorField:
    dimensions, similarity = field.get(dimensions_key), field.get("similarity")
    require(
        isinstance(dimensions, int)
        and not isinstance(dimensions, bool)
        and 1 <= dimensions <= MAX_DIMENSIONS,
        f'"{dimensions_key}" ({dimensions!r}) of "{path}" must be an integer from 1 to '
        f"{MAX_DIMENSIONS}",
    )
    require(
        similarity in SIMILARITIES,
        f'"similarity" ({similarity!r}) of "{path}" must be one of {", ".join(SIMILARITIES)}',
    )
    return _VectorField(
        path, cast(int, dimensions), cast(str, similarity), field.get("quantization", "none")
    )


def _check_filter_options(path: str, field: dict[str, Any]) -> None:
    for option, expected in _FILTER_OPTIONS.get(field["type"], {}).items():
        value = field.get(option, expected)
        require(
            value == expected,
            f'"{option}" ({json.dumps(value)}) of "{path}" must be {json.dumps(expected)}, so that '
            f"filters find the same documents over either type of index",
        )


def _check_path(path: str) -> None:
    names = path.split(".")
    is_own = names[0] not in ("_id", "image", "updated_at") and names[-1] != "embedded_by"
    require(
        is_own and not any(name == "" or name.startswith("$") for name in names),
        f'"path" ({path!r}) of the vector field must be a dotted name of its own, '
        f"outside _id, image, updated_at and embedded_by",
    )


def _check_int8(index_type: str, vector: _VectorField) -> None:
    require(index_type == "vectorSearch", '"vectorType": "int8" needs type "vectorSearch"')
    require(vector.similarity == "cosine", '"vectorType": "int8" needs "similarity": "cosine"')
    require(
        vector.quantization == "none",
        '"vectorType": "int8" cannot go with "quantization": the engine skips such documents',
    )


def require(holds: bool, rule: str) -> None:
    """Raise `IndexFileProblem` where a rule is broken."""
    if not holds:
        raise IndexFileProblem(rule)
