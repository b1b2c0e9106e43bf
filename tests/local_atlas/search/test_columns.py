"""Filter columns against a plain dictionary of lists."""

import random

import numpy as np
import pytest

from app.local_atlas.search.columns import Column, Dictionary


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
