"""A clothing checkpoint on disk: `model.safetensors`, `manifest.json` and `README.md`.

The manifest says how pictures reach the network and where the weights come from; nothing in the
folder is code and nothing is unpickled. Imports no torch: a folder is checked before that.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from app.embedding.fingerprint import TensorShape, read_safetensors_header
from app.embedding.precision import PrecisionCheck
from app.errors import ConfigError

FORMAT_VERSION = 1
FAMILY = "clothing"
MANIFEST_NAME = "manifest.json"
WEIGHTS_NAME = "model.safetensors"
HEAD_WEIGHT = "projection_head.weight"

INTERPOLATIONS = ("bilinear", "bicubic")
RESIZE_RULES = ("stretch",)
POOLINGS = ("avg",)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """From an RGB picture to the network's input.

    The picture is resized to `side_px` x `side_px` (rule "stretch": whole, its shape given up),
    scaled to [0, 1], and `mean` and `std` are applied per channel.
    """

    side_px: int
    resize: str
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `manifest.json` holds; the class's field names are its keys.

    `bf16` may be missing: training writes it where it has photos enough, and
    `scripts.check_precision` does. It is no part of the fingerprint.
    """

    format_version: int
    family: str
    backbone: str
    dimensions: int
    pooling: str
    preprocessing: Preprocessing
    source: Mapping[str, Any]
    code_version: str
    bf16: PrecisionCheck | None = None


def read_manifest(folder: Path) -> Manifest:
    """Read and check a checkpoint's manifest.

    Raises:
        ConfigError: the file is missing or not JSON, lacks a field, or has one that this code
            does not know; the message names file and field.
    """
    path = folder / MANIFEST_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as a manifest ({error}).") from error
    _check_fields(path, content, Manifest, "the manifest")
    _check_fields(path, content["preprocessing"], Preprocessing, "preprocessing")
    steps = content["preprocessing"]
    manifest = Manifest(
        **{
            **content,
            "preprocessing": Preprocessing(
                **{
                    **steps,
                    "mean": _channels(path, steps, "mean"),
                    "std": _channels(path, steps, "std"),
                }
            ),
            "bf16": _precision_check(path, content.get("bf16")),
        }
    )
    _check_values(path, manifest)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace a checkpoint's manifest.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    path = folder / MANIFEST_NAME
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text(_as_json(manifest), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error


def check_weights_header(folder: Path, manifest: Manifest) -> list[TensorShape]:
    """Check what a checkpoint's weights file says of itself, without reading the weights.

    Raises:
        ConfigError: the file is not safetensors, or its head does not give `dimensions` numbers.
    """
    path = folder / WEIGHTS_NAME
    headers = read_safetensors_header(path)
    heads = [header for header in headers if header.name == HEAD_WEIGHT]
    if not heads:
        raise ConfigError(f"{path} has no tensor {HEAD_WEIGHT}.")
    if heads[0].shape[:1] != (manifest.dimensions,):
        raise ConfigError(
            f"{path} has a head of shape {heads[0].shape}; "
            f"its manifest says {manifest.dimensions} dimensions."
        )
    return headers


def write_checkpoint(
    folder: Path, weights: bytes, manifest: Manifest, readme: str, *, overwrite: bool = False
) -> None:
    """Write a checkpoint folder whole or not at all.

    Args:
        folder: its parent is created where missing.
        weights: the content of a safetensors file.
        manifest: what `read_manifest` will return.
        readme: where the model comes from and what it reaches, in Markdown.
        overwrite: replace a checkpoint that is there.

    Raises:
        ConfigError: as `check_output_folder`.
    """
    check_output_folder(folder, overwrite=overwrite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        fresh = Path(temporary) / "checkpoint"
        fresh.mkdir()
        (fresh / WEIGHTS_NAME).write_bytes(weights)
        (fresh / MANIFEST_NAME).write_text(_as_json(manifest), encoding="utf-8")
        (fresh / "README.md").write_text(readme, encoding="utf-8")
        if folder.exists():
            folder.rename(Path(temporary) / "replaced")
        fresh.rename(folder)


def check_output_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse an output folder that exists, before hours are spent on filling it.

    Raises:
        ConfigError: the folder exists, and `overwrite` is not set or it is no checkpoint's.
    """
    if not folder.exists():
        return
    if not overwrite:
        raise ConfigError(f"{folder} exists; pass --overwrite to replace it.")
    # Replacing deletes what is there: photos, where the wrong folder was named.
    is_checkpoint = (folder / MANIFEST_NAME).is_file()
    if not folder.is_dir() or not (is_checkpoint or _is_empty(folder)):
        raise ConfigError(
            f"{folder} holds no {MANIFEST_NAME}; --overwrite replaces checkpoints only."
        )


def _is_empty(folder: Path) -> bool:
    return next(folder.iterdir(), None) is None


def _as_json(manifest: Manifest) -> str:
    content = asdict(manifest)
    if manifest.bf16 is None:
        del content["bf16"]
    return json.dumps(content, indent=2) + "\n"


def _check_fields(path: Path, content: object, kind: type, where: str) -> None:
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: {where} must be a JSON object.")
    known = {field.name for field in fields(kind)}
    needed = {field.name for field in fields(kind) if field.default is MISSING}
    if missing := sorted(needed - content.keys()):
        raise ConfigError(f"{path}: {where} lacks {', '.join(missing)}.")
    if unknown := sorted(content.keys() - known):
        raise ConfigError(f"{path}: {where} has unknown fields {', '.join(unknown)}.")


def _channels(path: Path, steps: dict[str, Any], key: str) -> tuple[float, float, float]:
    value = steps[key]
    numbers = isinstance(value, list) and all(type(v) in (int, float) for v in value)
    if not numbers or len(value) != 3 or (key == "std" and min(value) <= 0):
        raise ConfigError(f"{path}: {key} is {value!r}; expected three numbers, one a channel.")
    return (float(value[0]), float(value[1]), float(value[2]))


def _precision_check(path: Path, content: object) -> PrecisionCheck | None:
    if content is None:
        return None
    _check_fields(path, content, PrecisionCheck, "bf16")
    assert isinstance(content, dict)
    if not all(type(value) in (int, float) for value in content.values()):
        raise ConfigError(f"{path}: bf16 is {content!r}; expected numbers.")
    return PrecisionCheck(**content)


def _check_values(path: Path, manifest: Manifest) -> None:
    steps = manifest.preprocessing
    allowed: tuple[tuple[str, object, tuple[object, ...]], ...] = (
        ("format_version", manifest.format_version, (FORMAT_VERSION,)),
        ("family", manifest.family, (FAMILY,)),
        ("pooling", manifest.pooling, POOLINGS),
        ("resize", steps.resize, RESIZE_RULES),
        ("interpolation", steps.interpolation, INTERPOLATIONS),
    )
    for key, value, choices in allowed:
        if value not in choices:
            expected = " or ".join(map(repr, choices))
            raise ConfigError(f"{path}: {key} is {value!r}; expected {expected}.")
    for key, number in (("dimensions", manifest.dimensions), ("side_px", steps.side_px)):
        if type(number) is not int or not 1 <= number <= 8192:
            raise ConfigError(f"{path}: {key} is {number!r}; expected a whole number up to 8192.")
    if not isinstance(manifest.backbone, str):
        raise ConfigError(f"{path}: backbone is {manifest.backbone!r}; expected a timm model name.")
