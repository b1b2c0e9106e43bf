import numpy as np
import pytest

from app.composed.ranking import diversified, near_identical


def at(*angles):
    radians = np.radians(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


NO_HASHES = [None] * 10


def test_candidates_within_a_cosine_of_0_995_are_the_best_of_them():
    """5.7 degrees have a cosine of 0.99506, 5.8 of 0.99488."""
    assert near_identical(at(0, 5.7, -5.8), NO_HASHES[:3]) == [0, 0, 2]


def test_candidates_with_the_hash_of_a_kept_one_collapse_however_they_look():
    assert near_identical(at(0, 90, 180, 45), ["a", "b", "a", None]) == [0, 1, 0, 3]


def test_candidate_alike_to_a_collapsed_one_only_is_kept():
    assert near_identical(at(0, 5, 10), NO_HASHES[:3]) == [0, 0, 2]


def test_candidate_alike_to_two_goes_to_the_better():
    assert near_identical(at(0, 90, 91), ["a", None, "a"]) == [0, 1, 0]


def test_candidates_without_an_embedding_are_not_alike():
    assert near_identical(np.zeros((2, 2), dtype=np.float32), NO_HASHES[:2]) == [0, 1]


def test_no_diversity_is_the_order_of_the_cosines():
    assert diversified(at(10, 20, -30, 40), at(0)[0], 0.0) == [0, 1, 2, 3]


def test_full_diversity_takes_what_is_least_like_all_before_it():
    assert diversified(at(10, 20, -30, 40), at(0)[0], 1.0) == [0, 2, 3, 1]


def naive(embeddings, query, diversity):
    """The formula of Carbonell and Goldstein, a candidate at a time."""
    order = []
    while len(order) < len(embeddings):
        gains = {}
        for i in set(range(len(embeddings))) - set(order):
            likeness = max((float(embeddings[i] @ embeddings[j]) for j in order), default=0.0)
            gains[i] = (1 - diversity) * float(embeddings[i] @ query) - diversity * likeness
        order.append(max(sorted(gains), key=lambda i: gains[i]))
    return order


@pytest.mark.parametrize("diversity", [0.2, 0.5, 0.8])
def test_diversity_is_maximal_marginal_relevance(diversity):
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(40, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    query = np.full(8, 8**-0.5, dtype=np.float32)

    assert diversified(rows, query, diversity) == naive(rows, query, diversity)


def test_nothing_is_put_in_no_order():
    assert diversified(np.empty((0, 2), dtype=np.float32), at(0)[0], 0.5) == []
