import numpy as np
import pytest
from PIL import Image

from app.errors import ConfigError
from scripts.benchmarking import photos
from scripts.benchmarking.photos import PhotoVectors, photo_vectors
from tests.fakes import FakeEmbedder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Twenty photos in a class folder, and a fake model for the one that ships."""
    monkeypatch.setattr(photos, "load_embedder", lambda model: FakeEmbedder(name=model))
    random = np.random.default_rng(0)
    (tmp_path / "photos" / "dress").mkdir(parents=True)
    for i in range(20):
        pixels = random.integers(0, 256, (24, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / "dress" / f"{i}.png")
    return tmp_path / "photos"


def test_crops_of_photos_are_embedded_and_kept_in_a_file(folder, tmp_path):
    cache = tmp_path / "embedded.npz"

    made = photo_vectors(folder, cache, 200, seed=1)
    read = photo_vectors(None, cache, 200, seed=1)

    stored = np.concatenate([embeddings for embeddings, _ in made.parts()])
    assert len(stored) == made.count == 200
    assert len(np.unique(stored, axis=0)) > 20  # crops, not the photos over and over
    everywhere = range(made.clusters)
    assert len(made.queries(1000, everywhere)) == 20
    np.testing.assert_array_equal(stored, np.concatenate([rows for rows, _ in read.parts()]))
    np.testing.assert_array_equal(made.queries(9, everywhere), read.queries(9, everywhere))


def test_clusters_are_of_near_vectors_and_queries_belong_to_them():
    random = np.random.default_rng(0)
    centres = np.eye(8, dtype=np.float32)[:2]

    def draw(count):
        rows = centres[np.arange(count) % 2] + 0.1 * random.standard_normal((count, 8))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    vectors = PhotoVectors(draw(90), draw(10), seed=0)
    ((embeddings, codes),) = vectors.parts()

    assert vectors.clusters == 2
    assert len(set(codes[::2])) == len(set(codes[1::2])) == 1
    code = int(codes[0])
    assert (vectors.queries(10, range(code, code + 1)) @ embeddings[0] > 0.5).all()


@pytest.mark.parametrize(
    ("cache", "complaint"),
    [
        ("missing.npz", "does not exist; expected it, or --photos to make it"),
        ("other.npz", "is no file of embedded photos; expected one that this command wrote"),
        ("small.npz", "holds 5 vectors; expected 200 or more"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(tmp_path, cache, complaint):
    (tmp_path / "other.npz").write_text("something else")
    np.savez(tmp_path / "small.npz", stored=np.eye(5, dtype=np.float32), queries=np.eye(5))

    with pytest.raises(ConfigError, match=complaint):
        photo_vectors(None, tmp_path / cache, 200, seed=0)


def test_a_folder_with_too_few_photos_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="holds 0 photos; expected 10 or more"):
        photo_vectors(tmp_path, None, 200, seed=0)
