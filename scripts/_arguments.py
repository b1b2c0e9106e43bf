"""Command-line arguments that several scripts take, and their types."""

import argparse
import math
from collections.abc import Sequence
from typing import TypeVar, cast

from app.embedding.base import DEFAULT_BATCH_SIZE
from app.errors import ConfigError
from app.indexes import FILTER_TYPES, FilterType

T = TypeVar("T")


def positive_integer(text: str) -> int:
    """Return the number that `text` writes; argparse turns the error into a usage message."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 1")
    return int(text)


def positive_number(text: str) -> float:
    """Return the number that `text` writes; NaN, infinity and what is not above 0 are refused."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number above 0")
    return number


def share(text: str) -> float:
    """Return a share of a whole, above 0 and at most 1."""
    number = positive_number(text)
    if number > 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number above 0, at most 1")
    return number


def seconds(text: str) -> float:
    """Return a duration; NaN, which no clock ever reaches, and infinity are refused."""
    try:
        duration_s = float(text)
    except ValueError:
        duration_s = math.nan
    if not math.isfinite(duration_s) or duration_s < 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of seconds from 0")
    return duration_s


def assignment(text: str) -> tuple[str, str]:
    """Return the two sides of NAME=VALUE."""
    name, separator, value = text.partition("=")
    if not (name and separator and value):
        raise argparse.ArgumentTypeError(f"{text!r} must be a name, =, and a value")
    return name, value


def typed_field(text: str) -> tuple[str, FilterType]:
    """Return the two sides of FIELD=TYPE."""
    name, kind = assignment(text)
    if kind not in FILTER_TYPES:
        raise argparse.ArgumentTypeError(f"{text!r} must end with one of {', '.join(FILTER_TYPES)}")
    return name, cast(FilterType, kind)


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a script that embeds: which model, how many pictures at a time."""
    parser.add_argument(
        "--model", help="instead of MODEL: clothing, clip, or either with :<folder>"
    )
    parser.add_argument(
        "--batch-size",
        type=positive_integer,
        default=DEFAULT_BATCH_SIZE,
        metavar="N",
        help="pictures that go through the model together (default: %(default)s)",
    )


def no_doubles(flag: str, pairs: Sequence[tuple[str, T]]) -> dict[str, T]:
    """Return the values of a flag that may be given several times, by name.

    Raises:
        ConfigError: a name is given two values.
    """
    values: dict[str, T] = {}
    for name, value in pairs:
        if values.setdefault(name, value) != value:
            raise ConfigError(f"{flag} {name} is given twice, with different values.")
    return values
