from typing import Any

import pytest
from bson import Decimal128, Int64, Regex

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.lookup_stage import HASH_AFTER
from app.local_atlas.mql.stages import run_pipeline
from tests.local_atlas.mql.environments import ListEnvironment, as_bson, run

Document = dict[str, Any]

ITEMS: list[Document] = [
    {"_id": 1, "k": "a", "n": 5, "t": ["x", "y"], "d": {"p": 1}},
    {"_id": 2, "k": "b", "n": 2.5, "t": [], "d": {"p": 2}},
    {"_id": 3, "k": "a", "n": Int64(1), "t": "x"},
    {"_id": 4, "k": "a", "t": None},
]
PAIRS: list[Document] = [{"_id": "p", "x": 1}, {"_id": "q", "x": [1, 2]}, {"_id": "r"}]


def ids(*pipeline: Document) -> list[Any]:
    return [document["_id"] for document in run(pipeline, ITEMS)]


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        pytest.param([], [1, 2, 3, 4], id="empty pipeline"),
        pytest.param([{"$match": {"k": "a"}}], [1, 3, 4], id="match"),
        pytest.param([{"$limit": 3}, {"$match": {"k": "a"}}], [1, 3], id="match behind a stage"),
        pytest.param(
            [{"$match": {"$expr": {"$gt": ["$n", 2]}, "k": "a"}}], [1], id="match by expression"
        ),
        pytest.param([{"$skip": 1}, {"$limit": 2}], [2, 3], id="skip, limit"),
        pytest.param([{"$limit": 2}, {"$skip": 1}], [2], id="limit, skip"),
        pytest.param([{"$limit": 2.0}], [1, 2], id="limit as a double"),
        pytest.param([{"$limit": 1}, {"$limit": 2}], [1], id="two limits"),
        pytest.param([{"$skip": 9}], [], id="skip all"),
        pytest.param([{"$sort": {"n": 1}}], [4, 3, 2, 1], id="sort"),
        pytest.param([{"$sort": {"k": 1}}, {"$limit": 2}], [1, 3], id="sort and limit is stable"),
        pytest.param([{"$sort": {"n": -1}}, {"$skip": 1}, {"$limit": 2}], [2, 3], id="a page"),
        pytest.param(
            [{"$sort": {"n": -1}}, {"$match": {"k": "a"}}, {"$limit": 1}],
            [1],
            id="not past a match",
        ),
        pytest.param([{"$unwind": "$t"}], [1, 1, 3], id="unwind"),
        pytest.param(
            [{"$unwind": {"path": "$t", "preserveNullAndEmptyArrays": True}}],
            [1, 1, 2, 3, 4],
            id="unwind keeps",
        ),
    ],
)
def test_rows_pass_in_this_order(pipeline: list[Document], expected: list[int]) -> None:
    assert expected == ids(*pipeline)


RESULTS = [
    pytest.param(
        [{"$group": {"_id": "$k", "n": {"$sum": "$n"}, "c": {"$count": {}}}}],
        [{"_id": "a", "n": Int64(6), "c": 3}, {"_id": "b", "n": 2.5, "c": 1}],
        id="group",
    ),
    pytest.param(
        [
            {
                "$group": {
                    "_id": None,
                    "a": {"$avg": "$n"},
                    "lo": {"$min": "$n"},
                    "hi": {"$max": "$n"},
                }
            }
        ],
        [{"_id": None, "a": 8.5 / 3, "lo": Int64(1), "hi": 5}],
        id="group of all",
    ),
    pytest.param(
        [{"$group": {"_id": "$zz", "f": {"$first": "$n"}, "l": {"$last": "$n"}}}],
        [{"_id": None, "f": 5, "l": None}],
        id="a missing key is null",
    ),
    pytest.param(
        [{"$group": {"_id": {"k": "$k"}, "ids": {"$push": "$_id"}, "n": {"$push": "$n"}}}],
        [
            {"_id": {"k": "a"}, "ids": [1, 3, 4], "n": [5, Int64(1)]},
            {"_id": {"k": "b"}, "ids": [2], "n": [2.5]},
        ],
        id="push leaves missing out",
    ),
    pytest.param(
        [{"$group": {"_id": None, "k": {"$addToSet": "$k"}, "d": {"$mergeObjects": "$d"}}}],
        [{"_id": None, "k": ["a", "b"], "d": {"p": 2}}],
        id="addToSet, mergeObjects",
    ),
    pytest.param(
        [
            {
                "$group": {
                    "_id": None,
                    "top": {"$top": {"sortBy": {"n": -1}, "output": "$_id"}},
                    "bottom": {"$bottomN": {"sortBy": {"n": -1}, "output": "$_id", "n": 2}},
                    "first": {"$firstN": {"input": "$_id", "n": 2}},
                    "most": {"$maxN": {"input": "$n", "n": 2}},
                }
            }
        ],
        [{"_id": None, "top": 1, "bottom": [3, 4], "first": [1, 2], "most": [5, 2.5]}],
        id="picks",
    ),
    pytest.param([{"$count": "c"}], [{"c": 4}], id="count"),
    pytest.param([{"$match": {"k": "zz"}}, {"$count": "c"}], [], id="count of nothing"),
    pytest.param(
        [{"$sortByCount": "$k"}], [{"_id": "a", "count": 3}, {"_id": "b", "count": 1}], id="byCount"
    ),
    pytest.param(
        [{"$bucket": {"groupBy": "$n", "boundaries": [0, 2, 5], "default": "rest"}}],
        [{"_id": 0, "count": 1}, {"_id": 2, "count": 1}, {"_id": "rest", "count": 2}],
        id="bucket",
    ),
    pytest.param(
        [
            {"$limit": 1},
            {"$unwind": {"path": "$t", "includeArrayIndex": "i"}},
            {"$unset": ["d", "n"]},
        ],
        [
            {"_id": 1, "k": "a", "t": "x", "i": Int64(0)},
            {"_id": 1, "k": "a", "t": "y", "i": Int64(1)},
        ],
        id="unwind with positions",
    ),
    pytest.param(
        [{"$limit": 1}, {"$project": {"k": 1, "m": {"$multiply": ["$n", 2]}}}],
        [{"_id": 1, "k": "a", "m": 10}],
        id="project",
    ),
    pytest.param(
        [{"$limit": 1}, {"$project": {"t": 0, "d": 0}}],
        [{"_id": 1, "k": "a", "n": 5}],
        id="exclude",
    ),
    pytest.param(
        [{"$limit": 1}, {"$set": {"d.q": "$n", "k": "$$REMOVE"}}, {"$unset": "t"}],
        [{"_id": 1, "n": 5, "d": {"p": 1, "q": 5}}],
        id="set",
    ),
    pytest.param(
        [{"$limit": 1}, {"$addFields": {"d": {"r": {"s": 1}}, "t.u": 2}}],
        [{"_id": 1, "k": "a", "n": 5, "t": [{"u": 2}, {"u": 2}], "d": {"p": 1, "r": {"s": 1}}}],
        id="addFields",
    ),
    pytest.param(
        [{"$limit": 1}, {"$replaceRoot": {"newRoot": "$d"}}], [{"p": 1}], id="replaceRoot"
    ),
    pytest.param([{"$limit": 1}, {"$replaceWith": {"q": "$d.p"}}], [{"q": 1}], id="replaceWith"),
    pytest.param(
        [
            {
                "$facet": {
                    "all": [{"$count": "n"}],
                    "a": [{"$match": {"k": "b"}}, {"$project": {"_id": 1}}],
                }
            }
        ],
        [{"all": [{"n": 4}], "a": [{"_id": 2}]}],
        id="facet",
    ),
    pytest.param(
        [{"$match": {"k": "b"}}, {"$project": {"_id": 1}}, {"$unionWith": "pairs"}, {"$limit": 2}],
        [{"_id": 2}, {"_id": "p", "x": 1}],
        id="unionWith",
    ),
    pytest.param(
        [
            {"$match": {"_id": 1}},
            {"$project": {"_id": 1}},
            {"$unionWith": {"coll": "pairs", "pipeline": [{"$match": {"x": 2}}, {"$unset": "x"}]}},
        ],
        [{"_id": 1}, {"_id": "q"}],
        id="unionWith pipeline",
    ),
    pytest.param(
        [{"$documents": [{"a": {"$add": [1, 1]}}, {"a": 3}]}, {"$match": {"a": {"$gt": 2}}}],
        [{"a": 3}],
        id="documents",
    ),
]


@pytest.mark.parametrize(("pipeline", "expected"), RESULTS)
def test_a_pipeline_makes_these_documents(
    pipeline: list[Document], expected: list[Document]
) -> None:
    assert as_bson(expected) == as_bson(run(pipeline, ITEMS, others={"pairs": PAIRS}))


def test_group_keys_are_bson_values() -> None:
    values = [1, True, 1.0, Decimal128("1"), "1", None, [1], {"a": 1}, {"a": 1.0}]

    groups = run([{"$group": {"_id": "$v", "c": {"$sum": 1}}}], [{"v": value} for value in values])

    assert [(group["_id"], group["c"]) for group in groups] == [
        (1, 3),
        (True, 1),
        ("1", 1),
        (None, 1),
        ([1], 1),
        ({"a": 1}, 2),
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([1, 2], 3, id="int32"),
        pytest.param([2**31 - 1, 1], Int64(2**31), id="int32 grows"),
        pytest.param([Int64(2**63 - 1), 1], 2.0**63, id="int64 becomes double"),
        pytest.param([1, 0.5], 1.5, id="double"),
        pytest.param([0.1] * 10, 1.0, id="compensated"),
        pytest.param([1e308, 1e308], float("inf"), id="infinity"),
        pytest.param([1, Decimal128("0.5")], Decimal128("1.5"), id="decimal"),
        pytest.param(["x", None, True], 0, id="no numbers"),
    ],
)
def test_a_sum_has_the_widest_type_and_is_exact(values: list[Any], expected: Any) -> None:
    documents = [{"v": value} for value in values]

    (group,) = run([{"$group": {"_id": None, "s": {"$sum": "$v"}}}], documents)

    assert as_bson(expected) == as_bson(group["s"])


LOCALS: list[Document] = [
    {"_id": 1, "l": 1},
    {"_id": 2, "l": [2, 9]},
    {"_id": 3},
    {"_id": 4, "l": 7},
]


@pytest.mark.parametrize("repeat", [1, HASH_AFTER])
def test_lookup_by_fields_joins_equal_values_elements_and_missing(repeat: int) -> None:
    lookup = {"from": "pairs", "localField": "l", "foreignField": "x", "as": "found"}

    joined = run([{"$lookup": lookup}], LOCALS * repeat, others={"pairs": PAIRS})

    assert [["p", "q"], ["q"], ["r"], []] * repeat == [
        [each["_id"] for each in document["found"]] for document in joined
    ]


def test_lookup_compares_patterns_and_dollar_documents_literally() -> None:
    values = [Regex("x"), {"$gt": 1}]
    lookup = {"from": "others", "localField": "v", "foreignField": "v", "as": "found"}
    others = [{"_id": 1, "v": "x"}, {"_id": 2, "v": Regex("x")}, {"_id": 3, "v": {"$gt": 1}}]

    joined = run(
        [{"$lookup": lookup}], [{"v": value} for value in values], others={"others": others}
    )

    assert [[each["_id"] for each in one["found"]] for one in joined] == [[2], [3]]


@pytest.mark.parametrize(
    ("lookup", "expected"),
    [
        pytest.param({"pipeline": [{"$match": {"x": 1}}]}, [["p", "q"]] * 4, id="uncorrelated"),
        pytest.param(
            {
                "let": {"m": "$l"},
                "pipeline": [{"$match": {"$expr": {"$eq": ["$x", "$$m"]}}}],
            },
            [["p"], [], ["r"], []],
            id="variables",
        ),
        pytest.param(
            {
                "localField": "l",
                "foreignField": "x",
                "let": {"i": "$_id"},
                "pipeline": [{"$match": {"$expr": {"$eq": ["$$i", 1]}}}, {"$limit": 1}],
            },
            [["p"], [], [], []],
            id="fields and pipeline",
        ),
        pytest.param(
            {
                "localField": "l",
                "foreignField": "x",
                "pipeline": [{"$search": {}}, {"$limit": 1}],
            },
            [["p"], ["q"], ["r"], []],
            id="fields behind a search stage",
        ),
        pytest.param({"pipeline": [{"$vectorSearch": {}}, {"$skip": 2}]}, [["r"]] * 4, id="search"),
    ],
)
def test_lookup_runs_its_pipeline_on_the_other_collection(
    lookup: Document, expected: list[list[str]]
) -> None:
    stage = {"$lookup": {"from": "pairs", "as": "o.found", **lookup}}

    joined = run([stage], LOCALS, others={"pairs": PAIRS})

    assert expected == [[each["_id"] for each in one["o"]["found"]] for one in joined]


def test_scores_are_read_and_sorted_by() -> None:
    search = {"$search": {}}

    scored = run([search, {"$project": {"s": {"$meta": "searchScore"}}}, {"$limit": 2}], ITEMS)
    by_score = [{"$sort": {"s": {"$meta": "searchScore"}, "_id": 1}}, {"$limit": 1}]
    best = run([search, {"$skip": 1}, *by_score], ITEMS)

    assert scored == [{"_id": 1, "s": 1.0}, {"_id": 2, "s": 0.5}]
    assert [document["_id"] for document in best] == [2]


def test_a_group_loses_the_scores_and_only_the_general_one_is_refused_behind_it() -> None:
    stages = [{"$search": {}}, {"$group": {"_id": None}}]

    assert run([*stages, {"$set": {"s": {"$meta": "searchScore"}}}], ITEMS) == [{"_id": None}]
    for kind in ("score", "scoreDetails", "vectorSearchScore"):
        with pytest.raises(CommandError) as caught:
            run([*stages, {"$set": {"s": {"$meta": kind}}}], ITEMS)
        assert caught.value.code == 40218


def test_every_part_of_a_facet_sees_the_scores() -> None:
    facet = {"$facet": {"best": [{"$limit": 1}, {"$set": {"s": {"$meta": "vectorSearchScore"}}}]}}

    (result,) = run([{"$vectorSearch": {}}, facet], [{"_id": 1}])

    assert result["best"] == [{"_id": 1, "s": 1.0}]


def test_sample_takes_different_documents() -> None:
    documents = [{"_id": i} for i in range(50)]

    few, all_of_them = (run([{"$sample": {"size": size}}], documents) for size in (5, 99))

    assert len({document["_id"] for document in few}) == 5
    assert list(range(50)) == sorted(document["_id"] for document in all_of_them)


def test_the_variables_of_the_command_are_in_sight_of_every_stage() -> None:
    pipeline = [
        {"$match": {"$expr": {"$eq": ["$_id", "$$wanted"]}}},
        {"$project": {"w": "$$wanted"}},
    ]

    assert run(pipeline, ITEMS, variables={"wanted": 3}) == [{"_id": 3, "w": 3}]


REFUSED = [
    pytest.param([{"$foo": 1}], 40324, "name: '$foo'", id="unknown"),
    pytest.param([{"$fill": {}}], 40324, "name: '$fill' (not emulated by LocalAtlas)", id="fill"),
    pytest.param([{"$searchMeta": {}}], 40324, "(not emulated by LocalAtlas)", id="searchMeta"),
    pytest.param([1], 14, "Each element of the 'pipeline' array must be an object", id="no object"),
    pytest.param([{}], 40323, "must contain exactly one field", id="empty stage"),
    pytest.param([{"$limit": 1, "$skip": 1}], 40323, "must contain exactly one field", id="two"),
    pytest.param([{"$match": 1}], 15959, "the match filter must be an expression", id="match"),
    pytest.param(
        [{"$match": {"a": {"$foo": 1}}}], 2, "unknown operator: $foo", id="match operator"
    ),
    pytest.param([{"$limit": 0}], 15958, "the limit must be positive", id="limit 0"),
    pytest.param([{"$limit": -1}], 5107201, "a non-negative number in: $limit: -1", id="limit -1"),
    pytest.param([{"$limit": "x"}], 5107201, 'a number in: $limit: "x"', id="limit x"),
    pytest.param([{"$limit": 1.5}], 5107201, "Expected an integer: $limit: 1.5", id="limit 1.5"),
    pytest.param([{"$skip": -1}], 5107200, "a non-negative number in: $skip: -1", id="skip"),
    pytest.param([{"$sort": {}}], 15976, "$sort stage must have at least one sort key", id="sort"),
    pytest.param([{"$project": {}}], 51272, "projection specification must have at", id="project"),
    pytest.param(
        [{"$project": 1}], 15969, "$project specification must be an object", id="project 1"
    ),
    pytest.param(
        [{"$project": {"a": 1, "b": 0}}],
        31254,
        "Invalid $project :: caused by :: Cannot do",
        id="mix",
    ),
    pytest.param(
        [{"$set": 1}], 40272, "$set specification stage must be an object, got int", id="set"
    ),
    pytest.param(
        [{"$set": {"a": {"$foo": 1}}}], 168, "Unrecognized expression '$foo'", id="set foo"
    ),
    pytest.param([{"$unset": 1}], 31002, "$unset specification must be a string or an", id="unset"),
    pytest.param([{"$count": ""}], 40157, "the count field must be a non-empty string", id="count"),
    pytest.param([{"$count": "$a"}], 40158, "the count field cannot be a $-prefixed", id="count $"),
    pytest.param([{"$group": {}}], 15955, "a group specification must include an _id", id="group"),
    pytest.param(
        [{"$group": {"_id": 1, "a": 1}}], 40234, "must be an accumulator object", id="acc"
    ),
    pytest.param(
        [{"$group": {"_id": 1, "a": {"$foo": 1}}}], 15952, "unknown group operator", id="foo"
    ),
    pytest.param(
        [{"$group": {"_id": 1, "a.b": {"$sum": 1}}}], 40235, "cannot contain '.'", id="dot"
    ),
    pytest.param([{"$unwind": 1}], 15981, "expected either a string or an object", id="unwind"),
    pytest.param([{"$unwind": "a"}], 28818, "should be prefixed with a '$': a", id="unwind a"),
    pytest.param([{"$unwind": {}}], 28812, "no path specified to $unwind stage", id="unwind {}"),
    pytest.param([{"$sample": {}}], 28749, "$sample stage must specify a size", id="sample"),
    pytest.param(
        [{"$lookup": {"from": "x", "as": "y"}}], 9, "$lookup requires either", id="lookup"
    ),
    pytest.param(
        [{"$lookup": {"from": "x", "localField": "a", "as": "y"}}], 9, "both or neither", id="one"
    ),
    pytest.param(
        [{"$lookup": {"from": "x", "pipeline": [{"$foo": 1}], "as": "y"}}],
        40324,
        "$foo",
        id="inner",
    ),
    pytest.param(
        [{"$lookup": {"from": "x", "pipeline": []}}], 9, "must specify 'as' field", id="as"
    ),
    pytest.param([{"$unionWith": 1}], 9, "must be an object or string, but found int", id="union"),
    pytest.param([{"$facet": {}}], 40169, "must be a non-empty object", id="facet"),
    pytest.param(
        [{"$facet": {"a": []}}], 2, "sub-pipeline in $facet stage cannot be empty", id="sub"
    ),
    pytest.param([{"$facet": {"a": 1}}], 40170, "arguments to $facet must be arrays", id="facet 1"),
    pytest.param([{"$facet": {"a": [{"$search": {}}]}}], 40600, "$search is not allowed", id="in"),
    pytest.param(
        [{"$facet": {"a": [{"$facet": {"b": [{"$limit": 1}]}}]}}], 40600, "$facet is", id="f"
    ),
    pytest.param(
        [{"$match": {}}, {"$search": {}}],
        40602,
        "$search is only valid as the first stage in a pipeline",
        id="search second",
    ),
    pytest.param(
        [{"$limit": 1}, {"$vectorSearch": {}}],
        40602,
        "$vectorSearch is only valid",
        id="vectors second",
    ),
    pytest.param(
        [{"$unionWith": {"coll": "x", "pipeline": [{"$limit": 1}, {"$search": {}}]}}],
        40602,
        "$search is only valid",
        id="search second in a union",
    ),
    pytest.param(
        [{"$project": {"s": {"$meta": "vectorSearchScore"}}}],
        40218,
        "but it is not avail",
        id="meta",
    ),
    pytest.param(
        [{"$vectorSearch": {}}, {"$set": {"s": {"$meta": "searchScore"}}}],
        40218,
        "score",
        id="other",
    ),
    pytest.param(
        [{"$bucket": {"groupBy": "$a", "boundaries": [2, 1]}}], 40194, "must be sorted", id="bucket"
    ),
    pytest.param(
        [{"$bucket": {"groupBy": "$a", "boundaries": [1, "x"]}}],
        40193,
        "same type",
        id="bucket types",
    ),
    pytest.param([{"$group": 1}], 15947, "must be specified in an object", id="group 1"),
    pytest.param(
        [{"$group": {"_id": 1, "$a": {"$sum": 1}}}], 40236, "cannot be an op", id="group $"
    ),
    pytest.param(
        [{"$group": {"_id": 1, "a": {"b": 1}}}], 40234, "accumulator object", id="group b"
    ),
    pytest.param(
        [{"$group": {"_id": 1, "a": {"$sum": 1, "$avg": 1}}}],
        40238,
        "must specify one",
        id="two acc",
    ),
    pytest.param(
        [{"$group": {"_id": 1, "a": {"$sum": [1, 2]}}}], 40237, "is a unary operator", id="unary"
    ),
    pytest.param(
        [{"$group": {"_id": 1, "a": {"$count": 1}}}],
        14,
        "$count takes no arguments",
        id="count acc",
    ),
    pytest.param(
        [{"$group": {"_id": 1, "a": {"$firstN": {"input": 1, "n": 0}}}}],
        5787908,
        "greater",
        id="n 0",
    ),
    pytest.param(
        [{"$group": {"_id": 1, "a": {"$firstN": {"input": 1, "n": "x"}}}}], 5787902, "int", id="n x"
    ),
    pytest.param(
        [{"$group": {"_id": 1, "a": {"$firstN": {"input": 1, "n": 1.5}}}}],
        5787903,
        "int",
        id="n 1.5",
    ),
    pytest.param(
        [{"$group": {"_id": 1, "a": {"$top": {"sortBy": 1, "output": 1}}}}],
        5788604,
        "sortBy",
        id="top",
    ),
    pytest.param([{"$sortByCount": 1}], 40149, "must be specified as a string or as", id="by 1"),
    pytest.param([{"$sortByCount": "a"}], 40148, "must be defined as a $-prefixed path", id="by a"),
    pytest.param(
        [{"$sortByCount": {"a": 1}}], 40147, "must be defined as a $-prefixed", id="by {}"
    ),
    pytest.param(
        [{"$bucket": 1}], 40201, "Argument to $bucket stage must be an object", id="bucket 1"
    ),
    pytest.param(
        [{"$bucket": {"x": 1}}], 40197, "Unrecognized option to $bucket: x.", id="bucket x"
    ),
    pytest.param([{"$bucket": {"groupBy": "$a"}}], 40198, "requires 'groupBy' and", id="bucket {}"),
    pytest.param(
        [{"$bucket": {"groupBy": "a", "boundaries": [0, 1]}}], 40202, "groupBy", id="bucket groupBy"
    ),
    pytest.param(
        [{"$bucket": {"groupBy": "$a", "boundaries": 1}}], 40200, "must be an array", id="bounds"
    ),
    pytest.param(
        [{"$bucket": {"groupBy": "$a", "boundaries": [1]}}],
        40192,
        "at least 2 values",
        id="one bound",
    ),
    pytest.param(
        [{"$bucket": {"groupBy": "$a", "boundaries": [0, 9], "default": 5}}],
        40199,
        "less",
        id="default",
    ),
    pytest.param(
        [{"$bucket": {"groupBy": "$a", "boundaries": [0, 9], "output": 5}}],
        40196,
        "obj",
        id="output",
    ),
    pytest.param([{"$lookup": 1}], 9, "the $lookup stage specification must be", id="lookup 1"),
    pytest.param(
        [{"$lookup": {"from": 1, "as": "x"}}], 9, "must be a string, is type i", id="from 1"
    ),
    pytest.param([{"$lookup": {"x": 1}}], 9, "unknown argument to $lookup: x", id="lookup x"),
    pytest.param([{"$lookup": {"let": 1}}], 9, "must be an object, is type int", id="let 1"),
    pytest.param(
        [{"$lookup": {"pipeline": 1}}], 9, "must be specified as an array", id="pipeline 1"
    ),
    pytest.param(
        [{"$lookup": {"pipeline": [], "as": "x"}}], 9, "missing 'from' option", id="no from"
    ),
    pytest.param(
        [{"$unionWith": {"x": 1}}], 40415, "'$unionWith.x' is an unknown field", id="union x"
    ),
    pytest.param(
        [{"$unionWith": {"pipeline": 1}}], 9, "must be specified as an array", id="union p"
    ),
    pytest.param(
        [{"$unionWith": {"pipeline": []}}], 9, "without explicit collection", id="union {}"
    ),
    pytest.param([{"$facet": {"a.b": []}}], 40412, "may not contain '.'", id="facet a.b"),
    pytest.param(
        [{"$count": 1}], 40156, "the count field must be a non-empty string", id="count 1"
    ),
    pytest.param([{"$count": "a.b"}], 40160, "the count field cannot contain '.'", id="count a.b"),
    pytest.param(
        [{"$limit": 1e30}], 5107201, "Cannot represent as a 64-bit integer", id="limit 1e30"
    ),
    pytest.param([{"$sample": 1}], 28745, "stage specification must be an object", id="sample 1"),
    pytest.param(
        [{"$sample": {"x": 1}}], 28748, "unrecognized option to $sample: x", id="sample x"
    ),
    pytest.param(
        [{"$sample": {"size": "x"}}], 28746, "size argument to $sample must be", id="size x"
    ),
    pytest.param([{"$sample": {"size": 0}}], 28747, "must be a positive integer", id="size 0"),
    pytest.param([{"$unwind": {"path": 1}}], 28808, "expected a string as the path", id="unwind 1"),
    pytest.param(
        [{"$unwind": {"path": "$a", "preserveNullAndEmptyArrays": 1}}],
        28809,
        "boolean",
        id="keep 1",
    ),
    pytest.param(
        [{"$unwind": {"path": "$a", "includeArrayIndex": ""}}],
        28810,
        "non-empty string",
        id="index",
    ),
    pytest.param(
        [{"$unwind": {"path": "$a", "includeArrayIndex": "$i"}}],
        28822,
        "not be prefixed",
        id="index $",
    ),
    pytest.param(
        [{"$unwind": {"x": 1}}], 28811, "unrecognized option to $unwind stage: x", id="uw x"
    ),
    pytest.param([{"$unset": []}], 31119, "with at least one field", id="unset none"),
    pytest.param([{"$unset": [1]}], 31120, "an array containing only strings", id="unset 1"),
    pytest.param([{"$unset": "$a"}], 16410, "may not start with '$'", id="unset $a"),
    pytest.param([{"$replaceRoot": 1}], 40229, "expected an object as specification", id="root 1"),
    pytest.param(
        [{"$replaceRoot": {"x": 1}}], 40415, "'$replaceRoot.x' is an unknown", id="root x"
    ),
    pytest.param([{"$replaceRoot": {}}], 40414, "'$replaceRoot.newRoot' is missing", id="root {}"),
    pytest.param([{"$set": {}}], 40177, "specification must have at least one field", id="set {}"),
    pytest.param(
        [{"$project": {"a": {"$elemMatch": {}}}}], 168, "$elemMatch in this", id="elemMatch"
    ),
]


@pytest.mark.parametrize(("pipeline", "code", "text"), REFUSED)
def test_a_bad_pipeline_is_refused_before_any_document_is_read(
    pipeline: list[Any], code: int, text: str
) -> None:
    environment = ListEnvironment({"items": ITEMS}, "items")

    with pytest.raises(CommandError) as caught:
        run_pipeline(pipeline, environment)

    assert code == caught.value.code
    assert text in caught.value.message
    assert environment.read == 0


@pytest.mark.parametrize(
    ("pipeline", "code"),
    [
        pytest.param([{"$replaceWith": "$n"}], 40228, id="no document"),
        pytest.param([{"$replaceWith": "$zz"}], 40228, id="nothing"),
        pytest.param([{"$documents": 5}], 5858203, id="no array of documents"),
        pytest.param([{"$documents": [5]}], 40228, id="no documents"),
        pytest.param([{"$bucket": {"groupBy": "$n", "boundaries": [0, 1]}}], 40066, id="no bucket"),
        pytest.param([{"$set": {"x": {"$divide": ["$n", 0]}}}], 2, id="division by zero"),
    ],
)
def test_what_a_document_cannot_do_fails_while_it_runs(pipeline: list[Document], code: int) -> None:
    with pytest.raises(CommandError) as caught:
        run(pipeline, ITEMS)

    assert code == caught.value.code
    assert caught.value.message.startswith("PlanExecutor error during aggregation :: caused by :: ")


def test_a_limit_stops_reading() -> None:
    environment = ListEnvironment({"items": [{"_id": i} for i in range(1000)]}, "items")

    rows = list(run_pipeline([{"$match": {}}, {"$limit": 3}], environment))

    assert len(rows) == 3
    assert environment.read == 3


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        pytest.param({"$match": {"k": "a"}}, {"k": "a"}, id="whole"),
        pytest.param(
            {"$match": {"k": "a", "$expr": {"$gt": ["$n", 1]}}},
            {"k": "a"},
            id="without expressions",
        ),
        pytest.param({"$limit": 1}, None, id="no match"),
    ],
)
def test_the_collection_is_asked_for_what_an_index_could_find(
    stage: Document, expected: Any
) -> None:
    environment = ListEnvironment({"items": ITEMS}, "items")

    list(run_pipeline([stage], environment))

    assert [expected] == environment.queries
