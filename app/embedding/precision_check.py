"""The comparison of a model's two precisions on real photos, which decides what it computes in."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.embedding.base import Embedder, Pixels
from app.embedding.images import read_for_side
from app.embedding.precision import NEIGHBOURS, PrecisionCheck, compare
from app.errors import UnreadableImage

logger = logging.getLogger(__name__)


def check_on_photos(
    exact: Embedder, reduced: Embedder, paths: Sequence[Path]
) -> PrecisionCheck | None:
    """Embed photos in both precisions and compare.

    Args:
        exact: the model in float32.
        reduced: the same model in bfloat16.
        paths: of the photos; those that cannot be read are left out with a warning.

    Returns:
        None where fewer can be read than each needs for its ten nearest others.
    """
    pixels: list[Pixels] = []
    for path in paths:
        try:
            pixels.append(exact.prepare(read_for_side(path, exact.input_side_px).image))
        except UnreadableImage as error:
            logger.warning("%s", error.message)
    if len(pixels) <= NEIGHBOURS:
        return None
    prepared = np.stack(pixels)
    return compare(exact.embed_prepared(prepared), reduced.embed_prepared(prepared))


def spread(paths: Sequence[Path], limit: int) -> list[Path]:
    """Return at most so many of the paths, from the whole of the sequence."""
    count = min(limit, len(paths))
    return [paths[i * len(paths) // count] for i in range(count)]
