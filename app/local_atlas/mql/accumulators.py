"""The table of accumulators: of `$group`, and those that also fold an array as expressions.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/group/#accumulator-operator
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ..errors import type_mismatch
from ..mongodb_names import ACCUMULATORS as REAL_ACCUMULATORS
from ..mongodb_names import note_on
from .bson_types import is_number
from .expression_compiler import Evaluate, Scope, Variables, compile_operand, constant, special_form
from .fold import Fold
from .folds import FOLDS, FOLDS_OF_N, top_fold
from .numbers import exact_int64
from .operators.support import Signature, is_null, location, require_array, shown
from .paths import MISSING
from .rows import Row
from .sorting import compile_sort


@dataclass(frozen=True, slots=True)
class Accumulator:
    """A compiled accumulator: a new fold for each group, and what of a row is added to it."""

    start: Callable[[], Fold]
    evaluate: Evaluate


CompileAccumulator = Callable[[Any, Scope], Accumulator]


def compile_accumulator(field: str, specification: Any, scope: Scope) -> Accumulator:
    """Compile `{$sum: "$price"}`, the value of a field of `$group`.

    Raises:
        CommandError: 40234, 40238 where it is no accumulator object, 15952 for an unknown one.
    """
    if not isinstance(specification, Mapping) or not specification:
        raise location(40234, f"The field '{field}' must be an accumulator object")
    if len(specification) != 1:
        raise location(40238, f"The field '{field}' must specify one accumulator")
    ((name, operand),) = specification.items()
    compile_one = ACCUMULATORS.get(name)
    if compile_one is None:
        if not name.startswith("$"):
            raise location(40234, f"The field '{field}' must be an accumulator object")
        note = note_on(name, REAL_ACCUMULATORS)
        raise location(15952, f"unknown group operator '{name}'{note}")
    return compile_one(operand, scope)


def _unary(name: str, start: Callable[[], Fold]) -> CompileAccumulator:
    def compile_one(operand: Any, scope: Scope) -> Accumulator:
        if isinstance(operand, list):
            if len(operand) != 1:
                raise location(40237, f"The {name} accumulator is a unary operator")
            (operand,) = operand
        return Accumulator(start, compile_operand(operand, scope))

    return compile_one


def _count(operand: Any, scope: Scope) -> Accumulator:
    if operand != {}:
        raise type_mismatch("$count takes no arguments, i.e. $count:{}")
    return Accumulator(FOLDS["$sum"], constant(1))


def _of_n(name: str, start: Callable[[int], Fold]) -> CompileAccumulator:
    signature = Signature(name, {"input": 5787907, "n": 5787906}, frozenset(), 5787900, 5787901)

    def compile_one(operand: Any, scope: Scope) -> Accumulator:
        arguments = signature.check(operand)
        n = _constant_n(arguments["n"], scope)
        return Accumulator(partial(start, n), compile_operand(arguments["input"], scope))

    return compile_one


def _constant_n(expression: Any, scope: Scope) -> int:
    return checked_n(compile_operand(expression, scope)(Row(document={}), {}))


def checked_n(value: Any) -> int:
    """Return the `n` of `$firstN` and its kin, or raise what the server raises."""
    if not is_number(value):
        raise location(5787902, f"Value for 'n' must be of integral type, but found {shown(value)}")
    n = exact_int64(value)
    if n is None:
        raise location(5787903, f"Value for 'n' must be of integral type, but found {shown(value)}")
    if n < 1:
        raise location(5787908, f"'n' must be greater than 0, found {n}")
    return n


def _sorted_pick(name: str, *, is_bottom: bool, is_single: bool) -> CompileAccumulator:
    required = {"output": 5788004, "sortBy": 5788005}
    if not is_single:
        required["n"] = 5788003
    signature = Signature(name, required, frozenset(), 5788001, 5788002)

    def compile_one(operand: Any, scope: Scope) -> Accumulator:
        arguments = signature.check(operand)
        if not isinstance(arguments["sortBy"], Mapping):
            raise location(5788604, "expected 'sortBy' to already be an object in the arguments")
        key = compile_sort(arguments["sortBy"], scope)
        output = compile_operand(arguments["output"], scope)
        n = None if is_single else _constant_n(arguments["n"], scope)

        def evaluate(row: Row, variables: Variables) -> Any:
            return key(row), output(row, variables)

        return Accumulator(partial(top_fold, n, is_bottom=is_bottom), evaluate)

    return compile_one


ACCUMULATORS: Final[dict[str, CompileAccumulator]] = {
    **{name: _unary(name, start) for name, start in FOLDS.items()},
    **{name: _of_n(name, start) for name, start in FOLDS_OF_N.items()},
    "$count": _count,
    "$top": _sorted_pick("$top", is_bottom=False, is_single=True),
    "$bottom": _sorted_pick("$bottom", is_bottom=True, is_single=True),
    "$topN": _sorted_pick("$topN", is_bottom=False, is_single=False),
    "$bottomN": _sorted_pick("$bottomN", is_bottom=True, is_single=False),
}


def _folding_expression(name: str) -> None:
    """Register an accumulator as an expression over its operands, or over one array."""

    @special_form(name)
    def _fold(operand: Any, scope: Scope) -> Evaluate:
        operands = operand if isinstance(operand, list) else [operand]
        parts = [compile_operand(each, scope) for each in operands]

        def evaluate(row: Row, variables: Variables) -> Any:
            values = [part(row, variables) for part in parts]
            if len(values) == 1 and isinstance(values[0], list):
                (values,) = values
            fold = FOLDS[name]()
            for value in values:
                fold.add(value)
            return fold.result()

        return evaluate


for _name in ("$sum", "$avg", "$min", "$max", "$stdDevPop", "$stdDevSamp"):
    _folding_expression(_name)


def _end_expression(name: str, index: int) -> None:
    """Register `$first` or `$last` of an array."""

    @special_form(name)
    def _end(operand: Any, scope: Scope) -> Evaluate:
        operands = operand if isinstance(operand, list) else [operand]
        if len(operands) != 1:
            message = (
                f"Expression {name} takes exactly 1 arguments. {len(operands)} were passed in."
            )
            raise location(16020, message)
        array_of = compile_operand(operands[0], scope)
        message = f"{name}'s argument must be an array, but is "

        def evaluate(row: Row, variables: Variables) -> Any:
            array = array_of(row, variables)
            if is_null(array):
                return None
            ends = require_array(array, 28689, message)[index:][:1]
            return ends[0] if ends else MISSING

        return evaluate


_end_expression("$first", 0)
_end_expression("$last", -1)


def _of_n_expression(name: str) -> None:
    """Register `$firstN`, `$lastN`, `$minN` or `$maxN` of an array."""
    signature = Signature(name, {"input": 5787907, "n": 5787906}, frozenset(), 5787900, 5787901)

    @special_form(name)
    def _pick(operand: Any, scope: Scope) -> Evaluate:
        arguments = signature.check(operand)
        array_of = compile_operand(arguments["input"], scope)
        n_of = compile_operand(arguments["n"], scope)

        def evaluate(row: Row, variables: Variables) -> Any:
            array = array_of(row, variables)
            fold = FOLDS_OF_N[name](checked_n(n_of(row, variables)))
            if not isinstance(array, list):
                raise location(5788200, f"Input must be an array, but found {shown(array)}")
            for item in array:
                fold.add(item)
            return fold.result()

        return evaluate


for _name in FOLDS_OF_N:
    _of_n_expression(_name)
