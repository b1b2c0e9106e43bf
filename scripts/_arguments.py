"""Types of command-line arguments that several scripts take."""

import argparse


def positive_integer(text: str) -> int:
    """Return the number that `text` writes; argparse turns the error into a usage message."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 1")
    return int(text)
