"""Types of command-line arguments that several scripts take."""

import argparse
import math


def positive_integer(text: str) -> int:
    """Return the number that `text` writes; argparse turns the error into a usage message."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 1")
    return int(text)


def seconds(text: str) -> float:
    """Return a duration; NaN, which no clock ever reaches, and infinity are refused."""
    try:
        duration_s = float(text)
    except ValueError:
        duration_s = math.nan
    if not math.isfinite(duration_s) or duration_s < 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of seconds from 0")
    return duration_s
