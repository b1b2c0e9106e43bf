"""What $search refuses before it searches: the outline, and strings where no token is."""

from typing import Any

import pytest
from bson import Code, Regex
from pymongo.database import Database

from tests.local_atlas.search.asking import (
    AGGREGATE_PREFIX,
    Documents,
    indexed,
    refusal,
    search_definition,
)

EXISTS: dict[str, Any] = {"exists": {"path": "text"}}


@pytest.fixture(scope="module")
def collection(module_db: Database[dict[str, Any]]) -> Documents:
    definition = search_definition(
        text={"type": "string"}, token={"type": "token"}, date={"type": "date"}
    )
    return indexed(module_db.c, [{"_id": 1, "text": "two words", "token": "two words"}], definition)


@pytest.mark.parametrize("stage", ["$search", "$searchMeta"])
@pytest.mark.parametrize("value", ["x", 1, None, True, Regex("x"), Code("x")])
def test_a_scalar_is_no_object(collection: Documents, stage: str, value: Any) -> None:
    expected = (10065, f"invalid parameter: expected an object ({stage})")
    assert refusal(collection, {stage: value}) == expected


def test_an_array_is_refused_in_other_words(collection: Documents) -> None:
    expected = (9, "The $search stage specification must be an object. Found: array")
    assert refusal(collection, {"$search": []}) == expected


@pytest.mark.parametrize("option", ["returnStoredSource", "scoreDetails"])
@pytest.mark.parametrize(
    ("value", "kind"), [(None, "null"), (1, "int"), ("true", "string"), (Code("x"), "javascript")]
)
def test_the_database_reads_some_booleans(
    collection: Documents, option: str, value: Any, kind: str
) -> None:
    expected = (13111, f"wrong type for field ({option}) {kind} != bool")
    assert refusal(collection, {"$search": {**EXISTS, option: value}}) == expected


def test_code_is_no_path(collection: Documents) -> None:
    code, text = refusal(collection, {"$search": {"exists": {"path": Code("x")}}})

    assert (code, text) == (8, AGGREGATE_PREFIX + '"exists.path" must be a string')


SEVERAL_WORDS = [
    pytest.param({"equals": {"path": "text", "value": "two words"}}, "text", id="equals"),
    pytest.param({"in": {"path": "text", "value": ["two", "two words"]}}, "text", id="in"),
    pytest.param({"range": {"path": "date", "gte": "2020-01-01"}}, "date", id="range"),
    pytest.param({"equals": {"path": "text", "value": ""}}, "text", id="no word at all"),
    pytest.param(
        {"compound": {"mustNot": [{"equals": {"path": "text", "value": "a b"}}]}},
        "text",
        id="inside a compound",
    ),
]


@pytest.mark.parametrize(("operator", "path"), SEVERAL_WORDS)
def test_several_words_need_a_token(
    collection: Documents, operator: dict[str, Any], path: str
) -> None:
    expected = (8, f"{AGGREGATE_PREFIX}Path '{path}' needs to be indexed as token")
    assert refusal(collection, {"$search": operator}) == expected


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        pytest.param("text", "two", [], id="one word finds nothing without a token"),
        pytest.param("token", "two words", [1], id="a token"),
        pytest.param("unknown", "two words", [], id="a path that is not mapped"),
    ],
)
def test_strings_that_may_be_compared(
    collection: Documents, path: str, value: str, found: list[int]
) -> None:
    hits = collection.aggregate([{"$search": {"equals": {"path": path, "value": value}}}])

    assert [hit["_id"] for hit in hits] == found
