"""Grams: which terms a text has in an autocomplete field, and which a query looks for."""

from typing import Any

import pytest

from app.local_atlas.search.text_fields import gram_analyzer

DEFAULTS = {
    "analyzer": None,
    "minGrams": 2,
    "maxGrams": 15,
    "tokenization": "edgeGram",
    "foldDiacritics": True,
}

DOCUMENTS = [
    pytest.param({}, "shoe", ["sh", "sho", "shoe"], id="beginnings"),
    pytest.param({"minGrams": 3, "maxGrams": 3}, "Shoes", ["sho"], id="lengths, lower case"),
    pytest.param({}, "a", ["a"], id="what is too short is kept"),
    pytest.param(
        {"minGrams": 4, "maxGrams": 5},
        "red shoe",
        ["red", "shoe", "red ", "red s"],
        id="over the end of a word",
    ),
    pytest.param(
        {"minGrams": 7, "maxGrams": 8},
        "a b c d",
        ["a", "b", "c", "d", "a b", "b c", "c d", "a b c", "b c d"],
        id="no more than three words",
    ),
    pytest.param({"minGrams": 4}, "shoe shoe", ["shoe", "shoe ", "shoe s", "shoe sh", "shoe sho",
                                               "shoe shoe"], id="each once"),
    pytest.param(
        {"minGrams": 2, "maxGrams": 3, "tokenization": "nGram"},
        "boot",
        ["bo", "boo", "oo", "oot", "ot"],
        id="parts",
    ),
    pytest.param(
        {"minGrams": 2, "maxGrams": 4, "tokenization": "rightEdgeGram"},
        "red",
        ["de", "der"],
        id="ends, backwards",
    ),
    pytest.param({"minGrams": 6}, "Café résumé", ["cafe", "resume", "cafe r", "cafe re",
                 "cafe res", "cafe resu", "cafe resum", "cafe resume"], id="diacritics"),
    pytest.param(
        {"minGrams": 4, "foldDiacritics": False}, "Café", ["café"], id="diacritics that matter"
    ),
    pytest.param({"analyzer": "lucene.keyword", "maxGrams": 3, "foldDiacritics": False},
                 "Red shoe", ["Re", "Red"], id="keyword analyzer"),
    pytest.param({}, "?!", [], id="no words"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "text", "grams"), DOCUMENTS)
def test_grams_of_a_text(options: dict[str, Any], text: str, grams: list[str]) -> None:
    analyzer = gram_analyzer({**DEFAULTS, **options})

    assert analyzer is not None
    assert analyzer.of_document(text) == grams


QUERIES = [
    pytest.param({}, "Red SHO", False, ["red", "sho", "red sho"], id="words and the whole"),
    pytest.param({}, "Red SHO", True, ["red sho"], id="the whole"),
    pytest.param({"maxGrams": 3}, "leather", False, ["lea"], id="no longer than a gram"),
    pytest.param({"tokenization": "rightEdgeGram"}, "red", False, ["der"], id="backwards"),
    pytest.param({}, "CAFÉ", True, ["cafe"], id="folded"),
    pytest.param(
        {"analyzer": "lucene.keyword", "foldDiacritics": False}, "RED", True, ["RED"], id="as it is"
    ),
]


@pytest.mark.parametrize(("options", "text", "whole", "terms"), QUERIES)
def test_terms_of_a_query(
    options: dict[str, Any], text: str, whole: bool, terms: list[str]
) -> None:
    analyzer = gram_analyzer({**DEFAULTS, **options})

    assert analyzer is not None
    assert analyzer.of_query(text, whole=whole) == terms
