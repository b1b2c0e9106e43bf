"""Measures a fit on pictures that it has not seen."""

import numpy as np
from numpy.typing import NDArray

from app.calibration.calibration import HeldOut, log_odds_of_cosines
from app.calibration.fitting import fit
from app.calibration.pairs import Pairs, PairSource

_BINS = 10


def measure_held_out(source: PairSource, *, seed: int) -> HeldOut:
    """Fit on each half of the pictures and measure on the pairs of the other.

    The pictures are halved, not the pairs: a picture stands in several pairs.

    Raises:
        ServiceError: a half has matches or mismatches only.
    """
    order = np.random.default_rng(seed).permutation(source.pictures)
    is_first = order < source.pictures // 2
    halves = [source.pairs(is_first), source.pairs(~is_first)]
    probabilities = [
        _probabilities(fit(other), half) for half, other in zip(halves, halves[::-1], strict=True)
    ]
    both = Pairs(
        np.concatenate([half.cosines for half in halves]),
        np.concatenate([half.is_match for half in halves]),
    )
    return _measured(both, np.concatenate(probabilities))


def _probabilities(fitted: tuple[float, float], pairs: Pairs) -> NDArray[np.float64]:
    slope, intercept = fitted
    probabilities: NDArray[np.float64] = 1 / (
        1 + np.exp(-(slope * log_odds_of_cosines(pairs.cosines) + intercept))
    )
    return probabilities


def _measured(pairs: Pairs, probabilities: NDArray[np.float64]) -> HeldOut:
    is_match, weights = pairs.is_match, pairs.weights
    given = np.where(is_match, probabilities, 1 - probabilities)
    bins = np.minimum((probabilities * _BINS).astype(np.int64), _BINS - 1)
    gaps = np.bincount(bins, weights * (probabilities - is_match), minlength=_BINS)
    is_kept = probabilities >= 0.5
    return HeldOut(
        matches=pairs.matches,
        mismatches=len(is_match) - pairs.matches,
        log_loss=float(-np.sum(weights * np.log(np.maximum(given, 1e-12)))),
        calibration_error=float(np.abs(gaps).sum()),
        kept_matches=float(is_kept[is_match].mean()),
        kept_mismatches=float(is_kept[~is_match].mean()),
    )
