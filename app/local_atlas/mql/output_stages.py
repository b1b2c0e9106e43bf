"""The stages that end a pipeline by storing what it found: `$out` and `$merge`.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/out/
"""

from collections.abc import Iterator
from typing import Any

from bson import ObjectId

from .expression_compiler import Evaluate, Variables, check_variable_name
from .expressions import compile_expression
from .outputs import Merge, Write, parse_merge, parse_out
from .paths import MISSING
from .pipelines import Environment, Stage, StageScope, stage
from .rows import Row
from .transforms import compile_update_pipeline


@stage("$out")
def _out(name: str, operand: Any, scope: StageScope) -> Stage:
    target = parse_out(operand)

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        return _written(environment.replacing(target), rows)

    return run


@stage("$merge")
def _merge(name: str, operand: Any, scope: StageScope) -> Stage:
    merge = parse_merge(operand)
    let = _compile_let(merge, scope)
    if merge.when_matched == "pipeline":
        compile_update_pipeline(merge.pipeline, scope.expressions.with_variables(*let))

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        write = environment.merging(merge, variables)
        found = map(_with_id, rows) if "_id" in merge.on else rows
        if merge.when_matched == "pipeline":
            found = (_bound(row, let, variables) for row in found)
        return _written(write, found)

    return run


def _compile_let(merge: Merge, scope: StageScope) -> dict[str, Evaluate]:
    """Compile the variables that the pipeline of a `$merge` sees, `$$new` unless others are given.

    With `insert`, `$$new` is there as well as the others.
    """
    let = dict(merge.let) if merge.let is not None else {"new": "$$ROOT"}
    if merge.inserts:
        let.setdefault("new", "$$ROOT")
    for name in let:
        check_variable_name(name)
    return {name: compile_expression(each, scope.expressions) for name, each in let.items()}


def _with_id(row: Row) -> Row:
    """Return the row with an `_id`; one that comes as it was stored has it."""
    if row.raw is not None or "_id" in row.document:
        return row
    return row.with_document({"_id": ObjectId(), **row.document})


def _bound(row: Row, let: dict[str, Evaluate], variables: Variables) -> Row:
    """Return a row that holds a document and the values of its variables, see `Environment`."""
    values = {name: evaluate(row, variables) for name, evaluate in let.items()}
    bound = {name: value for name, value in values.items() if value is not MISSING}
    return Row(document={"document": row.document, "variables": bound})


def _written(write: Write, rows: Iterator[Row]) -> Iterator[Row]:
    """Write the rows when the first one is asked for, and yield none."""
    write(rows)
    yield from ()
