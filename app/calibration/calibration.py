"""A model's calibration: what a cosine of its embeddings is worth.

    P(match) = 1 / (1 + exp(-(slope * ln(s / (1 - s)) + intercept)))  with  s = (1 + cosine) / 2

So the score that Atlas gives for a cosine, taken as a probability, is scaled and shifted on the
scale of log-odds. This is Platt's sigmoid (Probabilistic outputs for support vector machines, 1999)
on ln(s / (1 - s)) instead of s itself, the two-parameter case a = b of beta calibration (Kull,
Silva Filho, Flach: Beta calibration, AISTATS 2017, https://proceedings.mlr.press/v54/kull17a.html),
which is made for scores from 0 to 1 that crowd at one end, as those of a fine-tuned model do. On
s itself, the clothing model's matches and mismatches fit no sigmoid: the error of the probability
is 0.15 there and 0.06 here.

Matches and mismatches count equally in the fit, whatever their number. So P is the probability
where a match is as likely as not beforehand, and P = 0.5 is where "no good match" begins.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# The score of a picture and itself is 1 but for the last digits, whose log-odds would be infinite.
_SMALLEST = 1e-6


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How well the fit tells matches from mismatches of pictures that it has not seen.

    Each half of the pictures is measured with what the other half gives. Matches and mismatches
    count equally here, too.

    Attributes:
        matches: pairs measured that match.
        mismatches: pairs measured that do not.
        log_loss: mean of -ln of the probability given to what is so; ln 2 = 0.693 knows nothing.
        calibration_error: mean difference between probability and share of matches, over ten bins
            of the probability (Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 2).
        kept_matches: share of matches with a probability of at least 0.5.
        kept_mismatches: share of mismatches.
    """

    matches: int
    mismatches: int
    log_loss: float
    calibration_error: float
    kept_matches: float
    kept_mismatches: float

    def rounded(self) -> "HeldOut":
        """Return the figures as a file keeps them."""
        return replace(
            self,
            log_loss=round(self.log_loss, 4),
            calibration_error=round(self.calibration_error, 4),
            kept_matches=round(self.kept_matches, 4),
            kept_mismatches=round(self.kept_mismatches, 4),
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a cosine of a model's embeddings is worth.

    Attributes:
        fingerprints: of the embeddings that it holds for, those of one model in each vector type.
        match: what makes two pictures match: the name of their common label, or "pairs" where
            people said so (`report.JUDGED`).
        slope: above 0.
        matches: pairs that it was fitted on that match.
        mismatches: pairs that do not.
        pictures: of which these pairs are.
    """

    fingerprints: tuple[str, ...]
    match: str
    slope: float
    intercept: float
    pictures: int
    matches: int
    mismatches: int
    held_out: HeldOut

    def probability(self, cosine: float) -> float:
        """Return P(match) of two pictures whose embeddings have this cosine."""
        log_odds = float(log_odds_of_cosines(np.array([cosine]))[0])
        return 1 / (1 + math.exp(-(self.slope * log_odds + self.intercept)))

    def cosine_at(self, probability: float) -> float:
        """Return the cosine that has this probability, which is above 0 and below 1."""
        log_odds = (math.log(probability / (1 - probability)) - self.intercept) / self.slope
        return math.tanh(log_odds / 2)  # 2 s - 1, where s = 1 / (1 + exp(-log_odds))


def log_odds_of_cosines(cosines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ln(s / (1 - s)) with s = (1 + cosine) / 2, finite for every cosine; any shape."""
    scores = np.clip((1 + cosines) / 2, _SMALLEST, 1 - _SMALLEST)
    log_odds: NDArray[np.float64] = np.log(scores / (1 - scores))
    return log_odds
