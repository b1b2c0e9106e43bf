"""`$bucketAuto` and `$redact`."""

from typing import Any

import pytest

from app.local_atlas.errors import CommandError
from tests.local_atlas.mql.environments import run

Document = dict[str, Any]


def _buckets(values: list[Any], count: int, **options: Any) -> list[Document]:
    documents = [{"_id": i, "v": value} for i, value in enumerate(values)]
    return run([{"$bucketAuto": {"groupBy": "$v", "buckets": count, **options}}], documents)


def _sizes(values: list[Any], count: int) -> list[tuple[Any, Any, int]]:
    return [(b["_id"]["min"], b["_id"]["max"], b["count"]) for b in _buckets(values, count)]


@pytest.mark.parametrize(
    ("values", "count", "expected"),
    [
        pytest.param([3, 1, 2, 4], 2, [(1, 3, 2), (3, 4, 2)], id="even"),
        pytest.param([1, 2, 3, 4, 5], 2, [(1, 4, 3), (4, 5, 2)], id="half a document rounds up"),
        pytest.param([1, 2, 3, 4], 3, [(1, 2, 1), (2, 3, 1), (3, 4, 2)], id="the last takes all"),
        pytest.param([1, 1, 1, 2], 2, [(1, 2, 3), (2, 2, 1)], id="equal values stay together"),
        pytest.param([7, 7.0], 5, [(7, 7.0, 2)], id="one value"),
        pytest.param([1, 2], 5, [(1, 2, 1), (2, 2, 1)], id="fewer documents than buckets"),
        pytest.param(["b", None, 1], 3, [(None, 1, 1), (1, "b", 1), ("b", "b", 1)], id="types"),
        pytest.param([], 3, [], id="nothing"),
    ],
)
def test_buckets_are_of_about_one_size(
    values: list[Any], count: int, expected: list[tuple[Any, Any, int]]
) -> None:
    assert _sizes(values, count) == expected


def test_output_is_computed_for_each_bucket() -> None:
    found = _buckets([1, 2, 3, 4], 2, output={"sum": {"$sum": "$v"}, "ids": {"$push": "$_id"}})

    assert found == [
        {"_id": {"min": 1, "max": 3}, "sum": 3, "ids": [0, 1]},
        {"_id": {"min": 3, "max": 4}, "sum": 7, "ids": [2, 3]},
    ]


@pytest.mark.parametrize(
    ("operand", "code"),
    [
        (1, 40240),
        ({"groupBy": "$v"}, 40246),
        ({"groupBy": "$v", "buckets": 0}, 40243),
        ({"groupBy": "$v", "buckets": 1.5}, 40242),
        ({"groupBy": "$v", "buckets": "2"}, 40241),
        ({"groupBy": "v", "buckets": 2}, 40202),
        ({"groupBy": "$v", "buckets": 2, "output": 1}, 40244),
        ({"groupBy": "$v", "buckets": 2, "granularity": "R5"}, 40245),
        ({"groupBy": "$v", "buckets": 2, "nope": 1}, 40245),
    ],
    ids=str,
)
def test_malformed_bucket_auto_is_refused(operand: Any, code: int) -> None:
    with pytest.raises(CommandError) as caught:
        run([{"$bucketAuto": operand}], [{"v": 1}])

    assert caught.value.code == code


_BY_LEVEL = {"$cond": [{"$gt": ["$level", 3]}, "$$PRUNE", "$$DESCEND"]}


def test_parts_of_a_document_are_left_out_by_what_they_hold() -> None:
    document = {
        "_id": 1,
        "level": 1,
        "open": {"level": 2, "secret": {"level": 5, "a": 1}},
        "parts": [{"level": 4}, {"b": 2}, [{"level": 9}, 3], 5],
    }

    assert run([{"$redact": _BY_LEVEL}], [document]) == [
        {"_id": 1, "level": 1, "open": {"level": 2}, "parts": [{"b": 2}, [3], 5]}
    ]


def test_whole_documents_are_kept_or_pruned() -> None:
    keep = {"$cond": [{"$eq": ["$k", 1]}, "$$KEEP", "$$PRUNE"]}
    documents = [{"_id": 1, "k": 1, "d": {"k": 2}}, {"_id": 2, "k": 2}]

    assert run([{"$redact": keep}], documents) == [documents[0]]


@pytest.mark.parametrize(
    ("operand", "code"), [("$level", 17053), ({"$cond": ["$$ROOT.a", "$$KEEP", "$$PRUNE"]}, 17276)]
)  # fmt: skip
def test_redact_must_decide(operand: Any, code: int) -> None:
    with pytest.raises(CommandError) as caught:
        run([{"$redact": operand}], [{"level": 1}])

    assert caught.value.code == code
