"""The benchmark of ingestion, on a handful of drawn photos."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.embedding.images import read_image
from app.embedding.precision import made_pictures
from app.pictures import PictureBytes
from scripts import benchmark_ingest
from scripts.benchmarking.growth import repeated

KEYS = {
    "naive_images_per_s",
    "end_to_end_images_per_s",
    "model_only_images_per_s",
    "decode_only_images_per_s",
    "sum_limit_images_per_s",
    "naive_cpu_s_per_image",
    "cpu_s_per_image",
    "peak_rss_mb",
    "precision",
}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i, pixels in enumerate(made_pictures(6, 260)):
        Image.fromarray(pixels).save(tmp_path / f"{i}.jpg")
    return tmp_path


def measured(photos: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    sizes = ["--limit", "6", "--naive-limit", "2", "--repeats", "1"]
    assert benchmark_ingest.main(["--gallery", str(photos), *sizes, "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_figure_is_there_and_growth_where_it_is_asked_for(photos, capsys):
    report = measured(photos, capsys, "--models", "clothing", "--growth", "8,16")

    assert set(report) == {"clothing"}
    figures = report["clothing"]
    growth = figures.pop("growth")
    assert set(figures) == KEYS
    assert figures.pop("precision") == "fp32"
    assert all(value > 0 for value in figures.values())
    assert [step["images"] for step in growth] == [8, 16]


@pytest.mark.slow
def test_clip_is_measured_in_its_real_shape(photos, capsys):
    report = measured(photos, capsys)

    assert set(report) == {"clip", "clothing"}
    assert set(report["clip"]) == KEYS


def test_repeated_photos_have_bytes_of_their_own_and_look_the_same(photos):
    path = photos / "0.jpg"

    rows = list(repeated([path], 3))

    contents = [row.source.read(None) for row in rows]
    assert all(isinstance(one, PictureBytes) for one in contents)
    assert len({one.content for one in contents}) == 3
    assert [row.item_id for row in rows] == ["0", "1", "2"]
    for one in contents:
        assert np.array_equal(read_image(one.content), read_image(path))
