import numpy as np
import pytest

from app.evaluation import (
    ann_recall,
    map_at_r,
    mean_reciprocal_rank,
    precision_at_k,
    recall_at_k,
)

HIT, MISS = True, False


def rankings(*rows):
    return [np.array(row, dtype=bool) for row in rows]


def test_recall_counts_queries_that_found_anything():
    found = rankings([HIT, MISS, MISS], [MISS, HIT, HIT], [MISS, MISS, MISS], [MISS, MISS, HIT])

    assert recall_at_k(found, 1) == 1 / 4
    assert recall_at_k(found, 2) == 2 / 4
    assert recall_at_k(found, 3) == 3 / 4


def test_precision_counts_results():
    found = rankings([HIT, HIT, MISS, MISS], [HIT, MISS, MISS, HIT])

    assert precision_at_k(found, 2) == (1 + 0.5) / 2
    assert precision_at_k(found, 4) == 0.5


def test_precision_of_a_short_ranking_counts_what_is_missing_as_wrong():
    assert precision_at_k(rankings([HIT, HIT]), 10) == pytest.approx(0.2)


def test_map_at_r_of_a_perfect_ranking_is_1():
    assert map_at_r(rankings([HIT, HIT, HIT], [HIT]), [3, 1]) == 1


@pytest.mark.parametrize(
    ("ranking", "relevant_count", "expected"),
    [
        # Figure 3 of the paper: R = 10, all with R-precision and recall that mislead
        pytest.param([HIT] + 9 * [MISS], 10, 1 / 10, id="one, first"),
        pytest.param([HIT] + 8 * [MISS] + [HIT], 10, (1 + 2 / 10) / 10, id="first and last"),
        pytest.param([HIT, HIT] + 8 * [MISS], 10, 2 / 10, id="first two"),
        pytest.param([MISS, HIT], 2, (1 / 2) / 2, id="second of two"),
        pytest.param([MISS, HIT, HIT], 1, 0, id="what lies behind R does not count"),
        pytest.param([HIT], 4, 1 / 4, id="a short ranking found one of four"),
        pytest.param([], 4, 0, id="nothing was returned"),
    ],
)
def test_map_at_r_of_one_query(ranking, relevant_count, expected):
    assert map_at_r(rankings(ranking), [relevant_count]) == pytest.approx(expected)


def test_map_at_r_weighs_queries_alike():
    found = rankings([HIT], [MISS, MISS])

    assert map_at_r(found, [1, 2]) == 0.5


def test_map_at_r_without_anything_to_find_is_refused():
    with pytest.raises(ValueError, match="without a relevant item"):
        map_at_r(rankings([MISS]), [0])


def test_mean_reciprocal_rank():
    found = rankings([HIT, HIT], [MISS, HIT], [MISS, MISS], [])

    assert mean_reciprocal_rank(found) == (1 + 0.5) / 4


def test_ann_recall_ignores_the_order_and_counts_what_was_missed():
    assert ann_recall([[3, 2, 1, 9]], [[1, 2, 3, 4]]) == 0.75
    assert ann_recall([["a"], []], [["a"], []]) == 1


@pytest.mark.parametrize("measure", [recall_at_k, precision_at_k])
def test_no_query_has_no_mean(measure):
    with pytest.raises(ValueError, match="no query"):
        measure([], 1)
