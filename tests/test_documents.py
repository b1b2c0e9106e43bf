from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from bson import Binary
from bson.binary import BinaryVectorDtype

from app.config import PROJECT_ROOT
from app.documents import (
    GalleryImage,
    ImageFacts,
    derived_item_id,
    embedding_from_bson,
    embedding_to_bson,
    get_path,
    to_document,
)
from app.indexes import SearchIndex, read_index_file
from app.ingest.pictures import FilePicture

KNN = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")
VECTOR = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")
EMBEDDING = np.array([0.6, -0.8], dtype=np.float32)


def index_like(index, **changes):
    fields = {name: getattr(index, name) for name in SearchIndex.__dataclass_fields__}
    return SearchIndex(**{**fields, **changes})


def test_search_index_stores_an_array_of_doubles():
    stored = embedding_to_bson(EMBEDDING, KNN)

    assert stored == [float(value) for value in EMBEDDING]


def test_vector_search_index_stores_bindata_float32():
    stored = embedding_to_bson(EMBEDDING, VECTOR)

    assert stored == Binary.from_vector(EMBEDDING.tolist(), BinaryVectorDtype.FLOAT32)


@pytest.mark.parametrize("index", [KNN, VECTOR], ids=["array", "bindata"])
def test_embedding_survives_the_round_trip_bit_for_bit(index):
    assert np.array_equal(embedding_from_bson(embedding_to_bson(EMBEDDING, index)), EMBEDDING)


def test_int8_scales_the_unit_range_to_127():
    stored = embedding_to_bson(EMBEDDING, index_like(VECTOR, vector_type="int8"))

    assert stored.as_vector().data == [76, -102]


@pytest.mark.parametrize("value", [None, "vector", 3, b"bytes"])
def test_other_value_is_no_embedding(value):
    with pytest.raises(ValueError, match="no embedding"):
        embedding_from_bson(value)


def test_document_holds_fields_image_embedding_and_fingerprint():
    image = GalleryImage("sku-1", FilePicture(Path("a.jpg")), "dress/a.jpg", {"category": "dress"})
    now = datetime(2026, 1, 1, tzinfo=UTC)

    document = to_document(
        image, ImageFacts("ab", 30, 40), EMBEDDING, index=VECTOR, embedded_by="f", updated_at=now
    )

    assert document == {
        "_id": "sku-1",
        "category": "dress",
        "image": {"uri": "dress/a.jpg", "sha256": "ab", "width_px": 30, "height_px": 40},
        "embedding": embedding_to_bson(EMBEDDING, VECTOR),
        "embedded_by": "f",
        "updated_at": now,
    }


def test_nested_index_path_puts_the_fingerprint_beside_the_embedding():
    image = GalleryImage(7, FilePicture(Path("a.jpg")), "a.jpg")
    index = index_like(KNN, path="visual.embedding")

    document = to_document(
        image,
        ImageFacts("ab", 1, 1),
        EMBEDDING,
        index=index,
        embedded_by="f",
        updated_at=datetime.now(UTC),
    )

    assert set(document["visual"]) == {"embedding", "embedded_by"}
    assert get_path(document, "visual.embedded_by") == "f"


def test_derived_id_is_the_relative_path_with_its_extension():
    assert derived_item_id(Path("dress") / "1 é#?%.jpg") == "dress/1 é#?%.jpg"
