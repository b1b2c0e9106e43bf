"""Arrays taken apart and put together: `$size`, `$arrayElemAt`, `$slice`, `$range`, `$zip`, ...

https://www.mongodb.com/docs/manual/reference/operator/aggregation/#array-expression-operators
"""

from itertools import zip_longest
from typing import Any

from ..bson_order import sort_key, value_key
from ..bson_types import is_number, type_name
from ..expression_compiler import (
    Evaluate,
    Scope,
    Variables,
    compile_operand,
    function,
    special_form,
)
from ..numbers import exact_int64
from ..paths import MISSING
from ..rows import Row
from ..sorting import compile_sort
from .limits import check_array_length
from .support import Signature, int32_of, is_null, location, require_array, shown


@function("$size")
def _size(value: Any) -> int:
    message = "The argument to $size must be an array, but was of type: "
    return len(require_array(value, 17124, message))


@function("$isArray")
def _is_array(value: Any) -> bool:
    return isinstance(value, list)


@function("$arrayElemAt", least=2, most=2)
def _array_elem_at(array: Any, index: Any) -> Any:
    if is_null(array) or is_null(index):
        return None
    require_array(array, 28689, "$arrayElemAt's first argument must be an array, but is ")
    if not is_number(index):
        kind = type_name(index)
        message = f"$arrayElemAt's second argument must be a numeric value, but is {kind}"
        raise location(28690, message)
    whole = int32_of(index)
    if whole is None:
        raise location(
            28691,
            "$arrayElemAt's second argument must be representable as a 32-bit integer: "
            f"{shown(index)}",
        )
    return array[whole] if -len(array) <= whole < len(array) else MISSING


@function("$slice", least=2, most=3)
def _slice(array: Any, position: Any, count: Any = MISSING) -> Any:
    if is_null(array) or is_null(position) or count is None:
        return None
    require_array(array, 28724, "First argument to $slice must be an array, but is of type: ")
    start = _slice_part("Second", position, (28725, 28726))
    if count is MISSING:
        return array[:start] if start >= 0 else array[start:]
    length = _slice_part("Third", count, (28727, 28728))
    if length <= 0:
        raise location(28729, f"Third argument to $slice must be positive: {length}")
    begin = start if start >= 0 else max(0, len(array) + start)
    return array[begin : begin + length]


def _slice_part(place: str, value: Any, codes: tuple[int, int]) -> int:
    if not is_number(value):
        kind = type_name(value)
        message = f"{place} argument to $slice must be a numeric value, but is of type: {kind}"
        raise location(codes[0], message)
    whole = int32_of(value)
    if whole is None:
        raise location(
            codes[1],
            f"{place} argument to $slice can't be represented as a 32-bit integer: {shown(value)}",
        )
    return whole


@function("$in", least=2, most=2)
def _in(value: Any, array: Any) -> bool:
    require_array(array, 40081, "$in requires an array as a second argument, found: ")
    key = value_key(value)
    return any(sort_key(item) == key for item in array)


@function("$indexOfArray", least=2, most=4)
def _index_of_array(array: Any, value: Any, start: Any = 0, end: Any = MISSING) -> Any:
    if is_null(array):
        return None
    require_array(array, 40090, "$indexOfArray requires an array as a first argument, found: ")
    begin = _array_bound("starting", start)
    limit = len(array) if end is MISSING else min(len(array), _array_bound("ending", end))
    key = value_key(value)
    return next((i for i in range(begin, limit) if sort_key(array[i]) == key), -1)


def _array_bound(role: str, value: Any) -> int:
    whole = exact_int64(value)
    if whole is None:
        raise location(
            40096,
            f"$indexOfArray requires an integral {role} index, found a value of type: "
            f"{type_name(value)}, with value: {shown(value)}",
        )
    if whole < 0:
        message = f"$indexOfArray requires a nonnegative {role} index, found: {whole}"
        raise location(40097, message)
    return whole


@function("$concatArrays", least=0, most=None)
def _concat_arrays(*values: Any) -> Any:
    joined: list[Any] = []
    for value in values:
        if is_null(value):
            return None
        joined += require_array(value, 28664, "$concatArrays only supports arrays, not ")
        check_array_length("$concatArrays", len(joined))
    return joined


@function("$reverseArray")
def _reverse_array(value: Any) -> Any:
    if is_null(value):
        return None
    message = "The argument to $reverseArray must be an array, but was of type: "
    return require_array(value, 34435, message)[::-1]


@function("$range", least=2, most=3)
def _range(start: Any, end: Any, step: Any = 1) -> list[int]:
    first = _range_part("a numeric starting value", "a starting value", start, (34443, 34444))
    last = _range_part("a numeric ending value", "an ending value", end, (34445, 34446))
    stride = _range_part("a numeric step value", "a step value", step, (34447, 34448))
    if stride == 0:
        raise location(34449, "$range requires a non-zero step value")
    numbers = range(first, last, stride)
    check_array_length("$range", len(numbers))
    return list(numbers)


def _range_part(wanted: str, role: str, value: Any, codes: tuple[int, int]) -> int:
    if not is_number(value):
        message = f"$range requires {wanted}, found value of type: {type_name(value)}"
        raise location(codes[0], message)
    whole = int32_of(value)
    if whole is None:
        raise location(
            codes[1],
            f"$range requires {role} that can be represented as a 32-bit integer, found value: "
            f"{shown(value)}",
        )
    return whole


_ZIP = Signature(
    "$zip", {"inputs": 34465}, frozenset({"useLongestLength", "defaults"}), 34460, 34464
)


@special_form("$zip")
def _zip(operand: Any, scope: Scope) -> Evaluate:
    arguments = _ZIP.check(operand)
    inputs, defaults = arguments["inputs"], arguments.get("defaults", [])
    longest = arguments.get("useLongestLength", False)
    require_array(inputs, 34461, "inputs must be an array of expressions, found ")
    require_array(defaults, 34462, "defaults must be an array of expressions, found ")
    if not isinstance(longest, bool):
        raise location(34463, f"useLongestLength must be a bool, found {type_name(longest)}")
    if not inputs:
        raise location(34465, "$zip requires at least one input array")
    if defaults and not longest:
        raise location(34466, "cannot specify defaults unless useLongestLength is true")
    if defaults and len(defaults) != len(inputs):
        raise location(34467, "defaults and inputs must have the same length")
    arrays = [compile_operand(each, scope) for each in inputs]
    fill = [compile_operand(each, scope) for each in defaults or [None] * len(inputs)]

    def evaluate(row: Row, variables: Variables) -> Any:
        values = [array(row, variables) for array in arrays]
        if any(map(is_null, values)):
            return None
        for value in values:
            if not isinstance(value, list):
                message = f"$zip found a non-array expression in input: {shown(value)}"
                raise location(34468, message)
        if not longest:
            return [list(each) for each in zip(*values, strict=False)]
        padding = [each(row, variables) for each in fill]
        return [
            [padding[i] if item is MISSING else item for i, item in enumerate(each)]
            for each in zip_longest(*values, fillvalue=MISSING)
        ]

    return evaluate


_SORT_ARRAY = Signature(
    "$sortArray", {"input": 2942502, "sortBy": 2942503}, frozenset(), 2942500, 2942501
)


@special_form("$sortArray")
def _sort_array(operand: Any, scope: Scope) -> Evaluate:
    arguments = _SORT_ARRAY.check(operand)
    input_of = compile_operand(arguments["input"], scope)
    order = arguments["sortBy"]
    if isinstance(order, dict):
        document_key = compile_sort(order)
        is_down = False
    else:
        direction = exact_int64(order)
        if direction not in {1, -1}:
            raise location(2942507, "The $sort element value must be either 1 or -1")
        document_key = None
        is_down = direction == -1

    def key(item: Any) -> bytes:
        if document_key is None:
            return sort_key(item)
        return document_key(Row(document=item if isinstance(item, dict) else {}))

    def evaluate(row: Row, variables: Variables) -> Any:
        array = input_of(row, variables)
        if is_null(array):
            return None
        message = "The input argument to $sortArray must be an array, but was of type: "
        return sorted(require_array(array, 2942504, message), key=key, reverse=is_down)

    return evaluate
