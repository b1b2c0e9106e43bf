"""A calibration in words."""

from app.calibration.calibration import Calibration

# What people judged has no label in common.
JUDGED = "pairs"


def in_words(calibration: Calibration) -> str:
    """Tell in three lines what was found, where "no good match" begins, and how well it holds."""
    held_out, cosine = calibration.held_out, calibration.cosine_at(0.5)
    what = "judged so" if calibration.match == JUDGED else f"of one {calibration.match}"
    return (
        f"{calibration.pictures:,} pictures, {calibration.matches:,} pairs that match ({what}) and "
        f"{calibration.mismatches:,} that do not: no good match below cosine {cosine:.4f}, where "
        f"the probability of a match is 0.5\n"
        f"held out, {held_out.matches:,} and {held_out.mismatches:,} pairs: min_score 0.5 keeps "
        f"{held_out.kept_matches:.1%} of those that match and {held_out.kept_mismatches:.1%} of "
        f"the others\n"
        f"log loss {held_out.log_loss:.3f} (0.693 knows nothing), calibration error "
        f"{held_out.calibration_error:.3f}"
    )
