"""Sets: arrays without order and repetition. Results are sorted, as the server's happen to be.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/#set-expression-operators
"""

from typing import Any

from ..bson_order import value_key
from ..bson_types import is_true, type_name
from ..expression_compiler import function
from .support import is_null, location, require_array


def _distinct(array: list[Any]) -> dict[bytes, Any]:
    distinct: dict[bytes, Any] = {}
    for item in array:
        distinct.setdefault(value_key(item), item)
    return distinct


@function("$setUnion", least=0, most=None)
def _set_union(*values: Any) -> Any:
    union: dict[bytes, Any] = {}
    for value in values:
        if is_null(value):
            return None
        message = "All operands of $setUnion must be arrays. One argument is of type: "
        union = {**_distinct(require_array(value, 17043, message)), **union}
    return [union[key] for key in sorted(union)]


@function("$setIntersection", least=0, most=None)
def _set_intersection(*values: Any) -> Any:
    common: dict[bytes, Any] | None = None
    for value in values:
        if is_null(value):
            return None
        message = "All operands of $setIntersection must be arrays. One argument is of type: "
        distinct = _distinct(require_array(value, 17047, message))
        common = distinct if common is None else {k: v for k, v in common.items() if k in distinct}
    return [common[key] for key in sorted(common)] if common else []


@function("$setDifference", least=2, most=2)
def _set_difference(a: Any, b: Any) -> Any:
    if is_null(a) or is_null(b):
        return None
    message = "both operands of $setDifference must be arrays. {} argument is of type: "
    first = _distinct(require_array(a, 17048, message.format("First")))
    second = _distinct(require_array(b, 17049, message.format("Second")))
    return [item for key, item in first.items() if key not in second]


@function("$setEquals", least=2, most=None)
def _set_equals(*values: Any) -> bool:
    sets = []
    for index, value in enumerate(values, start=1):
        message = f"All operands of $setEquals must be arrays. {index}-th argument is of type: "
        sets.append(set(_distinct(require_array(value, 17044, message))))
    return all(each == sets[0] for each in sets)


@function("$setIsSubset", least=2, most=2)
def _set_is_subset(a: Any, b: Any) -> bool:
    message = "both operands of $setIsSubset must be arrays. {} argument is of type: "
    first = _distinct(require_array(a, 17046, message.format("First")))
    second = _distinct(require_array(b, 17042, message.format("Second")))
    return set(first) <= set(second)


@function("$anyElementTrue")
def _any_element_true(value: Any) -> bool:
    return any(map(is_true, _elements("$anyElementTrue", value, 17041)))


@function("$allElementsTrue")
def _all_elements_true(value: Any) -> bool:
    return all(map(is_true, _elements("$allElementsTrue", value, 17040)))


def _elements(name: str, value: Any, code: int) -> list[Any]:
    if not isinstance(value, list):
        raise location(code, f"{name}'s argument must be an array, but is {type_name(value)}")
    return value
