import copy
from typing import Any

import pytest
from bson import DatetimeMS, Decimal128, Int64, ObjectId, Regex
from bson.timestamp import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.bson_order import same
from app.local_atlas.mql.updates import compile_update
from tests.local_atlas.mql import oracle
from tests.local_atlas.mql.environments import as_bson

Document = dict[str, Any]


def applied(update: Any, document: Document, **options: Any) -> Document:
    before = copy.deepcopy(document)
    changed = compile_update(update, **options).apply(document)
    assert as_bson(before) == as_bson(document), "the input was modified"
    return changed


FIELDS = [
    pytest.param({"$set": {"a": 1}}, {}, {"a": 1}, id="set new"),
    pytest.param({"$set": {"a": 1.0}}, {"a": 1}, {"a": 1.0}, id="set another type"),
    pytest.param({"$set": {"a": {"b": 1}}}, {"a": [1]}, {"a": {"b": 1}}, id="set whole"),
    pytest.param({"$set": {"a.b.c": 1}}, {}, {"a": {"b": {"c": 1}}}, id="set makes documents"),
    pytest.param({"$set": {"a.0": 1}}, {}, {"a": {"0": 1}}, id="a number makes a field"),
    pytest.param({"$set": {"a.1": 9}}, {"a": [1, 2]}, {"a": [1, 9]}, id="set element"),
    pytest.param({"$set": {"a.3": 9}}, {"a": [1]}, {"a": [1, None, None, 9]}, id="padded"),
    pytest.param({"$set": {"a.0.b": 9}}, {"a": [{"c": 1}]}, {"a": [{"c": 1, "b": 9}]}, id="in it"),
    pytest.param({"$set": {"a.0.b": 9}}, {"a": []}, {"a": [{"b": 9}]}, id="made in an array"),
    pytest.param(
        {"$set": {"b": 1, "a": 2}, "$inc": {"c": 1}},
        {"_id": 1},
        {"_id": 1, "a": 2, "b": 1, "c": 1},
        id="new fields come in order of their names",
    ),
    pytest.param(
        {"$set": {"x10": 1, "x9": 2, "a.10": 3, "a.9": 4}},
        {},
        {"a": {"9": 4, "10": 3}, "x10": 1, "x9": 2},
        id="numbers in order of their values",
    ),
    pytest.param({"$set": {}}, {"a": 1}, {"a": 1}, id="empty set"),
    pytest.param({"$unset": {"a": ""}}, {"a": 1, "b": 2}, {"b": 2}, id="unset"),
    pytest.param({"$unset": {"a.b": ""}}, {"a": {"b": 1}}, {"a": {}}, id="unset below"),
    pytest.param(
        {"$unset": {"a.1": ""}}, {"a": [1, 2, 3]}, {"a": [1, None, 3]}, id="unset element"
    ),
    pytest.param({"$unset": {"a.b": ""}}, {"a": 1}, {"a": 1}, id="unset below a scalar"),
    pytest.param({"$unset": {"x.y": ""}}, {"a": 1}, {"a": 1}, id="unset missing"),
    pytest.param({"$inc": {"a": 1}}, {"a": 1}, {"a": 2}, id="inc"),
    pytest.param({"$inc": {"a": 1}}, {}, {"a": 1}, id="inc missing"),
    pytest.param({"$inc": {"a": 1}}, {"a": 2**31 - 1}, {"a": Int64(2**31)}, id="inc to int64"),
    pytest.param({"$inc": {"a": 1}}, {"a": Int64(1)}, {"a": Int64(2)}, id="inc stays int64"),
    pytest.param({"$inc": {"a": Int64(1)}}, {"a": 1}, {"a": Int64(2)}, id="inc by int64"),
    pytest.param({"$inc": {"a": 0.5}}, {"a": 1}, {"a": 1.5}, id="inc to double"),
    pytest.param(
        {"$inc": {"a": Decimal128("0.1")}}, {"a": 1}, {"a": Decimal128("1.1")}, id="inc to decimal"
    ),
    pytest.param({"$inc": {"a.b": 1}}, {"a": {"b": 1}}, {"a": {"b": 2}}, id="inc below"),
    pytest.param({"$mul": {"a": 3}}, {"a": 2}, {"a": 6}, id="mul"),
    pytest.param({"$mul": {"a": 3}}, {}, {"a": 0}, id="mul missing is zero"),
    pytest.param({"$mul": {"a": Int64(3)}}, {}, {"a": Int64(0)}, id="mul missing is its zero"),
    pytest.param({"$mul": {"a": 2}}, {"a": 2**31 - 1}, {"a": Int64(2**32 - 2)}, id="mul to int64"),
    pytest.param({"$min": {"a": 1}}, {"a": 2}, {"a": 1}, id="min"),
    pytest.param({"$min": {"a": 3}}, {"a": 2}, {"a": 2}, id="min keeps"),
    pytest.param({"$min": {"a": 3}}, {}, {"a": 3}, id="min missing"),
    pytest.param({"$min": {"a": 2.0}}, {"a": 2}, {"a": 2}, id="min of equals keeps"),
    pytest.param({"$max": {"a": "x"}}, {"a": 99}, {"a": "x"}, id="max across types"),
    pytest.param({"$max": {"a": None}}, {"a": 1}, {"a": 1}, id="max null"),
    pytest.param({"$rename": {"a": "b"}}, {"a": 1, "c": 2}, {"c": 2, "b": 1}, id="rename"),
    pytest.param({"$rename": {"a": "b.c"}}, {"a": 1}, {"b": {"c": 1}}, id="rename into"),
    pytest.param({"$rename": {"a": "b"}}, {"b": 1}, {"b": 1}, id="rename missing"),
    pytest.param({"$rename": {"a": "b"}}, {"a": 1, "b": 2}, {"b": 1}, id="rename onto"),
    pytest.param({"$setOnInsert": {"a": 1}}, {"b": 1}, {"b": 1}, id="not on insert"),
    pytest.param({"$bit": {"a": {"and": 10}}}, {"a": 13}, {"a": 8}, id="bit and"),
    pytest.param({"$bit": {"a": {"or": 5}}}, {"a": 3}, {"a": 7}, id="bit or"),
    pytest.param({"$bit": {"a": {"xor": 5}}}, {"a": 1}, {"a": 4}, id="bit xor"),
    pytest.param({"$bit": {"a": {"or": Int64(5)}}}, {"a": 3}, {"a": Int64(7)}, id="bit int64"),
    pytest.param({"$bit": {"a": {"or": 5}}}, {}, {"a": 5}, id="bit missing"),
]

ARRAYS = [
    pytest.param({"$push": {"a": 1}}, {}, {"a": [1]}, id="push new"),
    pytest.param({"$push": {"a": [2]}}, {"a": [1]}, {"a": [1, [2]]}, id="push array"),
    pytest.param({"$push": {"a": {"$each": [2, 3]}}}, {"a": [1]}, {"a": [1, 2, 3]}, id="each"),
    pytest.param({"$push": {"a": {"$each": []}}}, {}, {"a": []}, id="each of nothing makes one"),
    pytest.param(
        {"$push": {"a": {"$each": [9], "$position": 1}}}, {"a": [1, 2]}, {"a": [1, 9, 2]}, id="at"
    ),
    pytest.param(
        {"$push": {"a": {"$each": [8, 9], "$position": -1}}},
        {"a": [1, 2]},
        {"a": [1, 8, 9, 2]},
        id="from the end",
    ),
    pytest.param(
        {"$push": {"a": {"$each": [9], "$position": -9}}},
        {"a": [1]},
        {"a": [9, 1]},
        id="before all",
    ),
    pytest.param(
        {"$push": {"a": {"$each": [3], "$slice": 2}}}, {"a": [1, 2]}, {"a": [1, 2]}, id="slice"
    ),
    pytest.param(
        {"$push": {"a": {"$each": [3], "$slice": -2}}}, {"a": [1, 2]}, {"a": [2, 3]}, id="last"
    ),
    pytest.param(
        {"$push": {"a": {"$each": [3], "$slice": 0}}}, {"a": [1, 2]}, {"a": []}, id="slice to none"
    ),
    pytest.param(
        {"$push": {"a": {"$each": [2], "$sort": -1}}}, {"a": [1, 3]}, {"a": [3, 2, 1]}, id="sort"
    ),
    pytest.param(
        {"$push": {"a": {"$each": [{"s": 2}], "$sort": {"s": 1}, "$slice": 2}}},
        {"a": [{"s": 3}, {"s": 1}]},
        {"a": [{"s": 1}, {"s": 2}]},
        id="sort by field, then slice",
    ),
    pytest.param({"$addToSet": {"a": 1}}, {"a": [1.0]}, {"a": [1.0]}, id="a set knows numbers"),
    pytest.param({"$addToSet": {"a": True}}, {"a": [1]}, {"a": [1, True]}, id="true is no one"),
    pytest.param({"$addToSet": {"a": [1]}}, {"a": [1]}, {"a": [1, [1]]}, id="an array as element"),
    pytest.param(
        {"$addToSet": {"a": {"$each": [1, 2, 2]}}}, {"a": [1]}, {"a": [1, 2]}, id="set each"
    ),
    pytest.param({"$addToSet": {"a": 1}}, {}, {"a": [1]}, id="new set"),
    pytest.param(
        {"$addToSet": {"a": {"y": 1, "x": 2}}},
        {"a": [{"x": 2, "y": 1}]},
        {"a": [{"x": 2, "y": 1}, {"y": 1, "x": 2}]},
        id="field order counts",
    ),
    pytest.param({"$pop": {"a": 1}}, {"a": [1, 2]}, {"a": [1]}, id="pop last"),
    pytest.param({"$pop": {"a": -1}}, {"a": [1, 2]}, {"a": [2]}, id="pop first"),
    pytest.param({"$pop": {"a": 1}}, {"a": []}, {"a": []}, id="pop empty"),
    pytest.param({"$pop": {"a": 1}}, {}, {}, id="pop missing"),
    pytest.param({"$pull": {"a": 1}}, {"a": [1, 2, 1.0]}, {"a": [2]}, id="pull"),
    pytest.param(
        {"$pull": {"a": {"$gte": 2}}}, {"a": [1, 2, 3]}, {"a": [1]}, id="pull by operator"
    ),
    pytest.param(
        {"$pull": {"a": {"x": 1}}}, {"a": [{"x": 1, "y": 2}, 1]}, {"a": [1]}, id="by field"
    ),
    pytest.param({"$pull": {"a": Regex("^b")}}, {"a": ["a", "bc"]}, {"a": ["a"]}, id="by pattern"),
    pytest.param({"$pull": {"a": {"$in": [1, 2]}}}, {"a": [1, 3]}, {"a": [3]}, id="pull in"),
    pytest.param({"$pull": {"a": [1]}}, {"a": [[1], 1]}, {"a": [1]}, id="pull array"),
    pytest.param({"$pull": {"a": None}}, {"a": [None, 1]}, {"a": [1]}, id="pull null"),
    pytest.param({"$pull": {"a.b": 1}}, {}, {}, id="pull missing"),
    pytest.param({"$pullAll": {"a": [1, "x"]}}, {"a": [1, "x", 2]}, {"a": [2]}, id="pull all"),
]

POSITIONAL = [
    pytest.param({"$set": {"a.$": 9}}, {"a": 2}, {"a": [1, 2, 2]}, {"a": [1, 9, 2]}, id="first"),
    pytest.param(
        {"$inc": {"a.$.n": 1}},
        {"a.k": "y"},
        {"a": [{"k": "x", "n": 1}, {"k": "y", "n": 1}]},
        {"a": [{"k": "x", "n": 1}, {"k": "y", "n": 2}]},
        id="field of the element",
    ),
    pytest.param(
        {"$set": {"a.$.n": 0}},
        {"a": {"$elemMatch": {"k": "y", "n": {"$gt": 3}}}},
        {"a": [{"k": "y", "n": 1}, {"k": "y", "n": 5}]},
        {"a": [{"k": "y", "n": 1}, {"k": "y", "n": 0}]},
        id="elemMatch",
    ),
    pytest.param(
        {"$set": {"a.$": 0}}, {"$and": [{"a": {"$gte": 2}}]}, {"a": [1, 3]}, {"a": [1, 0]}, id="and"
    ),
    pytest.param({"$unset": {"a.$": ""}}, {"a": 1}, {"a": [1, 2]}, {"a": [None, 2]}, id="unset"),
]


@pytest.mark.parametrize(("update", "document", "expected"), FIELDS + ARRAYS)
def test_operators_change_the_document_as_the_manual_says(
    update: Document, document: Document, expected: Document
) -> None:
    changed = applied(update, document)

    assert as_bson(expected) == as_bson(changed)


@pytest.mark.parametrize(("update", "query", "document", "expected"), POSITIONAL)
def test_the_positional_operator_changes_the_element_that_the_query_found(
    update: Document, query: Document, document: Document, expected: Document
) -> None:
    assert as_bson(expected) == as_bson(applied(update, document, query=query))


@pytest.mark.parametrize(
    ("update", "filters", "document", "expected"),
    [
        pytest.param({"$inc": {"a.$[]": 1}}, [], {"a": [1, 2]}, {"a": [2, 3]}, id="all"),
        pytest.param(
            {"$set": {"a.$[].x": 0}},
            [],
            {"a": [{"x": 1}, {}]},
            {"a": [{"x": 0}, {"x": 0}]},
            id="in",
        ),
        pytest.param(
            {"$set": {"a.$[e]": 0}}, [{"e": {"$gte": 2}}], {"a": [1, 2]}, {"a": [1, 0]}, id="some"
        ),
        pytest.param(
            {"$set": {"a.$[e].n": 0}},
            [{"e.k": "x", "e.n": {"$gt": 1}}],
            {"a": [{"k": "x", "n": 1}, {"k": "x", "n": 2}]},
            {"a": [{"k": "x", "n": 1}, {"k": "x", "n": 0}]},
            id="by two fields",
        ),
        pytest.param(
            {"$set": {"a.$[e].b.$[f]": 0}},
            [{"e.k": 1}, {"f": {"$lt": 0}}],
            {"a": [{"k": 1, "b": [-1, 1]}, {"k": 2, "b": [-1]}]},
            {"a": [{"k": 1, "b": [0, 1]}, {"k": 2, "b": [-1]}]},
            id="nested",
        ),
        pytest.param(
            {"$unset": {"a.$[e]": 1}},
            [{"$or": [{"e": 1}, {"e": 3}]}],
            {"a": [1, 2, 3]},
            {"a": [None, 2, None]},
            id="or",
        ),
        pytest.param(
            {"$push": {"a.$[]": 1}}, [], {"a": [[], [0]]}, {"a": [[1], [0, 1]]}, id="push"
        ),
    ],
)
def test_array_filters_choose_the_elements(
    update: Document, filters: list[Document], document: Document, expected: Document
) -> None:
    changed = applied(update, document, array_filters=filters)

    assert as_bson(expected) == as_bson(changed)


@pytest.mark.parametrize(
    ("update", "document"),
    [
        pytest.param({"$set": {"a": 1}}, {"_id": 1, "a": 1}, id="set"),
        pytest.param({"$unset": {"x": 1}}, {"a": 1}, id="unset"),
        pytest.param({"$inc": {"a": 0}}, {"a": 1}, id="inc"),
        pytest.param({"$min": {"a": 9}}, {"a": 1}, id="min"),
        pytest.param({"$push": {"a": {"$each": []}}}, {"a": [1]}, id="push"),
        pytest.param({"$addToSet": {"a": 1}}, {"a": [1]}, id="addToSet"),
        pytest.param({"$pull": {"a": 9}}, {"a": [1]}, id="pull"),
        pytest.param({"$pop": {"a": 1}}, {"a": []}, id="pop"),
        pytest.param({"$set": {"a.0.b": 1}}, {"a": [{"b": 1}]}, id="deep"),
        pytest.param({"a": 1}, {"_id": 1, "a": 1}, id="replacement"),
        pytest.param([{"$set": {"a": "$b"}}], {"_id": 1, "a": 1, "b": 1}, id="pipeline"),
        pytest.param({"$set": {"a.$[].b": 1}}, {"a": [{"b": 1}]}, id="all elements"),
    ],
)
def test_an_update_that_changes_nothing_returns_the_document_itself(
    update: Any, document: Document
) -> None:
    assert document is compile_update(update).apply(document)


REFUSED = [
    pytest.param({"$foo": {"a": 1}}, {}, 9, "Unknown modifier: $foo.", id="unknown"),
    pytest.param({"$set": {"a": 1}, "b": 1}, {}, 9, "Unknown modifier: b.", id="mixed"),
    pytest.param({"$set": 1}, {}, 9, "Modifiers operate on fields but we found type int", id="set"),
    pytest.param(
        {"$set": {"a": 1}, "$inc": {"a": 1}},
        {},
        40,
        "Updating the path 'a' would create a conflict at 'a'",
        id="same path",
    ),
    pytest.param(
        {"$set": {"a": 1, "a.b": 1}},
        {},
        40,
        "Updating the path 'a.b' would create a conflict at 'a'",
        id="path below",
    ),
    pytest.param(
        {"$set": {"a.b": 1}, "$unset": {"a": 1}},
        {},
        40,
        "would create a conflict at 'a'",
        id="above",
    ),
    pytest.param(
        {"$set": {"a.0": 1}, "$inc": {"a.$[]": 1}},
        {},
        40,
        "would create a conflict",
        id="array part",
    ),
    pytest.param({"$rename": {"a": "b"}, "$set": {"b": 1}}, {}, 40, "conflict at 'b'", id="rename"),
    pytest.param({"$set": {"": 1}}, {}, 56, "An empty update path is not valid.", id="empty path"),
    pytest.param({"$set": {"a..b": 1}}, {}, 56, "contains an empty field name", id="empty part"),
    pytest.param({"$set": {"$a": 1}}, {}, 52, "The dollar ($) prefixed field '$a'", id="dollar"),
    pytest.param({"a": 1, "$b": 1}, {}, 52, "The dollar ($) prefixed field '$b'", id="replacement"),
    pytest.param(
        {"$set": {"_id": 2}},
        {"_id": 1},
        66,
        "Performing an update on the path '_id' would modify the immutable field '_id'",
        id="set _id",
    ),
    pytest.param({"$unset": {"_id": 1}}, {"_id": 1}, 66, "immutable field '_id'", id="unset _id"),
    pytest.param(
        {"_id": 2},
        {"_id": 1},
        66,
        "the (immutable) field '_id' was found to have been altered to _id: 2",
        id="replace _id",
    ),
    pytest.param([{"$set": {"_id": 2}}], {"_id": 1}, 66, "altered to _id: 2", id="pipeline _id"),
    pytest.param(
        {"$set": {"a.b": 1}}, {"a": 5}, 28, "Cannot create field 'b' in element {a: 5}", id="scalar"
    ),
    pytest.param(
        {"$set": {"a.b": 1}},
        {"a": None},
        28,
        "Cannot create field 'b' in element {a: null}",
        id="nul",
    ),
    pytest.param(
        {"$set": {"a.b": 1}},
        {"a": [1]},
        28,
        "Cannot create field 'b' in element {a: [ 1 ]}",
        id="arr",
    ),
    pytest.param(
        {"$pull": {"a.b": 1}},
        {"a": 5},
        28,
        "Cannot use the part (b) of (a.b) to traverse",
        id="pull",
    ),
    pytest.param(
        {"$set": {"a.2000000": 1}}, {"a": []}, 34, "can't backfill more than", id="padding"
    ),
    pytest.param(
        {"$inc": {"a": "x"}},
        {},
        14,
        'Cannot increment with non-numeric argument: {a: "x"}',
        id="inc",
    ),
    pytest.param(
        {"$inc": {"a": 1}},
        {"_id": 7, "a": "x"},
        14,
        "Cannot apply $inc to a value of non-numeric type. {_id: 7} has the field 'a' of "
        "non-numeric type string",
        id="inc text",
    ),
    pytest.param(
        {"$mul": {"a": True}}, {}, 14, "Cannot multiply with non-numeric argument", id="mul"
    ),
    pytest.param(
        {"$inc": {"a": Int64(1)}},
        {"_id": 1, "a": Int64(2**63 - 1)},
        2,
        "Failed to apply $inc operations to current value ((NumberLong)9223372036854775807) for "
        "document {_id: 1}",
        id="inc overflow",
    ),
    pytest.param(
        {"$push": {"a": 1}},
        {"_id": 1, "a": 5},
        2,
        "The field 'a' must be an array but is of type int in document {_id: 1}",
        id="push",
    ),
    pytest.param(
        {"$push": {"a": {"$each": 1}}}, {}, 2, "The argument to $each in $push", id="each"
    ),
    pytest.param(
        {"$push": {"a": {"$each": [], "$x": 1}}},
        {},
        2,
        "Unrecognized clause in $push: $x",
        id="clause",
    ),
    pytest.param(
        {"$push": {"a": {"$each": [], "$slice": 1.5}}},
        {},
        2,
        "The value for $slice must",
        id="slice",
    ),
    pytest.param(
        {"$push": {"a": {"$each": [], "$sort": 2}}}, {}, 2, "must be either 1 or -1", id="sort"
    ),
    pytest.param(
        {"$addToSet": {"a": 1}}, {"a": 5}, 2, "Cannot apply $addToSet to non-array field.", id="set"
    ),
    pytest.param({"$pop": {"a": 2}}, {}, 9, "$pop expects 1 or -1, found: 2", id="pop"),
    pytest.param(
        {"$pop": {"a": 1}}, {"a": 5}, 14, "Path 'a' contains an element of non-a", id="pop 5"
    ),
    pytest.param(
        {"$pull": {"a": 1}}, {"a": 5}, 2, "Cannot apply $pull to a non-array", id="pull 5"
    ),
    pytest.param(
        {"$pullAll": {"a": 1}}, {}, 2, "$pullAll requires an array argument", id="pullAll"
    ),
    pytest.param({"$bit": {"a": 1}}, {}, 2, "The $bit modifier is not compatible with", id="bit"),
    pytest.param(
        {"$bit": {"a": {"nor": 1}}}, {}, 2, "only supports 'and', 'or', and 'xor'", id="nor"
    ),
    pytest.param(
        {"$bit": {"a": {"or": 1.5}}}, {}, 2, "must be an Integer(32/64 bit)", id="bit 1.5"
    ),
    pytest.param(
        {"$bit": {"a": {"or": 1}}}, {"a": 1.5}, 2, "Cannot apply $bit to a value", id="bits"
    ),
    pytest.param({"$rename": {"a": 1}}, {}, 2, "The 'to' field for $rename must be a s", id="to"),
    pytest.param(
        {"$rename": {"a": "a"}}, {}, 2, "source and target field for $rename must", id="aa"
    ),
    pytest.param(
        {"$rename": {"a": "a.b"}}, {}, 2, "must not be on the same path", id="same branch"
    ),
    pytest.param(
        {"$rename": {"a.0": "b"}},
        {"_id": 1, "a": [1]},
        2,
        "The source field cannot be an array element, 'a.0' in doc with _id: 1 has an array field "
        "called 'a'",
        id="rename element",
    ),
    pytest.param(
        {"$currentDate": {"a": {"$type": "x"}}}, {}, 2, "is required to be 'date' or 't", id="clock"
    ),
    pytest.param(
        {"$set": {"a.$": 1}},
        {"a": [1]},
        2,
        "The positional operator did not find the match",
        id="$",
    ),
    pytest.param(
        {"$set": {"$.a": 1}}, {}, 2, "element in the first position in path '$.a'", id="$.a"
    ),
    pytest.param(
        {"$set": {"a.$.b.$": 1}}, {}, 2, "Too many positional (i.e. '$') elements", id="$$"
    ),
    pytest.param(
        {"$set": {"a.$[x]": 1}},
        {},
        2,
        "No array filter found for identifier 'x' in path",
        id="$[x]",
    ),
    pytest.param(
        {"$set": {"a.$[]": 1}},
        {},
        2,
        "The path 'a' must exist in the document in order",
        id="no array",
    ),
    pytest.param(
        {"$set": {"a.$[]": 1}},
        {"a": 5},
        2,
        "Cannot apply array updates to non-array element a: 5",
        id="no array, 5",
    ),
    pytest.param(
        [{"$match": {}}], {}, 72, "$match is not allowed to be used within an", id="match"
    ),
    pytest.param([{"$foo": {}}], {}, 40324, "Unrecognized pipeline stage name: '$foo'", id="stage"),
]


@pytest.mark.parametrize(("update", "document", "code", "text"), REFUSED)
def test_a_bad_update_is_refused_with_the_servers_code(
    update: Any, document: Document, code: int, text: str
) -> None:
    with pytest.raises(CommandError) as caught:
        compile_update(update).apply(document)

    assert code == caught.value.code
    assert text in caught.value.message


@pytest.mark.parametrize(
    ("filters", "code", "text"),
    [
        pytest.param(
            [{"e": 1}, {"e": 2}], 9, "Found multiple array filters with the same", id="two"
        ),
        pytest.param(
            [{"e": 1}, {"f": 2}], 9, "The array filter for identifier 'f' was not", id="idle"
        ),
        pytest.param([{"e": 1, "f": 2}], 9, "Expected a single top-level field name", id="names"),
        pytest.param([{"E": 1}], 2, "beginning with a lowercase letter, found 'E'", id="capital"),
        pytest.param(
            [{}], 9, "Cannot use an expression without a top-level field name", id="empty"
        ),
    ],
)
def test_bad_array_filters_are_refused(filters: list[Document], code: int, text: str) -> None:
    with pytest.raises(CommandError) as caught:
        compile_update({"$set": {"a.$[e]": 1}}, array_filters=filters)

    assert code == caught.value.code
    assert text in caught.value.message


def test_current_date_sets_a_date_or_a_timestamp() -> None:
    changed = applied({"$currentDate": {"a": True, "b": {"$type": "timestamp"}}}, {})

    assert isinstance(changed["a"], DatetimeMS)
    assert isinstance(changed["b"], Timestamp)


@pytest.mark.parametrize(
    ("replacement", "document", "expected"),
    [
        pytest.param({"b": 1}, {"_id": 5, "a": 1}, {"_id": 5, "b": 1}, id="keeps _id"),
        pytest.param({"b": 1, "_id": 5.0}, {"_id": 5}, {"_id": 5.0, "b": 1}, id="puts _id first"),
        pytest.param({}, {"_id": 5, "a": 1}, {"_id": 5}, id="empty"),
        pytest.param({"a.b": 1}, {"_id": 5}, {"_id": 5, "a.b": 1}, id="dots are names"),
    ],
)
def test_a_replacement_takes_the_documents_place(
    replacement: Document, document: Document, expected: Document
) -> None:
    update = compile_update(replacement)

    assert update.is_replacement
    assert as_bson(expected) == as_bson(update.apply(document))


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        pytest.param([{"$set": {"c": {"$add": ["$a", 1]}}}], {"_id": 1, "a": 1, "b": 2, "c": 2}),
        pytest.param([{"$addFields": {"a": "$b"}}, {"$unset": "b"}], {"_id": 1, "a": 2}),
        pytest.param([{"$project": {"b": 1}}], {"_id": 1, "b": 2}),
        pytest.param([{"$replaceWith": {"z": "$a"}}], {"_id": 1, "z": 1}),
        pytest.param([{"$replaceRoot": {"newRoot": {"z": "$$v"}}}], {"_id": 1, "z": 9}),
    ],
)
def test_a_pipeline_computes_the_new_document(pipeline: list[Document], expected: Document) -> None:
    changed = applied(pipeline, {"_id": 1, "a": 1, "b": 2}, variables={"v": 9})

    assert as_bson(expected) == as_bson(changed)


@pytest.mark.parametrize(
    ("update", "query", "expected"),
    [
        pytest.param(
            {"$set": {"b": 2}, "$setOnInsert": {"c": 3}},
            {"_id": 1, "a": 1},
            {"_id": 1, "a": 1, "b": 2, "c": 3},
            id="equalities, then operators",
        ),
        pytest.param(
            {"$set": {"b": 1}}, {"_id": 1, "a.b": 5}, {"_id": 1, "a": {"b": 5}, "b": 1}, id="x"
        ),
        pytest.param(
            {"$inc": {"n": 1}},
            {"$and": [{"_id": 1}, {"n": {"$eq": 4}}], "m": {"$gt": 1}},
            {"_id": 1, "n": 5},
            id="only equalities count",
        ),
        pytest.param(
            {"$set": {"b": 1}}, {"_id": 1, "a": {"$in": [7]}}, {"_id": 1, "a": 7, "b": 1}, id="in"
        ),
        pytest.param(
            {"$set": {"b": 1}}, {"_id": 1, "a": Regex("x")}, {"_id": 1, "b": 1}, id="pattern"
        ),
        pytest.param(
            {"b": 1}, {"_id": 1, "a": 2}, {"_id": 1, "b": 1}, id="replacement takes _id only"
        ),
        pytest.param({"_id": 3, "b": 1}, {"a": 2}, {"_id": 3, "b": 1}, id="replacement's own _id"),
        pytest.param(
            [{"$set": {"b": "$a"}}], {"_id": 1, "a": 2}, {"_id": 1, "a": 2, "b": 2}, id="pipeline"
        ),
    ],
)
def test_an_upsert_starts_from_what_the_query_fixes(
    update: Any, query: Document, expected: Document
) -> None:
    made = compile_update(update, query=query).upsert_document(query)

    assert as_bson(expected) == as_bson(made)


def test_an_upsert_without_an_id_gets_a_new_one_first() -> None:
    made = compile_update({"$set": {"a": 1}}).upsert_document({"a": {"$gt": 5}})

    assert list(made) == ["_id", "a"]
    assert isinstance(made["_id"], ObjectId)


@pytest.mark.parametrize(
    ("update", "query", "code"),
    [
        pytest.param({"$set": {"b": 1}}, {"$and": [{"a": 1}, {"a": 2}]}, 54, id="twice"),
        pytest.param({"$set": {"b": 1}}, {"a": 1, "a.b": 2}, 54, id="above and below"),
        pytest.param({"$set": {"_id": 2}}, {"_id": 1}, 66, id="another _id"),
        pytest.param({"_id": 2}, {"_id": 1}, 66, id="replacement with another _id"),
        pytest.param({"$set": {"_id": [1]}}, {}, 53, id="an array as _id"),
    ],
)
def test_an_upsert_that_contradicts_itself_is_refused(
    update: Document, query: Document, code: int
) -> None:
    with pytest.raises(CommandError) as caught:
        compile_update(update).upsert_document(query)

    assert code == caught.value.code


@given(st.dictionaries(oracle.names.filter(lambda n: n and n[0] != "$"), oracle.values, max_size=4))
@settings(max_examples=100, deadline=None, database=None)
def test_setting_every_field_of_a_document_makes_that_document(target: Document) -> None:
    changed = compile_update({"$set": target}).apply({})

    assert same({name: target[name] for name in changed}, changed)
    assert set(target) == set(changed)


@given(st.lists(oracle.values, max_size=4), oracle.values)
@settings(max_examples=100, deadline=None, database=None)
def test_add_to_set_then_pull_leaves_no_equal_element(array: list[Any], value: Any) -> None:
    added = compile_update({"$addToSet": {"a": {"$each": [value]}}}).apply({"a": array})
    pulled = compile_update({"$pullAll": {"a": [value]}}).apply(added)

    assert any(oracle.compare(value, item) == 0 for item in added["a"])
    assert not any(oracle.compare(value, item) == 0 for item in pulled["a"])
