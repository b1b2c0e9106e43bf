"""The update operators of arrays: `$push`, `$addToSet`, `$pop`, `$pull`, `$pullAll`.

https://www.mongodb.com/docs/manual/reference/operator/update-array/
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from bson import Regex

from ..errors import bad_value, failed_to_parse, type_mismatch
from .bson_order import sort_key
from .bson_text import render, render_field
from .bson_types import is_number, type_name
from .conditions import is_operator_document
from .matcher import compile_filter
from .numbers import exact_int64
from .paths import MISSING
from .sorting import compile_sort_key
from .update_operators import Edits, ParseEdits
from .update_tree import Edit, Situation, keep_if_same

_PUSH_CLAUSES: Final = frozenset({"$each", "$slice", "$sort", "$position"})


def _parse_push(path: str, operand: Any) -> Edits:
    clauses = operand if isinstance(operand, dict) and "$each" in operand else {"$each": [operand]}
    for name in clauses:
        if name not in _PUSH_CLAUSES:
            raise bad_value(f"Unrecognized clause in $push: {name}")
    values = clauses["$each"]
    if not isinstance(values, list):
        raise bad_value(
            f"The argument to $each in $push must be an array but it was of type: "
            f"{type_name(values)}"
        )
    slice_to = _integer_clause(clauses, "$slice", "but was given type")
    position = _integer_clause(clauses, "$position", "not of type")
    sort = _parse_push_sort(clauses["$sort"]) if "$sort" in clauses else None

    def apply(old: Any, situation: Situation, at: str) -> Any:
        if old is not MISSING and not isinstance(old, list):
            raise bad_value(
                f"The field '{at}' must be an array but is of type {type_name(old)} in document "
                f"{{{situation.describe_id()}}}"
            )
        array = list(old) if isinstance(old, list) else []
        where = len(array) if position is None else position
        array[where:where] = values
        if sort is not None:
            array = sort(array)
        return keep_if_same(old, _sliced(array, slice_to))

    return [(path, Edit(apply))]


def _integer_clause(clauses: Mapping[str, Any], name: str, wording: str) -> int | None:
    if name not in clauses:
        return None
    value = exact_int64(clauses[name])
    if value is None:
        kind = type_name(clauses[name])
        raise bad_value(f"The value for {name} must be an integer value {wording}: {kind}")
    return value


def _sliced(array: list[Any], slice_to: int | None) -> list[Any]:
    if slice_to is None:
        return array
    return array[:slice_to] if slice_to >= 0 else array[slice_to:]


def _parse_push_sort(pattern: Any) -> Callable[[list[Any]], list[Any]]:
    if is_number(pattern):
        _check_direction(pattern)
        return lambda array: sorted(array, key=sort_key, reverse=sort_key(pattern) < sort_key(0))
    if not isinstance(pattern, dict):
        raise bad_value(
            "The $sort is invalid: use 1/-1 to sort the whole element, "
            "or {field:1/-1} to sort embedded fields"
        )
    if not pattern:
        raise bad_value("The $sort pattern is empty when it should be a set of fields.")
    for name, direction in pattern.items():
        _check_direction(direction)
        if not name:
            raise bad_value("The $sort field cannot be empty")
        if not all(name.split(".")):
            raise bad_value(f"The $sort field is a dotted field but has an empty part: {name}")
    key = compile_sort_key(pattern)
    return lambda array: sorted(array, key=lambda item: key(item if isinstance(item, dict) else {}))


def _check_direction(value: Any) -> None:
    if not is_number(value) or exact_int64(value) not in {1, -1}:
        raise bad_value("The $sort element value must be either 1 or -1")


def _parse_add_to_set(path: str, operand: Any) -> Edits:
    values = [operand]
    if isinstance(operand, dict) and next(iter(operand), None) == "$each":
        values = operand["$each"]
        if not isinstance(values, list):
            raise type_mismatch(
                f"The argument to $each in $addToSet must be an array but it was of type "
                f"{type_name(values)}"
            )
        for name in operand:
            if name != "$each":
                raise bad_value(
                    f"Found unexpected fields after $each in $addToSet: {render(operand)}"
                )

    def apply(old: Any, situation: Situation, at: str) -> Any:
        if old is not MISSING and not isinstance(old, list):
            name = at.rpartition(".")[2]
            raise bad_value(
                f"Cannot apply $addToSet to non-array field. Field named '{name}' has non-array "
                f"type {type_name(old)}"
            )
        array = old if isinstance(old, list) else []
        present = set(map(sort_key, array))
        added = []
        for value in values:
            key = sort_key(value)
            if key not in present:
                present.add(key)
                added.append(value)
        return [*array, *added] if added or old is MISSING else old

    return [(path, Edit(apply))]


def _parse_pop(path: str, operand: Any) -> Edits:
    if not is_number(operand):
        raise failed_to_parse(f"Expected a number in: {render_field(path, operand)}")
    end = exact_int64(operand)
    if end is None:
        raise failed_to_parse(f"Expected an integer: {render_field(path, operand)}")
    if end not in {1, -1}:
        raise failed_to_parse(f"$pop expects 1 or -1, found: {end}")

    def apply(old: Any, situation: Situation, at: str) -> Any:
        if old is MISSING:
            return MISSING
        if not isinstance(old, list):
            raise type_mismatch(
                f"Path '{at}' contains an element of non-array type '{type_name(old)}'"
            )
        if not old:
            return old
        return old[:-1] if end == 1 else old[1:]

    return [(path, Edit(apply))]


def _parse_pull(path: str, operand: Any) -> Edits:
    return [(path, _culling_edit(_pull_test(operand)))]


def _pull_test(operand: Any) -> Callable[[Any], bool]:
    """Return which elements `$pull` takes away.

    A document of fields is a query on elements that are documents; operators apply to any element;
    every other value takes away its equals.
    """
    if isinstance(operand, Regex) or is_operator_document(operand):
        wrapped = compile_filter({"element": operand})
        return lambda item: wrapped({"element": item})
    if isinstance(operand, dict):
        matches = compile_filter(operand)
        return lambda item: isinstance(item, dict) and matches(item)
    key = sort_key(operand)
    return lambda item: sort_key(item) == key


def _parse_pull_all(path: str, operand: Any) -> Edits:
    if not isinstance(operand, list):
        kind = type_name(operand)
        raise bad_value(f"$pullAll requires an array argument but was given a {kind}")
    keys = frozenset(map(sort_key, operand))
    return [(path, _culling_edit(lambda item: sort_key(item) in keys))]


def _culling_edit(is_taken: Callable[[Any], bool]) -> Edit:
    def apply(old: Any, situation: Situation, at: str) -> Any:
        if old is MISSING:
            return MISSING
        if not isinstance(old, list):
            raise bad_value("Cannot apply $pull to a non-array value")
        kept = [item for item in old if not is_taken(item)]
        return old if len(kept) == len(old) else kept

    return Edit(apply)


ARRAY_OPERATORS: Final[dict[str, ParseEdits]] = {
    "$push": _parse_push,
    "$addToSet": _parse_add_to_set,
    "$pop": _parse_pop,
    "$pull": _parse_pull,
    "$pullAll": _parse_pull_all,
}
