"""Comparison, boolean and conditional operators, and those that bind or quote.

Comparison is the total order of all BSON values, with a missing one before null.
https://www.mongodb.com/docs/manual/reference/operator/aggregation/#comparison-expression-operators
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from ..bson_order import value_key
from ..bson_types import is_true, type_name
from ..expression_compiler import (
    Evaluate,
    Scope,
    Variables,
    check_variable_name,
    compile_operand,
    constant,
    function,
    special_form,
)
from ..rows import Row
from .support import Signature, is_null, location


def _comparison(name: str, compare: Callable[[bytes, bytes], bool]) -> None:
    @function(name, least=2, most=2)
    def _compare(a: Any, b: Any) -> bool:
        return compare(value_key(a), value_key(b))


_comparison("$eq", operator.eq)
_comparison("$ne", operator.ne)
_comparison("$gt", operator.gt)
_comparison("$gte", operator.ge)
_comparison("$lt", operator.lt)
_comparison("$lte", operator.le)


@function("$cmp", least=2, most=2)
def _cmp(a: Any, b: Any) -> int:
    key_a, key_b = value_key(a), value_key(b)
    return (key_a > key_b) - (key_a < key_b)


@function("$not", least=1, most=1)
def _not(value: Any) -> bool:
    return not is_true(value)


@special_form("$and")
def _and(operand: Any, scope: Scope) -> Evaluate:
    parts = _operands(operand, scope)
    return lambda row, variables: all(is_true(part(row, variables)) for part in parts)


@special_form("$or")
def _or(operand: Any, scope: Scope) -> Evaluate:
    parts = _operands(operand, scope)
    return lambda row, variables: any(is_true(part(row, variables)) for part in parts)


def _operands(operand: Any, scope: Scope) -> list[Evaluate]:
    operands = operand if isinstance(operand, list) else [operand]
    return [compile_operand(each, scope) for each in operands]


_COND = Signature("$cond", {"if": 17080, "then": 17081, "else": 17082}, frozenset(), 17080, 17083)


@special_form("$cond")
def _cond(operand: Any, scope: Scope) -> Evaluate:
    if isinstance(operand, Mapping):
        arguments = _COND.check(operand)
        operand = [arguments["if"], arguments["then"], arguments["else"]]
    count = len(operand) if isinstance(operand, list) else 1
    if count != 3:
        message = f"Expression $cond takes exactly 3 arguments. {count} were passed in."
        raise location(16020, message)
    test, then, otherwise = (compile_operand(each, scope) for each in operand)
    return lambda row, variables: (
        then(row, variables) if is_true(test(row, variables)) else otherwise(row, variables)
    )


@special_form("$ifNull")
def _if_null(operand: Any, scope: Scope) -> Evaluate:
    parts = _operands(operand, scope)
    if len(parts) < 2:
        raise location(1257300, f"$ifNull needs at least two arguments, had: {len(parts)}")
    *candidates, last = parts

    def evaluate(row: Row, variables: Variables) -> Any:
        for part in candidates:
            value = part(row, variables)
            if not is_null(value):
                return value
        return last(row, variables)

    return evaluate


@special_form("$switch")
def _switch(operand: Any, scope: Scope) -> Evaluate:
    if not isinstance(operand, Mapping):
        kind = type_name(operand)
        raise location(40060, f"$switch requires an object as an argument, found: {kind}")
    for argument in operand:
        if argument not in {"branches", "default"}:
            raise location(40067, f"$switch found an unknown argument: {argument}")
    listed = operand.get("branches", [])
    if not isinstance(listed, list):
        kind = type_name(listed)
        raise location(40061, f"$switch expected an array for 'branches', found: {kind}")
    if not listed:
        raise location(40068, "$switch requires at least one branch.")
    branches = [_branch(each, scope) for each in listed]
    default = compile_operand(operand["default"], scope) if "default" in operand else None

    def evaluate(row: Row, variables: Variables) -> Any:
        for case, then in branches:
            if is_true(case(row, variables)):
                return then(row, variables)
        if default is None:
            raise location(
                40066,
                "$switch could not find a matching branch for an input, and no default was "
                "specified.",
            )
        return default(row, variables)

    return evaluate


def _branch(branch: Any, scope: Scope) -> tuple[Evaluate, Evaluate]:
    if not isinstance(branch, Mapping):
        kind = type_name(branch)
        raise location(40062, f"$switch expected each branch to be an object, found: {kind}")
    for argument in branch:
        if argument not in {"case", "then"}:
            raise location(40063, f"$switch found an unknown argument to a branch: {argument}")
    for argument, code in (("case", 40064), ("then", 40065)):
        if argument not in branch:
            raise location(code, f"$switch requires each branch have a '{argument}' expression")
    return compile_operand(branch["case"], scope), compile_operand(branch["then"], scope)


_LET = Signature("$let", {"vars": 16876, "in": 16877}, frozenset(), 16874, 16875)


@special_form("$let")
def _let(operand: Any, scope: Scope) -> Evaluate:
    arguments = _LET.check(operand)
    if not isinstance(arguments["vars"], Mapping):
        raise location(10065, "invalid parameter: expected an object (vars)")
    for name in arguments["vars"]:
        check_variable_name(name)
    values = {name: compile_operand(each, scope) for name, each in arguments["vars"].items()}
    inner = compile_operand(arguments["in"], scope.with_variables(*values))

    def evaluate(row: Row, variables: Variables) -> Any:
        bound = {name: value(row, variables) for name, value in values.items()}
        return inner(row, {**variables, **bound})

    return evaluate


@special_form("$literal")
def _literal(operand: Any, scope: Scope) -> Evaluate:
    return constant(operand)


@special_form("$const")
def _const(operand: Any, scope: Scope) -> Evaluate:
    return constant(operand)
