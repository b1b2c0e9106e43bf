"""`path` of the search operators: one path or several, with `multi` and wildcards where they go.

Source: https://github.com/mongodb/mongot, `StringPath`, `UnresolvedStringPath` and `LucenePath`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypeVar

from ..mql.bson_types import is_string
from .parsing import (
    DocumentParser,
    Reader,
    T,
    document_of,
    non_empty_list,
    one_or_list_of,
    refuse,
    refuse_type,
    string,
)


class TextPath(NamedTuple):
    """A path whose strings are analysed, or one of the further analyses that its `multi` names.

    `use` is the field type: `string` or `autocomplete`.
    """

    path: str
    multi: str = ""
    use: str = "string"

    def __str__(self) -> str:
        return f"{self.path} (multi: {self.multi})" if self.multi else self.path


@dataclass(frozen=True, slots=True)
class Wildcard:
    """All paths that a pattern matches, in which `*` stands for any characters, dots as well."""

    pattern: str

    def matches(self, path: str) -> bool:
        """Tell whether the pattern matches a whole path."""
        parts = (re.escape(part) for part in self.pattern.split("*"))
        return re.fullmatch(".*".join(parts), path, re.DOTALL) is not None


AnyTextPath: TypeAlias = TextPath | Wildcard
P = TypeVar("P")


def read_paths(value: Any, path: str) -> list[str]:
    """Read the paths of values: a string, `{value: ...}`, or an array of them."""
    return _one_or_more(_read_path)(value, path)


def read_text_paths(value: Any, path: str) -> list[AnyTextPath]:
    """Read the paths of text: as above, or with `multi` beside `value`, or `{wildcard: ...}`."""
    return _one_or_more(_read_text_path)(value, path)


def _one_or_more(read: Reader[T]) -> Reader[list[T]]:
    return non_empty_list(one_or_list_of(read))


def _read_path(value: Any, path: str) -> str:
    found = _read_one(value, path, _parse_value)
    if found.multi:
        refuse(path, "multi field not permitted for this operator")
    return found.path


def _read_text_path(value: Any, path: str) -> AnyTextPath:
    return _read_one(value, path, _parse_text_path)


def _read_one(value: Any, path: str, parse: Callable[[DocumentParser], P]) -> P | TextPath:
    if is_string(value):
        return TextPath(value)
    if not isinstance(value, Mapping):
        refuse_type(path, "document or string", value)
    return document_of(parse)(value, path)


def _parse_text_path(parser: DocumentParser) -> AnyTextPath:
    wildcard = parser.optional_or_none("wildcard", _read_wildcard)
    multi = parser.optional_or_none("multi", _read_multi)
    if wildcard is None:
        return _parse_value(parser)
    if multi is not None:
        parser.refuse("multi cannot be defined along with wildcard")
    return wildcard


def _parse_value(parser: DocumentParser) -> TextPath:
    path = parser.required("value", string)
    return TextPath(path, parser.optional("multi", _read_multi, ""))


def _read_multi(value: Any, path: str) -> str:
    name = string(value, path)
    if "." in name:
        refuse(path, 'cannot contain "."')
    return name


def _read_wildcard(value: Any, path: str) -> Wildcard:
    pattern = string(value, path)
    if "*" not in pattern:
        refuse(path, 'must contain a "*"')
    if "**" in pattern:
        refuse(path, 'cannot contain more than 1 "*" next to each other')
    return Wildcard(pattern)
