"""`$bucketAuto`: groups of about the same size, by the order of one value.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/bucketAuto/
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..errors import NOT_EMULATED
from .bson_order import sort_key
from .bson_types import is_number, type_name
from .expression_compiler import Variables, constant
from .expressions import compile_expression
from .group_stages import check_group_by, compile_fields, gather
from .numbers import exact_int64
from .operators.support import location
from .paths import MISSING
from .pipelines import Environment, Stage, StageScope, stage
from .rows import Row

_Keyed = tuple[bytes, Any, Row]
"""Sort key, value and row."""


@stage("$bucketAuto", starts_anew=True)
def _bucket_auto(name: str, operand: Any, scope: StageScope) -> Stage:
    if not isinstance(operand, Mapping):
        kind = type_name(operand)
        raise location(40240, f"The argument to $bucketAuto must be an object, but found {kind}.")
    _check_options(operand)
    count = _bucket_count(operand["buckets"])
    check_group_by(name, operand["groupBy"])
    output = operand.get("output", {"count": {"$sum": 1}})
    if not isinstance(output, Mapping):
        kind = type_name(output)
        raise location(40244, f"The $bucketAuto 'output' field must be an object, found {kind}.")
    accumulators = compile_fields(output, scope.expressions)
    group_by = compile_expression(operand["groupBy"], scope.expressions)

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        keyed = []
        for row in rows:
            value = group_by(row, variables)
            value = None if value is MISSING else value
            keyed.append((sort_key(value), value, row))
        keyed.sort(key=lambda each: each[0])
        buckets = _split(keyed, count)
        for bucket, identity in zip(buckets, _bounds(buckets), strict=True):
            members = (row for _, _, row in bucket)
            yield from gather(members, variables, constant(identity), accumulators)

    return run


def _check_options(operand: Mapping[str, Any]) -> None:
    for option in operand:
        if option == "granularity":
            raise location(40245, f"The $bucketAuto option 'granularity' {NOT_EMULATED}")
        if option not in {"groupBy", "buckets", "output"}:
            raise location(40245, f"Unrecognized option to $bucketAuto: {option}.")
    if "groupBy" not in operand or "buckets" not in operand:
        raise location(40246, "$bucketAuto requires 'groupBy' and 'buckets' to be specified.")


def _bucket_count(operand: Any) -> int:
    if not is_number(operand):
        kind = type_name(operand)
        message = (
            f"The $bucketAuto 'buckets' field must be a numeric value, but found type: {kind}."
        )
        raise location(40241, message)
    count = exact_int64(operand)
    if count is None or count >= 1 << 31:
        message = f"The $bucketAuto 'buckets' field must be a 32-bit integer, but found: {operand}."
        raise location(40242, message)
    if count <= 0:
        message = f"The $bucketAuto 'buckets' field must be greater than 0, but found: {count}."
        raise location(40243, message)
    return count


def _split(keyed: Sequence[_Keyed], count: int) -> list[Sequence[_Keyed]]:
    """Split what is sorted into at most so many buckets; equal values are never parted."""
    size = max(1, int(len(keyed) / count + 0.5))
    buckets: list[Sequence[_Keyed]] = []
    start = 0
    while start < len(keyed):
        is_last = len(buckets) + 1 == count
        end = len(keyed) if is_last else min(start + size, len(keyed))
        while end < len(keyed) and keyed[end][0] == keyed[end - 1][0]:
            end += 1
        buckets.append(keyed[start:end])
        start = end
    return buckets


def _bounds(buckets: Sequence[Sequence[_Keyed]]) -> Iterator[dict[str, Any]]:
    """Yield the `_id` of each bucket; it ends where the next begins, the last with its values."""
    for bucket, following in pairwise([*buckets, None]):
        assert bucket is not None
        end = bucket[-1][1] if following is None else following[0][1]
        yield {"min": bucket[0][1], "max": end}
