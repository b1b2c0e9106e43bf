"""The comparison of precisions, with a tiny model on drawn pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.config import Settings
from app.embedding.checkpoints import read_manifest
from app.embedding.precision import made_pictures
from app.embedding.precision_check import spread
from app.errors import ConfigError
from scripts import check_precision
from scripts.check_precision import FEWEST_WRITTEN
from tests.checkpoints import write_tiny_clip, write_tiny_clothing


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, pixels in enumerate(made_pictures(FEWEST_WRITTEN, 48)):
        Image.fromarray(np.roll(pixels, i, axis=0)).save(folder / f"{i:03}.png")
    (folder / "broken.png").write_bytes(b"")
    return folder


def test_what_is_found_is_printed_and_written_where_asked(photos, tmp_path, capsys):
    folder = write_tiny_clothing(tmp_path / "tiny")
    arguments = ["--gallery", str(photos), "--model", f"clothing:{folder}", "--json"]

    check_precision.main(arguments, Settings())
    assert read_manifest(folder).bf16 is None
    code = check_precision.main([*arguments, "--write"], Settings())

    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["pictures"] == FEWEST_WRITTEN
    assert 0.99 < report["min_cosine"] < 1
    check = read_manifest(folder).bf16
    assert check is not None
    assert check.min_cosine == pytest.approx(report["min_cosine"], abs=1e-6)
    assert check.is_safe is report["is_safe"] is (code == 0)


def test_a_clip_model_has_no_manifest_to_write_to(photos, tmp_path):
    folder = write_tiny_clip(tmp_path / "tiny")

    with pytest.raises(ConfigError, match="has no manifest of ours"):
        check_precision.main(
            ["--gallery", str(photos), "--model", f"clip:{folder}", "--write"], Settings()
        )


def test_too_few_pictures_are_refused(photos, tmp_path):
    folder = write_tiny_clothing(tmp_path / "tiny")

    with pytest.raises(
        ConfigError, match="5 of its 101 pictures were taken; expected 11 or more that can be read"
    ):
        check_precision.main(
            ["--gallery", str(photos), "--model", f"clothing:{folder}", "--limit", "5"], Settings()
        )


def test_few_pictures_do_not_decide_for_a_model(photos, tmp_path):
    folder = write_tiny_clothing(tmp_path / "tiny")
    before = (folder / "manifest.json").read_bytes()
    arguments = ["--gallery", str(photos), "--model", f"clothing:{folder}", "--limit", "50"]

    with pytest.raises(ConfigError, match="--write: 50 pictures do not decide for a model"):
        check_precision.main([*arguments, "--write"], Settings())

    assert (folder / "manifest.json").read_bytes() == before


def test_some_photos_are_taken_from_the_whole_of_a_folder():
    paths = [Path(f"{i:02}.png") for i in range(15)]

    assert [path.stem for path in spread(paths, 10)] == [
        *("00", "01", "03", "04", "06", "07", "09", "10", "12", "13")
    ]
    assert spread(paths, 15) == spread(paths, 100) == paths
    assert spread([], 5) == []
