import math

import pytest

from tests.calibrations import calibration


@pytest.mark.parametrize("probability", [0.001, 0.3, 0.5, 0.9, 0.999])
def test_cosine_at_a_probability_has_it(probability):
    cosine = calibration().cosine_at(probability)

    assert -1 < cosine < 1
    assert calibration().probability(cosine) == pytest.approx(probability, rel=1e-4)


def test_probability_is_the_sigmoid_of_the_scaled_log_odds_of_the_score():
    odds = 0.9 / 0.1  # of the score of cosine 0.8

    expected = 1 / (1 + math.exp(-(2.0 * math.log(odds) - 3.0)))

    assert calibration(slope=2.0, intercept=-3.0).probability(0.8) == pytest.approx(expected)


def test_probability_grows_with_the_cosine_and_is_finite_at_its_ends():
    probabilities = [calibration().probability(one) for one in (-1, 0, 0.5, 0.9, 0.99, 1, 1 + 1e-7)]

    assert probabilities == sorted(probabilities)
    assert 0 < probabilities[0] < probabilities[-1] < 1
