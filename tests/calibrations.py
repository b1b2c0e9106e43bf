"""Calibrations with chosen figures."""

from app.calibration import Calibration, HeldOut

HELD_OUT = HeldOut(
    matches=50,
    mismatches=50,
    log_loss=0.3,
    calibration_error=0.05,
    kept_matches=0.9,
    kept_mismatches=0.1,
)


def calibration(
    *fingerprints: str, match: str = "category", slope: float = 1.8, intercept: float = -7.9
) -> Calibration:
    return Calibration(
        fingerprints=fingerprints,
        match=match,
        slope=slope,
        intercept=intercept,
        pictures=100,
        matches=100,
        mismatches=100,
        held_out=HELD_OUT,
    )
