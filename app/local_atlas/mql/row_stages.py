"""Stages that look at one row after the other: `$match`, `$sort`, `$limit`, `$unwind`, ...

https://www.mongodb.com/docs/manual/reference/operator/aggregation-pipeline/
"""

import random
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from bson import Int64

from .bson_text import render_field
from .bson_types import is_number, is_string, type_name
from .expression_compiler import Variables, check_field_path
from .expressions import compile_expression
from .matcher import compile_filter
from .numbers import exact_int64, to_int64, typed_int
from .operators.support import is_null, location
from .paths import MISSING, as_document, plain_value, with_value
from .pipelines import (
    NEEDS_NO_COLLECTION,
    SOURCES,
    Environment,
    Source,
    Stage,
    StageScope,
    stage,
)
from .row_order import RowRange, Sort
from .rows import Row
from .sorting import compile_sort
from .transforms import TRANSFORMS, Transform


@stage("$match")
def _match(name: str, operand: Any, scope: StageScope) -> Stage:
    if not isinstance(operand, Mapping):
        raise location(15959, "the match filter must be an expression in an object")
    matches = compile_filter(operand, scope=scope.expressions)

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        return (row for row in rows if matches(row.document, variables))

    return run


def _transforming(name: str, operand: Any, scope: StageScope) -> Stage:
    transform: Transform = TRANSFORMS[name](name, operand, scope.expressions)

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        return (transform(row, variables) for row in rows)

    return run


for _name in TRANSFORMS:
    stage(_name)(_transforming)


@stage("$sort")
def _sort(name: str, operand: Any, scope: StageScope) -> Stage:
    key = compile_sort(operand, scope.expressions)
    has_metadata = any(isinstance(order, dict) for order in operand.values())
    return Sort(key, None if has_metadata else operand)


@stage("$limit")
def _limit(name: str, operand: Any, scope: StageScope) -> Stage:
    count = _row_count("$limit", operand, 5107201)
    if count == 0:
        raise location(15958, "the limit must be positive")
    return RowRange(0, count)


@stage("$skip")
def _skip(name: str, operand: Any, scope: StageScope) -> Stage:
    return RowRange(_row_count("$skip", operand, 5107200), None)


def _row_count(name: str, operand: Any, code: int) -> int:
    shown = render_field(name, operand)
    if not is_number(operand):
        reason = f"Expected a number in: {shown}"
        raise location(code, f"invalid argument to {name} stage: {reason}")
    count = exact_int64(operand)
    if count is None:
        reason = f"Expected an integer: {shown}"
        if to_int64(operand) is None:
            reason = f"Cannot represent as a 64-bit integer: {shown}"
        raise location(code, f"invalid argument to {name} stage: {reason}")
    if count < 0:
        reason = f"Expected a non-negative number in: {shown}"
        raise location(code, f"invalid argument to {name} stage: {reason}")
    return count


@stage("$count", starts_anew=True)
def _count(name: str, operand: Any, scope: StageScope) -> Stage:
    if not is_string(operand):
        raise location(40156, "the count field must be a non-empty string")
    if not operand:
        raise location(40157, "the count field must be a non-empty string")
    if operand.startswith("$"):
        raise location(40158, "the count field cannot be a $-prefixed path")
    if "\0" in operand:
        raise location(40159, "the count field cannot contain a null byte")
    if "." in operand:
        raise location(40160, "the count field cannot contain '.'")

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        total = sum(1 for _ in rows)
        if total:
            yield Row(document={operand: typed_int(total, long=False)})

    return run


@stage("$sample")
def _sample(name: str, operand: Any, scope: StageScope) -> Stage:
    if not isinstance(operand, Mapping):
        raise location(28745, "the $sample stage specification must be an object")
    for option in operand:
        if option != "size":
            raise location(28748, f"unrecognized option to $sample: {option}")
    if "size" not in operand:
        raise location(28749, "$sample stage must specify a size")
    if not is_number(operand["size"]):
        raise location(28746, "size argument to $sample must be a number")
    size = to_int64(operand["size"])
    if size is None or size < 1:
        raise location(28747, "size argument to $sample must be a positive integer")
    return partial(_run_sample, size)


def _run_sample(
    size: int, rows: Iterator[Row], environment: Environment, variables: Variables
) -> Iterator[Row]:
    """Keep a uniform sample of the rows (reservoir sampling), then give it in random order."""
    kept: list[Row] = []
    for seen, row in enumerate(rows, start=1):
        if len(kept) < size:
            kept.append(row)
        elif (place := random.randrange(seen)) < size:
            kept[place] = row
    random.shuffle(kept)
    yield from kept


@stage("$unwind")
def _unwind(name: str, operand: Any, scope: StageScope) -> Stage:
    if not (is_string(operand) or isinstance(operand, Mapping)):
        raise location(
            15981,
            "expected either a string or an object as specification for $unwind stage, got "
            f"{type_name(operand)}",
        )
    options: Mapping[str, Any] = {"path": operand} if is_string(operand) else operand
    _check_unwind_options(options)
    path = options["path"]
    if not path.startswith("$"):
        message = f"path option to $unwind stage should be prefixed with a '$': {path}"
        raise location(28818, message)
    check_field_path(path[1:])
    keeps_empty = options.get("preserveNullAndEmptyArrays", False)
    index_path = options.get("includeArrayIndex")

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        for row in rows:
            environment.check_time()
            yield from _unwound(row, path[1:], index_path, keeps_empty=keeps_empty)

    return run


def _check_unwind_options(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if name == "path":
            if not is_string(value):
                kind = type_name(value)
                message = f"expected a string as the path for $unwind stage, got {kind}"
                raise location(28808, message)
        elif name == "preserveNullAndEmptyArrays":
            if not isinstance(value, bool):
                kind = type_name(value)
                raise location(
                    28809,
                    "expected a boolean for the preserveNullAndEmptyArrays option to $unwind stage,"
                    f" got {kind}",
                )
        elif name == "includeArrayIndex":
            if not is_string(value) or not value:
                raise location(
                    28810,
                    "expected a non-empty string for the includeArrayIndex  option to $unwind "
                    f"stage, got {type_name(value)}",
                )
            if value.startswith("$"):
                raise location(
                    28822,
                    "includeArrayIndex option to $unwind stage should not be prefixed with a '$': "
                    f"{value}",
                )
        else:
            raise location(28811, f"unrecognized option to $unwind stage: {name}")
    if "path" not in options:
        raise location(28812, "no path specified to $unwind stage")


def _unwound(row: Row, path: str, index_path: str | None, *, keeps_empty: bool) -> Iterator[Row]:
    value = plain_value(row.document, path)

    def made(element: Any, index: Any) -> Row:
        document = with_value(row.document, path, element)
        if index_path is not None:
            document = with_value(document, index_path, index)
        return row.with_document(document)

    if isinstance(value, list) and value:
        for index, element in enumerate(value):
            yield made(element, Int64(index))
    elif isinstance(value, list) or is_null(value):
        if keeps_empty:
            yield made(MISSING if isinstance(value, list) else value, None)
    else:
        yield made(value, None)


def _documents(operand: Any, scope: StageScope) -> Source:
    evaluate = compile_expression(operand, scope.expressions)

    def opened(environment: Environment, variables: Variables) -> Iterator[Row]:
        array = evaluate(Row(document={}), variables)
        if not isinstance(array, list):
            raise location(5858203, "an array is expected in $documents")
        for item in array:
            document = as_document(item)
            if document is None:
                raise location(40228, "$documents must hold objects only")
            yield Row(document=document)

    return Source(opened)


SOURCES["$documents"] = _documents
NEEDS_NO_COLLECTION.add("$documents")
