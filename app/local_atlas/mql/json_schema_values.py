"""The keywords of `$jsonSchema` that look at one value: its type, its bounds, its length, its text.

Each compiles into a rule. A keyword about one kind of value says nothing about values of another:
`minimum` lets every string pass. Those that hold further schemas are in `json_schema.py`.
https://www.mongodb.com/docs/manual/reference/operator/query/jsonSchema/
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

from ..errors import bad_value, failed_to_parse, type_mismatch
from .bson_order import compare, sort_key
from .bson_types import NUMERIC_TYPES, TYPE_NUMBERS, is_number, type_name
from .numbers import exact_int64, to_decimal
from .paths import as_document
from .regex import compile_pattern

Document = dict[str, Any]
Rule = Callable[[Any], Document | None]
"""Returns what is wrong besides the rule's name; None where it holds."""
CompileRule = Callable[[str, Document], Rule]
"""Takes a keyword and the schema that it stands in."""

_JSON_TYPES: Final = {
    "array": frozenset({"array"}),
    "boolean": frozenset({"bool"}),
    "null": frozenset({"null"}),
    "number": NUMERIC_TYPES,
    "object": frozenset({"object"}),
    "string": frozenset({"string"}),
}


def _compile_type(name: str, schema: Document) -> Rule:
    wanted: set[str] = set()
    for alias in _as_list(schema[name]):
        wanted |= _types_named(name, alias)

    def rule(value: Any) -> Document | None:
        found = type_name(value)
        if found in wanted:
            return None
        return {**_broken(name, schema, "type did not match", value), "consideredType": found}

    return rule


def _types_named(keyword: str, alias: Any) -> frozenset[str]:
    if not isinstance(alias, str):
        raise type_mismatch(f"$jsonSchema keyword '{keyword}' must be a string or array of strings")
    if keyword == "type":
        if alias == "integer":
            raise failed_to_parse(
                "$jsonSchema type 'integer' is not currently supported; use bsonType 'int' or "
                "'long'"
            )
        if alias in _JSON_TYPES:
            return _JSON_TYPES[alias]
    elif alias == "number":
        return NUMERIC_TYPES
    elif alias in TYPE_NUMBERS:
        return frozenset({alias})
    raise bad_value(f"Unknown type name alias: {alias}")


def _compile_enum(name: str, schema: Document) -> Rule:
    values = schema[name]
    if not isinstance(values, list) or not values:
        raise failed_to_parse("$jsonSchema keyword 'enum' must be a nonempty array")
    keys = frozenset(map(sort_key, values))

    def rule(value: Any) -> Document | None:
        if sort_key(value) in keys:
            return None
        return _broken(name, schema, "value was not found in enum", value)

    return rule


def _compile_bound(is_lower: bool, name: str, schema: Document) -> Rule:
    bound = schema[name]
    if not is_number(bound):
        raise type_mismatch(f"$jsonSchema keyword '{name}' must be a number")
    is_exclusive = bool(schema.get("exclusiveMinimum" if is_lower else "exclusiveMaximum"))

    def rule(value: Any) -> Document | None:
        if not is_number(value):
            return None
        order = compare(value, bound) * (1 if is_lower else -1)
        if order > 0 or (order == 0 and not is_exclusive):
            return None
        return _broken(name, schema, "comparison failed", value)

    return rule


def _compile_exclusive(name: str, schema: Document) -> Rule:
    bound = "minimum" if name == "exclusiveMinimum" else "maximum"
    if not isinstance(schema[name], bool):
        raise type_mismatch(f"$jsonSchema keyword '{name}' must be a boolean")
    if bound not in schema:
        raise failed_to_parse(f"$jsonSchema keyword '{bound}' must be a present if {name} is")
    return lambda value: None  # the bound itself takes notice of it


def _compile_multiple(name: str, schema: Document) -> Rule:
    divisor = to_decimal(schema[name]) if is_number(schema[name]) else Decimal(0)
    if not divisor.is_finite() or divisor <= 0:
        raise failed_to_parse("$jsonSchema keyword 'multipleOf' must have a positive value")

    def rule(value: Any) -> Document | None:
        number = to_decimal(value) if is_number(value) else Decimal(0)
        if number.is_finite() and number % divisor == 0:
            return None
        reason = "considered value is not a multiple of the specified value"
        return _broken(name, schema, reason, value)

    return rule


def _compile_size(kind: type, is_lower: bool, name: str, schema: Document) -> Rule:
    """Compile a bound of the length of a string, an array or a document."""
    bound = exact_int64(schema[name]) if is_number(schema[name]) else None
    if bound is None or bound < 0:
        raise failed_to_parse(f"$jsonSchema keyword '{name}' must be a non-negative integer")

    def rule(value: Any) -> Document | None:
        measured = as_document(value) if kind is dict else value
        if not isinstance(measured, kind):
            return None
        size = len(measured)  # type: ignore[arg-type]
        if size >= bound if is_lower else size <= bound:
            return None
        return _broken(name, schema, "specified length was not satisfied", value)

    return rule


def _compile_pattern(name: str, schema: Document) -> Rule:
    if not isinstance(schema[name], str):
        raise type_mismatch("$jsonSchema keyword 'pattern' must be a string")
    search = compile_pattern(schema[name], "").search

    def rule(value: Any) -> Document | None:
        if not isinstance(value, str) or search(value) is not None:
            return None
        return _broken(name, schema, "regular expression did not match", value)

    return rule


def _compile_unique(name: str, schema: Document) -> Rule:
    if not isinstance(schema[name], bool):
        raise type_mismatch("$jsonSchema keyword 'uniqueItems' must be a boolean")

    def rule(value: Any) -> Document | None:
        if not schema[name] or not isinstance(value, list):
            return None
        if len({sort_key(item) for item in value}) == len(value):
            return None
        return _broken(name, schema, "found a duplicate item", value)

    return rule


def _broken(name: str, schema: Document, reason: str, value: Any) -> Document:
    return {"specifiedAs": {name: schema[name]}, "reason": reason, "consideredValue": value}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


VALUE_KEYWORDS: Final[Mapping[str, CompileRule]] = {
    "bsonType": _compile_type,
    "enum": _compile_enum,
    "exclusiveMaximum": _compile_exclusive,
    "exclusiveMinimum": _compile_exclusive,
    "maximum": partial(_compile_bound, False),
    "maxItems": partial(_compile_size, list, False),
    "maxLength": partial(_compile_size, str, False),
    "maxProperties": partial(_compile_size, dict, False),
    "minimum": partial(_compile_bound, True),
    "minItems": partial(_compile_size, list, True),
    "minLength": partial(_compile_size, str, True),
    "minProperties": partial(_compile_size, dict, True),
    "multipleOf": _compile_multiple,
    "pattern": _compile_pattern,
    "type": _compile_type,
    "uniqueItems": _compile_unique,
}
