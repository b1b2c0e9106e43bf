"""LocalAtlas and mongomock, which know nothing of each other, find and change the same.

Only what mongomock does as the manual says is compared; where it errs, a table says what the manual
does. https://www.mongodb.com/docs/manual/reference/operator/
"""

from collections.abc import Callable
from typing import Any

import mongomock
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.database import Database
from pymongo.errors import OperationFailure

Docs = Database[dict[str, Any]]
Strategy = st.SearchStrategy[Any]

AGREED = settings(
    max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
NUMBERS = st.sampled_from([-3, -1, 0, 1, 2, 3, 5, 1.5, 2.5])
TEXTS = st.sampled_from(["", "a", "ab", "b", "red", "red dress"])
SCALARS = NUMBERS | TEXTS
LISTS = st.lists(SCALARS, min_size=1, max_size=3)
# A catalogue in small: every document may lack any field.
DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "n": NUMBERS,
            "t": TEXTS,
            "tags": st.lists(TEXTS, max_size=3),
            "nums": st.lists(NUMBERS, max_size=3),
            "size": st.fixed_dictionaries({}, optional={"w": NUMBERS, "unit": TEXTS}),
            "parts": st.lists(
                st.fixed_dictionaries({"w": NUMBERS}, optional={"unit": TEXTS}), max_size=2
            ),
        },
    ),
    min_size=1,
    max_size=5,
)
PATHS = st.sampled_from(["n", "t", "tags", "nums", "size.w", "size.unit", "parts.w", "missing"])


def single(names: Strategy, operands: Strategy) -> Strategy:
    return st.dictionaries(names, operands, min_size=1, max_size=1)


def operator(name: str, operands: Strategy) -> Strategy:
    return st.fixed_dictionaries({name: operands})


def each_once(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


CONDITIONS = st.one_of(
    SCALARS,
    single(st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), SCALARS),
    single(st.sampled_from(["$in", "$nin", "$all"]), LISTS),
    operator("$exists", st.booleans()),
    operator("$type", st.sampled_from(["int", "string", "array", "object", "double"])),
    operator("$regex", st.sampled_from(["a", "^a", "b$", "^red"])),
    operator("$elemMatch", single(st.just("w"), NUMBERS)),
)
FILTERS: Strategy = st.recursive(
    st.dictionaries(PATHS, CONDITIONS, max_size=2),
    lambda inner: single(
        st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, min_size=1, max_size=2)
    ),
    max_leaves=3,
)
UPDATES = st.one_of(
    operator("$set", single(st.sampled_from(["n", "t", "size", "new"]), SCALARS)),
    operator("$set", single(st.just("new.deep"), SCALARS)),
    operator("$unset", single(PATHS.filter(lambda path: path != "parts.w"), st.just(""))),
    operator("$inc", single(st.sampled_from(["n", "fresh"]), NUMBERS)),
    operator("$min", single(st.just("n"), NUMBERS)),
    operator("$max", single(st.just("n"), NUMBERS)),
    operator("$push", single(st.just("tags"), SCALARS)),
    operator(
        "$push",
        operator(
            "tags",
            st.fixed_dictionaries(
                {"$each": LISTS}, optional={"$slice": st.integers(-3, 3), "$position": st.just(1)}
            ),
        ),
    ),
    operator("$addToSet", single(st.sampled_from(["tags", "nums"]), SCALARS)),
    operator("$addToSet", single(st.just("tags"), operator("$each", LISTS.map(each_once)))),
    operator("$pull", single(st.just("tags"), TEXTS)),
    operator("$pull", single(st.just("nums"), operator("$gt", NUMBERS))),
    operator("$pullAll", single(st.just("nums"), LISTS)),
    operator("$rename", st.just({"n": "renamed"})),
)
GROUPS = operator(
    "$group",
    st.fixed_dictionaries(
        {"_id": st.sampled_from([None, "$t", "$size.unit"]), "n": st.just({"$sum": 1})},
        optional={
            "total": st.just({"$sum": "$n"}),
            "least": st.just({"$min": "$n"}),
            "most": st.just({"$max": "$n"}),
            "mean": st.just({"$avg": "$n"}),
            "ids": st.just({"$push": "$_id"}),
        },
    ),
)
STAGES = st.one_of(
    operator("$match", FILTERS),
    operator("$limit", st.integers(1, 3)),
    operator("$skip", st.integers(0, 2)),
    operator("$unwind", st.sampled_from(["$tags", "$nums", "$parts"])),
    operator("$project", st.sampled_from([{"n": 1}, {"n": 0, "t": 0}, {"w": "$size.w"}])),
    operator("$addFields", st.sampled_from([{"k": {"$literal": 1}}, {"k": {"$size": [[1, 2]]}}])),
    st.just({"$lookup": {"from": "c", "localField": "n", "foreignField": "n", "as": "same"}}),
)


@pytest.fixture
def both(db: Docs) -> Callable[[list[dict[str, Any]]], list[Any]]:
    """Return a function that fills both with documents and gives their collections."""
    mock = mongomock.MongoClient()["agreement"]

    def filled(documents: list[dict[str, Any]]) -> list[Any]:
        for c in (db.c, mock.c):
            c.delete_many({})
            c.insert_many([{"_id": i, **each} for i, each in enumerate(documents)])
        return [db.c, mock.c]

    return filled


def outcome(work: Callable[[Any], Any], collection: Any) -> Any:
    """What came of it; all refusals count as one, their codes mongomock does not know."""
    try:
        return work(collection)
    except (OperationFailure, mongomock.OperationFailure):
        return "refused"


@given(DOCUMENTS, FILTERS)
@AGREED
def test_filters_find_the_same(both: Any, documents: Any, query: Any) -> None:
    ours, theirs = both(documents)

    assert list(ours.find(query)) == list(theirs.find(query))
    assert ours.count_documents(query) == theirs.count_documents(query)


@given(DOCUMENTS, FILTERS, UPDATES, st.booleans())
@AGREED
def test_updates_change_the_same(
    both: Any, documents: Any, query: Any, update: Any, is_multi: bool
) -> None:
    def work(collection: Any) -> Any:
        change = collection.update_many if is_multi else collection.update_one
        result = change(query, update)
        return result.matched_count, list(collection.find(sort=[("_id", 1)]))

    ours, theirs = both(documents)

    assert outcome(work, ours) == outcome(work, theirs)


@given(DOCUMENTS, st.lists(STAGES, max_size=3), GROUPS)
@AGREED
def test_pipelines_compute_the_same(
    both: Any, documents: Any, stages: list[Any], group: Any
) -> None:
    ours, theirs = both(documents)
    grouped = [*stages, group, {"$sort": {"_id": 1}}]

    found = list(ours.aggregate(stages))

    assert found == list(theirs.aggregate(stages))
    if found:  # mongomock makes one group of nothing
        assert list(ours.aggregate(grouped)) == list(theirs.aggregate(grouped))


@given(DOCUMENTS, st.sampled_from([1, -1]), st.integers(0, 2), st.integers(1, 3))
@AGREED
def test_sorts_and_pages_are_the_same(
    both: Any, documents: Any, direction: int, skip: int, limit: int
) -> None:
    pages = [
        list(c.find({}, sort=[("n", direction), ("_id", 1)], skip=skip, limit=limit))
        for c in both(documents)
    ]

    assert pages[0] == pages[1]


# Where mongomock does otherwise than the manual: the document, the filter, whether it matches.
BY_THE_MANUAL: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "$mod passes over what is no number": ({"a": "x"}, {"a": {"$mod": [2, 0]}}, False),
    "$mod of an element": ({"a": ["x", 4]}, {"a": {"$mod": [2, 0]}}, True),
    "$mod keeps the sign": ({"a": -1}, {"a": {"$mod": [2, -1]}}, True),
    "$size is of arrays": ({"a": "x"}, {"a": {"$size": 1}}, False),
    "$size is not of documents": ({"a": {"b": 1}}, {"a": {"$size": 1}}, False),
    "$not takes in what is missing": ({"a": "x"}, {"a.b": {"$not": {"$gt": 1}}}, True),
    "no position in a string": ({"a": "xy"}, {"a.0": "x"}, False),
    "$not at a position of a string": ({"a": "xy"}, {"a.0": {"$not": {"$gt": "a"}}}, True),
    "an empty document is a value": ({"b": 1}, {"a": {}}, False),
    "an empty document below": ({"b": 1}, {"a.b": {}}, False),
    "a boolean is no number": ({"a": True}, {"a": 1}, False),
    "a boolean is no number in a list": ({"a": [True]}, {"a": {"$in": [1, 0]}}, False),
    "documents differ by order": ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}, False),
    "numbers are equal across types": ({"a": 1.0}, {"a": {"$in": [1]}}, True),
    "null is what is missing": ({"b": 1}, {"a": None}, True),
    "$gt of another type": ({"a": "x"}, {"a": {"$gt": 1}}, False),
    "an array is a value": ({"a": [1, 2]}, {"a": [1, 2]}, True),
    "an array within": ({"a": [[1, 2]]}, {"a": [1, 2]}, True),
    "two bounds, two elements": ({"a": [1, 9]}, {"a": {"$gt": 5, "$lt": 3}}, True),
    "two bounds, one element": ({"a": [1, 9]}, {"a": {"$elemMatch": {"$gt": 5, "$lt": 3}}}, False),
    "$ne of every element": ({"a": [1, 2]}, {"a": {"$ne": 1}}, False),
    "$nin takes in what is missing": ({"b": 1}, {"a": {"$nin": [1]}}, True),
    "$exists finds null": ({"a": None}, {"a": {"$exists": True}}, True),
    "$type of an element": ({"a": ["x"]}, {"a": {"$type": "string"}}, True),
    "$all of nothing": ({"a": []}, {"a": {"$all": []}}, False),
}


@pytest.mark.parametrize(
    ("document", "query", "is_match"), BY_THE_MANUAL.values(), ids=BY_THE_MANUAL
)
def test_filter_does_what_the_manual_says(
    db: Docs, document: dict[str, Any], query: dict[str, Any], is_match: bool
) -> None:
    db.c.insert_one(dict(document))

    assert db.c.count_documents(query) == is_match


# The same for updates: the document, the update, and what it becomes; a number is an error's code.
UPDATES_BY_THE_MANUAL: dict[str, tuple[dict[str, Any], Any, dict[str, Any] | int]] = {
    "$mul makes a zero": ({}, {"$mul": {"a.b": 2}}, {"a": {"b": 0}}),
    "$pop of what is missing": ({}, {"$pop": {"a.b": 1}}, {}),
    "$min needs a way": ({"a": 1}, {"$min": {"a.b": 1}}, 28),
    "$set needs a way": ({"a": "x"}, {"$set": {"a.b": 1}}, 28),
    "$rename makes a way": ({"a": 1}, {"$rename": {"a": "b.c"}}, {"b": {"c": 1}}),
    "$pullAll wants an array": ({"a": "x"}, {"$pullAll": {"a": ["x"]}}, 2),
    "$pull wants an array": ({"a": 1}, {"$pull": {"a": {"$gt": 0}}}, 2),
    "$push wants an array": ({"a": 1}, {"$push": {"a": 1}}, 2),
    "$inc wants a number": ({"a": "x"}, {"$inc": {"a": 1}}, 14),
    "$sort orders by type": (
        {"a": ["b"]},
        {"$push": {"a": {"$each": [1, None], "$sort": 1}}},
        {"a": [None, 1, "b"]},
    ),
    "$addToSet tells true from one": ({"a": [1]}, {"$addToSet": {"a": True}}, {"a": [1, True]}),
    "$addToSet knows equal numbers": ({"a": [1]}, {"$addToSet": {"a": 1.0}}, {"a": [1]}),
    "$addToSet adds nothing twice": ({}, {"$addToSet": {"a": {"$each": [1, 1.0]}}}, {"a": [1]}),
    "_id does not change": ({}, {"$set": {"_id": 2}}, 66),
    "no path twice": ({}, {"$set": {"a": 1}, "$inc": {"a": 1}}, 40),
    "no path in a path": ({}, {"$set": {"a": 1, "a.b": 1}}, 40),
}


@pytest.mark.parametrize(
    ("document", "update", "expected"), UPDATES_BY_THE_MANUAL.values(), ids=UPDATES_BY_THE_MANUAL
)
def test_update_does_what_the_manual_says(
    db: Docs, document: dict[str, Any], update: Any, expected: dict[str, Any] | int
) -> None:
    db.c.insert_one({"_id": 1, **document})

    result = db.command("update", "c", updates=[{"q": {}, "u": update}])

    found = db.c.find_one({}, {"_id": 0})
    if isinstance(expected, int):
        assert [error["code"] for error in result["writeErrors"]] == [expected]
        assert found == document
    else:
        assert str(found) == str(expected)  # True and 1 are equal to Python
