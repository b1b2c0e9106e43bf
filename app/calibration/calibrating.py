"""Calibrates a model on pictures that it was not trained on."""

import numpy as np

from app.calibration.calibration import Calibration
from app.calibration.fitting import fit
from app.calibration.held_out import measure_held_out
from app.calibration.pairs import PairSource
from app.errors import ServiceError

# With fewer of a kind, each half of the pictures has too few to say anything.
MIN_PAIRS = 50


def calibrate(
    source: PairSource, *, fingerprints: tuple[str, ...], match: str, seed: int
) -> Calibration:
    """Fit on all pairs, and measure how such a fit does on pictures that it has not seen.

    Args:
        source: pictures, and which of their pairs match.
        fingerprints: of the model's embeddings, in every vector type.
        match: what makes two pictures match, as `Calibration` has it.
        seed: of the halves that are measured.

    Raises:
        ServiceError: pairs are too few, or cosines tell nothing about this kind of match.
    """
    pairs = source.pairs(np.ones(source.pictures, dtype=np.bool_))
    matches, mismatches = pairs.matches, len(pairs.is_match) - pairs.matches
    if min(matches, mismatches) < MIN_PAIRS:
        raise ServiceError(
            f"There are {matches} pairs that match and {mismatches} that do not; expected at least "
            f"{MIN_PAIRS} of each."
        )
    slope, intercept = fit(pairs)
    return Calibration(
        fingerprints=fingerprints,
        match=match,
        slope=round(slope, 6),
        intercept=round(intercept, 6),
        pictures=source.pictures,
        matches=matches,
        mismatches=mismatches,
        held_out=measure_held_out(source, seed=seed).rounded(),
    )
