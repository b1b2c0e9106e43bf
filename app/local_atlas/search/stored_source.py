"""`storedSource` of an index definition: the part of each document that the index keeps a copy of.

LocalAtlas keeps no copy: an index is never behind its documents, so `returnStoredSource` cuts the
part out of the stored document.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .parsing import DocumentParser, Reader, boolean, child, list_of, refuse, refuse_type, string


@dataclass(frozen=True, slots=True)
class StoredSource:
    """Paths that are kept (`include`) or left out; nothing is kept by default."""

    include: bool = True
    paths: frozenset[str] = frozenset()

    @property
    def keeps_nothing(self) -> bool:
        """Whether the index was made without a stored source."""
        return self.include and not self.paths

    @property
    def keeps_all(self) -> bool:
        """Whether whole documents are kept."""
        return not self.include and not self.paths

    def cut(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the kept part of a document; `_id` is always in it where paths are included."""
        if self.include:
            return _included(document, self.paths | {"_id"}, "")
        return _without(document, self.paths, "")


def read_stored_source(value: Any, path: str) -> StoredSource:
    """Read `true`, `false`, `{include: [...]}` or `{exclude: [...]}`."""
    if isinstance(value, bool):
        return StoredSource(include=not boolean(value, path))
    if not isinstance(value, Mapping):
        refuse_type(path, "boolean or document", value)
    parser = DocumentParser(value, path)
    mode, paths = parser.exactly_one(
        {
            "include": parser.optional_or_none("include", _PATHS),
            "exclude": parser.optional_or_none("exclude", _PATHS),
        }
    )
    parser.close()
    if any(_is_below(a, b) for a in paths for b in paths):
        refuse(path, "path collision is not allowed")
    return StoredSource(include=mode == "include", paths=frozenset(paths))


def _non_blank(value: Any, path: str) -> str:
    text = string(value, path)
    if not text.strip():
        refuse(path, "cannot be blank")
    return text


_PATHS: Reader[list[str]] = list_of(_non_blank, may_be_empty=False)


def _is_below(path: str, ancestor: str) -> bool:
    return path.startswith(f"{ancestor}.")


def _included(document: Mapping[str, Any], paths: frozenset[str], prefix: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in document.items():
        path = child(prefix, name)
        if path in paths:
            kept[name] = value
        elif any(_is_below(candidate, path) for candidate in paths):
            part = _cut_below(value, paths, path, _included)
            if part is not None:
                kept[name] = part
    return kept


def _without(document: Mapping[str, Any], paths: frozenset[str], prefix: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in document.items():
        path = child(prefix, name)
        if path in paths:
            continue
        part = _cut_below(value, paths, path, _without)
        kept[name] = value if part is None else part
    return kept


def _cut_below(value: Any, paths: frozenset[str], path: str, cut: Any) -> Any:
    """Cut a subdocument or every subdocument of an array; None for any other value."""
    if isinstance(value, Mapping):
        return cut(value, paths, path)
    if isinstance(value, list):
        parts = [_cut_below(element, paths, path, cut) for element in value]
        if cut is _without:
            return [
                element if part is None else part
                for element, part in zip(value, parts, strict=True)
            ]
        return [part for part in parts if part is not None]
    return None
