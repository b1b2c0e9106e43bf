"""`$setWindowFields`: fields computed from the neighbours of each row in a partition and an order.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/setWindowFields/
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from ..errors import failed_to_parse, type_mismatch
from .bson_order import sort_key
from .bson_types import type_name
from .expression_compiler import Evaluate, Scope, Variables
from .expressions import compile_expression
from .filters import NO_VARIABLES
from .operators.support import location
from .pipelines import Environment, Stage, StageScope, stage
from .projection import Projection, compile_add_fields
from .rows import Row
from .sorting import compile_sort
from .window_functions import Place, WindowFunction, compile_window_function
from .windows import Partition


@dataclass(frozen=True, slots=True)
class _Output:
    """The computed fields.

    Attributes:
        functions: by the names of variables.
        set_fields: gives a row the values of these variables at their paths.
    """

    functions: Mapping[str, WindowFunction]
    set_fields: Projection


@stage("$setWindowFields")
def _set_window_fields(name: str, operand: Any, scope: StageScope) -> Stage:
    spec = _checked(operand)
    partition_of = compile_expression(spec.get("partitionBy"), scope.expressions)
    sort_by = spec.get("sortBy")
    key_of = None if sort_by is None else compile_sort(sort_by, scope.expressions)
    output = _compile_output(spec["output"], Place(sort_by, scope.expressions))

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        for partition in _partitions(rows, partition_of, key_of, variables):
            environment.check_time()
            yield from _with_fields(partition, output, variables)

    return run


def _checked(operand: Any) -> Mapping[str, Any]:
    if not isinstance(operand, Mapping):
        raise failed_to_parse(
            "the $setWindowFields stage specification must be an object, found "
            f"{type_name(operand)}"
        )
    for field, value in operand.items():
        if field not in {"partitionBy", "sortBy", "output"}:
            raise location(40415, f"BSON field '$setWindowFields.{field}' is an unknown field.")
        if field != "partitionBy" and not isinstance(value, Mapping | None):
            raise type_mismatch(
                f"BSON field '$setWindowFields.{field}' is the wrong type '{type_name(value)}', "
                "expected type 'object'"
            )
    if operand.get("output") is None:
        message = "BSON field '$setWindowFields.output' is missing but a required field"
        raise location(40414, message)
    return operand


def _compile_output(output: Mapping[str, Any], place: Place) -> _Output:
    _refuse_conflicts(list(output))
    functions = {
        f"window{number}": compile_window_function(path, each, place)
        for number, (path, each) in enumerate(output.items())
    }
    if not functions:
        return _Output({}, lambda row, variables=NO_VARIABLES, /: row.document)
    scope = Scope(frozenset(functions), now=place.scope.now)
    fields = {path: f"$${name}" for path, name in zip(output, functions, strict=True)}
    return _Output(functions, compile_add_fields("$setWindowFields", fields, scope))


def _refuse_conflicts(paths: list[str]) -> None:
    for path in paths:
        if any(other.startswith(f"{path}.") for other in paths):
            message = "$setWindowFields 'output' specification contains two conflicting paths"
            raise location(6307900, message)


def _partitions(
    rows: Iterator[Row],
    partition_of: Evaluate,
    key_of: Callable[[Row], bytes] | None,
    variables: Variables,
) -> Iterator[Partition]:
    """Yield the partitions in the order of what they have in common; without an order as found."""
    found = [
        (
            _partition_key(partition_of(row, variables)),
            b"" if key_of is None else key_of(row),
            row,
        )
        for row in rows
    ]
    found.sort(key=itemgetter(0, 1))
    for _, members in groupby(found, key=itemgetter(0)):
        _, keys, partition = zip(*members, strict=True)
        yield Partition(partition, () if key_of is None else keys)


def _partition_key(value: Any) -> bytes:
    """Return what rows of one partition share; missing has the key of null."""
    if isinstance(value, list):
        message = "An expression used to partition cannot evaluate to value of type array"
        raise type_mismatch(message)
    return sort_key(value)


def _with_fields(partition: Partition, output: _Output, variables: Variables) -> Iterator[Row]:
    columns = [function(partition, variables) for function in output.functions.values()]
    names = list(output.functions)
    for place, row in enumerate(partition.rows):
        values = {name: column[place] for name, column in zip(names, columns, strict=True)}
        yield row.with_document(output.set_fields(row, values))
