"""Operators that run an expression for each element: `$map`, `$filter`, `$reduce`.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/map/
"""

from typing import Any

from ..bson_types import is_string, is_true, type_name
from ..expression_compiler import (
    Evaluate,
    Scope,
    Variables,
    check_variable_name,
    compile_operand,
    special_form,
)
from ..paths import MISSING
from ..rows import Row
from .support import Signature, int32_of, is_null, location, shown

_MAP = Signature("$map", {"input": 16880, "in": 16882}, frozenset({"as"}), 16878, 16879)
_FILTER = Signature(
    "$filter", {"input": 28648, "cond": 28650}, frozenset({"as", "limit"}), 28646, 28647
)
_REDUCE_CODES = {"input": 40077, "initialValue": 40078, "in": 40079}


@special_form("$map")
def _map(operand: Any, scope: Scope) -> Evaluate:
    arguments = _MAP.check(operand)
    name = _variable(arguments.get("as", "this"))
    input_of = compile_operand(arguments["input"], scope)
    apply = compile_operand(arguments["in"], scope.with_variables(name))

    def evaluate(row: Row, variables: Variables) -> Any:
        array = input_of(row, variables)
        if is_null(array):
            return None
        if not isinstance(array, list):
            raise location(16883, f"input to $map must be an array not {type_name(array)}")
        results = [apply(row, {**variables, name: item}) for item in array]
        return [None if result is MISSING else result for result in results]

    return evaluate


@special_form("$filter")
def _filter(operand: Any, scope: Scope) -> Evaluate:
    arguments = _FILTER.check(operand)
    name = _variable(arguments.get("as", "this"))
    input_of = compile_operand(arguments["input"], scope)
    keeps = compile_operand(arguments["cond"], scope.with_variables(name))
    limit_of = compile_operand(arguments.get("limit"), scope)

    def evaluate(row: Row, variables: Variables) -> Any:
        array = input_of(row, variables)
        if is_null(array):
            return None
        if not isinstance(array, list):
            raise location(28651, f"input to $filter must be an array not {type_name(array)}")
        limit = _filter_limit(limit_of(row, variables), len(array))
        kept: list[Any] = []
        for item in array:
            if len(kept) == limit:
                break
            if is_true(keeps(row, {**variables, name: item})):
                kept.append(item)
        return kept

    return evaluate


def _filter_limit(value: Any, default: int) -> int:
    if is_null(value):
        return default
    limit = int32_of(value)
    if limit is None:
        message = f"$filter: limit must be represented as a 32-bit integral value: {shown(value)}"
        raise location(327391, message)
    if limit < 1:
        raise location(327392, f"$filter: limit must be greater than 0: {limit}")
    return limit


@special_form("$reduce")
def _reduce(operand: Any, scope: Scope) -> Evaluate:
    if not isinstance(operand, dict):
        kind = type_name(operand)
        raise location(40075, f"$reduce requires an object as an argument, found: {kind}")
    for argument in operand:
        if argument not in _REDUCE_CODES:
            raise location(40076, f"$reduce found an unknown argument: {argument}")
    for argument, code in _REDUCE_CODES.items():
        if argument not in operand:
            raise location(code, f"$reduce requires '{argument}' to be specified")
    input_of = compile_operand(operand["input"], scope)
    initial_of = compile_operand(operand["initialValue"], scope)
    apply = compile_operand(operand["in"], scope.with_variables("this", "value"))

    def evaluate(row: Row, variables: Variables) -> Any:
        array = input_of(row, variables)
        if is_null(array):
            return None
        if not isinstance(array, list):
            message = f"$reduce requires that 'input' be an array, found: {shown(array)}"
            raise location(40080, message)
        value = initial_of(row, variables)
        for item in array:
            value = apply(row, {**variables, "this": item, "value": value})
        return value

    return evaluate


def _variable(name: Any) -> str:
    if not is_string(name):
        raise location(16881, f"'as' must be a string, but is {type_name(name)}")
    check_variable_name(name)
    return str(name)
