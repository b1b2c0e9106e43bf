"""Documents: `$mergeObjects`, `$getField`, `$setField`, `$objectToArray`, `$arrayToObject`.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/#object-expression-operators
"""

from collections.abc import Mapping
from typing import Any

from ..bson_types import is_string, type_name
from ..expression_compiler import (
    Evaluate,
    Scope,
    Variables,
    compile_operand,
    function,
    special_form,
)
from ..paths import MISSING, Document, as_document
from ..rows import Row
from .support import Signature, is_null, location, shown


@function("$mergeObjects", least=0, most=None)
def merge_objects(*values: Any) -> Document:
    """Return one document with the fields of all, later ones winning; null counts as empty."""
    merged: Document = {}
    for value in values:
        if is_null(value):
            continue
        document = as_document(value)
        if document is None:
            raise location(
                40400,
                f"$mergeObjects requires object inputs, but input {shown(value)} is of type "
                f"{type_name(value)}",
            )
        merged.update(document)
    return merged


_GET_FIELD = Signature(
    "$getField", {"field": 3041702, "input": 3041703}, frozenset(), 3041704, 3041701
)
_SET_FIELD = Signature(
    "$setField",
    {"field": 4161102, "input": 4161109, "value": 4161103},
    frozenset(),
    4161100,
    4161101,
)
_UNSET_FIELD = Signature(
    "$unsetField", {"field": 4161102, "input": 4161109}, frozenset(), 4161100, 4161101
)


@special_form("$getField")
def _get_field(operand: Any, scope: Scope) -> Evaluate:
    if not isinstance(operand, Mapping) or next(iter(operand), "").startswith("$"):
        operand = {"field": operand, "input": "$$CURRENT"}
    arguments = _GET_FIELD.check(operand)
    name = _field_name("$getField", arguments["field"], scope, 5654602)
    input_of = compile_operand(arguments["input"], scope)

    def evaluate(row: Row, variables: Variables) -> Any:
        value = input_of(row, variables)
        document = as_document(value)
        if document is not None:
            return document.get(name, MISSING)
        return None if value is None else MISSING

    return evaluate


@special_form("$setField")
def _set_field(operand: Any, scope: Scope) -> Evaluate:
    return _compile_set_field("$setField", _SET_FIELD.check(operand), scope)


@special_form("$unsetField")
def _unset_field(operand: Any, scope: Scope) -> Evaluate:
    arguments = _UNSET_FIELD.check(operand)
    return _compile_set_field("$unsetField", {**arguments, "value": "$$REMOVE"}, scope)


def _compile_set_field(name: str, arguments: Mapping[str, Any], scope: Scope) -> Evaluate:
    field = _field_name(name, arguments["field"], scope, 4161107)
    input_of = compile_operand(arguments["input"], scope)
    value_of = compile_operand(arguments["value"], scope)

    def evaluate(row: Row, variables: Variables) -> Any:
        target = input_of(row, variables)
        if is_null(target):
            return None
        document = as_document(target)
        if document is None:
            raise location(
                4161105,
                f"{name} requires 'input' to evaluate to type Object",
            )
        changed = {**document, field: value_of(row, variables)}
        return {key: value for key, value in changed.items() if value is not MISSING}

    return evaluate


def _field_name(name: str, operand: Any, scope: Scope, code: int) -> str:
    """Return a field's name, which must be known when the expression is compiled."""
    if isinstance(operand, Mapping) and list(operand) in (["$literal"], ["$const"]):
        (operand,) = operand.values()
    elif is_string(operand) and operand.startswith("$"):
        raise location(
            code,
            f"{name} requires 'field' to evaluate to a constant, but got a non-constant argument",
        )
    if not is_string(operand):
        raise location(
            code,
            f"{name} requires 'field' to evaluate to type String, but got {type_name(operand)}",
        )
    return str(operand)


@function("$objectToArray")
def _object_to_array(value: Any) -> Any:
    if is_null(value):
        return None
    document = as_document(value)
    if document is None:
        kind = type_name(value)
        raise location(40390, f"$objectToArray requires a document input, found: {kind}")
    return [{"k": name, "v": item} for name, item in document.items()]


@function("$arrayToObject")
def _array_to_object(value: Any) -> Any:
    if is_null(value):
        return None
    if not isinstance(value, list):
        kind = type_name(value)
        raise location(40386, f"$arrayToObject requires an array input, found: {kind}")
    made: Document = {}
    for item in value:
        name, field_value = _pair(item)
        if not is_string(name):
            raise location(
                40395,
                "$arrayToObject requires an array of key-value pairs, where the key must be of "
                f"type string. Found key type: {type_name(name)}",
            )
        made[name] = field_value
    return made


def _pair(item: Any) -> tuple[Any, Any]:
    if isinstance(item, list):
        if len(item) != 2:
            raise location(
                40397,
                "$arrayToObject requires an array of size 2 arrays,found array of size: "
                f"{len(item)}",
            )
        return item[0], item[1]
    document = as_document(item)
    if document is None:
        kind = type_name(item)
        raise location(40398, f"Unrecognised input type format for $arrayToObject: {kind}")
    if len(document) != 2:
        raise location(
            40392,
            "$arrayToObject requires an object keys of 'k' and 'v'. Found incorrect number of "
            f"keys:{len(document)}",
        )
    if "k" not in document or "v" not in document:
        raise location(
            40393,
            "$arrayToObject requires an object with keys 'k' and 'v'. Missing either or both keys "
            f"from: {shown(item)}",
        )
    return document["k"], document["v"]
