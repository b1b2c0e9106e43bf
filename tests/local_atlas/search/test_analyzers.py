"""What the built-in analyzers make of a text."""

import pytest

from app.local_atlas.search.analyzers import ANALYZERS

WORDS = [
    pytest.param("The quick-brown FOX", ["the", "quick", "brown", "fox"], id="hyphens part"),
    pytest.param("can't Fox's don\u2019t", ["can't", "fox's", "don\u2019t"], id="apostrophes join"),
    pytest.param("3.14 1,000 2;5", ["3.14", "1,000", "2;5"], id="numbers"),
    pytest.param("a.b. U.S.A. a,b", ["a.b", "u.s.a", "a", "b"], id="dots between letters"),
    pytest.param("10:30 a:b", ["10", "30", "a:b"], id="colons between letters alone"),
    pytest.param("3a.b 3.a", ["3a.b", "3", "a"], id="a dot between a digit and a letter"),
    pytest.param("foo_bar _x_ ___", ["foo_bar", "_x_"], id="underscores join, alone are no word"),
    pytest.param("e-mail me@x.com #tag C++", ["e", "mail", "me", "x.com", "tag", "c"], id="signs"),
    pytest.param("我是 々", ["我", "是", "々"], id="ideographs one by one"),
    pytest.param("ひら カタ ー", ["ひ", "ら", "カタ", "ー"], id="kana"),
    pytest.param(
        "ABカ カ_A 한국어", ["ab", "カ", "カ_a", "한국어"], id="katakana parts from letters"
    ),
    pytest.param("สวัสดี ครับ", ["สวัสดี", "ครับ"], id="South-East Asian runs"),
    pytest.param("cafe\u0301s \u0301x", ["cafe\u0301s", "x"], id="combining marks"),
    pytest.param(
        "\u0130I \u03a3\u039f\u03a3", ["ii", "\u03c3\u03bf\u03c3"], id="lower case of Java"
    ),
    pytest.param("👩‍👩‍👧 👍🏽 🇩🇪🇫🇷 x", ["👩‍👩‍👧", "👍🏽", "🇩🇪", "🇫🇷", "x"], id="emoji"),
    pytest.param("a" * 600, ["a" * 255, "a" * 255, "a" * 90], id="long words are cut"),
    pytest.param(" \n!?", [], id="no words"),
]


@pytest.mark.parametrize(("text", "terms"), WORDS)
def test_the_standard_analyzer_follows_the_word_boundaries_of_unicode(
    text: str, terms: list[str]
) -> None:
    assert ANALYZERS["lucene.standard"](text) == terms


def test_the_english_analyzer_takes_endings_off_and_leaves_stop_words_out() -> None:
    assert ANALYZERS["lucene.english"]("The Women's Running SHOES, and they\u2019s") == [
        None,
        "women",
        "run",
        "shoe",
        None,
        None,
    ]


def test_the_simple_analyzer_keeps_runs_of_letters() -> None:
    assert ANALYZERS["lucene.simple"]("Can't 3 R2D2 Ä_b") == ["can", "t", "r", "d", "ä", "b"]


def test_the_whitespace_analyzer_keeps_all_but_white_space() -> None:
    assert ANALYZERS["lucene.whitespace"](" A,b\tc\u00a0d\n") == ["A,b", "c\u00a0d"]


def test_the_keyword_analyzer_keeps_the_whole_text_unless_it_is_too_long() -> None:
    analyze = ANALYZERS["lucene.keyword"]

    assert analyze("Red, Shoe ") == ["Red, Shoe "]
    assert analyze("") == [""]
    assert analyze("é" * 16383) == ["é" * 16383]
    assert analyze("é" * 16384) == [None]
