"""Read BSON documents the way the search server does, with its error texts.

A reader is a function `(value, path) -> result` that raises `ParseError`. Readers for a whole
document get a `DocumentParser`, which remembers the fields they asked for: closing it refuses the
others. Errors come in the order in which fields are asked for, unknown fields last; a missing
required field and one that is null are the same thing.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from bson import Code

T = TypeVar("T")
Reader = Callable[[Any, str], T]

INT32_MAX = 2**31 - 1
INT32_MIN = -(2**31)


class ParseError(Exception):
    """A document that the search server would refuse: `"<dotted.path[i]>" <message>`."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(f'"{path}" {message}' if path else message)


def refuse(path: str, message: str) -> NoReturn:
    """Raise the parse error of one place in the document."""
    raise ParseError(path, message)


def refuse_type(path: str, expected: str, value: Any) -> NoReturn:
    """Raise the error of a value of the wrong type; null counts as missing."""
    raise ParseError(path, "is required" if value is None else f"must be a {expected}")


def child(path: str, name: str) -> str:
    """Return the path of a field below `path` (empty at the root)."""
    return f"{path}.{name}" if path else name


class DocumentParser:
    """One document being read; `close` refuses every field that nobody asked for."""

    def __init__(self, document: Mapping[str, Any], path: str = "") -> None:
        self.path = path
        self._document = document
        self._asked: set[str] = set()

    def required(self, name: str, read: Reader[T]) -> T:
        """Read a field that must be there."""
        self._asked.add(name)
        value = self._document.get(name)
        if value is None:
            refuse(child(self.path, name), "is required")
        return read(value, child(self.path, name))

    def optional(self, name: str, read: Reader[T], default: T) -> T:
        """Read a field, or return `default` where it is missing or null."""
        self._asked.add(name)
        value = self._document.get(name)
        return default if value is None else read(value, child(self.path, name))

    def optional_or_none(self, name: str, read: Reader[T]) -> T | None:
        """Read a field, or return None where it is missing or null."""
        self._asked.add(name)
        value = self._document.get(name)
        return None if value is None else read(value, child(self.path, name))

    def nullable(self, name: str, read: Reader[T]) -> T | None:
        """Read a field in which null is a value; None where it is missing."""
        self._asked.add(name)
        if name not in self._document:
            return None
        return read(self._document[name], child(self.path, name))

    def has(self, name: str) -> bool:
        """Tell whether a field is there and not null."""
        return self._document.get(name) is not None

    def ignore(self, names: Iterable[str]) -> None:
        """Accept fields whose values are of no interest here."""
        self._asked.update(names)

    def refuse(self, message: str) -> NoReturn:
        """Raise an error about the document as a whole."""
        refuse(self.path, message)

    def exactly_one(self, present: Mapping[str, T | None]) -> tuple[str, T]:
        """Return name and value of the only field of a group that is there."""
        found = self.at_most_one(present, "only one of [{}] may be present")
        if found is None:
            self.refuse(f"one of [{', '.join(present)}] must be present")
        return found

    def at_most_one(
        self,
        present: Mapping[str, T | None],
        refusal: str = "at most one of [{}] may be present",
    ) -> tuple[str, T] | None:
        """Return name and value of the only field of a group that is there, or None."""
        found = [(name, value) for name, value in present.items() if value is not None]
        if len(found) > 1:
            self.refuse(refusal.format(", ".join(present)))
        return found[0] if found else None

    def close(self) -> None:
        """Refuse the fields that nobody asked for."""
        unknown = [name for name in self._document if name not in self._asked]
        if len(unknown) == 1:
            self.refuse(f'unrecognized field "{unknown[0]}"')
        if unknown:
            quoted = ", ".join(f'"{name}"' for name in unknown)
            self.refuse(f"unrecognized fields [{quoted}]")


def string(value: Any, path: str) -> str:
    """Read a string."""
    if not isinstance(value, str) or isinstance(value, Code):
        refuse_type(path, "string", value)
    return value


def non_empty_string(value: Any, path: str) -> str:
    """Read a string of at least one character."""
    text = string(value, path)
    if not text:
        refuse(path, "cannot be empty")
    return text


def boolean(value: Any, path: str) -> bool:
    """Read a boolean."""
    if not isinstance(value, bool):
        refuse_type(path, "boolean", value)
    return value


def document(value: Any, path: str) -> Mapping[str, Any]:
    """Read a document and leave its content alone."""
    if not isinstance(value, Mapping):
        refuse_type(path, "document", value)
    return value


def number(value: Any, path: str) -> float:
    """Read an int32, int64 or double as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse_type(path, "number", value)
    return value


def integer(value: Any, path: str) -> int:
    """Read an int32, int64 or integral double that fits into 32 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse_type(path, "integer", value)
    if not math.isfinite(value) or value != int(value):
        refuse(path, "must be an integer")
    if value > INT32_MAX:
        refuse(path, "overflowed, must fit in a 32 bit integer")
    if value < INT32_MIN:
        refuse(path, "underflowed, must fit in a 32 bit integer")
    return int(value)


def integer_within(low: int, high: int) -> Reader[int]:
    """Return a reader of integers from `low` to `high`, both included."""

    def read(value: Any, path: str) -> int:
        result = integer(value, path)
        if not low <= result <= high:
            refuse(path, f"must be within bounds [{low}..{high}]")
        return result

    return read


def positive_integer(value: Any, path: str) -> int:
    """Read an integer above zero."""
    result = integer(value, path)
    if result <= 0:
        refuse(path, "must be positive")
    return result


def non_negative_integer(value: Any, path: str) -> int:
    """Read an integer of at least zero."""
    result = integer(value, path)
    if result < 0:
        refuse(path, "cannot be negative")
    return result


def one_of(*names: str, hidden: Iterable[str] = ()) -> Reader[str]:
    """Return a reader of an enumeration; hidden (deprecated) names are taken but not advertised."""
    accepted = {*names, *hidden}
    refusal = f"must be one of [{', '.join(sorted(names))}]"

    def read(value: Any, path: str) -> str:
        name = string(value, path)
        if name not in accepted:
            refuse(path, refusal)
        return name

    return read


def list_of(read: Reader[T], *, may_be_empty: bool = True) -> Reader[list[T]]:
    """Return a reader of arrays; element `i` has the path `<path>[i]`."""

    def read_list(value: Any, path: str) -> list[T]:
        if not isinstance(value, list):
            refuse_type(path, "array", value)
        if not value and not may_be_empty:
            refuse(path, "cannot be empty")
        return [read(element, f"{path}[{i}]") for i, element in enumerate(value)]

    return read_list


def one_or_list_of(read: Reader[T]) -> Reader[list[T]]:
    """Return a reader of one value or an array of such values."""
    read_list = list_of(read)

    def read_either(value: Any, path: str) -> list[T]:
        return read_list(value, path) if isinstance(value, list) else [read(value, path)]

    return read_either


def non_empty_list(read: Reader[list[T]]) -> Reader[list[T]]:
    """Return a reader that refuses an empty array."""

    def read_some(value: Any, path: str) -> list[T]:
        result = read(value, path)
        if not result:
            refuse(path, "cannot be empty")
        return result

    return read_some


def document_of(parse: Callable[[DocumentParser], T]) -> Reader[T]:
    """Return a reader of documents in which unknown fields are refused."""

    def read(value: Any, path: str) -> T:
        parser = DocumentParser(document(value, path), path)
        result = parse(parser)
        parser.close()
        return result

    return read
