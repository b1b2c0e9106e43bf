"""What a definition says, setting by setting, so that two of them can be compared; pure.

A server may return a definition with defaults that its file leaves out, and in another order, so
neither the text nor the objects can be compared as they are.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Definition = Mapping[str, Any]

VECTOR_TYPES = frozenset({"vector", "knnVector"})
_FILTERED = frozenset({"filter", "token", "number", "boolean", "date", "objectId", "uuid"})

MISSING = "missing"
DECLARED = "declared"

# What the engine takes for what a definition leaves out:
# https://www.mongodb.com/docs/atlas/atlas-vector-search/vector-search-type/
_DEFAULTS: Mapping[str, Any] = {
    "dynamic": False,
    "hnswOptions.maxEdges": 16,
    "hnswOptions.numEdgeCandidates": 100,
    "indexingMethod": "hnsw",
    "nestedRoot": None,
    "numPartitions": 1,
    "quantization": "none",
    "storedSource": False,
}


@dataclass(frozen=True, slots=True, order=True)
class Setting:
    """What is set.

    Attributes:
        path: of the field; empty for the index as a whole.
        kind: type of the field, such as "vector", "filter" or "token".
        option: empty for the field itself.
    """

    path: str
    kind: str
    option: str

    def __str__(self) -> str:
        field = f"{self.kind} field {self.path}" if self.path else ""
        return " of ".join(part for part in (self.option, field) if part)


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting, as it is live and as it is wanted; `MISSING` for a field that is not there."""

    setting: Setting
    live: Any
    wanted: Any

    def __str__(self) -> str:
        return f"{self.setting}: {_shown(self.live)} -> {_shown(self.wanted)}"


def differences(live: Definition, wanted: Definition) -> list[Difference]:
    """Return every setting in which two definitions differ, fields in the order of their paths."""
    before, after = _settings(live), _settings(wanted)
    found = []
    for setting in sorted(before.keys() | after.keys()):
        if not _is_asked(setting, before, after):
            continue
        old, new = _value(setting, before), _value(setting, after)
        if old != new:
            found.append(Difference(setting, old, new))
    return found


def vector_fields(definition: Definition) -> dict[str, dict[str, Any]]:
    """Return the options of each vector field of a definition of either type, by path."""
    return {
        path: {key: value for key, value in field.items() if key not in ("type", "path")}
        for path, field in fields_of(definition)
        if field.get("type") in VECTOR_TYPES
    }


def filter_types(definition: Definition) -> dict[str, frozenset[str]]:
    """Return what queries may filter on: by path, the types of values.

    A filter field of a vectorSearch index takes all types, which `{"filter"}` stands for.
    """
    found: dict[str, frozenset[str]] = {}
    for path, field in fields_of(definition):
        if field.get("type") in _FILTERED:
            found[path] = found.get(path, frozenset()) | {field["type"]}
    return found


def fields_of(definition: Definition) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield path and definition of each field, for an index of either type."""
    for field in definition.get("fields", ()):
        yield str(field.get("path", "")), field
    yield from _mapped(definition.get("mappings", {}), "")


def _is_asked(
    setting: Setting, before: Mapping[Setting, Any], after: Mapping[Setting, Any]
) -> bool:
    """Tell whether a difference in a setting would be one.

    The options of a field that only one side has say nothing more. An option that only the live
    side has and whose default is not known here is the server's own addition.
    """
    field = Setting(setting.path, setting.kind, "")
    if setting.path and setting.option and not (field in before and field in after):
        return False
    return setting in after or not setting.option or setting.option in _DEFAULTS


def _value(setting: Setting, settings: Mapping[Setting, Any]) -> Any:
    if setting in settings:
        return settings[setting]
    return _DEFAULTS.get(setting.option) if setting.option else MISSING


def _settings(definition: Definition) -> dict[Setting, Any]:
    found: dict[Setting, Any] = {}
    for key, value in definition.items():
        if key == "mappings":
            found[Setting("", "", "dynamic")] = value.get("dynamic", False)
        elif key != "fields":
            found[Setting("", "", key)] = value
    for path, field in fields_of(definition):
        found |= _field(path, field)
    return found


def _mapped(document: Definition, prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, definitions in document.get("fields", {}).items():
        path = f"{prefix}{name}"
        for field in definitions if isinstance(definitions, list) else [definitions]:
            yield path, {key: value for key, value in field.items() if key != "fields"}
            yield from _mapped(field, f"{path}.")


def _field(path: str, field: Mapping[str, Any]) -> dict[Setting, Any]:
    kind = str(field.get("type", "field"))
    found: dict[Setting, Any] = {Setting(path, kind, ""): DECLARED}
    for option, value in field.items():
        if option in ("type", "path"):
            continue
        if isinstance(value, Mapping):
            found |= {Setting(path, kind, f"{option}.{key}"): one for key, one in value.items()}
        else:
            found[Setting(path, kind, option)] = value
    return found


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
