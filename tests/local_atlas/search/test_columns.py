"""Filter columns against a plain dictionary of lists."""

import random

import numpy as np
import pytest

from app.local_atlas.search.analyzers import ANALYZERS
from app.local_atlas.search.columns import Column, Dictionary
from app.local_atlas.search.field_columns import FieldColumns
from app.local_atlas.search.text_column import TextColumn


def test_a_column_agrees_with_a_dictionary_of_lists() -> None:
    generator = random.Random(1)
    column, expected, capacity = Column(np.int64), dict[int, list[int]](), 0
    for _ in range(300):
        capacity = min(capacity + 5, 100)
        batch: list[tuple[int, list[int]]] = []
        for slot in generator.sample(range(capacity), 5):
            column.clear(slot)
            batch.append((slot, [generator.randrange(10) for _ in range(generator.randrange(4))]))
        slots = [slot for slot, values in batch for _ in values]
        column.add(slots, [value for _, values in batch for value in values], capacity)
        expected.update(batch)
        column.compact()

        wanted = generator.randrange(10)
        found = column.slots_with(column.values == wanted, capacity)

        assert set(np.flatnonzero(found).tolist()) == {
            slot for slot, values in expected.items() if wanted in values
        }
        slot = generator.randrange(capacity)
        assert column.values_of(slot).tolist() == expected.get(slot, [])
    assert len(column.values) < 400, "the entries that were cleared have gone away"


RANGES = [
    pytest.param(None, None, (True, True), {"a", "b", "ä"}, id="open"),
    pytest.param("b", None, (True, True), {"b", "ä"}, id="from"),
    pytest.param("b", None, (False, True), {"ä"}, id="above"),
    pytest.param(None, "b", (True, True), {"a", "b"}, id="up to"),
    pytest.param(None, "b", (True, False), {"a"}, id="below"),
    pytest.param("a", "b", (False, False), set(), id="between"),
]


@pytest.mark.parametrize(("lower", "upper", "closed", "expected"), RANGES)
def test_a_dictionary_finds_ranges_by_code(
    lower: str | None, upper: str | None, closed: tuple[bool, bool], expected: set[str]
) -> None:
    dictionary = Dictionary()
    codes = {value: dictionary.code(value) for value in ("ä", "a", "b", "a")}

    accepted = dictionary.accepting(lower, upper, closed=closed)

    assert {value for value, code in codes.items() if accepted[code]} == expected


def test_a_dictionary_learns_after_a_range_was_asked_for() -> None:
    dictionary = Dictionary()
    dictionary.code("b")
    dictionary.accepting(None, None, closed=(True, True))

    dictionary.code("a")

    assert dictionary.accepting(None, "a", closed=(True, True)).tolist() == [False, True]


def test_values_that_are_gone_are_forgotten_and_the_others_found() -> None:
    columns = FieldColumns()
    for round_ in range(50):
        for slot in range(100):
            columns.clear(slot)
        columns.compact()
        tokens = ["every round", *(f"{round_:02} {slot:02}" for slot in range(1, 100))]
        columns.add("token", list(range(100)), tokens, 100)

        column, dictionary = columns.columns["token"], columns.dictionaries["token"]
        codes = [dictionary.find(token) for token in tokens]
        found = [np.flatnonzero(column.slots_with(column.values == code, 100)) for code in codes]
        accepted = dictionary.accepting("a", None, closed=(True, True))

        assert [one.tolist() for one in found] == [[slot] for slot in range(100)]
        assert [dictionary.value(code) for code in codes if code is not None] == tokens
        in_range = column.slots_with(accepted[column.values], 100)
        assert np.flatnonzero(in_range).tolist() == [0]
    assert len(dictionary) < 500


def test_terms_that_are_gone_are_forgotten_and_the_others_found() -> None:
    texts = TextColumn(ANALYZERS["lucene.standard"], ANALYZERS["lucene.standard"])
    for round_ in range(50):
        for slot in range(100):
            texts.clear(slot)
        texts.compact()
        texts.add(range(100), [f"{round_}x{slot} shoe" for slot in range(100)])

        assert texts.slots_with_any(["shoe"], 100).all()
        found = texts.slots_with_phrase([f"{round_}x7", "shoe"], 0, 100)
        assert np.flatnonzero(found).tolist() == [7]
    assert len(texts.state()["terms"].values) < 500


def test_a_saved_column_stays_as_it_was_when_values_are_forgotten() -> None:
    columns = FieldColumns()
    columns.add("token", list(range(200)), [f"token {slot}" for slot in range(200)], 200)
    for slot in range(80):
        columns.clear(slot)
    state = columns.state()

    for slot in range(199):
        columns.clear(slot)
    columns.compact()

    assert len(columns.dictionaries["token"]) == 1
    restored = FieldColumns()
    restored.restore(state)
    code = restored.dictionaries["token"].find("token 150")
    column = restored.columns["token"]
    assert np.flatnonzero(column.slots_with(column.values == code, 200)).tolist() == [150]
