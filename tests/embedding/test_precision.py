import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from app.embedding import SHIPPED_CHECKPOINT, load_embedder, networks, torch_embedder
from app.embedding.checkpoints import read_manifest, write_manifest
from app.embedding.clip import ClipEmbedder
from app.embedding.clothing import ClothingEmbedder
from app.embedding.precision import PrecisionCheck, compare, made_pictures
from app.embedding.precision_check import check_on_photos, spread
from scripts.benchmarking.random_clip import write_random_clip
from tests.checkpoints import write_tiny_clip, write_tiny_clothing

REAL_PHOTOS = os.environ.get("CLOTHING_PHOTOS")
needs_real_photos = pytest.mark.skipif(
    REAL_PHOTOS is None, reason="CLOTHING_PHOTOS names no folder of photos"
)
SAFE = PrecisionCheck(pictures=100, min_cosine=0.9995, overlap_at_10=0.99)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_clip(tmp_path_factory.mktemp("clip") / "tiny")


@pytest.fixture
def clothing(tmp_path: Path) -> Path:
    return write_tiny_clothing(tmp_path / "tiny")


@pytest.fixture(params=[True, False], ids=["has bf16", "has no bf16"])
def has_bf16(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(networks, "computes_bf16_well", lambda device: request.param)
    return bool(request.param)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_equal_vectors_are_safe_and_others_are_not():
    rows = unit(np.random.default_rng(0).normal(size=(50, 8)))

    same, other = compare(rows, rows), compare(rows, rows[::-1])

    assert (same.pictures, same.overlap_at_10) == (50, 1.0)
    assert same.min_cosine == pytest.approx(1, abs=1e-6)
    assert same.is_safe
    assert not other.is_safe


@pytest.mark.parametrize(
    ("min_cosine", "overlap_at_10", "is_safe"),
    [(0.999, 0.97, True), (0.9989, 1.0, False), (1.0, 0.969, False), (float("nan"), 1.0, False)],
)
def test_each_picture_keeps_its_direction_and_searches_keep_their_results(
    min_cosine: float, overlap_at_10: float, is_safe: bool
):
    assert PrecisionCheck(100, min_cosine, overlap_at_10).is_safe is is_safe


def test_clip_takes_bf16_where_the_hardware_has_it(clip: Path, has_bf16: bool):
    embedder = ClipEmbedder(clip)

    embedder.load()

    assert embedder.precision == ("bf16" if has_bf16 else "fp32")


def test_a_clip_model_that_bf16_would_change_runs_in_fp32_and_says_so(
    clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(networks, "computes_bf16_well", lambda device: True)
    monkeypatch.setattr(torch_embedder, "MIN_COSINE", 1.1)
    exact = ClipEmbedder(clip, precision="fp32")
    embedder = ClipEmbedder(clip)
    pixels = made_pictures(2, 32)

    with caplog.at_level(logging.WARNING):
        rows = embedder.embed_prepared(pixels)

    assert embedder.precision == "fp32"
    assert "tiny runs in fp32: in bf16" in caplog.text
    assert np.array_equal(rows, exact.embed_prepared(pixels))


@pytest.mark.parametrize(
    ("check", "is_safe"),
    [(SAFE, True), (replace(SAFE, min_cosine=0.992), False), (None, False)],
    ids=["passed", "failed", "never checked"],
)
def test_a_clothing_model_takes_bf16_where_its_manifest_says_it_may(
    clothing: Path, has_bf16: bool, check: PrecisionCheck | None, is_safe: bool
):
    write_manifest(clothing, replace(read_manifest(clothing), bf16=check))
    embedder = ClothingEmbedder(clothing)

    embedder.load()

    assert embedder.precision == ("bf16" if has_bf16 and is_safe else "fp32")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_setting_overrides_hardware_and_manifest(
    clothing: Path, clip: Path, has_bf16: bool, precision: str
):
    for model in (f"clothing:{clothing}", f"clip:{clip}"):
        embedder = load_embedder(model, precision=precision)
        embedder.load()

        assert embedder.precision == precision


def test_vectors_of_both_precisions_are_of_one_model(clip: Path):
    exact, reduced = (ClipEmbedder(clip, precision=one) for one in ("fp32", "bf16"))
    pixels = made_pictures(64, 32)

    rows, also_rows = exact.embed_prepared(pixels), reduced.embed_prepared(pixels)

    assert not np.array_equal(rows, also_rows)
    assert also_rows.dtype == np.float32
    assert (rows * also_rows).sum(axis=1).min() > 0.999
    assert exact.fingerprint == reduced.fingerprint


def test_sentences_are_embedded_in_fp32_beside_pictures_in_bf16(clip: Path):
    exact, reduced = (ClipEmbedder(clip, precision=one) for one in ("fp32", "bf16"))

    assert np.array_equal(exact.embed_texts(["a red hat"]), reduced.embed_texts(["a red hat"]))


def test_what_a_check_found_is_no_part_of_the_fingerprint(clothing: Path):
    before = ClothingEmbedder(clothing).fingerprint

    write_manifest(clothing, replace(read_manifest(clothing), bf16=SAFE))

    assert read_manifest(clothing).bf16 == SAFE
    assert ClothingEmbedder(clothing).fingerprint == before


def threads_of_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(torch.get_num_threads).result()


def test_passes_beside_each_other_give_the_vectors_of_one(clothing: Path):
    embedder = ClothingEmbedder(clothing)
    pixels = made_pictures(24, 48)
    expected = embedder.embed_prepared(pixels)
    threads = threads_of_a_new_thread()

    with ThreadPoolExecutor(4) as executor:
        rows = np.concatenate(list(executor.map(embedder.embed_in_own_pass, np.split(pixels, 6))))

    assert rows == pytest.approx(expected, abs=1e-5)
    assert threads_of_a_new_thread() == threads


def test_the_model_that_ships_was_checked_and_runs_as_was_found(has_bf16: bool):
    check = read_manifest(SHIPPED_CHECKPOINT).bf16
    embedder = load_embedder("clothing")

    embedder.load()

    assert check is not None
    assert check.pictures >= 300
    assert embedder.precision == ("bf16" if has_bf16 and check.is_safe else "fp32")


def check_of_real_photos(model: str, count: int) -> PrecisionCheck:
    paths = spread(sorted(Path(REAL_PHOTOS or "").rglob("*.jpg")), count)
    exact, reduced = (load_embedder(model, precision=one) for one in ("fp32", "bf16"))
    check = check_on_photos(exact, reduced, paths)
    assert check is not None
    assert check.pictures == count
    return check


@pytest.mark.slow
@needs_real_photos
def test_on_real_photos_clip_in_bf16_keeps_every_direction_and_the_neighbours(tmp_path: Path):
    check = check_of_real_photos(f"clip:{write_random_clip(tmp_path / 'clip', seed=0)}", 64)

    assert check.min_cosine >= 0.999
    assert check.overlap_at_10 >= 0.97


@pytest.mark.slow
@needs_real_photos
def test_what_the_manifest_of_the_model_that_ships_says_is_found_again_on_real_photos():
    written = read_manifest(SHIPPED_CHECKPOINT).bf16
    assert written is not None

    found = check_of_real_photos("clothing", written.pictures)

    assert found.min_cosine >= 0.999
    assert found.min_cosine == pytest.approx(written.min_cosine, abs=2e-4)
    assert found.overlap_at_10 == pytest.approx(written.overlap_at_10, abs=0.01)
    assert found.is_safe == written.is_safe
