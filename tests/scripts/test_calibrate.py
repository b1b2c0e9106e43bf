"""The calibration of a tiny model, on drawn pictures, and that of the model that ships."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.calibration.files import CALIBRATION_NAME, read_calibration
from app.calibration.gallery import _sample
from app.config import Settings
from app.embedding import SHIPPED_CHECKPOINT, load_embedder
from app.errors import ConfigError, ServiceError
from scripts import calibrate
from tests.checkpoints import write_tiny_clip, write_tiny_clothing

REAL_PHOTOS = os.environ.get("CLOTHING_PHOTOS")
COLORS = {"red": (200, 40, 40), "green": (40, 180, 60), "blue": (40, 60, 200)}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """60 pictures in three folders; a tiny model with random weights tells colours apart."""
    random = np.random.default_rng(0)
    for name, color in COLORS.items():
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for i in range(20):
            pixels = random.normal(color, 40, size=(48, 48, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{i:02}.png")
    (tmp_path / "photos" / "red" / "broken.png").write_bytes(b"")
    return tmp_path / "photos"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_clothing(tmp_path / "tiny")


def arguments(photos: Path, folder: Path, *more: str) -> list[str]:
    return ["--gallery", str(photos), "--model", f"clothing:{folder}", "--json", *more]


def test_labels_of_a_gallery_calibrate_a_model_that_then_carries_it(photos, tiny, capsys):
    assert calibrate.main(arguments(photos, tiny), Settings()) == 0

    report = json.loads(capsys.readouterr().out)
    assert (report["pictures"], report["matches"], report["mismatches"]) == (60, 60, 60)
    assert report["match"] == "category"
    calibration = load_embedder(f"clothing:{tiny}").calibration
    assert calibration == read_calibration(tiny)
    assert calibration.slope == report["slope"]
    begins = report["no_good_match_below"]["cosine"]
    assert calibration.probability(begins) == pytest.approx(0.5, abs=0.05)
    assert report["held_out"]["kept_matches"] > report["held_out"]["kept_mismatches"]


def test_calibration_holds_for_vectors_of_either_type(photos, tiny):
    calibrate.main(arguments(photos, tiny), Settings())

    for vector_type in ("float32", "int8"):
        embedder = load_embedder(f"clothing:{tiny}", vector_type=vector_type)
        assert embedder.fingerprint in embedder.calibration.fingerprints


def test_dry_run_stores_nothing(photos, tiny, capsys):
    assert calibrate.main(arguments(photos, tiny, "--dry-run"), Settings()) == 0

    assert json.loads(capsys.readouterr().out)["stored"] is None
    assert not (tiny / CALIBRATION_NAME).exists()


def test_judged_pairs_calibrate_as_they_were_judged(photos, tiny, tmp_path, capsys):
    lines = ["a,b,match"]
    for i in range(1, 20):
        for color, other in (("red", "green"), ("green", "blue"), ("blue", "red")):
            lines += [
                f"{color}/{i:02}.png,{color}/{i - 1:02}.png,true",
                f"{color}/{i:02}.png,{other}/{i - 1:02}.png,false",
            ]
    lines.append("red/broken.png,red/01.png,true")
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("\n".join(lines))

    assert calibrate.main(arguments(photos, tiny, "--pairs", str(pairs)), Settings()) == 0

    report = json.loads(capsys.readouterr().out)
    assert (report["match"], report["matches"], report["mismatches"]) == ("pairs", 57, 57)
    pairs.write_text("a,b,match\nred/01.png,nobody.png,true\n")
    with pytest.raises(ServiceError, match=r"no picture 'nobody\.png', which --pairs names"):
        calibrate.main(arguments(photos, tiny, "--pairs", str(pairs)), Settings())


def test_another_field_may_be_the_label(photos, tiny, tmp_path, capsys):
    manifest = photos / "manifest.jsonl"
    rows = [
        {"_id": f"{color}{i}", "image": f"{color}/{i:02}.png", "shade": color}
        for color in COLORS
        for i in range(20)
    ]
    manifest.write_text("\n".join(map(json.dumps, rows)))

    code = calibrate.main(arguments(manifest, tiny, "--label", "shade"), Settings())

    assert code == 0
    assert json.loads(capsys.readouterr().out)["match"] == "shade"
    with pytest.raises(ServiceError, match="No picture of the gallery has a category; --label"):
        calibrate.main(arguments(manifest, tiny), Settings())


def test_too_few_pairs_are_refused(photos, tiny):
    with pytest.raises(ServiceError, match=r"\d+ pairs that match and \d+ that .* at least 50"):
        calibrate.main(arguments(photos, tiny, "--limit", "30"), Settings())
    assert not (tiny / CALIBRATION_NAME).exists()


def test_limit_takes_pictures_at_random_and_the_same_ones_again():
    images = [str(i) for i in range(1000)]

    some = _sample(images, 100, 0)

    assert some == _sample(iter(images), 100, 0) != _sample(images, 100, 1)
    assert len(set(some)) == 100
    assert 350 < sum(map(int, some)) / 100 < 650
    assert _sample(images[:50], 100, 0) == images[:50]


def test_clip_model_in_a_folder_is_calibrated_and_one_of_a_hub_is_not(photos, tmp_path):
    folder = write_tiny_clip(tmp_path / "clip")
    parts = ["--gallery", str(photos), "--model"]

    calibrate.main([*parts, f"clip:{folder}"], Settings())

    assert load_embedder(f"clip:{folder}").calibration is not None
    with pytest.raises(ConfigError, match="lies in the hub's cache"):
        calibrate.main([*parts, "clip"], Settings())


def test_sentences_tell_where_no_good_match_begins(photos, tiny, capsys):
    calibrate.main([one for one in arguments(photos, tiny) if one != "--json"], Settings())

    printed = capsys.readouterr().out
    assert "60 pairs that match (of one category) and 60 that do not" in printed
    assert "no good match below cosine 0." in printed
    assert f"stored in {tiny / CALIBRATION_NAME}" in printed


def test_model_that_ships_carries_a_calibration_of_its_own_weights():
    for vector_type in ("float32", "int8"):
        embedder = load_embedder("clothing", vector_type=vector_type)
        assert embedder.calibration is not None
        assert embedder.fingerprint in embedder.calibration.fingerprints


@pytest.mark.slow
@pytest.mark.skipif(REAL_PHOTOS is None, reason="CLOTHING_PHOTOS names no folder of photos")
def test_figures_of_the_model_that_ships_come_out_again(capsys):
    stored = read_calibration(SHIPPED_CHECKPOINT)
    assert stored is not None
    gallery = Path(REAL_PHOTOS or "") / "validation"

    calibrate.main(["--gallery", str(gallery), "--dry-run", "--json"], Settings())

    report = json.loads(capsys.readouterr().out)
    begins = report["no_good_match_below"]["cosine"]
    assert begins == pytest.approx(stored.cosine_at(0.5), abs=0.002)
    assert report["held_out"]["kept_matches"] == pytest.approx(
        stored.held_out.kept_matches, abs=0.02
    )
    assert stored.held_out.kept_matches > 0.8
    assert stored.held_out.kept_mismatches < 0.15
    assert stored.held_out.calibration_error < 0.1
