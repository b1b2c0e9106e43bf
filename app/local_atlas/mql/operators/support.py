"""What the operator modules share: null propagation, numbered errors, named arguments.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from ...errors import CommandError
from ..bson_text import render
from ..bson_types import is_number, type_name
from ..numbers import exact_int64
from ..paths import MISSING

INT32_RANGE: Final = range(-(1 << 31), 1 << 31)
_NAMES: Final = {40414: "IDLFailedToParse", 40415: "IDLUnknownField"}  # since MongoDB 8.1


def location(code: int, message: str) -> CommandError:
    """Return an error of one of the server's numbered assertions."""
    return CommandError(code, _NAMES.get(code, f"Location{code}"), message)


def is_null(value: Any) -> bool:
    """Tell whether a value is null or missing."""
    return value is None or value is MISSING


def nullable(apply: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function answer null where any of its operands is null or missing."""

    @wraps(apply)
    def guarded(*values: Any) -> Any:
        for value in values:
            if value is None or value is MISSING:
                return None
        return apply(*values)

    return guarded


def shown(value: Any) -> str:
    """Return a value for an error text."""
    return "missing" if value is MISSING else render(value)


def require_array(value: Any, code: int, message: str) -> list[Any]:
    """Return the array, or raise; the message ends before the type's name."""
    if not isinstance(value, list):
        raise location(code, f"{message}{type_name(value)}")
    return value


def int32_of(value: Any) -> int | None:
    """Return the 32-bit integer that a value equals, None for any other."""
    whole = exact_int64(value) if is_number(value) else None
    return whole if whole is not None and whole in INT32_RANGE else None


@dataclass(frozen=True, slots=True)
class Signature:
    """The named arguments of an operator, with the error codes of the server.

    Attributes:
        name: the operator.
        required: argument -> code of its absence.
        optional: further arguments.
        not_object: code of an operand that is no document.
        unknown: code of an argument that does not exist.
    """

    name: str
    required: Mapping[str, int]
    optional: frozenset[str]
    not_object: int
    unknown: int

    def check(self, operand: Any) -> Mapping[str, Any]:
        """Return the arguments, or raise what the server raises."""
        if not isinstance(operand, Mapping):
            raise location(self.not_object, f"{self.name} only supports an object as its argument")
        for argument in operand:
            if argument not in self.required and argument not in self.optional:
                raise location(self.unknown, f"Unrecognized parameter to {self.name}: {argument}")
        for argument, code in self.required.items():
            if argument not in operand:
                raise location(code, f"Missing '{argument}' parameter to {self.name}")
        return operand
