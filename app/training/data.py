"""Photos of one folder a class: found, decoded once, kept in memory, augmented as they are used."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from app.embedding.images import read_image
from app.errors import ConfigError

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
# What the EfficientNet-Lite weights were trained with, per channel.
PIXEL_MEAN = (0.5, 0.5, 0.5)
PIXEL_STD = (0.5, 0.5, 0.5)
# A photo is kept a third larger than the network sees it, so that a crop need not be enlarged.
CACHE_FACTOR = 1.35


@dataclass(frozen=True, slots=True)
class LabelledPhotos:
    """Paths in sorted order with their class, `labels[i]` an index into `class_names`."""

    paths: tuple[Path, ...]
    labels: tuple[int, ...]
    class_names: tuple[str, ...]


def find_photos(folder: Path) -> LabelledPhotos:
    """List the photos of a folder whose sub-folders are the classes.

    Raises:
        ConfigError: the folder is missing, or has fewer than two class folders with photos.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder; expected one sub-folder of photos a class.")
    by_class = {
        child.name: photos
        for child in sorted(folder.iterdir())
        if child.is_dir() and (photos := _photos_under(child))
    }
    if len(by_class) < 2:
        raise ConfigError(
            f"{folder} has {len(by_class)} class folders with photos; expected at least 2."
        )
    return LabelledPhotos(
        paths=tuple(path for photos in by_class.values() for path in photos),
        labels=tuple(i for i, photos in enumerate(by_class.values()) for _ in photos),
        class_names=tuple(by_class),
    )


def _photos_under(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES)


def cache_side_px(side_px: int) -> int:
    """Return the side at which photos are kept for training at `side_px`, a multiple of 16."""
    return int(side_px * CACHE_FACTOR) // 16 * 16


def load_pixels(paths: tuple[Path, ...], side_px: int) -> Tensor:
    """Decode every photo once and stretch it to a square.

    Stretched, not cropped, as the embedder does it: a hat at the edge stays in the picture.

    Returns:
        (n, 3, side_px, side_px) uint8, in the order of `paths`.

    Raises:
        UnreadableImage: a photo cannot be decoded, named.
    """
    pixels = torch.empty((len(paths), 3, side_px, side_px), dtype=torch.uint8)
    for row, path in zip(pixels, paths, strict=True):
        row.copy_(torch.from_numpy(_decode(path, side_px)).permute(2, 0, 1))
    return pixels


def _decode(path: Path, side_px: int) -> NDArray[np.uint8]:
    picture = read_image(path).resize((side_px, side_px), Image.Resampling.BICUBIC)
    return np.array(picture)


def training_augmentation(side_px: int) -> v2.Transform:
    """Vary what a product photo varies by: framing, side, light; hardly its colour.

    Hue moves by 7 degrees at most: two dresses of one cut in red and in green must stay apart,
    because colour is part of what makes two items look alike. Crops keep at least half of the
    picture: half a dress looks like a shirt.

    Returns:
        A transform of (3, s, s) uint8 to (3, side_px, side_px) float32 as the network takes it.
    """
    return v2.Compose(
        [
            v2.RandomResizedCrop(side_px, scale=(0.5, 1.0), ratio=(0.75, 1.33), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.RandomRotation(12, v2.InterpolationMode.BILINEAR, fill=128)], 0.3),
            v2.ColorJitter(brightness=0.25, contrast=0.25, saturation=0.2, hue=0.02),
            v2.ToDtype(torch.float32, scale=True),
            v2.RandomErasing(p=0.25, scale=(0.02, 0.15), value="random"),
            v2.Normalize(PIXEL_MEAN, PIXEL_STD),
        ]
    )


def shuffled_batches(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield the row numbers of one epoch in random order; a last, smaller batch is left out.

    Batch normalisation over a handful of pictures would disturb the running statistics.
    A set smaller than one batch is one batch.
    """
    order = torch.randperm(n, generator=generator)
    size = min(batch_size, n)
    for start in range(0, n - size + 1, size):
        yield order[start : start + size]
