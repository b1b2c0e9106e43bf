"""A picture that is asked about is prepared as ingestion prepares it: one way for both."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from app import create_app
from app.documents import embedding_from_bson
from app.embedding import load_embedder
from app.embedding.precision import made_pictures
from app.indexes import read_index_file
from app.ingest.legs import open_legs
from app.ingest.reader import open_gallery
from app.ingest.runner import ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter
from tests.checkpoints import write_tiny_clothing


def large_and_turned() -> bytes:
    """Return a JPEG that is decoded at a fraction of its size, and stands on its side."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    file = io.BytesIO()
    picture = Image.fromarray(made_pictures(1, 700)[0]).resize((1400, 900))
    picture.save(file, "JPEG", quality=90, exif=exif)
    return file.getvalue()


def transparent() -> bytes:
    file = io.BytesIO()
    Image.new("RGBA", (90, 70), (200, 30, 30, 60)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("make", [large_and_turned, transparent])
def test_an_upload_gets_the_vector_that_ingestion_stored(settings, collection, tmp_path, make):
    index = read_index_file(settings.index_file)
    embedder = load_embedder(f"clothing:{write_tiny_clothing(tmp_path / 'tiny', dimensions=512)}")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/1.jpg").write_bytes(make())
    writer = GalleryWriter(collection, UpdateBuilder(index, embedder.fingerprint))
    rows = open_gallery(tmp_path / "photos", index, "string").rows()
    with open_legs(embedder, writer, max_pixels=settings.max_image_pixels) as legs:
        assert ingest(rows, legs).written == 1
    service = create_app(settings, embedder=embedder).extensions["similar_items"]

    asked = embedder.embed_prepared(service.prepare(make())[None])[0]

    service.close()
    stored = embedding_from_bson(collection.find_one()["embedding"])
    assert np.allclose(asked, stored, atol=1e-6)
