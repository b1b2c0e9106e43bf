"""The order of strings under a collation, and which collations there are."""

from itertools import pairwise
from typing import Any

import pytest

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.bson_order import same, sort_key
from app.local_atlas.mql.collated import collated
from app.local_atlas.mql.collation import Collation, parse_collation

# As ICU 78 sorts them under the locale en.
_IN_ORDER = [
    "", " a", "_x", "-x", "'q'", "(a)", "<", "$a", "1", "10", "2", "a", "á", "ad", "æ", "af",
    "apfel", "e", "é", "è", "ê", "ø", "resume", "resumé", "résumé", "ss", "ß", "z", "þ", "β", "ж",
]  # fmt: skip


def _collation(**options: Any) -> Collation:
    collation = parse_collation({"locale": "en", **options})
    assert collation is not None
    return collation


def test_strings_sort_as_a_reader_expects() -> None:
    assert sorted(sorted(_IN_ORDER), key=_collation().key) == _IN_ORDER


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        ({"strength": 1}, [["a", "A", "á", "Á"], ["b", "B"]]),
        ({"strength": 2}, [["a", "A"], ["á", "Á"], ["b", "B"]]),
        ({"strength": 3}, [["a"], ["A"], ["á"], ["Á"], ["b"], ["B"]]),
        ({}, [["a"], ["A"], ["á"], ["Á"], ["b"], ["B"]]),
        ({"strength": 1, "caseLevel": True}, [["a", "á"], ["A", "Á"], ["b"], ["B"]]),
        ({"caseFirst": "upper"}, [["A"], ["a"], ["Á"], ["á"], ["B"], ["b"]]),
        ({"numericOrdering": True}, [["x"], ["x2"], ["x10"], ["x10a"], ["x100"]]),
        ({"strength": 1, "numericOrdering": True}, [["x2", "x02", "X2"], ["x10"]]),
        ({"strength": 2}, [["strasse", "STRASSE"], ["straße", "STRAẞE"]]),
    ],
    ids=str,
)
def test_strength_says_which_differences_count(
    options: dict[str, Any], groups: list[list[str]]
) -> None:
    key = _collation(**options).key

    for group in groups:
        assert len({key(each) for each in group}) == 1
    for lower, upper in pairwise(groups):
        assert key(lower[0]) < key(upper[0])


def test_key_of_a_prefix_sorts_first_and_zero_bytes_do_no_harm() -> None:
    key = _collation(strength=1).key
    first, second = (collated(value, key) for value in (["a", "z"], ["ab", "a"]))

    assert sort_key(first) < sort_key(second)
    assert sort_key(collated("a\0b", key)) == sort_key(collated("AB", key))


@pytest.mark.parametrize(
    "document", [{}, {"locale": "simple"}, {"locale": "simple", "strength": 1}]
)
def test_simple_collation_is_the_comparison_of_bytes(document: dict[str, Any]) -> None:
    assert parse_collation(document) is None


def test_document_of_a_collation_shows_every_option() -> None:
    assert _collation(strength=2).document() == {
        "locale": "en",
        "caseLevel": False,
        "caseFirst": "off",
        "strength": 2,
        "numericOrdering": False,
        "alternate": "non-ignorable",
        "maxVariable": "punct",
        "normalization": False,
        "backwards": False,
        "version": "57.1",
    }
    assert parse_collation(_collation(strength=2).document()) == _collation(strength=2)


@pytest.mark.parametrize(
    ("document", "code", "text"),
    [
        ({"strength": 2}, 40414, "locale"),
        ({"locale": 1}, 14, "locale"),
        ({"locale": "en", "nope": 1}, 40415, "nope"),
        ({"locale": "en", "strength": 6}, 51024, "strength"),
        ({"locale": "en", "strength": 0}, 51024, "strength"),
        ({"locale": "en", "strength": "2"}, 14, "strength"),
        ({"locale": "en", "caseLevel": 1}, 14, "caseLevel"),
        ({"locale": "en", "caseFirst": "both"}, 2, "caseFirst"),
        ({"locale": "sv"}, 2, "not emulated by LocalAtlas"),
        ({"locale": "fr_CA"}, 2, "not emulated by LocalAtlas"),
        ({"locale": "de@collation=phonebook"}, 2, "not emulated by LocalAtlas"),
        ({"locale": "en", "strength": 4}, 2, "not emulated by LocalAtlas"),
        ({"locale": "en", "alternate": "shifted"}, 2, "not emulated by LocalAtlas"),
        ({"locale": "en", "backwards": True}, 2, "not emulated by LocalAtlas"),
    ],
    ids=str,
)  # fmt: skip
def test_collation_that_is_none_or_not_emulated_is_refused(
    document: dict[str, Any], code: int, text: str
) -> None:
    with pytest.raises(CommandError, match=text) as caught:
        parse_collation(document)

    assert caught.value.code == code


def test_what_a_collation_does_not_tell_apart_is_still_stored_differently() -> None:
    key = _collation(strength=1).key

    assert not same(collated({"a": ["x"]}, key), collated({"a": ["X"]}, key))
    assert same(collated({"a": ["x"]}, key), collated({"a": ["x"]}, key))
