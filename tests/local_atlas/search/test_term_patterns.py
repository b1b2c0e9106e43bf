"""The operators `wildcard` and `regex`, at the top of `$search` and inside others."""

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

_WORDS = {1: "quick", 2: "quack", 3: "axb", 4: "AXB", 5: "a*b", 6: "a?b", 7: "ab", 8: "ax\nb"}
_STRING = {"type": "string"}
_FIELDS: dict[str, Any] = {
    "word": {**_STRING, "analyzer": "lucene.keyword"},
    "text": {**_STRING, "multi": {"whole": {**_STRING, "analyzer": "lucene.keyword"}}},
    "token": {"type": "token"},
}


@pytest.fixture(scope="module")
def collection(module_db: Database[dict[str, Any]]) -> Documents:
    documents: list[dict[str, Any]] = [
        {"_id": i, "word": word, "v": [0, i]} for i, word in _WORDS.items()
    ]
    documents[0] |= {"text": "The Quick brown fox", "token": "quick"}
    return indexed(module_db["patterns"], documents, search_definition(**_FIELDS))


def _found(collection: Documents, query: Any, path: Any = "word", **options: Any) -> list[Any]:
    wildcard = {"query": query, "path": path, **options}
    return sorted(ids(search(collection, {"wildcard": wildcard})))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("qu*", [1, 2]),
        ("*ck", [1, 2]),
        ("quick", [1]),
        ("a*b", [3, 5, 6, 7, 8]),
        ("a?b", [3, 5, 6]),
        ("a\\*b", [5]),
        ("a\\?b", [6]),
        ("A*B", [4]),
        ("*", [1, 2, 3, 4, 5, 6, 7, 8]),
        (["qu?ck", "ab"], [1, 2, 7]),
        ("q", []),
        ("a.b", []),
    ],
    ids=str,
)
def test_pattern_matches_whole_terms(
    collection: Documents, query: Any, expected: list[int]
) -> None:
    assert _found(collection, query) == expected


@pytest.mark.parametrize(
    ("query", "path", "expected"),
    [
        ("qu*", "text", [1]),
        ("Qu*", "text", []),
        ("quick bro*", "text", []),
        ("The Quick*", {"value": "text", "multi": "whole"}, [1]),
        ("qu*", "token", []),
        ("qu*", "a.b", []),
        ("quick", {"wildcard": "*"}, [1]),
        ("qu*", ["text", "word"], [1, 2]),
    ],
    ids=str,
)
def test_words_of_a_text_are_searched_where_that_is_allowed(
    collection: Documents, query: str, path: Any, expected: list[int]
) -> None:
    assert _found(collection, query, path, allowAnalyzedField=True) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("qu.*", [1, 2]),
        ("qu", []),
        ("(qui|qua)ck", [1, 2]),
        ("a.?b", [3, 5, 6, 7]),
        ("a(x)?b", [3, 7]),
        ("ax+?b", [3, 7]),
        ("a[x*]b", [3, 5]),
        ("a[^x]b", [5, 6]),
        ("a[a-z]b", [3]),
        (r"a\*b", [5]),
        ('a"?"b', [6]),
        ("[A-Z]{3}", [4]),
        ("ax.b", [8]),
        (r"\w+", [1, 2, 3, 4, 7]),
        ("^quick$", []),
        ("", []),
    ],
    ids=str,
)
def test_regular_expression_matches_whole_terms(
    collection: Documents, query: str, expected: list[int]
) -> None:
    regex = {"regex": {"query": query or "()", "path": "word"}}

    assert sorted(ids(search(collection, regex))) == expected


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("*a", "nothing stands before"),
        ("(a", "not closed"),
        ("a)", "not opened"),
        ("[a", "goes on for ever"),
        ("[z-a]", "is no regular expression"),
        ("~a", "not emulated by LocalAtlas"),
        ("<1-9>", "not emulated by LocalAtlas"),
    ],
)
@pytest.mark.local_atlas_only
def test_what_is_no_regular_expression_is_refused(
    collection: Documents, query: str, text: str
) -> None:
    code, found = refusal(collection, {"$search": {"regex": {"query": query, "path": "word"}}})

    assert code == 8
    assert text in found


@pytest.mark.parametrize("path", ["text", "a.b", {"wildcard": "*"}], ids=str)
def test_analyzed_field_is_refused_where_that_is_not_allowed(
    collection: Documents, path: Any
) -> None:
    code, text = refusal(collection, {"$search": {"wildcard": {"query": "q*", "path": path}}})

    assert code == 8
    assert text.startswith(AGGREGATE_PREFIX)
    assert "unless allowAnalyzedField is true" in text


def test_token_and_keyword_fields_need_no_permission(collection: Documents) -> None:
    assert _found(collection, "qu*", "token") == []
    assert _found(collection, "The Quick*", {"value": "text", "multi": "whole"}) == [1]


@pytest.mark.parametrize(
    "wildcard",
    [
        {"path": "word"},
        {"path": "word", "query": ""},
        {"path": "word", "query": []},
        {"path": "word", "query": ["q*", None]},
        {"path": "word", "query": 1},
        {"query": "q*"},
        {"query": "q*", "path": 1},
        {"query": "q*", "path": "word", "allowAnalyzedField": "true"},
        {"query": "q*", "path": "word", "nope": 1},
    ],
    ids=str,
)
def test_malformed_wildcard_is_refused(collection: Documents, wildcard: Any) -> None:
    assert refusal(collection, {"$search": {"wildcard": wildcard}})[0] == 8


def test_match_scores_one_and_takes_a_boost(collection: Documents) -> None:
    wildcard = {"query": "q*", "path": "word"}

    assert dict(search(collection, {"wildcard": wildcard})) == {1: 1.0, 2: 1.0}
    boosted = {"wildcard": {**wildcard, "score": {"boost": {"value": 3}}}}
    assert dict(search(collection, boosted)) == {1: 3.0, 2: 3.0}


def test_wildcard_is_a_clause_of_compound_and_a_filter_of_vectors(collection: Documents) -> None:
    wildcard = {"wildcard": {"query": "a*", "path": "word"}}
    longer = {"wildcard": {"query": "???", "path": "word"}}

    both = search(collection, {"compound": {"filter": [wildcard], "must": [longer]}})
    nearest = knn_beta(collection, filter=wildcard)

    assert sorted(ids(both)) == [3, 5, 6]
    assert ids(nearest) == [3, 5, 6, 7, 8]


@pytest.mark.local_atlas_only
def test_details_of_a_score_name_the_field(collection: Documents) -> None:
    stages = [
        {"$search": {"wildcard": {"query": "quick", "path": "word"}, "scoreDetails": True}},
        {"$project": {"details": {"$meta": "searchScoreDetails"}}},
    ]

    (hit,) = collection.aggregate(stages)

    assert hit["details"]["value"] == 1.0
    assert "word" in hit["details"]["description"]
