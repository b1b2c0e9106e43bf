"""How long searches take at several settings, so measured that a busy machine does not decide.

Every query is asked at each setting in turns, again and again, and counts with the median of its
times: a busy spell meets all settings, and spoils one round of several. One setting is called
faster than another only where that holds whichever of the queries had been asked.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Verdict = Literal["faster", "as fast", "slower"]

_LEAST_ROUNDS, _MOST_ROUNDS = 3, 9
_SECONDS = 10.0
_RESAMPLED = 1000
# What 99 of 100 draws of as many of these queries, with replacement, exceed.
_LOW = 0.01
# Less is not worth another setting.
_LEAST_RATIO = 1.05


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds that each query took at one setting: (n,) float64."""

    took_ms: npt.NDArray[np.float64]

    @property
    def p95_ms(self) -> float:
        """95 in 100 queries took no longer."""
        return float(np.quantile(self.took_ms, 0.95))

    def compared_with(self, other: "Timing") -> Verdict:
        """Tell whether the same queries took less here, typically and at worst, beyond noise."""
        if _is_faster(self.took_ms, other.took_ms):
            return "faster"
        return "slower" if _is_faster(other.took_ms, self.took_ms) else "as fast"


def time_in_turns(
    settings: Sequence[Callable[[int], float]], queries: int, *, seconds: float = _SECONDS
) -> list[Timing]:
    """Ask every query at every setting, in several rounds.

    Args:
        settings: each asks the query of a number, and returns the milliseconds that it took.
        queries: how many there are.
        seconds: after which no further round begins, once there were three.

    Returns:
        A timing for each setting.
    """
    start_s = time.monotonic()
    rounds: list[npt.NDArray[np.float64]] = []
    while len(rounds) < _LEAST_ROUNDS or (
        len(rounds) < _MOST_ROUNDS and time.monotonic() - start_s < seconds
    ):
        took_ms = np.empty((len(settings), queries))
        for query in range(queries):
            for turn in range(len(settings)):  # what is asked first warms what is asked next
                one = (turn + query + len(rounds)) % len(settings)
                took_ms[one, query] = settings[one](query)
        rounds.append(took_ms)
    return [Timing(row) for row in np.median(rounds, axis=0)]


def _is_faster(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> bool:
    drawn = np.random.default_rng(0).integers(len(one), size=(_RESAMPLED, len(one)))
    ratios = np.median(other[drawn], axis=1) / np.median(one[drawn], axis=1)
    worst = np.quantile(other[drawn], 0.95, axis=1) / np.quantile(one[drawn], 0.95, axis=1)
    return bool(
        np.quantile(ratios, _LOW) > 1
        and np.median(ratios) >= _LEAST_RATIO
        and np.median(worst) >= 1
    )
