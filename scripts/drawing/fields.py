"""Pixel fields: masks of shapes, blurs, and smooth noise, as (h, w) float32 arrays."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scripts.drawing.geometry import Points

Field = NDArray[np.float32]


def polygon_mask(points_px: Points, shape: tuple[int, int]) -> Field:
    """Return 1 inside a closed outline given in pixels, 0 outside."""
    image = Image.new("L", shape[::-1])
    ImageDraw.Draw(image).polygon([tuple(point) for point in points_px.tolist()], fill=255)
    return np.asarray(image, dtype=np.float32) / 255.0


def line_mask(points_px: Points, width_px: float, shape: tuple[int, int]) -> Field:
    """Return 1 on an open line of a width, 0 elsewhere."""
    image = Image.new("L", shape[::-1])
    line = [tuple(point) for point in points_px.tolist()]
    ImageDraw.Draw(image).line(line, fill=255, width=max(1, round(width_px)), joint="curve")
    return np.asarray(image, dtype=np.float32) / 255.0


def blurred(field: Field, radius_px: float) -> Field:
    """Return a Gaussian blur; outside the field counts as its border.

    Pillow blurs 8-bit images only, which would leave steps in the light on the cloth; so three
    running means do it in float32, on a smaller copy where the blur is wide.
    """
    if radius_px < 0.3:
        return field
    factor = max(1, int(radius_px // 4))
    h, w = field.shape
    small = resized(field, (max(1, h // factor), max(1, w // factor)), Image.Resampling.BOX)
    # Three running means of width 2 r + 1 have the variance of a Gaussian of about r.
    reach = max(1, round(radius_px / factor))
    for _ in range(3):
        small = _running_mean(_running_mean(small, reach).T, reach).T
    return resized(small, (h, w), Image.Resampling.BICUBIC)


def resized(field: Field, shape: tuple[int, int], how: Image.Resampling) -> Field:
    """Return the field in another size."""
    if field.shape == shape:
        return field
    return np.asarray(Image.fromarray(field).resize(shape[::-1], how), dtype=np.float32)


def _running_mean(field: Field, reach: int) -> Field:
    """Return the mean of 2 * `reach` + 1 rows around each row."""
    padded = np.pad(field, ((reach + 1, reach), (0, 0)), mode="edge")
    sums = np.cumsum(padded, axis=0, dtype=np.float64)
    width = 2 * reach + 1
    return ((sums[width:] - sums[:-width]) / width).astype(np.float32)


def shifted(field: Field, down_px: int, right_px: int) -> Field:
    """Return the field moved down and to the right; what moves in is its border."""
    padded = np.pad(field, ((down_px, 0), (right_px, 0)), mode="edge")
    return padded[: field.shape[0], : field.shape[1]]


def noise(rng: Generator, shape: tuple[int, int], cell_px: tuple[float, float]) -> Field:
    """Return smooth noise, about -1 to 1, with features of `cell_px` (height, width) pixels."""
    rows = max(2, int(np.ceil(shape[0] / cell_px[0])) + 2)
    columns = max(2, int(np.ceil(shape[1] / cell_px[1])) + 2)
    grid = rng.uniform(-1.0, 1.0, (rows, columns)).astype(np.float32)
    return resized(grid, shape, Image.Resampling.BICUBIC)


def fractal_noise(
    rng: Generator, shape: tuple[int, int], cell_px: tuple[float, float], octaves: int = 4
) -> Field:
    """Return a sum of noises, each of half the size and half the strength; about -1 to 1."""
    total = np.zeros(shape, dtype=np.float32)
    for octave in range(octaves):
        size = (cell_px[0] / 2**octave, cell_px[1] / 2**octave)
        if min(size) < 1.0:
            break
        total += noise(rng, shape, size) * np.float32(0.5**octave)
    return total / np.float32(1.6)


def step(low: float, high: float, field: Field) -> Field:
    """Return 0 below `low`, 1 above `high`, an S-curve between."""
    t = np.clip((field - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    curve: Field = t * t * (3.0 - 2.0 * t)
    return curve
