"""Stems of English words, most of them the examples of Porter's own description."""

import pytest

from app.local_atlas.search.porter import stem

STEMS = {
    "as": "as", "caresses": "caress", "ponies": "poni", "ties": "ti", "caress": "caress",
    "cats": "cat", "feed": "feed", "agreed": "agre", "plastered": "plaster", "bled": "bled",
    "motoring": "motor", "sing": "sing", "conflated": "conflat", "troubled": "troubl",
    "sized": "size", "hopping": "hop", "falling": "fall", "hissing": "hiss", "fizzed": "fizz",
    "failing": "fail", "filing": "file", "happy": "happi", "sky": "sky", "relational": "relat",
    "conditional": "condit", "rational": "ration", "valenci": "valenc", "digitizer": "digit",
    "radically": "radic", "differently": "differ", "vietnamization": "vietnam",
    "predication": "predic", "operator": "oper", "feudalism": "feudal", "decisiveness": "decis",
    "sensibility": "sensibl", "triplicate": "triplic", "formative": "form", "electrical": "electr",
    "hopeful": "hope", "goodness": "good", "revival": "reviv", "inference": "infer",
    "adjustable": "adjust", "replacement": "replac", "dependent": "depend", "adoption": "adopt",
    "communism": "commun", "activate": "activ", "effective": "effect", "probate": "probat",
    "rate": "rate", "cease": "ceas", "controlling": "control", "roll": "roll",
    "sensibly": "sensibl", "technology": "technolog", "specced": "spec", "yes": "ye",
}  # fmt: skip


@pytest.mark.parametrize(("word", "expected"), STEMS.items())
def test_endings_are_taken_off(word: str, expected: str) -> None:
    assert stem(word) == expected
