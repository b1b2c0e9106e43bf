"""Analysed texts by slot: what is found after any history is what a fresh index finds."""

import random
from itertools import product
from typing import Any

import bson
import numpy as np
import pytest

from app.local_atlas.search.analyzers import ANALYZERS
from app.local_atlas.search.definition import parse_definition
from app.local_atlas.search.operator_filter import read_operator, read_operator_filter
from app.local_atlas.search.search_data import SearchData
from app.local_atlas.search.text_column import TextColumn
from app.local_atlas.search.vectors import Vector, narrowed

STANDARD = ANALYZERS["lucene.standard"]
DEFINITION = parse_definition(
    "search",
    {
        "mappings": {
            "fields": {
                "v": {"type": "knnVector", "dimensions": 1, "similarity": "euclidean"},
                "t": {"type": "string"},
            }
        }
    },
)
WORDS = ("red", "rod", "blue", "shoe", "shoes", "dress")


def found(data: SearchData, operator: dict[str, Any]) -> set[int]:
    condition = read_operator_filter(operator, "filter")
    hits = data.nearest("v", Vector("float32", narrowed([0.0])), 1000, condition)
    return set(hits.record_ids.tolist())


def ranked(data: SearchData, operator: dict[str, Any]) -> dict[int, float]:
    hits = data.ranked(read_operator(operator, "query"))
    return dict(zip(hits.record_ids.tolist(), hits.scores.tolist(), strict=True))


def random_document(dice: random.Random) -> bytes:
    def text() -> str:
        return " ".join(dice.choices(WORDS, k=dice.randrange(5)))

    values = [text(), [text() for _ in range(dice.randrange(3))], 5, None]
    return bson.encode({"v": [0.0], "t": dice.choice(values)})


def random_operator(dice: random.Random) -> dict[str, Any]:
    query = " ".join(dice.choices(WORDS, k=dice.randint(1, 3)))
    spec: dict[str, Any] = {"path": "t", "query": query}
    if dice.random() < 0.5:
        return {"phrase": {**spec, "slop": dice.randrange(3)}}
    if dice.random() < 0.5:
        spec["fuzzy"] = {"maxEdits": 1, "maxExpansions": dice.randint(1, 3)}
    return {"text": {**spec, "matchCriteria": dice.choice(["any", "all"])}}


@pytest.mark.parametrize("seed", range(4))
def test_recycled_slots_answer_as_a_fresh_index(seed: int) -> None:
    dice = random.Random(seed)
    data, documents = SearchData(DEFINITION), dict[int, bytes]()
    for _ in range(25):
        changes: list[tuple[int, bytes | None]] = []
        for record_id in dice.sample(range(60), k=25):
            raw = None if dice.random() < 0.3 else random_document(dice)
            changes.append((record_id, raw))
            documents.pop(record_id, None)
            if raw is not None:
                documents[record_id] = raw
        data.apply(changes)
        fresh = SearchData(DEFINITION)
        fresh.apply(list(documents.items()))
        # Sometimes nobody asks between two writes, so that texts wait and are overwritten.
        for operator in [random_operator(dice) for _ in range(dice.choice([0, 6]))]:
            assert found(data, operator) == found(fresh, operator), operator
            assert ranked(data, operator) == pytest.approx(ranked(fresh, operator)), operator
            assert found(data, operator) == ranked(data, operator).keys(), operator


def test_a_phrase_is_found_where_some_choice_of_words_is_near_enough() -> None:
    texts = [" ".join(one) for n in range(1, 6) for one in product("abc", repeat=n)]
    column = TextColumn(STANDARD, STANDARD)
    column.add(range(len(texts)), texts)

    for phrase, slop in product(["a b", "a a", "a b a", "a b c"], range(4)):
        terms = STANDARD(phrase)
        mask = column.slots_with_phrase(terms, slop, len(texts))
        expected = [_is_near(text.split(), phrase.split(), slop) for text in texts]
        assert mask.tolist() == expected, (phrase, slop)


def _is_near(words: list[str], phrase: list[str], slop: int) -> bool:
    places = [[i for i, word in enumerate(words) if word == one] for one in phrase]
    return any(
        len(set(choice)) == len(choice)
        and max(shifts := [i - place for place, i in enumerate(choice)]) - min(shifts) <= slop
        for choice in product(*places)
    )


def test_a_place_whose_term_was_left_out_is_kept() -> None:
    column = TextColumn(lambda text: [None if one == "the" else one for one in text.split()], list)
    column.add([0, 1], ["up the hill", "up hill"])

    assert column.slots_with_phrase(["up", None, "hill"], 0, 2).tolist() == [True, False]
    assert column.slots_with_phrase(["up", "hill"], 0, 2).tolist() == [False, True]
    assert sorted(column.terms()) == ["hill", "up"]


def test_a_term_that_was_left_out_makes_no_text_longer() -> None:
    column = TextColumn(lambda text: [None if one == "the" else one for one in text.split()], list)
    column.add([0, 1], ["up the hill", "the"])

    lengths = column.lengths(3)
    assert lengths.of_slots.tolist() == [2, 0, 0]
    assert (lengths.documents, lengths.terms) == (1, 2)


def test_terms_are_those_of_the_slots_that_are_left() -> None:
    column = TextColumn(STANDARD, STANDARD)
    column.add([0, 1], ["red shoe", "blue shoe"])
    assert sorted(column.terms()) == ["blue", "red", "shoe"]

    column.clear(0)

    assert sorted(column.terms()) == ["blue", "shoe"]


def test_what_was_found_once_is_not_found_in_texts_that_changed() -> None:
    column = TextColumn(STANDARD, STANDARD)
    column.add([0, 1, 2], ["red shoe", "red red shoe", "blue shoe"])
    before = column.postings("red")
    assert (before.slots.tolist(), before.counts.tolist()) == ([0, 1], [1, 2])

    column.clear(1)
    column.add([3], ["red dress"])

    after = column.postings("red")
    assert (after.slots.tolist(), after.counts.tolist()) == ([0, 3], [1, 1])
    assert column.slots_with_any(["red", "dress"], 4).tolist() == [True, False, False, True]
    assert (before.slots.tolist(), before.counts.tolist()) == ([0, 1], [1, 2])


def test_many_terms_are_found_as_few_are() -> None:
    column = TextColumn(STANDARD, STANDARD)
    column.add(range(200), [f"w{number} x{number % 7}" for number in range(200)])
    wanted = {f"w{number}" for number in range(0, 200, 2)}

    mask = column.slots_with_any(wanted, 200)

    one_by_one = [column.slots_with_any([term], 200) for term in wanted]
    assert mask.tolist() == np.any(one_by_one, axis=0).tolist()
    assert mask.sum() == 100
