import numpy as np
import pytest

from app.training.data import find_photos
from app.training.quality import measure_quality, score_rankings
from tests.fakes import FakeEmbedder


def test_scores_of_rankings_that_can_be_checked_by_hand():
    ranked = np.array([list("aabab"), list("abbba")])
    wanted = np.array(["a", "b"])

    quality = score_rankings(ranked, wanted)

    assert quality.recall_at_1 == pytest.approx(1 / 2)
    assert quality.precision_at_10 == pytest.approx((3 / 5 + 3 / 5) / 2)
    # first: R = 3, hits at 1 and 2 of 3; second: R = 3, hits at 2 and 3 of 3
    first, second = (1 + 1) / 3, (1 / 2 + 2 / 3) / 3
    assert quality.map_at_r == pytest.approx((first + second) / 2)


def test_a_perfect_ranking_scores_one():
    ranked = np.array([list("a" * 12 + "b" * 12), list("b" * 12 + "a" * 12)])

    quality = score_rankings(ranked, np.array(["a", "b"]))

    assert (quality.recall_at_1, quality.precision_at_10, quality.map_at_r) == (1, 1, 1)


def test_an_embedder_that_sees_colours_finds_classes_of_one_colour(gallery, validation):
    quality = measure_quality(
        FakeEmbedder(dimensions=3), find_photos(gallery), find_photos(validation)
    )

    assert quality.recall_at_1 == 1
    assert quality.map_at_r == 1
