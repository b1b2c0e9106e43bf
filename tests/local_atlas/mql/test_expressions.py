import math
from typing import Any
from zoneinfo import available_timezones

import pytest
from bson import DatetimeMS, Decimal128, Int64, ObjectId, Regex
from bson.timestamp import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.expression_compiler import Scope
from app.local_atlas.mql.expressions import compile_expression
from app.local_atlas.mql.paths import MISSING
from app.local_atlas.mql.rows import Row
from tests.local_atlas.mql import oracle
from tests.local_atlas.mql.environments import as_bson

NEW_YEAR = DatetimeMS(1_704_067_200_000)  # 2024-01-01T00:00:00Z, a Monday
ITEM = {
    "_id": 1,
    "a": 5,
    "b": -2.5,
    "s": "Hello",
    "n": [3, 1, 2],
    "d": {"x": 1, "y": [{"z": 1}, {"z": 2}]},
    "nul": None,
    "when": NEW_YEAR,
}


def evaluated(expression: Any, **variables: Any) -> Any:
    scope = Scope(frozenset(variables))
    return compile_expression(expression, scope)(Row(document=ITEM), variables)


def check(expression: Any, expected: Any) -> None:
    value = evaluated(expression)
    if expected is MISSING or value is MISSING:
        assert expected is value
    else:
        assert as_bson(expected) == as_bson(value)


BASICS = [
    pytest.param("$a", 5, id="field"),
    pytest.param("$d.y.z", [1, 2], id="path over an array"),
    pytest.param("$zz", MISSING, id="missing"),
    pytest.param("text", "text", id="literal text"),
    pytest.param({"$literal": "$a"}, "$a", id="quoted"),
    pytest.param(
        {"k": "$a", "m": "$zz", "o": {"p": "$s"}}, {"k": 5, "o": {"p": "Hello"}}, id="doc"
    ),
    pytest.param(["$a", "$zz"], [5, None], id="array"),
    pytest.param("$$ROOT.a", 5, id="root"),
    pytest.param("$$CURRENT.a", 5, id="current"),
    pytest.param("$$REMOVE", MISSING, id="remove"),
    pytest.param({"$let": {"vars": {"x": "$a"}, "in": {"$add": ["$$x", 1]}}}, 6, id="let"),
    pytest.param({"$let": {"vars": {"x": "$d"}, "in": "$$x.x"}}, 1, id="path of a variable"),
]

ARITHMETIC = [
    pytest.param({"$add": []}, 0, id="add nothing"),
    pytest.param({"$add": ["$a", 1, 0.5]}, 6.5, id="add"),
    pytest.param({"$add": [2**31 - 1, 1]}, Int64(2**31), id="add to int64"),
    pytest.param({"$add": [Int64(2**63 - 1), 1]}, 2.0**63, id="add to double"),
    pytest.param({"$add": [Decimal128("0.1"), 0.2]}, Decimal128("0.300000000000000"), id="decimal"),
    pytest.param({"$add": ["$a", None]}, None, id="add null"),
    pytest.param({"$add": ["$a", "$zz"]}, None, id="add missing"),
    pytest.param({"$add": ["$when", 1000]}, DatetimeMS(1_704_067_201_000), id="add to a date"),
    pytest.param({"$subtract": ["$a", 7]}, -2, id="subtract"),
    pytest.param({"$subtract": ["$when", "$when"]}, Int64(0), id="subtract dates"),
    pytest.param({"$subtract": ["$when", 1]}, DatetimeMS(1_704_067_199_999), id="earlier"),
    pytest.param({"$multiply": [3, 2.5]}, 7.5, id="multiply"),
    pytest.param({"$multiply": [2**31 - 1, 2]}, Int64(2**32 - 2), id="multiply to int64"),
    pytest.param({"$divide": [6, 3]}, 2.0, id="divide makes a double"),
    pytest.param({"$divide": [1, Decimal128("4")]}, Decimal128("0.25"), id="divide decimals"),
    pytest.param({"$mod": [-7, 3]}, -1, id="mod takes the dividend's sign"),
    pytest.param({"$mod": [7.5, 2]}, 1.5, id="mod of doubles"),
    pytest.param({"$abs": -3}, 3, id="abs"),
    pytest.param({"$ceil": "$b"}, -2.0, id="ceil"),
    pytest.param({"$floor": "$b"}, -3.0, id="floor"),
    pytest.param({"$floor": 7}, 7, id="floor of an int"),
    pytest.param({"$round": [2.5]}, 2.0, id="round half to even"),
    pytest.param({"$round": [3.5]}, 4.0, id="round half to even, up"),
    pytest.param({"$round": [1234.5678, 2]}, 1234.57, id="round to places"),
    pytest.param({"$round": [1250, -2]}, 1200, id="round to hundreds"),
    pytest.param({"$round": [Decimal128("2.345"), 2]}, Decimal128("2.34"), id="round a decimal"),
    pytest.param({"$trunc": [-2.9]}, -2.0, id="trunc"),
    pytest.param({"$trunc": [2.99, 1]}, 2.9, id="trunc to places"),
    pytest.param({"$sqrt": 9}, 3.0, id="sqrt"),
    pytest.param({"$pow": [2, 10]}, 1024, id="pow of ints"),
    pytest.param({"$pow": [2, 40]}, Int64(2**40), id="pow to int64"),
    pytest.param({"$pow": [2, 64]}, 2.0**64, id="pow to double"),
    pytest.param({"$pow": [2, -1]}, 0.5, id="pow negative"),
    pytest.param({"$pow": [-1, 99]}, -1, id="pow of minus one"),
    pytest.param({"$exp": 0}, 1.0, id="exp"),
    pytest.param({"$ln": 1}, 0.0, id="ln"),
    pytest.param({"$log": [8, 2]}, 3.0, id="log"),
    pytest.param({"$log10": 1000}, 3.0, id="log10"),
    pytest.param({"$abs": None}, None, id="null in, null out"),
]

LOGIC = [
    pytest.param({"$eq": ["$a", 5.0]}, True, id="eq across types"),
    pytest.param({"$eq": [1, True]}, False, id="eq one and true"),
    pytest.param({"$eq": ["$zz", None]}, False, id="missing is not null here"),
    pytest.param({"$gt": [None, "$zz"]}, True, id="null is above missing"),
    pytest.param({"$gt": ["x", 99]}, True, id="gt across types"),
    pytest.param({"$lt": [1, 2]}, True, id="lt"),
    pytest.param({"$gte": [2, 2]}, True, id="gte"),
    pytest.param({"$lte": [3, 2]}, False, id="lte"),
    pytest.param({"$ne": [1, 2]}, True, id="ne"),
    pytest.param({"$cmp": [1, 2]}, -1, id="cmp"),
    pytest.param({"$and": [1, "x", []]}, True, id="and"),
    pytest.param({"$and": [1, 0]}, False, id="and zero"),
    pytest.param({"$and": []}, True, id="and nothing"),
    pytest.param({"$or": [None, "$zz", 0]}, False, id="or"),
    pytest.param({"$or": []}, False, id="or nothing"),
    pytest.param({"$not": [False]}, True, id="not"),
    pytest.param({"$not": "x"}, False, id="not text"),
    pytest.param({"$cond": [{"$gt": ["$a", 1]}, "y", "n"]}, "y", id="cond"),
    pytest.param({"$cond": {"if": False, "then": 1, "else": "$zz"}}, MISSING, id="cond document"),
    pytest.param({"$ifNull": ["$zz", "$nul", 7]}, 7, id="ifNull"),
    pytest.param({"$ifNull": ["$a", 7]}, 5, id="ifNull has it"),
    pytest.param(
        {"$switch": {"branches": [{"case": {"$lt": ["$a", 3]}, "then": 1}], "default": 2}},
        2,
        id="sw",
    ),
]

STRINGS = [
    pytest.param({"$concat": ["$s", "!"]}, "Hello!", id="concat"),
    pytest.param({"$concat": ["$s", "$nul"]}, None, id="concat null"),
    pytest.param({"$toLower": "ÄB"}, "Äb", id="toLower changes ASCII only"),
    pytest.param({"$toUpper": "äb"}, "äB", id="toUpper"),
    pytest.param({"$toUpper": "$nul"}, "", id="toUpper of null"),
    pytest.param({"$toLower": 5}, "5", id="toLower of a number"),
    pytest.param({"$substrCP": ["héllo", 1, 2]}, "él", id="substrCP"),
    pytest.param({"$substrBytes": ["héllo", 1, 2]}, "é", id="substrBytes"),
    pytest.param({"$substr": ["hello", 1, -1]}, "ello", id="substr to the end"),
    pytest.param({"$split": ["a-b", "-"]}, ["a", "b"], id="split"),
    pytest.param({"$trim": {"input": " \n x\t"}}, "x", id="trim"),
    pytest.param({"$trim": {"input": "xxaxx", "chars": "x"}}, "a", id="trim characters"),
    pytest.param({"$ltrim": {"input": " x "}}, "x ", id="ltrim"),
    pytest.param({"$rtrim": {"input": " x "}}, " x", id="rtrim"),
    pytest.param({"$strLenCP": "é"}, 1, id="strLenCP"),
    pytest.param({"$strLenBytes": "é"}, 2, id="strLenBytes"),
    pytest.param({"$indexOfCP": ["cafétéria", "é"]}, 3, id="indexOfCP"),
    pytest.param({"$indexOfCP": ["cafétéria", "é", 4]}, 5, id="indexOfCP from"),
    pytest.param({"$indexOfCP": ["abc", "c", 0, 2]}, -1, id="indexOfCP within"),
    pytest.param({"$strcasecmp": ["A", "b"]}, -1, id="strcasecmp"),
    pytest.param({"$regexMatch": {"input": "$s", "regex": "^h", "options": "i"}}, True, id="match"),
    pytest.param({"$regexMatch": {"input": "$nul", "regex": "x"}}, False, id="match null"),
    pytest.param(
        {"$regexMatch": {"input": "$s", "regex": Regex("L", "i")}}, True, id="match value"
    ),
    pytest.param(
        {"$regexFind": {"input": "a1b22", "regex": "([0-9])+"}},
        {"match": "1", "idx": 1, "captures": ["1"]},
        id="regexFind",
    ),
    pytest.param({"$regexFind": {"input": "x", "regex": "y"}}, None, id="regexFind nothing"),
    pytest.param(
        {"$regexFindAll": {"input": "ab", "regex": "."}},
        [{"match": "a", "idx": 0, "captures": []}, {"match": "b", "idx": 1, "captures": []}],
        id="regexFindAll",
    ),
    pytest.param(
        {"$replaceOne": {"input": "aa", "find": "a", "replacement": "b"}}, "ba", id="replaceOne"
    ),
    pytest.param(
        {"$replaceAll": {"input": "aa", "find": "a", "replacement": "b"}}, "bb", id="replaceAll"
    ),
]

ARRAYS = [
    pytest.param({"$size": "$n"}, 3, id="size"),
    pytest.param({"$isArray": "$n"}, True, id="isArray"),
    pytest.param({"$isArray": ["$a"]}, False, id="isArray of a scalar"),
    pytest.param({"$arrayElemAt": ["$n", 0]}, 3, id="elemAt"),
    pytest.param({"$arrayElemAt": ["$n", -1]}, 2, id="elemAt from the end"),
    pytest.param({"$arrayElemAt": ["$n", 9]}, MISSING, id="elemAt outside"),
    pytest.param({"$first": "$n"}, 3, id="first"),
    pytest.param({"$last": "$n"}, 2, id="last"),
    pytest.param({"$first": "$nul"}, None, id="first of null"),
    pytest.param({"$slice": ["$n", 2]}, [3, 1], id="slice"),
    pytest.param({"$slice": ["$n", -2]}, [1, 2], id="slice from the end"),
    pytest.param({"$slice": ["$n", 1, 5]}, [1, 2], id="slice from"),
    pytest.param({"$slice": ["$n", -9, 1]}, [3], id="slice from before"),
    pytest.param({"$in": [2.0, "$n"]}, True, id="in"),
    pytest.param({"$in": [True, [1]]}, False, id="in is no boolean"),
    pytest.param({"$indexOfArray": ["$n", 2]}, 2, id="indexOfArray"),
    pytest.param({"$concatArrays": ["$n", [9]]}, [3, 1, 2, 9], id="concatArrays"),
    pytest.param({"$concatArrays": ["$n", "$nul"]}, None, id="concatArrays null"),
    pytest.param({"$reverseArray": "$n"}, [2, 1, 3], id="reverse"),
    pytest.param({"$range": [0, 5, 2]}, [0, 2, 4], id="range"),
    pytest.param({"$range": [3, 0, -1]}, [3, 2, 1], id="range down"),
    pytest.param({"$filter": {"input": "$n", "cond": {"$gt": ["$$this", 1]}}}, [3, 2], id="filter"),
    pytest.param(
        {"$filter": {"input": "$n", "as": "x", "cond": {"$gt": ["$$x", 1]}, "limit": 1}},
        [3],
        id="lim",
    ),
    pytest.param(
        {"$map": {"input": "$n", "as": "x", "in": {"$multiply": ["$$x", 2]}}}, [6, 2, 4], id="map"
    ),
    pytest.param({"$map": {"input": "$n", "in": "$$this.q"}}, [None] * 3, id="map to nothing"),
    pytest.param(
        {"$reduce": {"input": "$n", "initialValue": 0, "in": {"$add": ["$$value", "$$this"]}}},
        6,
        id="reduce",
    ),
    pytest.param({"$zip": {"inputs": [[1, 2], ["a"]]}}, [[1, "a"]], id="zip"),
    pytest.param(
        {"$zip": {"inputs": [[1, 2], ["a"]], "useLongestLength": True, "defaults": [0, "z"]}},
        [[1, "a"], [2, "z"]],
        id="zip longest",
    ),
    pytest.param({"$sortArray": {"input": "$n", "sortBy": 1}}, [1, 2, 3], id="sortArray"),
    pytest.param(
        {"$sortArray": {"input": "$d.y", "sortBy": {"z": -1}}}, [{"z": 2}, {"z": 1}], id="sort by"
    ),
    pytest.param({"$sum": "$n"}, 6, id="sum of an array"),
    pytest.param({"$sum": ["$a", "$b", "$s"]}, 2.5, id="sum of values"),
    pytest.param({"$avg": "$n"}, 2.0, id="avg"),
    pytest.param({"$avg": "$s"}, None, id="avg of nothing"),
    pytest.param({"$max": "$n"}, 3, id="max"),
    pytest.param({"$min": ["$a", "$nul", 9]}, 5, id="min passes null over"),
    pytest.param({"$stdDevPop": [1, 3]}, 1.0, id="stdDevPop"),
    pytest.param({"$firstN": {"input": "$n", "n": 2}}, [3, 1], id="firstN"),
    pytest.param({"$lastN": {"input": "$n", "n": 2}}, [1, 2], id="lastN"),
    pytest.param({"$maxN": {"input": "$n", "n": 2}}, [3, 2], id="maxN"),
    pytest.param({"$minN": {"input": "$n", "n": 2}}, [1, 2], id="minN"),
    pytest.param({"$setUnion": [[2, 1], [1.0, 3]]}, [1, 2, 3], id="setUnion"),
    pytest.param({"$setIntersection": [[2, 1, 2], [2.0]]}, [2], id="setIntersection"),
    pytest.param({"$setDifference": [[3, 1, 1], [3]]}, [1], id="setDifference"),
    pytest.param({"$setEquals": [[1, 2], [2, 1, 1]]}, True, id="setEquals"),
    pytest.param({"$setIsSubset": [[1], [2, 1]]}, True, id="setIsSubset"),
    pytest.param({"$anyElementTrue": [[0, None, 1]]}, True, id="anyElementTrue"),
    pytest.param({"$allElementsTrue": [[1, 0]]}, False, id="allElementsTrue"),
]

OBJECTS = [
    pytest.param({"$mergeObjects": ["$d", {"x": 2}, None]}, {**ITEM["d"], "x": 2}, id="merge"),
    pytest.param({"$getField": "a"}, 5, id="getField"),
    pytest.param({"$getField": {"field": "x", "input": "$d"}}, 1, id="getField of"),
    pytest.param({"$getField": {"$literal": "$odd"}}, MISSING, id="getField with a dollar"),
    pytest.param(
        {"$setField": {"field": "p.q", "input": {"a": 1}, "value": 2}},
        {"a": 1, "p.q": 2},
        id="setField",
    ),
    pytest.param({"$unsetField": {"field": "a", "input": {"a": 1, "b": 2}}}, {"b": 2}, id="unset"),
    pytest.param({"$objectToArray": {"a": 1}}, [{"k": "a", "v": 1}], id="objectToArray"),
    pytest.param({"$arrayToObject": [[["a", 1]]]}, {"a": 1}, id="arrayToObject pairs"),
    pytest.param(
        {"$arrayToObject": [[{"k": "a", "v": 1}]]}, {"a": 1}, id="arrayToObject documents"
    ),
]

CONVERSIONS = [
    pytest.param({"$toString": 2.0}, "2", id="double to text"),
    pytest.param({"$toString": 1e25}, "1e+25", id="large double to text"),
    pytest.param({"$toString": True}, "true", id="boolean to text"),
    pytest.param({"$toString": "$when"}, "2024-01-01T00:00:00.000Z", id="date to text"),
    pytest.param({"$toString": Decimal128("1.50")}, "1.50", id="decimal to text"),
    pytest.param({"$toString": ObjectId("0" * 24)}, "0" * 24, id="id to text"),
    pytest.param({"$toInt": "12"}, 12, id="text to int"),
    pytest.param({"$toInt": -2.9}, -2, id="double to int truncates"),
    pytest.param({"$toLong": "12"}, Int64(12), id="text to long"),
    pytest.param({"$toLong": "$when"}, Int64(1_704_067_200_000), id="date to long"),
    pytest.param({"$toDouble": "1.5"}, 1.5, id="text to double"),
    pytest.param({"$toDouble": True}, 1.0, id="boolean to double"),
    pytest.param({"$toDecimal": 2.5}, Decimal128("2.50000000000000"), id="double to decimal"),
    pytest.param({"$toBool": "false"}, True, id="text is true"),
    pytest.param({"$toBool": 0.0}, False, id="zero is false"),
    pytest.param({"$toObjectId": "0" * 24}, ObjectId("0" * 24), id="text to id"),
    pytest.param({"$toDate": "2024-01-01T00:00:00Z"}, NEW_YEAR, id="text to date"),
    pytest.param({"$toDate": "2024-01-01"}, NEW_YEAR, id="day to date"),
    pytest.param({"$toDate": Int64(5)}, DatetimeMS(5), id="long to date"),
    pytest.param({"$toDate": Timestamp(5, 1)}, DatetimeMS(5000), id="timestamp to date"),
    pytest.param({"$toInt": "$zz"}, None, id="missing to null"),
    pytest.param({"$convert": {"input": "x", "to": "int", "onError": -1}}, -1, id="onError"),
    pytest.param({"$convert": {"input": "$nul", "to": "int", "onNull": 0}}, 0, id="onNull"),
    pytest.param({"$convert": {"input": "7", "to": 16}}, 7, id="type by number"),
    pytest.param({"$type": "$a"}, "int", id="type"),
    pytest.param({"$type": "$zz"}, "missing", id="type of missing"),
    pytest.param({"$isNumber": "$b"}, True, id="isNumber"),
    pytest.param({"$isNumber": True}, False, id="a boolean is no number"),
]

DATES = [
    pytest.param({"$year": "$when"}, 2024, id="year"),
    pytest.param({"$month": "$when"}, 1, id="month"),
    pytest.param({"$dayOfMonth": "$when"}, 1, id="day"),
    pytest.param({"$hour": {"date": "$when", "timezone": "+02:30"}}, 2, id="hour in a zone"),
    pytest.param({"$year": {"date": "$when", "timezone": "-01:00"}}, 2023, id="year in a zone"),
    pytest.param({"$dayOfWeek": "$when"}, 2, id="dayOfWeek counts from Sunday"),
    pytest.param({"$isoDayOfWeek": "$when"}, 1, id="isoDayOfWeek"),
    pytest.param({"$dayOfYear": "$when"}, 1, id="dayOfYear"),
    pytest.param({"$isoWeek": "$when"}, 1, id="isoWeek"),
    pytest.param({"$isoWeekYear": "$when"}, Int64(2024), id="isoWeekYear"),
    pytest.param({"$millisecond": DatetimeMS(7)}, 7, id="millisecond"),
    pytest.param({"$year": "$nul"}, None, id="year of null"),
    pytest.param({"$year": ObjectId("65920080" + "0" * 16)}, 2024, id="year of an id"),
    pytest.param({"$dateToString": {"date": "$when"}}, "2024-01-01T00:00:00.000Z", id="iso"),
    pytest.param(
        {"$dateToString": {"date": "$when", "format": "%d.%m.%Y %H:%M:%S.%L %j %u%%"}},
        "01.01.2024 00:00:00.000 001 1%",
        id="format",
    ),
    pytest.param({"$dateToString": {"date": "$nul", "onNull": "-"}}, "-", id="onNull"),
    pytest.param(
        {"$dateToParts": {"date": DatetimeMS(7)}},
        {"year": 1970, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "millisecond": 7},
        id="parts",
    ),
    pytest.param(
        {"$dateAdd": {"startDate": {"$toDate": "2024-01-31"}, "unit": "month", "amount": 1}},
        DatetimeMS(1_709_164_800_000),  # 2024-02-29
        id="a month later is its last day",
    ),
    pytest.param(
        {"$dateSubtract": {"startDate": "$when", "unit": "hour", "amount": 1}},
        DatetimeMS(1_704_063_600_000),
        id="an hour earlier",
    ),
    pytest.param(
        {"$dateDiff": {"startDate": {"$toDate": "2023-12-31"}, "endDate": "$when", "unit": "year"}},
        Int64(1),
        id="dateDiff counts boundaries",
    ),
    pytest.param(
        {"$dateDiff": {"startDate": {"$toDate": "2023-12-30"}, "endDate": "$when", "unit": "week"}},
        Int64(1),
        id="weeks begin on Sunday",
    ),
]

MORE = [
    pytest.param({"$add": [-(2**31), -1]}, Int64(-(2**31) - 1), id="add below int32"),
    pytest.param({"$add": [-(2**31), 0]}, -(2**31), id="the least int32"),
    pytest.param({"$sqrt": 0.25}, 0.5, id="sqrt of a fraction"),
    pytest.param({"$sqrt": 0}, 0.0, id="sqrt of zero"),
    pytest.param({"$indexOfCP": ["ab", "", 2]}, 2, id="nothing is found at the end"),
    pytest.param({"$indexOfCP": ["ab", "", 3]}, -1, id="but not behind it"),
    pytest.param({"$subtract": [Int64(-(2**63)), 1]}, -(2.0**63), id="subtract to double"),
    pytest.param({"$abs": -2.5}, 2.5, id="abs of a double"),
    pytest.param({"$abs": Decimal128("-1.5")}, Decimal128("1.5"), id="abs of a decimal"),
    pytest.param({"$ceil": Decimal128("1.2")}, Decimal128("2"), id="ceil of a decimal"),
    pytest.param({"$mod": [Decimal128("7.5"), 2]}, Decimal128("1.5"), id="mod of decimals"),
    pytest.param({"$multiply": ["$a", None]}, None, id="multiply null"),
    pytest.param({"$round": ["$a", None]}, None, id="round to null"),
    pytest.param({"$round": [math.inf]}, math.inf, id="round infinity"),
    pytest.param({"$sqrt": Decimal128("4")}, Decimal128("2"), id="sqrt of a decimal"),
    pytest.param({"$exp": Decimal128("0")}, Decimal128("1"), id="exp of a decimal"),
    pytest.param({"$exp": 1e9}, math.inf, id="exp without end"),
    pytest.param({"$ln": Decimal128("1")}, Decimal128("0"), id="ln of a decimal"),
    pytest.param({"$log10": Decimal128("100")}, Decimal128("2"), id="log10 of a decimal"),
    pytest.param(
        {"$round": [{"$log": [Decimal128("8"), 2]}, 9]}, Decimal128("3.000000000"), id="decimal log"
    ),
    pytest.param({"$pow": [Decimal128("2"), 3]}, Decimal128("8"), id="pow of a decimal"),
    pytest.param({"$pow": [10, 100]}, 1e100, id="pow of a large exponent"),
    pytest.param({"$pow": [1e200, 2]}, math.inf, id="pow without end"),
    pytest.param({"$pow": [-1e200, 3]}, -math.inf, id="pow without end below"),
    pytest.param({"$toLower": "$when"}, "2024-01-01t00:00:00.000z", id="toLower of a date"),
    pytest.param({"$toUpper": Timestamp(1, 2)}, "TIMESTAMP(1, 2)", id="toUpper of a timestamp"),
    pytest.param({"$toUpper": 1.5}, "1.5", id="toUpper of a double"),
    pytest.param({"$indexOfCP": ["$nul", "a"]}, None, id="indexOfCP null"),
    pytest.param({"$trim": {"input": "$nul"}}, None, id="trim null"),
    pytest.param(
        {"$replaceOne": {"input": "$nul", "find": "a", "replacement": "b"}}, None, id="replace null"
    ),
    pytest.param({"$regexFind": {"input": "x", "regex": None}}, None, id="regex null"),
    pytest.param({"$slice": ["$nul", 1]}, None, id="slice null"),
    pytest.param({"$arrayElemAt": ["$nul", 1]}, None, id="elemAt null"),
    pytest.param({"$indexOfArray": ["$nul", 1]}, None, id="indexOfArray null"),
    pytest.param({"$indexOfArray": ["$n", 9]}, -1, id="indexOfArray nothing"),
    pytest.param({"$indexOfArray": ["$n", 3, 1, 9]}, -1, id="indexOfArray within"),
    pytest.param({"$reverseArray": "$nul"}, None, id="reverse null"),
    pytest.param({"$zip": {"inputs": ["$nul"]}}, None, id="zip null"),
    pytest.param({"$sortArray": {"input": "$nul", "sortBy": 1}}, None, id="sort null"),
    pytest.param({"$map": {"input": "$nul", "in": 1}}, None, id="map null"),
    pytest.param({"$filter": {"input": "$nul", "cond": 1}}, None, id="filter null"),
    pytest.param(
        {"$reduce": {"input": "$nul", "initialValue": 0, "in": 1}}, None, id="reduce null"
    ),
    pytest.param({"$last": [[]]}, MISSING, id="last of nothing"),
    pytest.param({"$setUnion": [[1], None]}, None, id="setUnion null"),
    pytest.param({"$setIntersection": [[1], None]}, None, id="setIntersection null"),
    pytest.param({"$setDifference": [None, [1]]}, None, id="setDifference null"),
    pytest.param({"$getField": {"field": "a", "input": None}}, None, id="getField of null"),
    pytest.param({"$getField": {"field": "a", "input": 5}}, MISSING, id="getField of a scalar"),
    pytest.param(
        {"$setField": {"field": "a", "input": None, "value": 1}}, None, id="setField null"
    ),
    pytest.param({"$objectToArray": None}, None, id="objectToArray null"),
    pytest.param({"$arrayToObject": None}, None, id="arrayToObject null"),
    pytest.param({"$toDouble": "$when"}, 1_704_067_200_000.0, id="date to double"),
    pytest.param({"$toDecimal": True}, Decimal128("1"), id="boolean to decimal"),
    pytest.param({"$toDecimal": DatetimeMS(7)}, Decimal128("7"), id="date to decimal"),
    pytest.param({"$toDecimal": "1.50"}, Decimal128("1.50"), id="text to decimal"),
    pytest.param({"$toInt": True}, 1, id="boolean to int"),
    pytest.param({"$toString": math.nan}, "NaN", id="nan to text"),
    pytest.param({"$toString": -math.inf}, "-Infinity", id="infinity to text"),
    pytest.param({"$toString": "x"}, "x", id="text to text"),
    pytest.param({"$toDate": "$when"}, NEW_YEAR, id="date to date"),
    pytest.param({"$toObjectId": ObjectId("0" * 24)}, ObjectId("0" * 24), id="id to id"),
    pytest.param({"$convert": {"input": 1, "to": None}}, None, id="to null"),
    pytest.param({"$dayOfMonth": ["$when"]}, 1, id="a date in an array"),
    pytest.param({"$hour": Timestamp(3600, 1)}, 1, id="hour of a timestamp"),
    pytest.param({"$dateToString": {"date": "$when", "format": None}}, None, id="no format"),
    pytest.param({"$dateToParts": {"date": None}}, None, id="parts of null"),
    pytest.param(
        {"$dateAdd": {"startDate": None, "unit": "day", "amount": 1}}, None, id="a day after null"
    ),
    pytest.param(
        {"$dateAdd": {"startDate": "$when", "unit": "week", "amount": 1}},
        DatetimeMS(1_704_672_000_000),
        id="a week later",
    ),
    pytest.param(
        {"$dateDiff": {"startDate": None, "endDate": "$when", "unit": "day"}}, None, id="no days"
    ),
    pytest.param(
        {
            "$dateDiff": {
                "startDate": DatetimeMS(0),
                "endDate": DatetimeMS(86_399_999),
                "unit": "day",
            }
        },
        Int64(0),
        id="no day has passed",
    ),
    pytest.param(
        {
            "$dateDiff": {
                "startDate": DatetimeMS(0),
                "endDate": DatetimeMS(60_000),
                "unit": "second",
            }
        },
        Int64(60),
        id="seconds",
    ),
    pytest.param({"$const": "$a"}, "$a", id="const"),
]

ALL = BASICS + ARITHMETIC + LOGIC + STRINGS + ARRAYS + OBJECTS + CONVERSIONS + DATES + MORE


@pytest.mark.parametrize(("expression", "expected"), ALL)
def test_an_expression_has_the_value_and_type_of_the_manual(expression: Any, expected: Any) -> None:
    check(expression, expected)


REFUSED = [
    pytest.param({"$foo": 1}, 168, "Unrecognized expression '$foo'", id="unknown"),
    pytest.param(
        {"$sigmoid": 1},
        168,
        "Unrecognized expression '$sigmoid' (not emulated by LocalAtlas)",
        id="not emulated",
    ),
    pytest.param({"$add": 1, "$b": 1}, 15983, "must have exactly one field"),
    pytest.param({"a": 1, "$b": 1}, 16410, "FieldPath field names may not start with '$'."),
    pytest.param({"a.b": 1}, 16412, "FieldPath field names may not contain '.'."),
    pytest.param("$", 16872, "'$' by itself is not a valid FieldPath"),
    pytest.param("$a..b", 15998, "FieldPath field names may not be empty strings."),
    pytest.param("$$nope", 17276, "Use of undefined variable: nope"),
    pytest.param({"$subtract": [1]}, 16020, "Expression $subtract takes exactly 2 arguments. 1 w"),
    pytest.param({"$round": []}, 28667, "takes at least 1 arguments, and at most 2, but 0 were"),
    pytest.param({"$add": ["x"]}, 14, "$add only supports numeric or date types, not string"),
    pytest.param(
        {"$add": ["$when", "$when"]}, 16612, "only one date allowed in an $add expression"
    ),
    pytest.param({"$subtract": ["x", 1]}, 14, "can't $subtract int from string"),
    pytest.param({"$multiply": ["x", 1]}, 14, "$multiply only supports numeric types, not string"),
    pytest.param({"$divide": [1, 0]}, 2, "can't $divide by zero"),
    pytest.param({"$divide": ["x", 1]}, 14, "$divide only supports numeric types, not string and"),
    pytest.param({"$mod": [1, 0]}, 16610, "can't $mod by zero"),
    pytest.param({"$abs": "x"}, 28765, "$abs only supports numeric types, not string"),
    pytest.param({"$abs": Int64(-(2**63))}, 28680, "can't take $abs of long long min"),
    pytest.param({"$sqrt": -1}, 28714, "must be greater than or equal to 0"),
    pytest.param({"$ln": 0}, 28766, "$ln's argument must be a positive number, but is 0"),
    pytest.param({"$pow": [0, -1]}, 28764, "$pow cannot take a base of 0 and a negative exponent"),
    pytest.param({"$round": [1, 101]}, 51083, "value must be in [-20, 100]"),
    pytest.param({"$cond": [1, 2]}, 16020, "Expression $cond takes exactly 3 arguments. 2 were"),
    pytest.param({"$cond": {"if": 1, "then": 1}}, 17082, "Missing 'else' parameter to $cond"),
    pytest.param({"$ifNull": [1]}, 1257300, "$ifNull needs at least two arguments, had: 1"),
    pytest.param({"$switch": {"branches": []}}, 40068, "$switch requires at least one branch."),
    pytest.param(
        {"$switch": {"branches": [{"case": False, "then": 1}]}}, 40066, "could not find a matching"
    ),
    pytest.param({"$let": {"vars": {"X": 1}, "in": 1}}, 9, "'X' starts with an invalid character"),
    pytest.param({"$concat": ["a", 1]}, 16702, "$concat only supports strings, not int"),
    pytest.param({"$toLower": {"a": 1}}, 16007, "can't convert from BSON type object to String"),
    pytest.param({"$substrBytes": ["é", 1, 1]}, 28656, "in the middle of a UTF-8 character."),
    pytest.param({"$substrCP": ["a", -1, 1]}, 34455, "must be a nonnegative integer"),
    pytest.param({"$split": ["a", ""]}, 40087, "$split requires a non-empty separator"),
    pytest.param({"$trim": {"input": 5}}, 50699, "got 5 (of type int) instead"),
    pytest.param({"$strLenCP": 5}, 34471, "$strLenCP requires a string argument, found: int"),
    pytest.param(
        {"$regexMatch": {"input": 1, "regex": "x"}}, 51104, "needs 'input' to be of type s"
    ),
    pytest.param({"$regexMatch": {"input": "x", "regex": "("}}, 51091, "Regular expression is inv"),
    pytest.param({"$size": "$zz"}, 17124, "must be an array, but was of type: missing"),
    pytest.param({"$arrayElemAt": ["$s", 0]}, 28689, "first argument must be an array, but is str"),
    pytest.param({"$arrayElemAt": ["$n", 0.5]}, 28691, "representable as a 32-bit integer: 0.5"),
    pytest.param({"$slice": ["$n", 1, 0]}, 28729, "Third argument to $slice must be positive: 0"),
    pytest.param({"$in": [1, 2]}, 40081, "$in requires an array as a second argument, found: int"),
    pytest.param({"$concatArrays": ["$a"]}, 28664, "$concatArrays only supports arrays, not int"),
    pytest.param({"$range": [0, 5, 0]}, 34449, "$range requires a non-zero step value"),
    pytest.param({"$filter": {"input": 1, "cond": 1}}, 28651, "must be an array not int"),
    pytest.param({"$filter": {"input": []}}, 28650, "Missing 'cond' parameter to $filter"),
    pytest.param({"$map": {"input": 1, "in": 1}}, 16883, "input to $map must be an array not int"),
    pytest.param({"$reduce": {"input": []}}, 40078, "$reduce requires 'initialValue' to be spec"),
    pytest.param({"$setUnion": [1]}, 17043, "All operands of $setUnion must be arrays."),
    pytest.param({"$mergeObjects": 5}, 40400, "requires object inputs, but input 5 is of type int"),
    pytest.param({"$objectToArray": 5}, 40390, "requires a document input, found: int"),
    pytest.param(
        {"$arrayToObject": 5}, 40386, "$arrayToObject requires an array input, found: int"
    ),
    pytest.param({"$toInt": "1x"}, 241, "Failed to parse number '1x' in $convert"),
    pytest.param({"$toInt": 2.0**40}, 241, "Conversion would overflow target type"),
    pytest.param({"$toInt": math.nan}, 241, "Attempt to convert NaN value to integer type"),
    pytest.param({"$toInt": [[]]}, 241, "Unsupported conversion from array to int"),
    pytest.param({"$toDate": 5}, 241, "Unsupported conversion from int to date"),
    pytest.param({"$toObjectId": "x"}, 241, "Failed to parse objectId 'x'"),
    pytest.param({"$year": "x"}, 16006, "can't convert from BSON type string to Date"),
    pytest.param(
        {"$year": {"date": "$when", "timezone": "No/Where"}}, 40485, "unrecognized time z"
    ),
    pytest.param(
        {"$dateToString": {"date": "$when", "format": "%q"}}, 18536, "Invalid format char"
    ),
    pytest.param({"$meta": "nope"}, 17308, "Unsupported argument to $meta: nope"),
    pytest.param({"$meta": "textScore"}, 40218, "query requires text score metadata"),
    pytest.param({"$mod": ["x", 1]}, 16611, "$mod only supports numeric types, not string and int"),
    pytest.param({"$round": ["x"]}, 51081, "$round only supports numeric types, not string"),
    pytest.param({"$round": [1, 0.5]}, 51082, "must be a integral value"),
    pytest.param({"$add": ["$when", 1e300]}, 15, "date overflow"),
    pytest.param({"$rand": 1}, 3040501, "$rand does not currently accept arguments"),
    pytest.param({"$log10": -1}, 28761, "$log10's argument must be a positive number, but is -1"),
    pytest.param({"$log": ["x", 2]}, 28756, "$log's argument must be numeric, not string"),
    pytest.param({"$log": [1, "x"]}, 28757, "$log's base must be numeric, not string"),
    pytest.param(
        {"$log": [1, 1]}, 28759, "base must be a positive number not equal to 1, but is 1"
    ),
    pytest.param({"$pow": ["x", 1]}, 28762, "$pow's base must be numeric, not string"),
    pytest.param({"$pow": [1, "x"]}, 28763, "$pow's exponent must be numeric, not string"),
    pytest.param({"$switch": 1}, 40060, "$switch requires an object as an argument, found: int"),
    pytest.param({"$switch": {"x": 1}}, 40067, "$switch found an unknown argument: x"),
    pytest.param(
        {"$switch": {"branches": 1}}, 40061, "expected an array for 'branches', found: int"
    ),
    pytest.param({"$switch": {"branches": [1]}}, 40062, "each branch to be an object, found: int"),
    pytest.param({"$switch": {"branches": [{"x": 1}]}}, 40063, "unknown argument to a branch: x"),
    pytest.param({"$switch": {"branches": [{"then": 1}]}}, 40064, "have a 'case' expression"),
    pytest.param({"$switch": {"branches": [{"case": 1}]}}, 40065, "have a 'then' expression"),
    pytest.param({"$let": 1}, 16874, "$let only supports an object as its argument"),
    pytest.param({"$let": {"vars": {}}}, 16877, "Missing 'in' parameter to $let"),
    pytest.param({"$let": {"x": 1}}, 16875, "Unrecognized parameter to $let: x"),
    pytest.param({"$let": {"vars": 1, "in": 1}}, 10065, "expected an object (vars)"),
    pytest.param({"$let": {"vars": {"": 1}, "in": 1}}, 9, "empty variable names are not allowed"),
    pytest.param({"$let": {"vars": {"a-b": 1}, "in": 1}}, 9, "'a-b' contains an invalid character"),
    pytest.param("$$SEARCH_META", 6347902, "without a $search stage earlier in the pipeline"),
    pytest.param(
        {"$substrCP": ["a", "x", 1]}, 34450, "must be a numeric type (is BSON type string)"
    ),
    pytest.param({"$substrCP": ["a", 0, 0.5]}, 34453, "cannot be represented as a 32-bit integral"),
    pytest.param({"$substrBytes": ["a", "x", 1]}, 16034, "starting index must be a numeric type"),
    pytest.param({"$substrBytes": ["a", 0, "x"]}, 16035, "length must be a numeric type"),
    pytest.param({"$substrBytes": ["a", -1, 1]}, 50752, "must be non-negative (got: -1)"),
    pytest.param({"$split": [1, "x"]}, 40085, "a string as a first argument, found: int"),
    pytest.param({"$strLenBytes": 5}, 34473, "requires a string argument, found: int"),
    pytest.param({"$indexOfCP": [5, "a"]}, 40093, "a string as the first argument, found: int"),
    pytest.param({"$indexOfCP": ["a", "a", -1]}, 40097, "a nonnegative starting index, found: -1"),
    pytest.param({"$indexOfCP": ["a", "a", 0.5]}, 40096, "requires an integral starting index"),
    pytest.param({"$trim": {"input": "x", "chars": 5}}, 50700, "'chars' to be a string, got 5"),
    pytest.param(
        {"$replaceOne": {"input": 5, "find": "a", "replacement": "b"}}, 51746, "'input' be a string"
    ),
    pytest.param({"$regexMatch": 1}, 51103, "only supports an object as its argument"),
    pytest.param({"$regexMatch": {"input": "x", "regex": 5}}, 51105, "of type string or regex"),
    pytest.param(
        {"$regexMatch": {"input": "x", "regex": "x", "options": 5}},
        51106,
        "'options' to be of type",
    ),
    pytest.param(
        {"$regexMatch": {"input": "x", "regex": Regex("x", "i"), "options": "m"}}, 51107, "in both"
    ),
    pytest.param({"$arrayElemAt": ["$n", "x"]}, 28690, "must be a numeric value, but is string"),
    pytest.param({"$slice": ["$n", "x"]}, 28725, "must be a numeric value, but is of type: string"),
    pytest.param({"$slice": ["$n", 0.5]}, 28726, "can't be represented as a 32-bit integer: 0.5"),
    pytest.param({"$indexOfArray": ["$a", 1]}, 40090, "an array as a first argument, found: int"),
    pytest.param({"$indexOfArray": ["$n", 1, -1]}, 40097, "nonnegative starting index, found: -1"),
    pytest.param({"$indexOfArray": ["$n", 1, "x"]}, 40096, "requires an integral starting index"),
    pytest.param(
        {"$range": ["x", 1]}, 34443, "a numeric starting value, found value of type: string"
    ),
    pytest.param({"$range": [0, 0.5]}, 34446, "represented as a 32-bit integer, found value: 0.5"),
    pytest.param({"$reverseArray": 5}, 34435, "must be an array, but was of type: int"),
    pytest.param(
        {"$zip": {"inputs": 1}}, 34461, "inputs must be an array of expressions, found int"
    ),
    pytest.param({"$zip": {"inputs": []}}, 34465, "requires at least one input array"),
    pytest.param({"$zip": {"inputs": [1]}}, 34468, "found a non-array expression in input: 1"),
    pytest.param(
        {"$zip": {"inputs": [1], "useLongestLength": 1}}, 34463, "must be a bool, found int"
    ),
    pytest.param(
        {"$zip": {"inputs": [1], "defaults": [1]}}, 34466, "unless useLongestLength is true"
    ),
    pytest.param(
        {"$zip": {"inputs": [1], "defaults": [1, 2], "useLongestLength": True}},
        34467,
        "same length",
    ),
    pytest.param(
        {"$sortArray": {"input": 5, "sortBy": 1}}, 2942504, "must be an array, but was of"
    ),
    pytest.param({"$sortArray": {"input": [], "sortBy": 2}}, 2942507, "must be either 1 or -1"),
    pytest.param({"$first": 5}, 28689, "$first's argument must be an array, but is int"),
    pytest.param({"$first": [1, 2]}, 16020, "Expression $first takes exactly 1 arguments. 2 were"),
    pytest.param({"$firstN": {"input": 5, "n": 1}}, 5788200, "Input must be an array, but found 5"),
    pytest.param({"$map": {"input": [], "as": 5, "in": 1}}, 16881, "'as' must be a string"),
    pytest.param({"$filter": {"input": [1], "cond": 1, "limit": 0}}, 327392, "greater than 0: 0"),
    pytest.param({"$filter": {"input": [1], "cond": 1, "limit": 0.5}}, 327391, "32-bit integral"),
    pytest.param({"$reduce": 1}, 40075, "$reduce requires an object as an argument, found: int"),
    pytest.param({"$reduce": {"x": 1}}, 40076, "$reduce found an unknown argument: x"),
    pytest.param(
        {"$reduce": {"input": 5, "initialValue": 0, "in": 1}}, 40080, "be an array, found: 5"
    ),
    pytest.param({"$setDifference": [[1], 2]}, 17049, "Second argument is of type: int"),
    pytest.param({"$setIsSubset": [1, []]}, 17046, "First argument is of type: int"),
    pytest.param({"$setEquals": [[], 1]}, 17044, "2-th argument is of type: int"),
    pytest.param({"$setIntersection": [1]}, 17047, "One argument is of type: int"),
    pytest.param({"$anyElementTrue": 5}, 17041, "argument must be an array, but is int"),
    pytest.param({"$getField": "$a"}, 5654602, "to evaluate to a constant"),
    pytest.param({"$getField": {"field": 5, "input": {}}}, 5654602, "to type String, but got int"),
    pytest.param(
        {"$setField": {"field": "a", "input": 5, "value": 1}}, 4161105, "evaluate to type Object"
    ),
    pytest.param({"$arrayToObject": [[5]]}, 40398, "Unrecognised input type format"),
    pytest.param({"$arrayToObject": [[["a"]]]}, 40397, "found array of size: 1"),
    pytest.param({"$arrayToObject": [[[5, 5]]]}, 40395, "Found key type: int"),
    pytest.param({"$arrayToObject": [[{"k": 1}]]}, 40392, "Found incorrect number of keys:1"),
    pytest.param({"$arrayToObject": [[{"k": 1, "x": 1}]]}, 40393, "Missing either or both keys"),
    pytest.param({"$toDouble": "x"}, 241, "Failed to parse number 'x'"),
    pytest.param({"$toDouble": " "}, 241, "No digits"),
    pytest.param({"$toDouble": {"a": 1}}, 241, "Unsupported conversion from object to double"),
    pytest.param({"$toDecimal": "x"}, 241, "Failed to parse number 'x'"),
    pytest.param({"$toDecimal": {"a": 1}}, 241, "Unsupported conversion from object to decimal"),
    pytest.param({"$toLong": 1e300}, 241, "Conversion would overflow target type"),
    pytest.param({"$toLong": str(2**63)}, 241, "Overflow"),
    pytest.param({"$toInt": "$when"}, 241, "Unsupported conversion from date to int"),
    pytest.param({"$toString": {"a": 1}}, 241, "Unsupported conversion from object to string"),
    pytest.param({"$toObjectId": 5}, 241, "Unsupported conversion from int to objectId"),
    pytest.param({"$toObjectId": "z" * 24}, 241, "Invalid character found in hex string"),
    pytest.param({"$toDate": "no date"}, 241, "Error parsing date string 'no date'"),
    pytest.param({"$convert": {"input": 1, "to": "nope"}}, 2, "Unknown type name: nope"),
    pytest.param(
        {"$convert": {"input": 1, "to": []}}, 9, "must be a string or number, but is array"
    ),
    pytest.param({"$convert": {"input": 1, "to": "array"}}, 241, "conversion from int to array"),
    pytest.param({"$year": {"date": "$when", "timezone": 5}}, 40517, "must evaluate to a string"),
    pytest.param({"$year": DatetimeMS(2**60)}, 18537, "within the years 1 to 9999"),
    pytest.param(
        {"$dateToString": {"date": "$when", "format": "%"}}, 18535, "Unmatched '%' at end"
    ),
    pytest.param(
        {"$dateToString": {"date": "$when", "format": 5}}, 18533, "be a string, found: int"
    ),
    pytest.param(
        {"$dateAdd": {"startDate": "$when", "unit": "eon", "amount": 1}},
        9,
        "recognized as a time unit",
    ),
    pytest.param(
        {"$dateAdd": {"startDate": "$when", "unit": "day", "amount": 0.5}},
        5166405,
        "integer amount",
    ),
    pytest.param(
        {"$dateAdd": {"startDate": "$when", "unit": "year", "amount": 9999}},
        5166406,
        "leaves the yea",
    ),
    pytest.param({"$map": {"x": 1}}, 16879, "Unrecognized parameter to $map: x"),
    pytest.param({"$map": 1}, 16878, "$map only supports an object as its argument"),
    pytest.param({"$filter": {"x": 1}}, 28647, "Unrecognized parameter to $filter: x"),
    pytest.param(
        {"$range": [0, 1, "x"]}, 34447, "a numeric step value, found value of type: string"
    ),
    pytest.param({"$range": [0, 1, 0.5]}, 34448, "a step value that can be represented as"),
    pytest.param({"$meta": 5}, 17307, "$meta only supports string arguments"),
]


@pytest.mark.parametrize(
    ("expression", "code", "text"), REFUSED, ids=lambda value: str(value)[:40].replace("::", "")
)
def test_a_bad_expression_is_refused_with_the_servers_code(
    expression: Any, code: int, text: str
) -> None:
    with pytest.raises(CommandError) as caught:
        evaluated(expression)

    assert code == caught.value.code
    assert text in caught.value.message


@pytest.mark.skipif("Europe/Berlin" not in available_timezones(), reason="no time zone database")
def test_a_time_zone_may_be_named() -> None:
    check({"$hour": {"date": "$when", "timezone": "Europe/Berlin"}}, 1)


def test_now_is_one_moment_for_the_whole_command() -> None:
    scope = Scope()
    first, second = (compile_expression("$$NOW", scope) for _ in range(2))

    assert first(Row(document={}), {}) == second(Row(document={}), {})


def test_variables_are_read_at_each_evaluation() -> None:
    assert evaluated({"$add": ["$$x", 1]}, x=2) == 3
    assert evaluated("$$x.y", x={"y": 1}) == 1


def test_a_score_that_no_stage_provides_is_refused_where_that_is_known() -> None:
    with pytest.raises(CommandError) as caught:
        compile_expression({"$meta": "searchScore"}, Scope(metadata=frozenset()))

    assert caught.value.code == 40218


@given(oracle.values, oracle.values)
@settings(max_examples=150, deadline=None, database=None)
def test_cmp_is_the_order_of_the_manual(a: Any, b: Any) -> None:
    value = evaluated({"$cmp": [{"$literal": a}, {"$literal": b}]})

    assert oracle.compare(a, b) == value


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=6))
@settings(max_examples=100, deadline=None, database=None)
def test_integers_are_added_exactly(integers: list[int]) -> None:
    assert sum(integers) == evaluated({"$add": integers})
    assert sum(integers) == evaluated({"$sum": [integers]})
