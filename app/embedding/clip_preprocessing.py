"""A CLIP checkpoint's own preprocessing, read from its JSON and done with Pillow alone.

transformers' image processors do the same on torch tensors, one thread at a time. Here a picture
is resized in whichever thread decoded it, and a model whose steps are not these is refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.errors import ConfigError

PROCESSOR_NAMES = ("preprocessor_config.json", "processor_config.json")
# What a checkpoint leaves out is as in transformers' CLIPImageProcessor.
_DEFAULTS: Mapping[str, Any] = {
    "do_resize": True,
    "size": {"shortest_edge": 224},
    "resample": Image.Resampling.BICUBIC.value,
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 224},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
_RESAMPLING = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)


@dataclass(frozen=True, slots=True)
class ClipPreprocessing:
    """From an RGB picture to the network's input.

    The shorter side is brought to `short_side_px` (the whole picture to a square of it where
    `is_stretched`), the middle `side_px` x `side_px` are cut out, and each channel is scaled by
    `rescale_factor`, `mean` and `std`.
    """

    short_side_px: int
    is_stretched: bool
    side_px: int
    resampling: Image.Resampling
    rescale_factor: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Resize and crop a picture to (side_px, side_px, 3), rounded as transformers does."""
        resized = image.resize(self._resized(image.size), self.resampling)
        left, top = ((side - self.side_px) // 2 for side in resized.size)
        return np.asarray(resized.crop((left, top, left + self.side_px, top + self.side_px)))

    def _resized(self, size: tuple[int, int]) -> tuple[int, int]:
        if self.is_stretched:
            return self.short_side_px, self.short_side_px
        short = min(size)
        width, height = (
            self.short_side_px if side == short else int(self.short_side_px * side / short)
            for side in size
        )
        return width, height


def read_preprocessing(folder: Path) -> ClipPreprocessing:
    """Read the preprocessing of a checkpoint.

    Raises:
        ConfigError: a file cannot be read, or asks for steps that are not done here.
    """
    path = next(folder / name for name in PROCESSOR_NAMES if (folder / name).is_file())
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        # processor_config.json also describes the tokenizer's part.
        return _from_steps({**_DEFAULTS, **content.get("image_processor", content)})
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path} cannot be used: {error}.") from error


def _from_steps(steps: Mapping[str, Any]) -> ClipPreprocessing:
    if steps["do_resize"] is not True or steps.get("do_pad"):
        raise ValueError("do_resize must be true and do_pad false")
    if steps["resample"] not in _RESAMPLING:
        raise ValueError(f"resample is {steps['resample']!r}; expected 2 (bilinear) or 3 (bicubic)")
    short_side_px, is_stretched = _size(steps["size"])
    side_px = _crop_side(steps["crop_size"]) if steps["do_center_crop"] else short_side_px
    if not steps["do_center_crop"] and not is_stretched:
        raise ValueError("do_center_crop is false; pictures would reach the network in many shapes")
    if side_px > short_side_px:
        raise ValueError(f"crop_size ({side_px}) must be at most size ({short_side_px})")
    is_normalised = steps["do_normalize"]
    return ClipPreprocessing(
        short_side_px=short_side_px,
        is_stretched=is_stretched,
        side_px=side_px,
        resampling=Image.Resampling(steps["resample"]),
        rescale_factor=float(steps["rescale_factor"]) if steps["do_rescale"] else 1.0,
        mean=_channels(steps["image_mean"]) if is_normalised else (0.0, 0.0, 0.0),
        std=_channels(steps["image_std"]) if is_normalised else (1.0, 1.0, 1.0),
    )


def _size(size: Any) -> tuple[int, bool]:
    """Return the resized picture's short side, and whether it becomes a square of it."""
    match size:
        case int() | {"shortest_edge": int()} if not isinstance(size, dict) or len(size) == 1:
            return _positive(size if isinstance(size, int) else size["shortest_edge"]), False
        case {"height": int(height), "width": int(width)} if height == width and len(size) == 2:
            return _positive(height), True
    raise ValueError(f"size is {size!r}; expected a shortest_edge, or equal height and width")


def _crop_side(size: Any) -> int:
    match size:
        case int():
            return _positive(size)
        case {"height": int(height), "width": int(width)} if height == width:
            return _positive(height)
    raise ValueError(f"crop_size is {size!r}; expected equal height and width")


def _positive(side_px: int) -> int:
    if not 1 <= side_px <= 8192:
        raise ValueError(f"a side has {side_px} px; expected 1 to 8192")
    return side_px


def _channels(values: Any) -> tuple[float, ...]:
    channels = tuple(float(value) for value in values)
    if len(channels) != 3:
        raise ValueError(f"{values!r} must be three numbers, one a channel")
    return channels
