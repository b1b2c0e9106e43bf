"""Edits between terms, and which terms a fuzzy query is expanded to."""

import pytest

from app.local_atlas.search.fuzzy import Fuzzy, edit_distance, similar_terms

DISTANCES = [
    ("shoe", "shoe", 0),
    ("shoe", "shoes", 1),
    ("shoe", "hoe", 1),
    ("shoe", "shoo", 1),
    ("shoe", "hsoe", 1),
    ("shoe", "ohse", 2),
    ("red", "blue", None),
    ("ca", "abc", None),
    ("ab", "", 2),
    ("abcd", "badc", 2),
]


@pytest.mark.parametrize(("one", "other", "edits"), DISTANCES)
def test_edits_are_counted_up_to_two(one: str, other: str, edits: int | None) -> None:
    assert edit_distance(one, other, 2) == edits
    assert edit_distance(other, one, 2) == edits


def test_a_prefix_is_equal_and_the_rest_may_differ() -> None:
    terms = ["shoe", "choe", "shoes", "shop", "s"]

    assert set(similar_terms("shoe", terms, Fuzzy(1, 2))) == {"shoe", "shoes", "shop"}
    assert similar_terms("shoe", ["shoe", "shoes", "shor"], Fuzzy(2, 9)) == ["shoe", "shoes"]


def test_the_most_similar_terms_are_taken_and_ties_go_by_their_bytes() -> None:
    terms = ["hoe", "shoes", "zhoe", "shoe", "ahoe"]

    assert similar_terms("shoe", terms, Fuzzy(1, max_expansions=3)) == ["shoe", "ahoe", "shoes"]
    assert similar_terms("shoe", terms, Fuzzy(1))[-1] == "hoe"


def test_short_terms_are_expanded_too() -> None:
    assert similar_terms("a", ["b", "abc", "bcd"], Fuzzy(2)) == ["b", "abc"]
