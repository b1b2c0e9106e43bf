"""$setWindowFields: partitions, orders, windows and functions."""

from collections.abc import Mapping
from typing import Any

import pytest
from bson import DatetimeMS, Decimal128, Int64

from app.local_atlas.errors import CommandError
from tests.local_atlas.mql.environments import as_bson, run

Document = dict[str, Any]

SALES: list[Document] = [
    {"_id": 1, "shop": "a", "day": 3, "n": 30},
    {"_id": 2, "shop": "b", "day": 1, "n": 5},
    {"_id": 3, "shop": "a", "day": 1, "n": 10},
    {"_id": 4, "shop": "a", "day": 2, "n": 20},
    {"_id": 5, "shop": "b", "day": 2, "n": 7},
]
BY_DAY: Document = {"sortBy": {"day": 1}}
DAY_MS = 86_400_000


def windowed(
    function: Document, documents: list[Document] = SALES, **options: Any
) -> list[tuple[Any, Any]]:
    """Return `_id` and the computed field of each row, in the order in which they come."""
    stage = {"partitionBy": "$shop", **options, "output": {"w": function}}
    found = run([{"$setWindowFields": stage}], documents)
    return [(document["_id"], document.get("w", "missing")) for document in found]


def along(function: Document, values: list[Any], **options: Any) -> list[Any]:
    """Return the computed field for rows in the order of their `x`."""
    documents = [{"_id": place, "x": value} for place, value in enumerate(values)]
    return [value for _, value in windowed(function, documents, sortBy={"x": 1}, **options)]


def documents(lower: Any, upper: Any) -> Document:
    return {"window": {"documents": [lower, upper]}}


def in_range(lower: Any, upper: Any, **unit: str) -> Document:
    return {"window": {"range": [lower, upper], **unit}}


def test_partitions_come_in_order_and_rows_in_theirs() -> None:
    assert windowed({"$sum": "$n"}, **BY_DAY) == [(3, 60), (4, 60), (1, 60), (2, 12), (5, 12)]


def test_rows_keep_their_places_without_partition_and_order() -> None:
    assert windowed({"$sum": "$n"}, partitionBy=None) == [(i, 72) for i in range(1, 6)]


def test_missing_partition_is_that_of_null() -> None:
    rows = [{"_id": 1}, {"_id": 2, "shop": "a"}, {"_id": 3, "shop": None}]

    assert windowed({"$count": {}}, rows) == [(1, 2), (3, 2), (2, 1)]


def test_partition_may_be_any_expression() -> None:
    assert windowed({"$max": "$n"}, partitionBy={"$gt": ["$n", 9]}) == [
        (2, 7), (5, 7), (1, 30), (3, 30), (4, 30),
    ]  # fmt: skip


WINDOWS = [
    pytest.param(documents("unbounded", "current"), [10, 30, 60, 100], id="cumulative"),
    pytest.param(documents(-1, 1), [30, 60, 90, 70], id="sliding"),
    pytest.param(documents(-1, 0), [10, 30, 50, 70], id="the one before"),
    pytest.param(documents("current", "unbounded"), [100, 90, 70, 40], id="the rest"),
    pytest.param(documents(-2, -1), [0, 10, 30, 50], id="only before"),
    pytest.param(documents(2, 9), [70, 40, 0, 0], id="only behind"),
    pytest.param(documents("unbounded", 1), [30, 60, 100, 100], id="and one more"),
    pytest.param(documents("unbounded", -2), [0, 0, 10, 30], id="long before"),
    pytest.param(documents("unbounded", "unbounded"), [100] * 4, id="unbounded"),
    pytest.param({"window": {}}, [100] * 4, id="empty window"),
    pytest.param({}, [100] * 4, id="no window"),
    pytest.param(in_range(-10, 0), [10, 30, 50, 70], id="range"),
    pytest.param(in_range(-9.5, Int64(10)), [30, 50, 70, 40], id="range ahead"),
    pytest.param(in_range("unbounded", "current"), [10, 30, 60, 100], id="range up to here"),
    pytest.param(in_range(-10, "unbounded"), [100, 100, 90, 70], id="range from here"),
    pytest.param(in_range(99, 99), [0, 0, 0, 0], id="range of nothing"),
]


@pytest.mark.parametrize(("window", "expected"), WINDOWS)
def test_window_decides_which_rows_count(window: Document, expected: list[int]) -> None:
    assert along({"$sum": "$x", **window}, [10, 20, 30, 40]) == expected


def test_range_takes_equal_values_together_and_documents_do_not() -> None:
    ties = [1, 2, 2, 4]

    assert along({"$push": "$x", **in_range("current", "current")}, ties) == [
        [1], [2, 2], [2, 2], [4],
    ]  # fmt: skip
    assert along({"$push": "$x", **documents(0, 0)}, ties) == [[1], [2], [2], [4]]


def test_range_compares_decimally() -> None:
    values = [Decimal128("0.1"), Decimal128("0.3")]

    assert along({"$count": {}, **in_range(0, Decimal128("0.2"))}, values) == [2, 1]


@pytest.mark.parametrize(
    ("unit", "days", "expected"),
    [
        pytest.param("day", [0, 1, 2, 5], [1, 2, 2, 1], id="day"),
        pytest.param("week", [0, 7, 13, 21], [1, 2, 2, 1], id="week"),
        pytest.param("month", [0, 31, 59, 400], [1, 2, 2, 1], id="month"),
        pytest.param("hour", [0, 1 / 24, 3 / 24, 4 / 24], [1, 2, 1, 2], id="hour"),
    ],
)
def test_range_of_time_follows_the_calendar(
    unit: str, days: list[float], expected: list[int]
) -> None:
    dates = [DatetimeMS(round(day * DAY_MS)) for day in days]

    assert along({"$count": {}, **in_range(-1, 0, unit=unit)}, dates) == expected


FUNCTIONS = [
    pytest.param({"$avg": "$x"}, [1.0, 1.5, 2.0, 2.75], id="avg"),
    pytest.param({"$min": "$x"}, [1, 1, 1, 1], id="min"),
    pytest.param({"$max": "$x"}, [1, 2, 3, 5], id="max"),
    pytest.param({"$count": {}}, [1, 2, 3, 4], id="count"),
    pytest.param({"$push": "$x"}, [[1], [1, 2], [1, 2, 3], [1, 2, 3, 5]], id="push"),
    pytest.param({"$addToSet": {"$mod": ["$x", 2]}}, [[1], [1, 0], [1, 0], [1, 0]], id="addToSet"),
    pytest.param({"$first": "$x"}, [1, 1, 1, 1], id="first"),
    pytest.param({"$last": "$x"}, [1, 2, 3, 5], id="last"),
    pytest.param({"$stdDevPop": "$x"}, [0.0, 0.5, pytest.approx(0.8165, abs=1e-4),
                                        pytest.approx(1.4790, abs=1e-4)], id="stdDevPop"),
    pytest.param({"$lastN": {"input": "$x", "n": 2}}, [[1], [1, 2], [2, 3], [3, 5]], id="lastN"),
    pytest.param({"$top": {"output": "$x", "sortBy": {"x": -1}}}, [1, 2, 3, 5], id="top"),
    pytest.param({"$sum": ["$x"]}, [0, 0, 0, 0], id="an array is no number"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "expected"), FUNCTIONS)
def test_function_takes_the_values_of_the_window(function: Document, expected: list[Any]) -> None:
    cumulative = documents("unbounded", "current")

    assert along({**function, **cumulative}, [1, 2, 3, 5]) == expected


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        pytest.param({"$sum": "$x"}, 0, id="sum"),
        pytest.param({"$count": {}}, 0, id="count"),
        pytest.param({"$push": "$x"}, [], id="push"),
        pytest.param({"$avg": "$x"}, None, id="avg"),
        pytest.param({"$first": "$x"}, None, id="first"),
        pytest.param({"$last": "$x"}, None, id="last"),
    ],
)
def test_empty_window_gives_what_nothing_adds_up_to(function: Document, expected: Any) -> None:
    assert along({**function, **documents(5, 6)}, [1]) == [expected]


def test_sums_keep_their_types() -> None:
    cumulative = documents("unbounded", "current")
    values: list[Any] = [1, Int64(2), 2.5]

    assert as_bson(along({"$sum": "$x", **cumulative}, values)) == as_bson([1, Int64(3), 5.5])


RANKS = [
    pytest.param("$rank", [1, 1, 3, 4, 4, 6], id="rank"),
    pytest.param("$denseRank", [1, 1, 2, 3, 3, 4], id="denseRank"),
    pytest.param("$documentNumber", [1, 2, 3, 4, 5, 6], id="documentNumber"),
]


@pytest.mark.parametrize(("name", "expected"), RANKS)
def test_ranks_follow_the_order(name: str, expected: list[int]) -> None:
    assert along({name: {}}, [None, None, 1, 2, 2.0, 3]) == expected


def test_ranks_begin_anew_in_each_partition_and_go_down_as_well() -> None:
    assert windowed({"$rank": {}}, sortBy={"n": -1}) == [(1, 1), (4, 2), (3, 3), (5, 1), (2, 2)]


def test_missing_and_null_have_the_same_rank() -> None:
    rows: list[Document] = [{"_id": 1}, {"_id": 2, "x": None}, {"_id": 3, "x": 1}]

    assert windowed({"$rank": {}}, rows, sortBy={"x": 1}) == [(1, 1), (2, 1), (3, 3)]


@pytest.mark.parametrize(
    ("by", "default", "expected"),
    [
        pytest.param(1, {}, [2, 3, None], id="the next"),
        pytest.param(-1, {"default": "none"}, ["none", 1, 2], id="the one before"),
        pytest.param(-2.0, {"default": {"$add": [1, 1]}}, [2, 2, 1], id="computed default"),
        pytest.param(0, {}, [1, 2, 3], id="itself"),
    ],
)
def test_shift_looks_at_another_row(by: Any, default: Document, expected: list[Any]) -> None:
    assert along({"$shift": {"output": "$x", "by": by, **default}}, [1, 2, 3]) == expected


def test_shift_stays_in_its_partition() -> None:
    shift = {"$shift": {"output": "$n", "by": 1}}

    assert windowed(shift, **BY_DAY) == [(3, 20), (4, 30), (1, None), (2, 7), (5, None)]


def test_paths_are_set_as_by_add_fields() -> None:
    stage = {
        "output": {"d.total": {"$sum": "$n"}, "list.k": {"$count": {}}, "_id": {"$first": "$gone"}}
    }
    row = {"_id": 1, "n": 2, "d": {"x": 1}, "list": [{"a": 1}, {"a": 2}]}

    assert run([{"$setWindowFields": stage}], [row]) == [
        {"n": 2, "d": {"x": 1, "total": 2}, "list": [{"a": 1, "k": 1}, {"a": 2, "k": 1}]}
    ]


def test_several_fields_see_the_rows_as_they_came() -> None:
    stage = {"sortBy": {"n": 1}, "output": {"n": {"$sum": "$n"}, "m": {"$sum": "$n"}}}

    assert run([{"$setWindowFields": stage}], [{"n": 1}, {"n": 2}]) == [{"n": 3, "m": 3}] * 2


def test_nothing_to_set_only_sorts() -> None:
    stage: Mapping[str, Any] = {"sortBy": {"n": -1}, "output": {}}

    assert run([{"$setWindowFields": stage}], [{"n": 1}, {"n": 2}]) == [{"n": 2}, {"n": 1}]


def test_variables_of_the_command_are_in_sight() -> None:
    stage = {"output": {"w": {"$sum": {"$multiply": ["$n", "$$factor"]}}}}

    assert run([{"$setWindowFields": stage}], [{"n": 2}], variables={"factor": 3}) == [
        {"n": 2, "w": 6}
    ]


ORDER: Document = {"sortBy": {"x": 1}}
SUM: Document = {"$sum": "$x"}


def refused_output(function: Any, **options: Any) -> Document:
    return {**ORDER, **options, "output": {"w": function}}


REFUSED = [
    pytest.param(1, 9, "stage specification must be an object, found int", id="number"),
    pytest.param({}, 40414, "'$setWindowFields.output' is missing", id="no output"),
    pytest.param({"output": 1}, 14, "'$setWindowFields.output' is the wrong type", id="output"),
    pytest.param({"output": {}, "sortBy": 1}, 14, "wrong type 'int'", id="sortBy"),
    pytest.param({"output": {}, "sort": {}}, 40415, "'$setWindowFields.sort'", id="unknown"),
    pytest.param(
        {"output": {"a": SUM, "a.b": SUM}}, 6307900, "two conflicting paths", id="conflict"
    ),
    pytest.param(refused_output(1), 9, "The field 'w' must be an object", id="no function"),
    pytest.param(refused_output({"x": 1}), 9, "Expected a $-prefixed window", id="no $"),
    pytest.param(refused_output({"$foo": 1}), 9, "Unrecognized window function, $foo", id="foo"),
    pytest.param(
        refused_output({"$expMovingAvg": {"input": "$x", "N": 2}}),
        9,
        "Unrecognized window function, $expMovingAvg (not emulated by LocalAtlas)",
        id="not emulated",
    ),
    pytest.param(refused_output({"$mergeObjects": "$x"}), 9, "Unrecognized", id="mergeObjects"),
    pytest.param(refused_output({**SUM, "$max": "$x"}), 9, "two functions", id="two"),
    pytest.param(refused_output({**SUM, "a": 1}), 9, "unknown argument: a", id="argument"),
    pytest.param(refused_output({**SUM, "window": 1}), 9, "must be an object", id="window"),
    pytest.param(
        refused_output({**SUM, "window": {"documents": [0, 1], "range": [0, 1]}}),
        9,
        "not both",
        id="both",
    ),
    pytest.param(
        refused_output({**SUM, "window": {"documents": [0, 1], "unit": "day"}}),
        9,
        "only specify 'unit' with range",
        id="unit of documents",
    ),
    pytest.param(refused_output({**SUM, "window": {"a": 1}}), 9, "can only contain", id="a"),
    pytest.param(
        refused_output({**SUM, "window": {"documents": [1]}}), 9, "a 2-element array", id="one"
    ),
    pytest.param(
        refused_output({**SUM, **documents("first", 1)}), 9, "'unbounded', 'current'", id="word"
    ),
    pytest.param(refused_output({**SUM, **documents(0.5, 1)}), 9, "be an integer", id="half"),
    pytest.param(refused_output({**SUM, **documents(None, 1)}), 9, "be an integer", id="null"),
    pytest.param(
        refused_output({**SUM, **documents(1, "current")}), 5339900, "[1, 0]", id="wrong way round"
    ),
    pytest.param(
        {"output": {"w": {**SUM, **documents(0, 1)}}}, 5339901, "require a sortBy", id="no order"
    ),
    pytest.param(
        {"output": {"w": {**SUM, **in_range(0, 1)}}}, 5339902, "a single field", id="range order"
    ),
    pytest.param(
        refused_output({**SUM, **in_range(0, 1)}, sortBy={"x": -1}),
        8947401,
        "an ascending sortBy",
        id="range down",
    ),
    pytest.param(refused_output({**SUM, **in_range("a", 1)}), 9, "'unbounded'", id="range word"),
    pytest.param(refused_output({**SUM, **in_range(True, 1)}), 9, "a number", id="range bool"),
    pytest.param(
        refused_output({**SUM, **in_range(0, 1.5, unit="day")}), 9, "an integer", id="half a day"
    ),
    pytest.param(
        refused_output({**SUM, **in_range(0, 1, unit="eon")}), 9, "time unit value: eon", id="eon"
    ),
    pytest.param(
        refused_output({"$rank": {}, "window": {}}), 5371601, "no other arguments", id="rank window"
    ),
    pytest.param(refused_output({"$rank": 1}), 5371603, "'{}' as the value", id="rank 1"),
    pytest.param(
        refused_output({"$rank": {}}, sortBy={"x": 1, "y": 1}), 5371602, "exactly one", id="rank 2"
    ),
    pytest.param(
        {"output": {"w": {"$documentNumber": {}}}}, 5371602, "exactly one", id="number unordered"
    ),
    pytest.param(refused_output({"$shift": 1}), 9, "must be an object", id="shift"),
    pytest.param(refused_output({"$shift": {"by": 1}}), 9, "an 'output' expression", id="output?"),
    pytest.param(refused_output({"$shift": {"output": 1}}), 9, "requires 'by'", id="by?"),
    pytest.param(
        refused_output({"$shift": {"output": 1, "by": 1.5}}), 9, "be an integer", id="by 1.5"
    ),
    pytest.param(
        refused_output({"$shift": {"output": 1, "by": 1, "a": 1}}), 9, "Unknown arg", id="shift a"
    ),
    pytest.param(
        {"output": {"w": {"$shift": {"output": 1, "by": 1}}}}, 9, "requires a sortBy", id="shift"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "code", "message"), REFUSED)
def test_malformed_stage_is_refused_before_anything_is_read(
    stage: Any, code: int, message: str
) -> None:
    with pytest.raises(CommandError) as refused:
        run([{"$setWindowFields": stage}], [])

    assert refused.value.code == code
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("value", "unit", "code", "message"),
    [
        pytest.param("a", {}, 5429414, "to be a number, but it was string", id="string"),
        pytest.param(None, {}, 5429414, "to be a number, but it was null", id="null"),
        pytest.param(DatetimeMS(0), {}, 5429413, "a unit must be provided", id="date"),
        pytest.param(1, {"unit": "day"}, 5429513, "to be a Date, but it was int", id="number"),
    ],
)
def test_range_needs_values_to_measure(
    value: Any, unit: dict[str, str], code: int, message: str
) -> None:
    with pytest.raises(CommandError) as refused:
        along({**SUM, **in_range("unbounded", 1, **unit)}, [value])

    assert refused.value.code == code
    assert message in refused.value.message


def test_partition_may_not_be_an_array() -> None:
    with pytest.raises(CommandError, match="cannot evaluate to value of type array") as refused:
        windowed({"$count": {}}, [{"_id": 1, "shop": [1]}])

    assert refused.value.code == 14
