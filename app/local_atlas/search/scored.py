"""What an operator finds in an index, and how well each document fits it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .score_modifiers import ScoreModifier
from .space import Space

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scored:
    """Documents by slot.

    Args:
        met: (capacity,) which slots meet the operator; free ones may be among them.
        scores: (capacity,) float32, zero where it is not met.
    """

    met: Bools
    scores: Floats

    def modified(self, modify: ScoreModifier | None, space: Space) -> "Scored":
        """Return the same slots with the scores that a `score` makes of these."""
        if modify is None:
            return self
        slots = np.flatnonzero(self.met)
        scores = np.zeros_like(self.scores)
        scores[slots] = modify(self.scores[slots], lambda path: space.numbers_at(path, slots))
        return Scored(self.met, scores)


def constant(met: Bools) -> Scored:
    """Return the score of what is met or not, and never more or less: 1."""
    return Scored(met, met.astype(np.float32))
