"""The update operators of single values: `$set`, `$inc`, `$min`, `$currentDate`, `$bit`, ...

Each parser takes the path and the operand and returns the edits to make; `array_updates.py` holds
those that change arrays. https://www.mongodb.com/docs/manual/reference/operator/update-field/
"""

import time
from collections.abc import Callable
from functools import partial, reduce
from operator import and_, or_, xor
from typing import Any, Final

from bson import DatetimeMS
from bson.timestamp import Timestamp

from ..errors import bad_value, type_mismatch
from .bson_order import compare
from .bson_text import render_field
from .bson_types import is_number, is_string, type_name
from .numbers import Number, add, is_integer_type, is_long, multiply, typed_int
from .paths import MISSING
from .update_tree import Edit, Situation, keep_if_same

Edits = list[tuple[str, Edit]]
ParseEdits = Callable[[str, Any], Edits]


def _parse_set(path: str, operand: Any) -> Edits:
    return [(path, Edit(lambda old, situation, at: keep_if_same(old, operand)))]


def _parse_set_on_insert(path: str, operand: Any) -> Edits:
    def apply(old: Any, situation: Situation, at: str) -> Any:
        return keep_if_same(old, operand) if situation.is_insert else old

    return [(path, Edit(apply, ignores_bad_paths=True))]


def _parse_unset(path: str, operand: Any) -> Edits:
    return [(path, unset_edit())]


def unset_edit(*, ignores_bad_paths: bool = True) -> Edit:
    """Return the edit that takes a field away."""
    return Edit(lambda old, situation, at: MISSING, ignores_bad_paths=ignores_bad_paths)


def _parse_arithmetic(name: str, path: str, operand: Any) -> Edits:
    verb, combine = {"$inc": ("increment", add), "$mul": ("multiply", multiply)}[name]
    if not is_number(operand):
        shown = f"{{{render_field(path, operand)}}}"
        raise type_mismatch(f"Cannot {verb} with non-numeric argument: {shown}")

    def apply(old: Any, situation: Situation, at: str) -> Any:
        if old is MISSING:
            return operand if name == "$inc" else _zero_like(operand)
        if not is_number(old):
            raise type_mismatch(
                f"Cannot apply {name} to a value of non-numeric type. "
                f"{{{situation.describe_id()}}} has the field '{at.rpartition('.')[2]}' of "
                f"non-numeric type {type_name(old)}"
            )
        try:
            return keep_if_same(old, combine(old, operand))
        except OverflowError as error:
            kind = "NumberLong" if is_long(old) else "NumberInt"
            raise bad_value(
                f"Failed to apply {name} operations to current value (({kind}){old}) for "
                f"document {{{situation.describe_id()}}}"
            ) from error

    return [(path, Edit(apply))]


def _zero_like(operand: Number) -> Number:
    return multiply(operand, 0)


def _parse_extreme(sign: int, path: str, operand: Any) -> Edits:
    def apply(old: Any, situation: Situation, at: str) -> Any:
        return operand if old is MISSING or compare(operand, old) == sign else old

    return [(path, Edit(apply))]


def _parse_current_date(path: str, operand: Any) -> Edits:
    make = _clock(operand)
    return [(path, Edit(lambda old, situation, at: make()))]


def _clock(operand: Any) -> Callable[[], Any]:
    """Return what makes the value of `$currentDate`."""
    if isinstance(operand, bool):
        return _now
    if not isinstance(operand, dict):
        raise bad_value(
            f"{type_name(operand)} is not valid type for $currentDate. Please use a boolean "
            "('true') or a $type expression ({$type: 'timestamp/date'})."
        )
    for name, value in operand.items():
        if name != "$type":
            raise bad_value(f"Unrecognized $currentDate option: {name}")
        if value == "date":
            return _now
        if value == "timestamp":
            return lambda: Timestamp(int(time.time()), 1)
    raise bad_value(
        "The '$type' string field is required to be 'date' or 'timestamp': "
        "{$currentDate: {field : {$type: 'date'}}}"
    )


def _now() -> DatetimeMS:
    return DatetimeMS(time.time_ns() // 1_000_000)


_BIT_OPERATIONS: Final[dict[str, Callable[[int, int], int]]] = {"and": and_, "or": or_, "xor": xor}


def _parse_bit(path: str, operand: Any) -> Edits:
    if not isinstance(operand, dict):
        raise bad_value(
            f"The $bit modifier is not compatible with a {type_name(operand)}. You must pass in an "
            "embedded document: {$bit: {field: {and/or/xor: #}}"
        )
    if not operand:
        raise bad_value(
            "You must pass in at least one bitwise operation. "
            "The format is: {$bit: {field: {and/or/xor: #}}"
        )
    for name, mask in operand.items():
        if name not in _BIT_OPERATIONS:
            raise bad_value(
                "The $bit modifier only supports 'and', 'or', and 'xor', "
                f"not '{name}' which is an unknown operator: {{{render_field(name, mask)}}}"
            )
        if not is_integer_type(mask):
            raise bad_value(
                "The $bit modifier field must be an Integer(32/64 bit); a "
                f"'{type_name(mask)}' is not supported here: {{{render_field(name, mask)}}}"
            )
    return [(path, Edit(partial(_apply_bits, operand)))]


def _apply_bits(operations: dict[str, int], old: Any, situation: Situation, at: str) -> Any:
    start = 0 if old is MISSING else old
    if not is_integer_type(start):
        raise bad_value(
            f"Cannot apply $bit to a value of non-integral type.{situation.describe_id()} has the "
            f"field {at.rpartition('.')[2]} of non-integer type {type_name(old)}"
        )
    bits = reduce(
        lambda value, item: _BIT_OPERATIONS[item[0]](value, int(item[1])),
        operations.items(),
        int(start),
    )
    long = is_long(start) or any(map(is_long, operations.values()))
    return keep_if_same(old, typed_int(bits, long=long))


def _parse_rename(path: str, operand: Any) -> Edits:
    if not is_string(operand):
        shown = render_field(path, operand)
        raise bad_value(f"The 'to' field for $rename must be a string: {shown}")
    shown = render_field(path, operand)
    if path == operand:
        raise bad_value(f"The source and target field for $rename must differ: {shown}")
    if f"{operand}.".startswith(f"{path}.") or f"{path}.".startswith(f"{operand}."):
        raise bad_value(
            f"The source and target field for $rename must not be on the same path: {shown}"
        )
    for role, name in (("source", path), ("destination", operand)):
        if any(part.startswith("$") for part in name.split(".")):
            raise bad_value(f"The {role} field for $rename may not be dynamic: {name}")

    def apply(old: Any, situation: Situation, at: str) -> Any:
        source = _plain_value("source", path, situation)
        if source is MISSING:
            return old
        _plain_value("destination", operand, situation)
        return keep_if_same(old, source)

    return [(path, unset_edit(ignores_bad_paths=False)), (operand, Edit(apply, True))]


def _plain_value(role: str, path: str, situation: Situation) -> Any:
    """Return the value at a path that must not run through an array."""
    value: Any = situation.document
    parts = path.split(".")
    for depth, part in enumerate(parts):
        if isinstance(value, list):
            raise bad_value(
                f"The {role} field cannot be an array element, '{path}' in doc with "
                f"{situation.describe_id()} has an array field called '{parts[depth - 1]}'"
            )
        value = value.get(part, MISSING) if isinstance(value, dict) else MISSING
    return value


FIELD_OPERATORS: Final[dict[str, ParseEdits]] = {
    "$set": _parse_set,
    "$setOnInsert": _parse_set_on_insert,
    "$unset": _parse_unset,
    "$inc": partial(_parse_arithmetic, "$inc"),
    "$mul": partial(_parse_arithmetic, "$mul"),
    "$min": partial(_parse_extreme, -1),
    "$max": partial(_parse_extreme, 1),
    "$currentDate": _parse_current_date,
    "$bit": _parse_bit,
    "$rename": _parse_rename,
}
