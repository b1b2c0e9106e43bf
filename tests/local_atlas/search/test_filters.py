"""Filters of both dialects, rule by rule; `test_filter_oracle.py` crosses them at random."""

import math
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Binary, Decimal128, ObjectId, Regex
from pymongo.database import Database

from tests.local_atlas.search.asking import (
    AGGREGATE_PREFIX,
    Documents,
    ids,
    indexed,
    knn_beta,
    refusal,
    search_definition,
    vector_definition,
    vector_search,
)

EARLY, LATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
OID_A, OID_B = ObjectId("0" * 23 + "a"), ObjectId("0" * 23 + "b")
UUID_A = Binary.from_uuid(uuid.UUID(int=1))
UUID_B = Binary.from_uuid(uuid.UUID(int=2))

VALUES: dict[str, Any] = {
    "missing": None,  # its field is taken out below
    "null": None,
    "int": 5,
    "double": 5.5,
    "large": 2**53 + 1,
    "infinite": math.inf,
    "decimal": Decimal128("5"),
    "true": True,
    "false": False,
    "text": "red",
    "upper": "Red",
    "early": EARLY,
    "late": LATE,
    "oid_a": OID_A,
    "oid_b": OID_B,
    "uuid_a": UUID_A,
    "uuid_b": UUID_B,
    "empty_array": [],
    "numbers": [1, 10],
    "nested_array": [[4]],
    "null_inside": [None, "x"],
    "document": {"a": 1},
    "empty_document": {},
}


def documents() -> list[dict[str, Any]]:
    return [
        {"_id": name, "v": [0, 0], **({} if name == "missing" else {"f": value})}
        for name, value in VALUES.items()
    ]


@pytest.fixture(scope="module")
def vector_indexed(module_db: Database[dict[str, Any]]) -> Documents:
    return indexed(module_db.vector, documents(), vector_definition("f"))


@pytest.fixture(scope="module")
def search_indexed(module_db: Database[dict[str, Any]]) -> Documents:
    types = [{"type": name} for name in ("boolean", "date", "number", "objectId", "token", "uuid")]
    return indexed(module_db.search, documents(), search_definition(f=types))


ALL = set(VALUES)
MQL_CASES = [
    pytest.param({}, ALL, id="an empty filter matches everything"),
    pytest.param({"f": 5}, {"int"}, id="short equality"),
    pytest.param({"f": {"$eq": 5.0}}, {"int"}, id="int and double compare across"),
    pytest.param({"f": 2**53 + 1}, {"large"}, id="large ints are not rounded"),
    pytest.param({"f": float(2**53)}, set(), id="a double next to a large int is another number"),
    pytest.param({"f": math.inf}, set(), id="nothing equals infinity"),
    pytest.param({"f": {"$gte": math.inf}}, set(), id="nothing is at least infinity"),
    pytest.param({"f": {"$in": [math.inf]}}, {"infinite"}, id="a list may find infinity"),
    pytest.param({"f": True}, {"true"}, id="a boolean is no number"),
    pytest.param({"f": 1}, {"numbers"}, id="a number is no boolean"),
    pytest.param({"f": "red"}, {"text"}, id="strings are compared whole, case sensitive"),
    pytest.param({"f": EARLY}, {"early"}, id="date"),
    pytest.param({"f": OID_A}, {"oid_a"}, id="objectId"),
    pytest.param({"f": UUID_B}, {"uuid_b"}, id="uuid"),
    pytest.param({"f": None}, {"null", "null_inside"}, id="null is explicit, never missing"),
    pytest.param({"f": {"$ne": None}}, ALL - {"null", "null_inside"}, id="not null has missing"),
    pytest.param({"f": {"$ne": 5}}, ALL - {"int"}, id="$ne is a pure complement"),
    pytest.param({"f": {"$nin": ["red", "Red"]}}, ALL - {"text", "upper"}, id="$nin"),
    pytest.param({"f": {"$not": {"$eq": 5}}}, ALL - {"int"}, id="$not"),
    pytest.param({"$nor": [{"f": 5}, {"f": "red"}]}, ALL - {"int", "text"}, id="$nor"),
    pytest.param({"$nor": [{}]}, set(), id="$nor of everything"),
    pytest.param({"$or": [{"f": 5}, {"f": "red"}]}, {"int", "text"}, id="$or"),
    pytest.param({"$and": [{}, {"f": 5}]}, {"int"}, id="{} inside $and matches everything"),
    pytest.param({"f": {"$in": ["red", "x"]}}, {"text", "null_inside"}, id="$in"),
    pytest.param({"f": {"$in": [5.5]}}, {"double", "int"}, id="$in cuts doubles for ints"),
    pytest.param({"f": {"$in": [5, 10.0]}}, {"int", "numbers"}, id="$in of int and double"),
    pytest.param({"f": {"$gt": 5}}, {"double", "large", "numbers"}, id="infinity is above nothing"),
    pytest.param({"f": {"$gte": 5, "$lte": 5}}, {"int", "numbers"}, id="$gte and $lte"),
    pytest.param({"f": {"$lt": 5}}, {"numbers", "nested_array"}, id="nested arrays are flattened"),
    pytest.param({"f": 4}, {"nested_array"}, id="[[4]] matches 4"),
    pytest.param({"f": {"$gt": 3, "$lt": 5}}, {"numbers", "nested_array"}, id="any element each"),
    pytest.param({"f": {"$gt": False}}, {"true"}, id="range of booleans"),
    pytest.param({"f": {"$gte": "r"}}, {"text", "null_inside"}, id="strings in byte order"),
    pytest.param({"f": {"$gt": EARLY}}, {"late"}, id="range of dates"),
    pytest.param({"f": {"$lt": OID_B}}, {"oid_a"}, id="range of objectIds"),
    pytest.param({"f": {"$lte": UUID_B}}, {"uuid_a", "uuid_b"}, id="range of uuids"),
    pytest.param(
        {"f": {"$exists": True}}, ALL - {"missing"}, id="exists has null, [], {}, decimal"
    ),
    pytest.param({"f": {"$exists": False}}, {"missing"}, id="not exists"),
    pytest.param({"g": None}, set(), id="null on an undeclared path is empty"),
    pytest.param({"g": {"$ne": None}}, ALL, id="not null on an undeclared path is everything"),
]


@pytest.mark.parametrize(("filter_", "expected"), MQL_CASES)
def test_mql_filter_on_a_vector_index(
    vector_indexed: Documents, filter_: dict[str, Any], expected: set[str]
) -> None:
    assert set(ids(vector_search(vector_indexed, filter=filter_))) == expected


SEARCH_CASES = [
    pytest.param({"f": {"$in": [5.5]}}, {"double"}, id="numbers are doubles, nothing is cut"),
    pytest.param({"f": float(2**53)}, {"large"}, id="large ints are rounded to doubles"),
    pytest.param({"f": "red"}, {"text"}, id="token"),
    pytest.param({"f": {"$gt": 3, "$lt": 5}}, {"numbers", "nested_array"}, id="range"),
    pytest.param({"f": None}, {"null", "null_inside"}, id="null"),
]


@pytest.mark.parametrize(("filter_", "expected"), SEARCH_CASES)
def test_mql_filter_on_a_search_index(
    search_indexed: Documents, filter_: dict[str, Any], expected: set[str]
) -> None:
    assert set(ids(vector_search(search_indexed, filter=filter_))) == expected


OPERATOR_CASES = [
    pytest.param({"equals": {"path": "f", "value": 5}}, {"int"}, id="equals number"),
    pytest.param({"equals": {"path": "f", "value": "red"}}, {"text"}, id="equals token"),
    pytest.param({"equals": {"path": "f", "value": None}}, {"null", "null_inside"}, id="null"),
    pytest.param({"equals": {"path": "f", "value": True}}, {"true"}, id="equals boolean"),
    pytest.param({"equals": {"path": "f", "value": UUID_A}}, {"uuid_a"}, id="equals uuid"),
    pytest.param({"equals": {"path": "f", "value": LATE}}, {"late"}, id="equals date"),
    pytest.param({"equals": {"path": "f", "value": OID_B}}, {"oid_b"}, id="equals objectId"),
    pytest.param({"in": {"path": "f", "value": [5.5]}}, {"double"}, id="in cuts no doubles"),
    pytest.param({"equals": {"path": "g", "value": 5}}, set(), id="unmapped matches nothing"),
    pytest.param({"in": {"path": "f", "value": [5, 10]}}, {"int", "numbers"}, id="in"),
    pytest.param({"in": {"path": "f", "value": "red"}}, {"text"}, id="in with a single value"),
    pytest.param({"in": {"path": ["g", "f"], "value": [OID_A]}}, {"oid_a"}, id="in, two paths"),
    pytest.param(
        {"range": {"path": "f", "gt": 3, "lt": 5}}, {"nested_array"}, id="range of one element"
    ),
    pytest.param(
        {"range": {"path": "f", "gte": EARLY, "lt": LATE}}, {"early"}, id="range of dates"
    ),
    pytest.param({"range": {"path": "f", "lt": OID_B}}, {"oid_a"}, id="range of objectIds"),
    pytest.param({"range": {"path": "f", "gt": UUID_A}}, {"uuid_b"}, id="range of uuids"),
    pytest.param({"range": {"path": "f", "gt": "r"}}, {"text", "null_inside"}, id="token range"),
    pytest.param({"exists": {"path": "f"}}, ALL - {"missing"}, id="exists"),
    pytest.param({"exists": {"path": "g"}}, set(), id="exists of an unmapped path"),
    pytest.param({"compound": {"mustNot": {"exists": {"path": "g"}}}}, ALL, id="mustNot alone"),
    pytest.param(
        {
            "compound": {
                "filter": [{"exists": {"path": "f"}}],
                "must": {"range": {"path": "f", "gte": 1}},
                "mustNot": [{"equals": {"path": "f", "value": 10}}],
            }
        },
        {"int", "double", "large", "nested_array"},
        id="compound filter, must and mustNot",
    ),
    pytest.param(
        {
            "compound": {
                "should": [
                    {"equals": {"path": "f", "value": 5}},
                    {"equals": {"path": "f", "value": "red"}},
                ]
            }
        },
        {"int", "text"},
        id="should alone wants one",
    ),
    pytest.param(
        {
            "compound": {
                "must": {"exists": {"path": "f"}},
                "should": {"equals": {"path": "f", "value": 5}},
            }
        },
        ALL - {"missing"},
        id="should beside must is optional",
    ),
    pytest.param(
        {
            "compound": {
                "should": [
                    {"range": {"path": "f", "gt": 0}},
                    {"range": {"path": "f", "gt": 9}},
                    {"equals": {"path": "f", "value": "red"}},
                ],
                "minimumShouldMatch": 2,
            }
        },
        {"numbers", "large"},
        id="minimumShouldMatch",
    ),
    pytest.param(
        {
            "compound": {
                "should": [{"equals": {"path": "f", "value": 5}}],
                "score": {"dismax": {"tieBreakerScore": 0.5}},
                "doesNotAffect": ["g"],
            }
        },
        {"int"},
        id="dismax changes no match",
    ),
]


@pytest.mark.parametrize(("filter_", "expected"), OPERATOR_CASES)
def test_operator_filter_of_knn_beta(
    search_indexed: Documents, filter_: dict[str, Any], expected: set[str]
) -> None:
    assert set(ids(knn_beta(search_indexed, filter=filter_))) == expected


NO_OPERATOR = (
    "at least one of [$gt, $gte, $lt, $lte, $eq, $ne, $in, $nin, $exists, $not] must be present"
)
NOT_COMPARABLE = "must be a boolean, objectId, number, string, date, uuid, or null"
REFUSED_FILTERS = [
    pytest.param({"f": {"$size": 1}}, f'"filter.f" {NO_OPERATOR}', id="$size"),
    pytest.param({"f": {"$type": "int"}}, f'"filter.f" {NO_OPERATOR}', id="$type"),
    pytest.param({"f": {"$regex": "^r"}}, f'"filter.f" {NO_OPERATOR}', id="$regex"),
    pytest.param({"f": {"$elemMatch": {"$gt": 1}}}, f'"filter.f" {NO_OPERATOR}', id="$elemMatch"),
    pytest.param({"f": {"$all": [1]}}, f'"filter.f" {NO_OPERATOR}', id="$all"),
    pytest.param({"f": {"$mod": [2, 0]}}, f'"filter.f" {NO_OPERATOR}', id="$mod"),
    pytest.param({"$expr": {"$isArray": "$f"}}, f'"filter.$expr" {NO_OPERATOR}', id="$expr"),
    pytest.param(
        {"f": {"$gt": 1, "$mod": [2, 0]}}, '"filter.f" unrecognized field "$mod"', id="mixed"
    ),
    pytest.param({"$and": [{"f": {"$size": 1}}]}, f'"filter[0].f" {NO_OPERATOR}', id="inside $and"),
    pytest.param({"f": {"$eq": [1]}}, f'"filter.f.$eq" {NOT_COMPARABLE}', id="array"),
    pytest.param({"f": {"$ne": {"a": 1}}}, f'"filter.f.$ne" {NOT_COMPARABLE}', id="document"),
    pytest.param({"f": Decimal128("1")}, f'"filter" {NOT_COMPARABLE}', id="decimal"),
    pytest.param({"f": Regex("^r")}, f'"filter" {NOT_COMPARABLE}', id="regular expression"),
    pytest.param(
        {"f": {"$in": [Decimal128("1")]}}, f'"filter.f.$in[0]" {NOT_COMPARABLE}', id="$in decimal"
    ),
    pytest.param(
        {"f": {"$eq": b"x"}}, '"filter.f.$eq" binary value must be UUID subtype 4', id="binary"
    ),
    pytest.param({"f": {"$in": []}}, '"filter.f.$in" cannot be empty', id="empty $in"),
    pytest.param(
        {"f": {"$in": [None]}}, '"filter.f.$in[0]" value type cannot be null', id="null in $in"
    ),
    pytest.param(
        {"f": {"$nin": [1, "a"]}},
        '"filter.f.$nin" must have elements of the same type',
        id="two types in $nin",
    ),
    pytest.param(
        {"f": {"$gt": None}}, '"filter.f.$gt" Type is not supported: NULL', id="range of null"
    ),
    pytest.param(
        {"f": {"$lte": [1]}}, '"filter.f.$lte" Type is not supported: ARRAY', id="range of array"
    ),
    pytest.param(
        {"f": {"$lt": Decimal128("1")}},
        '"filter.f.$lt" Type is not supported: DECIMAL128',
        id="range of decimal",
    ),
    pytest.param(
        {"f": {"$exists": 1}}, '"filter.f.$exists" must be a boolean', id="$exists of a number"
    ),
    pytest.param({"g": 1}, "Path 'g' needs to be indexed as filter", id="undeclared path"),
    pytest.param({"f.a": 1}, "Path 'f.a' needs to be indexed as filter", id="path below a filter"),
    pytest.param({"v": 1}, "Path 'v' needs to be indexed as filter", id="the vector's path"),
    pytest.param(
        {"f": 5, "g": {"$not": {"$in": [5]}}},
        "Path 'g' needs to be indexed as filter",
        id="undeclared path inside $not",
    ),
    pytest.param(
        {"g": {"$exists": True}}, "Path 'g' needs to be indexed as filter", id="undeclared $exists"
    ),
]


@pytest.mark.parametrize(("filter_", "message"), REFUSED_FILTERS)
def test_mql_filter_is_refused(
    vector_indexed: Documents, filter_: dict[str, Any], message: str
) -> None:
    spec = {
        "index": "default",
        "path": "v",
        "queryVector": [0, 0],
        "limit": 1,
        "numCandidates": 1,
        "filter": filter_,
    }

    assert refusal(vector_indexed, {"$vectorSearch": spec}) == (8, AGGREGATE_PREFIX + message)


@pytest.mark.parametrize("name", ["$and", "$or", "$nor"])
def test_logical_operators_take_arrays_that_are_not_empty(
    vector_indexed: Documents, name: str
) -> None:
    spec = {"index": "default", "path": "v", "queryVector": [0, 0], "exact": True, "limit": 1}

    stage = {"$vectorSearch": {**spec, "filter": {name: []}}}

    assert refusal(vector_indexed, stage) == (2, "$and/$or/$nor must be a nonempty array")


def test_a_filter_type_that_a_search_index_lacks_is_named(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [], search_definition(f={"type": "number"}))

    for value, type_name in (
        ("red", "token"), (True, "boolean"), (EARLY, "date"), (OID_A, "objectId"), (UUID_A, "uuid"),
    ):  # fmt: skip
        spec = {"index": "default", "path": "v", "queryVector": [0, 0], "exact": True, "limit": 1}
        stage = {"$vectorSearch": {**spec, "filter": {"f": value}}}
        message = f"Path 'f' needs to be indexed as {type_name}"
        assert refusal(collection, stage) == (8, AGGREGATE_PREFIX + message)


def test_a_number_field_that_a_search_index_lacks_is_named(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [], search_definition(f={"type": "token"}))
    spec = {"index": "default", "path": "v", "queryVector": [0, 0], "exact": True, "limit": 1}

    stage = {"$vectorSearch": {**spec, "filter": {"f": {"$gt": 5}}}}

    message = "Path 'f' needs to be indexed as number"
    assert refusal(collection, stage) == (8, AGGREGATE_PREFIX + message)


@pytest.mark.parametrize("filter_", [{}, {"allDocuments": {}}], ids=["{}", "allDocuments"])
def test_no_operator_matches_everything(search_indexed: Documents, filter_: dict[str, Any]) -> None:
    knn = {"path": "v", "vector": [0, 0], "k": 1, "filter": filter_}

    code, text = refusal(search_indexed, {"$search": {"knnBeta": knn}})

    assert code == 8
    assert text.startswith(f'{AGGREGATE_PREFIX}"knnBeta.filter" one of [autocomplete, compound, ')


REFUSED_OPERATORS = [
    pytest.param(
        {"range": {"path": "f", "lt": 1, "lte": 1}},
        '"knnBeta.filter.range" at most one of [lt, lte] may be present',
        id="lt and lte",
    ),
    pytest.param(
        {"in": {"path": "f", "value": [1, "a"]}},
        '"knnBeta.filter.in.value" must have elements of the same type',
        id="in of two types",
    ),
    pytest.param(
        {"range": {"path": "f", "gt": True}},
        '"knnBeta.filter.range" range operator does not support BOOLEAN point type',
        id="range of booleans",
    ),
    pytest.param(
        {"range": {"path": "f", "gt": 1, "gte": 1}},
        '"knnBeta.filter.range" at most one of [gt, gte] may be present',
        id="gt and gte",
    ),
    pytest.param(
        {"range": {"path": "f", "gt": 1, "lt": "a"}},
        '"knnBeta.filter.range" bounds must be of the same type',
        id="bounds of two types",
    ),
    pytest.param(
        {"range": {"path": "f"}},
        '"knnBeta.filter.range" must specify at least one of [lt, lte, gt, gte]',
        id="no bounds",
    ),
    pytest.param(
        {"equals": {"path": "f"}}, '"knnBeta.filter.equals.value" is required', id="no value"
    ),
    pytest.param(
        {"equals": {"path": "f", "value": 1, "x": 1}},
        '"knnBeta.filter.equals" unrecognized field "x"',
        id="unknown field",
    ),
    pytest.param(
        {"in": {"path": "f", "value": [None]}},
        '"knnBeta.filter.in.value[0]" value type cannot be null',
        id="null in in",
    ),
    pytest.param(
        {"in": {"path": "f", "value": []}},
        '"knnBeta.filter.in.value" cannot be empty',
        id="empty in",
    ),
    pytest.param(
        {"compound": {}},
        '"knnBeta.filter.compound" at least one of [filter, must, mustNot, should] must be present',
        id="empty compound",
    ),
    pytest.param(
        {"compound": {"must": []}},
        '"knnBeta.filter.compound" must have at least one clause',
        id="compound without clauses",
    ),
    pytest.param(
        {"compound": {"should": {"exists": {"path": "f"}}, "minimumShouldMatch": 2}},
        '"knnBeta.filter.compound" minimumShouldMatch cannot be greater than number of should '
        "clauses",
        id="too high a minimum",
    ),
    pytest.param(
        {"equals": {"path": "f", "value": 1}, "exists": {"path": "f"}},
        '"knnBeta.filter" only one of [autocomplete, compound, embeddedDocument, equals, exists, '
        "geoShape, geoWithin, hasAncestor, hasRoot, in, knnBeta, moreLikeThis, near, phrase, "
        "queryString, range, regex, search, span, term, text, vectorSearch, wildcard] may be "
        "present",
        id="two operators",
    ),
    pytest.param(
        {"knnBeta": {"path": "v", "vector": [0, 0], "k": 1}},
        '"knnBeta.filter.knnBeta" knnBeta is not allowed to be nested',
        id="nested knnBeta",
    ),
    pytest.param(
        {"compound": {"must": {"knnBeta": {"path": "v", "vector": [0, 0], "k": 1}}}},
        '"knnBeta.filter.compound.must.knnBeta" knnBeta is not allowed to be nested',
        id="knnBeta in compound",
    ),
    pytest.param(
        {"queryString": {"defaultPath": "f", "query": "r"}},
        '"knnBeta.filter.queryString" is an operator of the search engine '
        "(not emulated by LocalAtlas)",
        id="queryString is refused by name",
    ),
    pytest.param(
        {"exists": {"path": "f", "doesNotAffect": "g"}},
        '"knnBeta.filter.exists" unrecognized field "doesNotAffect"',
        id="exists affects everything",
    ),
    pytest.param(
        {"in": {"path": [], "value": 1}},
        '"knnBeta.filter.in.path" cannot be empty',
        id="no path at all",
    ),
    pytest.param(
        {"in": {"path": {"value": "f", "multi": "m"}, "value": 1}},
        '"knnBeta.filter.in.path" multi field not permitted for this operator',
        id="multi where values are compared",
    ),
    pytest.param(
        {"in": {"path": {"wildcard": "*"}, "value": 1}},
        '"knnBeta.filter.in.path.value" is required',
        id="wildcard where values are compared",
    ),
    pytest.param(
        {"range": {"path": "f", "gt": 5, "lt": 3}},
        '"knnBeta.filter.range" gt/gte must not be greater than lt/lte',
        id="bounds the wrong way round",
    ),
    pytest.param(
        {"range": {"path": "f", "gte": "a", "lt": "a"}},
        '"knnBeta.filter.range" bounds must both be inclusive if they are equal',
        id="a range of nothing",
    ),
    pytest.param(
        {"compound": {"must": {"exists": {"path": "f"}}, "score": {"dismax": {}}}},
        '"knnBeta.filter.compound" should clause must not be empty when using dismax score',
        id="dismax without should",
    ),
    pytest.param(
        {
            "compound": {
                "must": {"exists": {"path": "f"}},
                "should": {"exists": {"path": "f"}},
                "score": {"dismax": {}},
            }
        },
        '"knnBeta.filter.compound" cannot use dismax when must, mustNot, or filter is present',
        id="dismax beside must",
    ),
    pytest.param(
        {"compound": {"should": [], "score": {"dismax": {"tieBreakerScore": 2}}}},
        '"knnBeta.filter.compound.score.dismax.tieBreakerScore" must be within bounds [0.0..1.0]',
        id="dismax out of bounds",
    ),
]


@pytest.mark.parametrize(("filter_", "message"), REFUSED_OPERATORS)
def test_operator_filter_is_refused(
    search_indexed: Documents, filter_: dict[str, Any], message: str
) -> None:
    knn = {"path": "v", "vector": [0, 0], "k": 1, "filter": filter_}

    assert refusal(search_indexed, {"$search": {"knnBeta": knn}}) == (8, AGGREGATE_PREFIX + message)


def test_filter_paths_reach_into_documents_and_arrays_of_documents(
    db: Database[dict[str, Any]],
) -> None:
    collection = indexed(
        db.c,
        [
            {"_id": "document", "v": [0, 0], "a": {"b": 1, "c": "x"}},
            {"_id": "array", "v": [0, 0], "a": [{"b": 1, "c": "y"}, {"b": 2, "c": "x"}]},
            {"_id": "scalar", "v": [0, 0], "a": 1},
            {"_id": "empty", "v": [0, 0], "a": {}},
        ],
        vector_definition("a.b", "a.c"),
    )

    assert set(ids(vector_search(collection, filter={"a.b": 1}))) == {"document", "array"}
    # Conditions on several fields of an array of documents are not correlated.
    both = {"a.b": 1, "a.c": "x"}
    assert set(ids(vector_search(collection, filter=both))) == {"document", "array"}
    without = vector_search(collection, filter={"a.b": {"$exists": False}})
    assert set(ids(without)) == {"scalar", "empty"}


def test_filter_comes_before_the_candidates_are_counted(db: Database[dict[str, Any]]) -> None:
    documents_ = [{"_id": i, "v": [i, 0], "f": i} for i in range(50)]
    collection = indexed(db.c, documents_, vector_definition("f"))

    hits = vector_search(collection, filter={"f": {"$gte": 40}}, numCandidates=3, limit=3)

    assert ids(hits) == [40, 41, 42]


def test_long_strings_are_cut_to_one_term(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [{"_id": 1, "v": [0, 0], "f": "x" * 9000}], vector_definition("f"))

    assert ids(vector_search(collection, filter={"f": "x" * 8191})) == [1]
    assert ids(vector_search(collection, filter={"f": "x" * 9000})) == []


def test_strings_are_ordered_by_their_utf_8_bytes(db: Database[dict[str, Any]]) -> None:
    # U+10000 follows U+FFFF here, but comes before it in UTF-16.
    strings = ["Z", "a", "é", "\uffff", "\U00010000"]
    documents_ = [{"_id": text, "v": [0, 0], "f": text} for text in strings]
    collection = indexed(db.c, documents_, vector_definition("f"))

    for i, text in enumerate(strings):
        hits = vector_search(collection, filter={"f": {"$gt": text}})
        assert set(ids(hits)) == set(strings[i + 1 :])


def test_a_lowercase_token_is_normalised_in_document_and_query(
    db: Database[dict[str, Any]],
) -> None:
    token = {"type": "token", "normalizer": "lowercase"}
    collection = indexed(db.c, [{"_id": 1, "v": [0, 0], "f": "Red"}], search_definition(f=token))

    assert ids(knn_beta(collection, filter={"equals": {"path": "f", "value": "RED"}})) == [1]
    assert ids(vector_search(collection, filter={"f": {"$in": ["rEd"]}})) == [1]


def test_an_int64_number_field_cuts_doubles(db: Database[dict[str, Any]]) -> None:
    number = {"type": "number", "representation": "int64"}
    collection = indexed(db.c, [{"_id": 1, "v": [0, 0], "f": 5.7}], search_definition(f=number))

    assert ids(knn_beta(collection, filter={"equals": {"path": "f", "value": 5}})) == [1]


def test_dynamic_mapping_indexes_all_filter_types_but_token(db: Database[dict[str, Any]]) -> None:
    definition = search_definition()
    definition["mappings"]["dynamic"] = True
    collection = indexed(
        db.c,
        [{"_id": 1, "v": [0, 0], "n": {"deep": [7]}, "b": True, "s": "x", "w": [0.5, 0.5]}],
        definition,
    )

    assert ids(knn_beta(collection, filter={"equals": {"path": "n.deep", "value": 7}})) == [1]
    assert ids(knn_beta(collection, filter={"equals": {"path": "b", "value": True}})) == [1]
    assert ids(knn_beta(collection, filter={"equals": {"path": "s", "value": "x"}})) == []
    assert ids(knn_beta(collection, filter={"exists": {"path": "s"}})) == [1]
    stage = {"$search": {"knnBeta": {"path": "w", "vector": [0.5, 0.5], "k": 1}}}
    assert refusal(collection, stage) == (8, f"{AGGREGATE_PREFIX}w is not indexed as knnVector")
