"""Collations: how strings compare where bytes are not what a reader would go by.

The order is in `collation_keys.py`; here is what a command may ask for. Languages with an order of
their own are refused, and so are the rarer options.
https://www.mongodb.com/docs/manual/reference/collation/
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from ..errors import NOT_EMULATED, CommandError, bad_value, type_mismatch
from .bson_text import render
from .bson_types import is_number, is_string, type_name
from .collated import collated
from .collation_keys import Levels, collation_key
from .numbers import exact_int64

Document = dict[str, Any]

_ROOT_LANGUAGES: Final = frozenset(
    ["de", "en", "fr", "ga", "id", "it", "lb", "ms", "nl", "pt", "sw", "xh", "zu"]
)
_LOCALE: Final = re.compile(r"([a-z]{2,3})(?:_[A-Z]{2})?")
_OTHER_LOCALES: Final = frozenset({"fr_CA"})


@dataclass(frozen=True, slots=True)
class Collation:
    """How strings compare; the fields are those of a collation document."""

    locale: str
    caseLevel: bool = False
    caseFirst: str = "off"
    strength: int = 3
    numericOrdering: bool = False
    alternate: str = "non-ignorable"
    maxVariable: str = "punct"
    normalization: bool = False
    backwards: bool = False

    def key(self, text: str) -> bytes:
        """Return bytes that compare as this collation compares strings."""
        levels = Levels(
            strength=self.strength,
            has_case_level=self.caseLevel,
            is_upper_first=self.caseFirst == "upper",
            is_numeric=self.numericOrdering,
        )
        return collation_key(text, levels)

    def document(self) -> Document:
        """Return it as `listIndexes` and `listCollections` show it."""
        shown = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**shown, "version": "57.1"}


_CHOICES: Final = {
    "caseFirst": ("upper", "lower", "off"),
    "alternate": ("non-ignorable", "shifted"),
    "maxVariable": ("punct", "space"),
}
_FLAGS: Final = ("caseLevel", "numericOrdering", "normalization", "backwards")


def parse_collation(document: Mapping[str, Any]) -> Collation | None:
    """Read a collation document.

    Returns:
        None for an empty document and for the simple collation, which compares bytes.

    Raises:
        CommandError: 2, 14, 40414, 40415 or 51024, it is no collation, or one that is not emulated.
    """
    if not document:
        return None
    values = {name: value for name, value in document.items() if name != "version"}
    known = {field.name for field in fields(Collation)}
    for name, value in values.items():
        if name not in known:
            raise _failure(40415, f"BSON field 'collation.{name}' is an unknown field.")
        _check_field(name, value)
    if "locale" not in values:
        raise _failure(40414, "BSON field 'collation.locale' is missing but a required field")
    if values["locale"] == "simple":
        return None
    values["strength"] = exact_int64(values.get("strength", 3))
    _refuse_what_is_not_emulated(document, values)
    return Collation(**values)


def _check_field(name: str, value: Any) -> None:
    if name in _FLAGS:
        if not isinstance(value, bool):
            raise _wrong_type(name, value, "bool")
    elif name == "strength":
        if not is_number(value):
            raise _wrong_type(name, value, "int")
        if not 1 <= (exact_int64(value) or 0) <= 5:
            bound = "<= 5" if value > 5 else ">= 1"
            message = f"BSON field 'strength' value must be {bound}, actual value '{value}'"
            raise _failure(51024, message)
    elif not is_string(value):
        raise _wrong_type(name, value, "string")
    elif name in _CHOICES and value not in _CHOICES[name]:
        raise bad_value(
            f"Enumeration value '{value}' for field 'collation.{name}' is not a valid value."
        )


def _refuse_what_is_not_emulated(document: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    locale = _LOCALE.fullmatch(values["locale"])
    is_known = locale is not None and locale[1] in _ROOT_LANGUAGES
    refused = {
        "locale": not is_known or values["locale"] in _OTHER_LOCALES,
        "strength": values["strength"] > 3,
        "alternate": values.get("alternate") == "shifted",
        "backwards": values.get("backwards", False),
    }
    for name, is_refused in refused.items():
        if is_refused:
            shown = f"{name}: {values[name]!r}"
            raise bad_value(f"collation {render(dict(document))}: {shown} {NOT_EMULATED}")


def _wrong_type(name: str, value: Any, expected: str) -> CommandError:
    return type_mismatch(
        f"BSON field 'collation.{name}' is the wrong type '{type_name(value)}', expected type "
        f"'{expected}'"
    )


def _failure(code: int, message: str) -> CommandError:
    return CommandError(code, f"Location{code}", message)


def under(collation: Collation | None, value: Any) -> Any:
    """Return a value whose strings, all the way down, compare by a collation; None changes none."""
    return value if collation is None else collated(value, collation.key)
