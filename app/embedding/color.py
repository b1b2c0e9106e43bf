"""Any decoded picture -> 8-bit sRGB: colour profiles, deep pixels, transparency over white.

Pure: a PIL picture in, a new one out. Reading files and their limits is `images.py`'s work.
"""

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

WHITE = (255, 255, 255)
# CMYK profiles of printers reach 2 MB; one that is larger is not worth keeping in memory.
MAX_PROFILE_BYTES = 4 * 1024 * 1024
# A profile that moves no colour by more than this (of 255) is sRGB in all but name.
UNNOTICEABLE_DIFFERENCE = 2

_TIFF_BITS_PER_SAMPLE, _TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0


def to_srgb(image: Image.Image) -> Image.Image:
    """Return a decoded picture as 8-bit sRGB, transparency over white.

    Args:
        image: of any mode, loaded; its `info` may hold `icc_profile` and `transparency`.

    Returns:
        A new picture of mode RGB.

    Raises:
        ValueError: the pixel values have no known white, in words.
    """
    profile = image.info.get("icc_profile")
    image = _to_eight_bit(image)
    if not image.has_transparency_data:
        return _apply_profile(image, profile)
    transparent = _with_byte_transparency(image).convert("RGBA")
    color = _apply_profile(transparent.convert("RGB"), profile)
    flat = Image.new("RGB", image.size, WHITE)
    flat.paste(color, mask=transparent.getchannel("A"))
    return flat


def _to_eight_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and float grey to L, or to LA where one value means transparent."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    white = _white_value(image, values)
    scaled = values.astype(np.float32) * np.float32(255.0 / white)
    if _tiff_tag(image, _TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO:
        scaled = 255.0 - scaled
    # The tables of some cameras reach one step over their own white.
    grey = Image.fromarray(np.rint(scaled).clip(0, 255).astype(np.uint8))
    transparency = image.info.get("transparency")
    if not isinstance(transparency, int):
        return grey
    opaque = np.where(values == transparency, 0, 255).astype(np.uint8)
    return Image.merge("LA", (grey, Image.fromarray(opaque)))


def _white_value(image: Image.Image, values: NDArray[Any]) -> float:
    """Return the value that means white; for 32-bit and float pixels no file says it.

    Integers are read as 8 bits where none is larger, else as 16; floats as 0 to 1, else 0 to 255.
    """
    if image.mode.startswith("I;16"):
        bits = _tiff_tag(image, _TIFF_BITS_PER_SAMPLE)
        return 2.0 ** (bits if isinstance(bits, int) and 8 < bits < 16 else 16) - 1.0
    low, high = float(values.min()), float(values.max())
    for white in (1.0, 255.0) if image.mode == "F" else (255.0, 65535.0):
        if low >= 0.0 and high <= white:
            return white
    raise ValueError(f"its pixel values run from {low:g} to {high:g}, so which is white is unknown")


def _tiff_tag(image: Image.Image, tag: int) -> object:
    value = getattr(image, "tag_v2", {}).get(tag)
    return value[0] if isinstance(value, tuple) and value else value


def _with_byte_transparency(image: Image.Image) -> Image.Image:
    """Bring the transparent colour of a 16-bit RGB PNG to the 8 bits that Pillow decodes it to."""
    key = image.info.get("transparency")
    if isinstance(key, tuple) and any(part > 255 for part in key):
        image = image.copy()
        image.info["transparency"] = tuple(part >> 8 for part in key)
    return image


@dataclass(frozen=True, slots=True)
class _Profile:
    """A colour profile that can be applied.

    Attributes:
        mode: PIL mode of the pixels that it is about.
        transform: to 8-bit sRGB; None where that would change nothing.
    """

    mode: str
    transform: ImageCms.ImageCmsTransform | None


def _apply_profile(image: Image.Image, icc_profile: object) -> Image.Image:
    profile = _read_profile(icc_profile) if _is_profile(icc_profile) else None
    if profile is None or profile.transform is None or not _is_about(profile, image):
        return image.convert("RGB")
    try:
        converted = ImageCms.applyTransform(image.convert(profile.mode), profile.transform)
    except ImageCms.PyCMSError:
        return image.convert("RGB")
    assert converted is not None  # only an in-place transform returns None
    return converted


def _is_profile(value: object) -> bool:
    return isinstance(value, bytes) and 0 < len(value) <= MAX_PROFILE_BYTES


def _is_about(profile: _Profile, image: Image.Image) -> bool:
    if profile.mode == "RGB":
        return image.mode not in ("CMYK", "LAB")
    return image.mode == profile.mode or (profile.mode == "L" and image.mode == "1")


@lru_cache(maxsize=16)  # a shop's pictures share a few profiles
def _read_profile(content: bytes) -> _Profile | None:
    """Parse an embedded profile; None where it is broken or of a colour space we do not read."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(content))
        mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(source.profile.xcolor_space.strip())
        if mode is None:
            return None
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        probe = _probe(mode)
        moved = ImageCms.applyTransform(probe, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    assert moved is not None
    before = np.asarray(probe.convert("RGB"), dtype=np.int16)
    difference = np.abs(np.asarray(moved, dtype=np.int16) - before).max()
    return _Profile(mode, transform if difference > UNNOTICEABLE_DIFFERENCE else None)


def _probe(mode: str) -> Image.Image:
    """Return a small picture whose colours are spread over the whole space."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    return Image.fromarray(grid).convert(mode)
