"""Photos for training tests: plain colours with noise, one colour a class."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

COLORS = {"hat": (200, 40, 40), "pants": (40, 60, 200), "shirt": (60, 180, 60)}


def write_photos(folder: Path, *, per_class: int, seed: int) -> Path:
    random = np.random.default_rng(seed)
    for name, color in COLORS.items():
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            noise = random.integers(-30, 30, (24, 20, 3))
            pixels = np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Pictures of a few pixels are quicker without threads that wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "train", per_class=4, seed=0)


@pytest.fixture
def validation(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "validation", per_class=2, seed=1)


@pytest.fixture
def many_validation_photos(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "many", per_class=20, seed=1)
