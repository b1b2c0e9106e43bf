from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from app.errors import ConfigError, UnreadableImage
from app.training.data import (
    cache_side_px,
    find_photos,
    load_pixels,
    shuffled_batches,
    training_augmentation,
)


def test_photos_are_found_by_class_in_sorted_order(gallery: Path):
    photos = find_photos(gallery)

    assert photos.class_names == ("hat", "pants", "shirt")
    assert [path.parent.name for path in photos.paths] == ["hat"] * 4 + ["pants"] * 4 + [
        "shirt"
    ] * 4
    assert photos.labels == (0,) * 4 + (1,) * 4 + (2,) * 4
    assert list(photos.paths) == sorted(photos.paths)


def test_other_files_and_empty_folders_are_no_photos(gallery: Path):
    (gallery / "hat" / "notes.txt").write_text("not a photo")
    (gallery / "skirt").mkdir()

    photos = find_photos(gallery)

    assert len(photos.paths) == 12
    assert "skirt" not in photos.class_names


@pytest.mark.parametrize("missing", [("hat", "pants", "shirt"), ("hat", "pants")])
def test_a_gallery_without_two_class_folders_is_refused(gallery: Path, missing: tuple[str, ...]):
    for name in missing:
        for path in (gallery / name).iterdir():
            path.unlink()
        (gallery / name).rmdir()

    with pytest.raises(ConfigError, match=f"has {3 - len(missing)} class folders"):
        find_photos(gallery)


def test_a_missing_gallery_is_refused_by_name(tmp_path: Path):
    with pytest.raises(ConfigError, match="nowhere is not a folder"):
        find_photos(tmp_path / "nowhere")


def test_pixels_are_the_photos_stretched_to_squares(gallery: Path):
    photos = find_photos(gallery)

    pixels = load_pixels(photos.paths, 16)

    assert pixels.shape == (12, 3, 16, 16)
    assert pixels.dtype == torch.uint8
    with Image.open(photos.paths[5]) as opened:
        expected = np.asarray(opened.resize((16, 16), Image.Resampling.BICUBIC))
    assert np.array_equal(pixels[5].permute(1, 2, 0).numpy(), expected)


def test_a_photo_that_cannot_be_decoded_is_named(gallery: Path):
    (gallery / "hat" / "broken.png").write_bytes(b"no picture")

    with pytest.raises(UnreadableImage, match=r"broken\.png"):
        load_pixels(find_photos(gallery).paths, 16)


@pytest.mark.parametrize(("side_px", "kept_px"), [(160, 208), (128, 160), (224, 288)])
def test_photos_are_kept_larger_than_they_are_trained(side_px: int, kept_px: int):
    assert cache_side_px(side_px) == kept_px


def test_augmentation_varies_a_photo_but_keeps_its_colour():
    red = torch.tensor([200, 40, 40], dtype=torch.uint8)[:, None, None].expand(3, 48, 48)
    torch.manual_seed(0)
    augment = training_augmentation(32)

    seen = torch.stack([augment(red) for _ in range(60)])

    assert seen.shape == (60, 3, 32, 32)
    assert seen.dtype == torch.float32
    colors = seen[:, :, 12:20, 12:20].mean(dim=(2, 3))
    assert colors.std(dim=0).max() > 0.05
    reddest = (colors[:, 0] > colors[:, 1]) & (colors[:, 0] > colors[:, 2])
    assert reddest.float().mean() > 0.8  # the rest: erased in the middle


def test_an_epoch_visits_rows_once_and_drops_the_short_batch():
    batches = list(shuffled_batches(10, 4, torch.Generator().manual_seed(0)))

    rows = torch.cat(batches).tolist()
    assert [len(batch) for batch in batches] == [4, 4]
    assert len(set(rows)) == 8
    assert rows != sorted(rows)


def test_fewer_photos_than_a_batch_are_one_batch():
    batches = list(shuffled_batches(3, 64, torch.Generator().manual_seed(0)))

    assert [sorted(batch.tolist()) for batch in batches] == [[0, 1, 2]]
