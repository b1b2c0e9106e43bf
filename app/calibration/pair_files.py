"""Files of judged pairs: which pictures of a gallery match, as people said."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import ConfigError

_SUFFIXES = (".csv", ".jsonl")
_COLUMNS = ("a", "b", "match")
_ANSWERS = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """The ids of two pictures, and whether they match."""

    a: str
    b: str
    is_match: bool


def read_pairs(path: Path) -> list[JudgedPair]:
    """Read a CSV file with the columns a, b and match, or a JSON Lines file with these names.

    Raises:
        ConfigError: it is of another kind or cannot be read, or holds what is no pair; the message
            names which.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigError(f"--pairs {path} is another kind of file; expected .csv or .jsonl.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file) if path.suffix.lower() == ".csv" else _objects(file)
            pairs = [_pair(row, f"--pairs {path}, pair {i}") for i, row in enumerate(rows, 1)]
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"--pairs {path} cannot be read ({error}).") from error
    return pairs


def _objects(lines: Iterable[str]) -> Iterator[Any]:
    return (json.loads(line) for line in lines if line.strip())


def _pair(row: Any, where: str) -> JudgedPair:
    if not isinstance(row, dict) or set(row) != set(_COLUMNS):
        raise ConfigError(f"{where} is {row!r}; expected exactly a, b and match.")
    a, b, answer = (str(row[name]) for name in _COLUMNS)
    if answer.lower() not in _ANSWERS:
        raise ConfigError(f"{where}: match is {answer!r}; expected true, false, 1 or 0.")
    if a == b:
        raise ConfigError(f"{where} is of {a!r} with itself; expected two pictures.")
    return JudgedPair(a, b, _ANSWERS[answer.lower()])
