"""Fits of the calibration, on pairs whose answer is known."""

import numpy as np
import pytest

from app.calibration.calibration import log_odds_of_cosines
from app.calibration.fitting import fit
from app.calibration.pairs import Pairs
from app.errors import ServiceError


def pairs(matches, mismatches):
    cosines = np.array([*matches, *mismatches], dtype=np.float64)
    return Pairs(cosines, np.arange(len(cosines)) < len(matches))


def test_fit_finds_the_formula_that_the_pairs_were_drawn_from():
    """Matches are rarer than one in two here, which the fit makes up for."""
    random = np.random.default_rng(0)
    cosines = random.uniform(0.5, 0.999, 60_000)
    odds = 1.5 * log_odds_of_cosines(cosines) - 5.8
    is_match = random.uniform(size=len(cosines)) < 1 / (1 + np.exp(-odds))

    slope, intercept = fit(Pairs(cosines, is_match))

    share = is_match.mean()
    assert 0.1 < share < 0.3
    assert slope == pytest.approx(1.5, rel=0.03)
    assert intercept == pytest.approx(-5.8 - np.log(share / (1 - share)), rel=0.03)


def test_matches_and_mismatches_count_equally_whatever_their_number():
    matches, mismatches = np.linspace(0.85, 0.99, 60), np.linspace(0.6, 0.93, 60)

    slope, intercept = fit(pairs(matches, mismatches))
    slope_of_many, intercept_of_many = fit(pairs(matches, np.tile(mismatches, 50)))

    assert intercept_of_many / slope_of_many == pytest.approx(intercept / slope, rel=0.02)


def test_pairs_that_do_not_overlap_get_a_finite_slope_and_a_middle_between_them():
    slope, intercept = fit(pairs([0.95] * 60, [0.7] * 60))

    assert 0 < slope < 100
    middle = log_odds_of_cosines(np.array([0.7, 0.95])).mean()
    assert -intercept / slope == pytest.approx(middle, abs=0.01)


def test_cosine_of_one_harms_no_fit():
    slope, _ = fit(pairs([1.0, 1.0 + 1e-7, 0.99] * 20, [0.8, -1.0, 0.9] * 20))

    assert np.isfinite(slope)


def test_pairs_of_one_kind_are_refused():
    with pytest.raises(ServiceError, match="2 pairs that match and 0 that do not"):
        fit(pairs([0.9, 0.8], []))


def test_matches_that_are_not_the_closer_ones_are_refused():
    with pytest.raises(ServiceError, match="no closer than those that do not"):
        fit(pairs([0.6, 0.7], [0.8, 0.9]))
