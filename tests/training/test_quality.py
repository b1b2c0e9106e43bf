from pathlib import Path

import pytest
from PIL import Image

from app.training.data import find_photos
from app.training.quality import Quality, embed, measure_quality
from tests.fakes import FakeEmbedder


def measured(gallery: Path, validation: Path) -> Quality:
    embedder, queries = FakeEmbedder(dimensions=3), find_photos(validation)
    return measure_quality(embedder, find_photos(gallery), queries, embed(embedder, queries))


def test_an_embedder_that_sees_colours_finds_classes_of_one_colour(gallery: Path, validation: Path):
    quality = measured(gallery, validation)

    assert (quality.recall_at_1, quality.map_at_r) == (1, 1)
    assert quality.precision_at_10 == pytest.approx(0.4)  # a class has four photos


def test_a_query_that_looks_like_another_class_counts_as_a_miss(gallery: Path, validation: Path):
    Image.new("RGB", (20, 24), (40, 60, 200)).save(validation / "hat" / "0.png")  # pants' blue

    quality = measured(gallery, validation)

    assert quality.recall_at_1 == 5 / 6


def test_classes_are_compared_by_name_where_the_queries_lack_one(gallery: Path, validation: Path):
    for path in (validation / "hat").iterdir():
        path.unlink()

    quality = measured(gallery, validation)

    assert quality.recall_at_1 == 1
