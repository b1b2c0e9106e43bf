"""The operator `autocomplete`, at the top of $search and in filters."""

from typing import Any

import pytest
from pymongo.database import Database

from tests.local_atlas.search.asking import (
    AGGREGATE_PREFIX,
    Documents,
    ids,
    indexed,
    knn_beta,
    refusal,
    search,
    search_definition,
)

NAMES: dict[str, Any] = {
    "red shoe": "Red leather shoe",
    "red shirt": ["Red shirt", "with sleeves"],
    "shoe red": "Shoe, red",
    "cafe": "Café crème",
    "boots": "Boots",
    "none": None,
    "number": 5,
}
FIELDS: dict[str, Any] = {
    "name": [{"type": "autocomplete"}, {"type": "string"}],
    "alone": {"type": "autocomplete"},
    "part": {"type": "autocomplete", "tokenization": "nGram", "minGrams": 3, "maxGrams": 4},
    "end": {"type": "autocomplete", "tokenization": "rightEdgeGram"},
    "short": {"type": "autocomplete", "maxGrams": 4},
    "own": {"type": "autocomplete", "analyzer": "mine"},
    "similar": {"type": "autocomplete", "similarity": {"type": "boolean"}},
    "text": {"type": "string"},
}


@pytest.fixture(scope="module")
def collection(module_db: Database[dict[str, Any]]) -> Documents:
    copies = ("name", "alone", "part", "end", "short")
    documents = [
        {"_id": i, "v": [0, 0], **dict.fromkeys(copies, name)} for i, name in NAMES.items()
    ]
    definition = {
        **search_definition(**FIELDS),
        "analyzers": [{"name": "mine", "tokenizer": {"type": "standard"}}],
    }
    return indexed(module_db.c, documents, definition)


def typed(query: Any, path: str = "name", **options: Any) -> dict[str, Any]:
    return {"autocomplete": {"path": path, "query": query, **options}}


RED = {"red shoe", "red shirt", "shoe red"}
CASES = [
    pytest.param(typed("re"), RED, id="the beginning of a word"),
    pytest.param(typed("RED"), RED, id="a whole word, in any case"),
    pytest.param(typed("ed"), set(), id="not the middle of one"),
    pytest.param(typed("r"), set(), id="shorter than any gram"),
    pytest.param(typed("cafe cr"), {"cafe"}, id="diacritics do not matter"),
    pytest.param(typed("red sh"), {*RED}, id="any word, by default"),
    pytest.param(typed("red sh", tokenOrder="any"), {*RED}, id="tokenOrder any"),
    pytest.param(typed("red sh", tokenOrder="sequential"), {"red shirt"}, id="words in order"),
    pytest.param(typed("red leather sh", tokenOrder="sequential"), {"red shoe"}, id="three words"),
    pytest.param(typed("sleev"), {"red shirt"}, id="strings of an array"),
    pytest.param(typed("shirt wi", tokenOrder="sequential"), set(), id="not over two of them"),
    pytest.param(typed(["boo", "caf"]), {"boots", "cafe"}, id="several queries"),
    pytest.param(typed("5"), set(), id="numbers are no text"),
    pytest.param(typed("leathers", "short"), {"red shoe"}, id="cut to the longest gram"),
    pytest.param(typed("eath", "part"), {"red shoe"}, id="nGram: the middle of a word"),
    pytest.param(typed("oots", "end"), {"boots"}, id="rightEdgeGram: the end of one"),
    pytest.param(typed("boo", "end"), set(), id="rightEdgeGram: not the beginning"),
    pytest.param(typed("laether"), set(), id="a typing error"),
    pytest.param(typed("laether", fuzzy={"maxEdits": 1}), {"red shoe"}, id="fuzzy"),
    pytest.param(typed("rde", fuzzy={"maxEdits": 1}), RED, id="fuzzy: a gram of a word"),
    pytest.param(
        typed("xeather", fuzzy={"maxEdits": 1, "prefixLength": 1}), set(), id="fuzzy: prefixLength"
    ),
    pytest.param(
        typed("boot", fuzzy={"maxEdits": 1, "prefixLength": 4}), {"boots"}, id="fuzzy: all prefix"
    ),
    pytest.param(
        {"compound": {"must": typed("re"), "mustNot": typed("shir")}},
        {"red shoe", "shoe red"},
        id="inside compound",
    ),
]


@pytest.mark.parametrize(("operator", "expected"), CASES)
def test_finds_the_same_at_the_top_and_in_a_filter(
    collection: Documents, operator: dict[str, Any], expected: set[str]
) -> None:
    assert sorted(ids(search(collection, operator))) == sorted(expected)
    assert sorted(ids(knn_beta(collection, filter=operator))) == sorted(expected)


def test_more_that_fits_comes_first(collection: Documents) -> None:
    best, *_ = ids(search(collection, typed("red shi")))

    assert best == "red shirt"


def test_whole_words_count_besides_where_the_path_is_a_string_too(collection: Documents) -> None:
    with_string = dict(search(collection, typed("boots")))["boots"]
    alone = dict(search(collection, typed("boots", "alone")))["boots"]
    word = dict(search(collection, {"text": {"path": "name", "query": "boots"}}))["boots"]

    assert with_string == pytest.approx(alone + word)
    assert dict(search(collection, typed("boot")))["boots"] < with_string


def test_fuzzy_grams_score_one_each(collection: Documents) -> None:
    hits = search(collection, typed("bots", "alone", fuzzy={"maxEdits": 1}))

    assert hits == [("boots", 1.0)]


def test_score_modifies(collection: Documents) -> None:
    assert search(collection, typed("boo", score={"constant": {"value": 3}})) == [("boots", 3.0)]


def test_what_changes_is_found_as_it_is_now(db: Database[dict[str, Any]]) -> None:
    fields = {"name": {"type": "autocomplete"}}
    collection = indexed(db.c, [{"_id": 1, "name": "boot"}], search_definition(**fields))
    assert ids(search(collection, typed("bo"))) == [1]

    collection.update_one({"_id": 1}, {"$set": {"name": "shoe"}})
    collection.insert_one({"_id": 2, "name": "shirt"})

    assert search(collection, typed("bo")) == []
    assert sorted(ids(search(collection, typed("sh")))) == [1, 2]


def test_strict_server_refuses_paths_and_values_that_do_not_fit(
    strict_db: Database[dict[str, Any]],
) -> None:
    fields = {"name": {"type": "autocomplete"}}
    collection = indexed(strict_db.c, [], search_definition(**fields))

    message = "autocomplete index field definition not present at path x"
    assert refusal(collection, {"$search": typed("a", "x")})[1].endswith(message)
    with pytest.raises(Exception, match="name is of type int, and the index maps it as autocomp"):
        collection.insert_one({"name": 5})


REFUSED = [
    pytest.param(typed("x", "text"), "autocomplete index field definition not present at path text",
                 id="not indexed for it"),
    pytest.param(typed("x", "nowhere"), "autocomplete index field definition not present at path "
                 "nowhere", id="not mapped"),
    pytest.param(typed("x", "own"), 'analyzer "mine" of field own (not emulated by LocalAtlas)',
                 id="custom analyzer"),
    pytest.param(typed("x", "short", fuzzy={"prefixLength": 5}), "minimum fuzzy prefix length must "
                 "be less than the maximum indexed token length", id="prefixLength"),
    pytest.param({"autocomplete": {"path": "name"}}, '"autocomplete.query" is required', id="none"),
    pytest.param({"autocomplete": {"query": "x"}}, '"autocomplete.path" is required', id="path"),
    pytest.param({"autocomplete": {"path": ["name"], "query": "x"}},
                 '"autocomplete.path" must be a string', id="several paths"),
    pytest.param(typed(""), '"autocomplete.query" cannot be empty', id="empty query"),
    pytest.param(typed("x", tokenOrder="x"),
                 '"autocomplete.tokenOrder" must be one of [any, sequential]', id="tokenOrder"),
    pytest.param(typed("x", x=1), '"autocomplete" unrecognized field "x"', id="unknown field"),
    pytest.param(typed("x", "similar"), 'similarity "boolean" of field similar (not emulated by '
                 "LocalAtlas)", id="similarity"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "message"), REFUSED)
def test_refused(collection: Documents, operator: dict[str, Any], message: str) -> None:
    assert refusal(collection, {"$search": operator}) == (8, AGGREGATE_PREFIX + message)
