"""Hits in their order, all at once and the best ones first."""

import numpy as np
import pytest

from app.local_atlas.search.exact_search import Hits


def drawn(count: int, values: int) -> Hits:
    """Hits in no order, their scores a few values, so that many are equal."""
    dice = np.random.default_rng(count)
    scores = dice.integers(values, size=count).astype(np.float32)
    return Hits(dice.permutation(count), np.arange(count, dtype=np.int32), scores)


@pytest.mark.parametrize("values", [1, 3, 50, 10**6])
@pytest.mark.parametrize("count", [0, 1, 1000, 2000, 2001, 7500])
def test_the_best_come_first_and_then_all_others(count: int, values: int) -> None:
    hits = drawn(count, values)
    expected = hits.ordered()

    batches = list(hits.best_first())

    for name in ("record_ids", "slots", "scores"):
        found = np.concatenate([getattr(batch, name) for batch in batches])
        assert np.array_equal(found, getattr(expected, name))
    assert len(batches) == 1 + (count > 2000)
    assert len(batches[0].scores) == (1000 if count > 2000 else count)


@pytest.mark.parametrize(("wanted", "sizes"), [(10, [10, 90]), (49, [49, 51]), (51, [100])])
def test_no_more_are_sorted_first_than_are_wanted(wanted: int, sizes: list[int]) -> None:
    hits = drawn(100, 7)

    batches = list(hits.best_first(wanted))

    assert [len(batch.scores) for batch in batches] == sizes
    found = np.concatenate([batch.record_ids for batch in batches])
    assert np.array_equal(found, hits.ordered().record_ids)


def test_order_is_by_score_and_then_by_id() -> None:
    hits = Hits(np.array([5, 2, 9]), np.arange(3, dtype=np.int32), np.array([1, 1, 2], np.float32))

    assert hits.ordered().record_ids.tolist() == [9, 2, 5]
