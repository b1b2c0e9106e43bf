"""Stages that gather rows into groups: `$group`, `$sortByCount`, `$bucket`.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/group/
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from .accumulators import Accumulator, compile_accumulator
from .bson_order import sort_key
from .bson_text import render
from .bson_types import is_string, type_name
from .expression_compiler import Evaluate, Scope, Variables
from .expressions import compile_expression
from .fold import Fold
from .operators.support import location
from .paths import MISSING
from .pipelines import Environment, Stage, StageScope, stage
from .rows import Row
from .sorting import compile_sort_key

KeyOf = Callable[[Row, Variables], Any]


@stage("$group", starts_anew=True)
def _group(name: str, operand: Any, scope: StageScope) -> Stage:
    if not isinstance(operand, Mapping):
        raise location(15947, "a group's fields must be specified in an object")
    if "_id" not in operand:
        raise location(15955, "a group specification must include an _id")
    fields = {field: each for field, each in operand.items() if field != "_id"}
    accumulators = compile_fields(fields, scope.expressions)
    key_of = _null_for_missing(compile_expression(operand["_id"], scope.expressions))

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        return iter(gather(rows, variables, key_of, accumulators))

    return run


def compile_fields(fields: Mapping[str, Any], scope: Scope) -> dict[str, Accumulator]:
    """Compile the fields that a stage computes for each group."""
    for field in fields:
        if "." in field:
            raise location(40235, f"The field name '{field}' cannot contain '.'")
        if field.startswith("$"):
            raise location(40236, f"The field name '{field}' cannot be an operator name")
    return {field: compile_accumulator(field, each, scope) for field, each in fields.items()}


def _null_for_missing(evaluate: Evaluate) -> KeyOf:
    def key_of(row: Row, variables: Variables) -> Any:
        value = evaluate(row, variables)
        return None if value is MISSING else value

    return key_of


def gather(
    rows: Iterator[Row],
    variables: Variables,
    key_of: KeyOf,
    accumulators: Mapping[str, Accumulator],
) -> Iterator[Row]:
    """Yield one row per group, in the order of their first rows."""
    groups: dict[bytes, tuple[Any, list[Fold]]] = {}
    parts = list(accumulators.values())
    for row in rows:
        identity = key_of(row, variables)
        key = sort_key(identity)
        group = groups.get(key)
        if group is None:
            group = groups[key] = (identity, [part.start() for part in parts])
        for part, fold in zip(parts, group[1], strict=True):
            fold.add(part.evaluate(row, variables))
    for identity, folds in groups.values():
        results = (fold.result() for fold in folds)
        yield Row(document={"_id": identity, **dict(zip(accumulators, results, strict=True))})


@stage("$sortByCount", starts_anew=True)
def _sort_by_count(name: str, operand: Any, scope: StageScope) -> Stage:
    if isinstance(operand, Mapping):
        if not next(iter(operand), "").startswith("$"):
            raise location(
                40147,
                "the sortByCount field must be defined as a $-prefixed path or an "
                "expression inside an object",
            )
    elif not is_string(operand):
        message = "the sortByCount field must be specified as a string or as an object"
        raise location(40149, message)
    elif not operand.startswith("$"):
        message = "the sortByCount field must be defined as a $-prefixed path or an expression"
        raise location(40148, message)
    key_of = _null_for_missing(compile_expression(operand, scope.expressions))
    accumulators = compile_fields({"count": {"$sum": 1}}, scope.expressions)
    by_count = compile_sort_key({"count": -1})

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        groups = gather(rows, variables, key_of, accumulators)
        yield from sorted(groups, key=lambda row: by_count(row.document))

    return run


@stage("$bucket", starts_anew=True)
def _bucket(name: str, operand: Any, scope: StageScope) -> Stage:
    if not isinstance(operand, Mapping):
        kind = type_name(operand)
        message = f"Argument to $bucket stage must be an object, but found type: {kind}."
        raise location(40201, message)
    for option in operand:
        if option not in {"groupBy", "boundaries", "default", "output"}:
            raise location(40197, f"Unrecognized option to $bucket: {option}.")
    if "groupBy" not in operand or "boundaries" not in operand:
        raise location(40198, "$bucket requires 'groupBy' and 'boundaries' to be specified.")
    check_group_by(name, operand["groupBy"])
    boundaries = _boundaries(operand["boundaries"], scope.expressions)
    default = _default(operand, boundaries, scope.expressions)
    output = operand.get("output", {"count": {"$sum": 1}})
    if not isinstance(output, Mapping):
        kind = type_name(output)
        message = f"The $bucket 'output' field must be an object, but found type: {kind}."
        raise location(40196, message)
    accumulators = compile_fields(output, scope.expressions)
    group_by = compile_expression(operand["groupBy"], scope.expressions)
    key_of = _bucket_key(group_by, boundaries, default)

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        groups = gather(rows, variables, key_of, accumulators)
        yield from sorted(groups, key=lambda row: sort_key(row.document["_id"]))

    return run


def check_group_by(stage_name: str, operand: Any) -> None:
    """Refuse what is neither a path nor an expression."""
    is_path = is_string(operand) and operand.startswith("$")
    if not is_path and not isinstance(operand, Mapping):
        raise location(
            40202,
            f"The {stage_name} 'groupBy' field must be defined as a $-prefixed path or an "
            f"expression, but found: {render(operand)}.",
        )


def _boundaries(operand: Any, scope: Scope) -> list[Any]:
    if not isinstance(operand, list):
        kind = type_name(operand)
        message = f"The $bucket 'boundaries' field must be an array, but found type: {kind}."
        raise location(40200, message)
    if len(operand) < 2:
        raise location(
            40192,
            "The $bucket 'boundaries' field must have at least 2 values, but found "
            f"{len(operand)} value(s).",
        )
    values = [compile_expression(each, scope)(Row(document={}), {}) for each in operand]
    keys = [sort_key(value) for value in values]
    for lower, upper in pairwise(keys):
        if lower[0] != upper[0]:
            raise location(
                40193,
                "All values in the the 'boundaries' option to $bucket must have the same type.",
            )
        if lower >= upper:
            raise location(
                40194,
                "The 'boundaries' option to $bucket must be sorted, but elements are not in "
                "ascending order.",
            )
    return values


def _default(operand: Mapping[str, Any], boundaries: list[Any], scope: Scope) -> Any:
    if "default" not in operand:
        return MISSING
    value = compile_expression(operand["default"], scope)(Row(document={}), {})
    key = sort_key(value)
    if sort_key(boundaries[0]) <= key < sort_key(boundaries[-1]):
        raise location(
            40199,
            "The $bucket 'default' field must be less than the lowest boundary or greater than or "
            "equal to the highest boundary.",
        )
    return value


def _bucket_key(group_by: Evaluate, boundaries: list[Any], default: Any) -> KeyOf:
    keys = [sort_key(value) for value in boundaries]

    def key_of(row: Row, variables: Variables) -> Any:
        place = bisect_right(keys, sort_key(group_by(row, variables)))
        if 0 < place < len(keys):
            return boundaries[place - 1]
        if default is MISSING:
            raise location(
                40066,
                "$switch could not find a matching branch for an input, and no default was "
                "specified.",
            )
        return default

    return key_of
