"""Fits slope and intercept of a calibration."""

import numpy as np
from numpy.typing import NDArray

from app.calibration.calibration import log_odds_of_cosines
from app.calibration.pairs import Pairs
from app.errors import ServiceError

_MAX_STEPS = 100
_IS_STILL = 1e-10


def fit(pairs: Pairs) -> tuple[float, float]:
    """Return slope and intercept of the sigmoid that makes the pairs most likely.

    Weighted logistic regression by Newton's method; a step that makes things worse is halved, as in
    Lin, Lin, Weng: A note on Platt's probabilistic outputs for support vector machines (2007),
    https://doi.org/10.1007/s10994-007-5018-6, from where the targets are, too: (n + 1) / (n + 2)
    for n matches and 1 / (n + 2) for n mismatches keep the slope finite where nothing overlaps.

    Args:
        pairs: at least one that matches and one that does not; both sides get the same weight.

    Raises:
        ServiceError: there is only one kind, or matches are not the closer ones.
    """
    matches, mismatches = pairs.matches, len(pairs.is_match) - pairs.matches
    if not matches or not mismatches:
        raise ServiceError(
            f"There are {matches} pairs that match and {mismatches} that do not, among those that "
            f"a calibration is fitted on; expected both kinds."
        )
    x = log_odds_of_cosines(pairs.cosines)
    targets = np.where(pairs.is_match, (matches + 1) / (matches + 2), 1 / (mismatches + 2))
    slope, intercept = _most_likely(x, targets, pairs.weights)
    if slope <= 0:
        raise ServiceError(
            "Pairs that match are no closer than those that do not, so this model's cosines tell "
            "nothing about this kind of match."
        )
    return slope, intercept


def _most_likely(
    x: NDArray[np.float64], targets: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    columns = np.stack([x, np.ones_like(x)], axis=1)
    parameters = np.zeros(2)
    loss = _loss(columns @ parameters, targets, weights)
    for _ in range(_MAX_STEPS):
        p = 1 / (1 + np.exp(-(columns @ parameters)))
        gradient = columns.T @ (weights * (p - targets))
        curvature = (columns * (weights * p * (1 - p))[:, None]).T @ columns
        step = np.linalg.solve(curvature + 1e-12 * np.eye(2), gradient)
        size = 1.0
        while _loss(columns @ (parameters - size * step), targets, weights) > loss and size > 1e-9:
            size /= 2
        parameters = parameters - size * step
        loss = _loss(columns @ parameters, targets, weights)
        if float(np.abs(size * step).max()) < _IS_STILL:
            break
    return float(parameters[0]), float(parameters[1])


def _loss(
    log_odds: NDArray[np.float64], targets: NDArray[np.float64], weights: NDArray[np.float64]
) -> float:
    # ln(1 + exp(z)) - t z, which overflows nowhere.
    return float(np.sum(weights * (np.logaddexp(0, log_odds) - targets * log_odds)))
