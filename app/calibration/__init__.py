"""From a cosine to the probability that two pictures match: fitted on labelled pairs, per model.

`pairs` makes the pairs, `fitting` fits, `held_out` measures the fit on pictures that it did not
see, and `files` keeps the outcome, a `Calibration`, in the model's folder.
"""

from app.calibration.calibration import Calibration, HeldOut

__all__ = ["Calibration", "HeldOut"]
