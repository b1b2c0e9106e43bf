"""Groups, near-identical pictures and diversity, on vectors whose order can be seen by eye."""

import pytest

from app.composed import ComposedQuery, Input, StoredItem
from app.filters import Comparison

START = (Input(StoredItem("start")),)


def found(answer):
    return [hit.item_id for hit in answer.hits]


def variants(product, angle, count):
    """Items of one product, a thousandth of a degree apart."""
    return [
        (f"{product}{i}", angle + i / 1000, {"product_id": product, "color": f"c{i}"})
        for i in range(count)
    ]


@pytest.mark.parametrize("exact", [False, True], ids=["approximate", "exact"])
def test_each_group_gives_its_best_hit_and_how_many_it_has(place, ask, exact):
    place(("start", 0), *variants("q", 30, 2), *variants("p", 10, 3), ("alone", 20), ("lone", 40))
    query = ComposedQuery(START, group_by="product_id", collapse=False, exact=exact)

    answer = ask(lambda similar: similar.search(query))

    assert found(answer) == ["p0", "alone", "q0", "lone"]
    assert [hit.members for hit in answer.hits] == [3, 1, 2, 1]


def test_groups_are_filled_up_from_far_behind(place, ask):
    """300 variants stand before the second product, more than the first question asks for."""
    place(("start", 0), *variants("p", 10, 300), *variants("q", 30, 1), *variants("r", 40, 1))
    query = ComposedQuery(START, group_by="product_id", collapse=False, limit=3)

    answer = ask(lambda similar: similar.search(query))

    assert found(answer) == ["p0", "q0", "r0"]
    assert answer.hits[0].members == 300
    assert answer.shortfall is None


def test_groups_that_cannot_be_filled_up_say_why(place, ask):
    place(("start", 0), *variants("p", 10, 300), *variants("q", 30, 1))
    few = ComposedQuery(START, group_by="product_id", collapse=False, limit=3)
    capped = ComposedQuery(
        START, group_by="product_id", collapse=False, limit=3, num_candidates=100
    )

    assert ask(lambda similar: similar.search(few)).shortfall == (
        "2 of 3 hits: there are no more values of product_id."
    )
    assert ask(lambda similar: similar.search(capped)).shortfall == (
        "1 of 3 hits: the nearest 100 items, as far as num_candidates goes, hold no more values of "
        "product_id."
    )


def test_filter_and_min_raw_score_hold_within_groups(place, ask):
    place(("start", 0), *variants("p", 10, 3), *variants("q", 30, 2))
    second = Comparison("color", "$eq", "c1")
    filtered = ComposedQuery(START, group_by="product_id", collapse=False, condition=second)
    near = ComposedQuery(START, group_by="product_id", collapse=False, min_raw_score=0.95)

    assert found(ask(lambda similar: similar.search(filtered))) == ["p1", "q1"]
    assert found(ask(lambda similar: similar.search(near))) == ["p0"]


def test_near_identical_pictures_are_one_hit_that_names_the_others(place, ask):
    place(
        ("start", 0),
        ("best", 10, {"image": {"sha256": "a"}}),
        ("alike", 12, {"image": {"sha256": "b"}}),
        ("other", 20, {"image": {"sha256": "c"}}),
        ("copy", 60, {"image": {"sha256": "a"}}),
    )

    answer = ask(lambda similar: similar.search(ComposedQuery(START)))
    told_not_to = ask(lambda similar: similar.search(ComposedQuery(START, collapse=False)))

    assert found(answer) == ["best", "other"]
    assert answer.hits[0].near_identical == ("alike", "copy")
    assert found(told_not_to) == ["best", "alike", "other", "copy"]


def test_page_is_filled_up_behind_near_identical_pictures(place, ask):
    same = [(f"same{i}", 10 + i / 1000) for i in range(200)]
    place(("start", 0), *same, ("second", 30), ("third", 50))

    answer = ask(lambda similar: similar.search(ComposedQuery(START, limit=3)))

    assert found(answer) == ["same0", "second", "third"]


def test_diversity_spreads_the_hits(place, ask):
    place(("start", 0), ("a", 10), ("b", 18), ("c", 26), ("d", -40), ("e", 70))
    plain = ComposedQuery(START, limit=3)
    spread = ComposedQuery(START, limit=3, diversity=0.6)

    assert found(ask(lambda similar: similar.search(plain))) == ["a", "b", "c"]
    assert found(ask(lambda similar: similar.search(spread))) == ["a", "d", "e"]
