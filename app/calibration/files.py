"""`calibration.json` in a model's folder."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from app.calibration.calibration import Calibration, HeldOut
from app.errors import ConfigError

CALIBRATION_NAME = "calibration.json"
FORMAT_VERSION = 1


def read_calibration(folder: Path) -> Calibration | None:
    """Read a model's calibration; None where its folder holds none.

    Raises:
        ConfigError: the file cannot be read, or is no calibration; the message names the file.
    """
    path = folder / CALIBRATION_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as a calibration ({error}).") from error
    try:
        return _calibration(content)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}.") from error


def write_calibration(folder: Path, calibration: Calibration) -> Path:
    """Write a model's calibration in the place of any that was there; return the file's path.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    path = folder / CALIBRATION_NAME
    content = {"format_version": FORMAT_VERSION, **asdict(calibration)}
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
    return path


def _calibration(content: Any) -> Calibration:
    _check_names(content, {"format_version", *_names(Calibration)}, "it")
    if content["format_version"] != FORMAT_VERSION:
        found = content["format_version"]
        raise ValueError(f"format_version is {found!r}, expected {FORMAT_VERSION}")
    held_out, fingerprints = content["held_out"], content["fingerprints"]
    _check_names(held_out, _names(HeldOut), "held_out")
    for name in ("slope", "intercept", "pictures", "matches", "mismatches"):
        _check_number(content, name)
    for name in held_out:
        _check_number(held_out, name)
    if content["slope"] <= 0:
        raise ValueError(f"slope is {content['slope']}, expected a number above 0")
    if not isinstance(content["match"], str):
        raise ValueError(f"match is {content['match']!r}, expected a string")
    if not isinstance(fingerprints, list) or not all(isinstance(one, str) for one in fingerprints):
        raise ValueError(f"fingerprints is {fingerprints!r}, expected an array of strings")
    own = {name: content[name] for name in _names(Calibration)}
    return Calibration(
        **{**own, "fingerprints": tuple(fingerprints), "held_out": HeldOut(**held_out)}
    )


def _names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}


def _check_names(content: Any, expected: set[str], where: str) -> None:
    if not isinstance(content, dict) or set(content) != expected:
        raise ValueError(f"{where} must be an object with exactly {', '.join(sorted(expected))}")


def _check_number(content: Mapping[str, Any], name: str) -> None:
    value = content[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}, expected a finite number")
