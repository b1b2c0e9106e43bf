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
    quoted_id,
    to_document,
    vector_type_of,
)
from app.indexes import SearchIndex, read_index_file
from app.pictures import FilePicture

KNN = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")
VECTOR = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")
INT8 = read_index_file(PROJECT_ROOT / "atlas/gallery_vector_int8.json")
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


def test_int8_scales_the_largest_number_to_127():
    stored = embedding_to_bson(EMBEDDING, INT8)

    assert stored == Binary.from_vector([95, -127], BinaryVectorDtype.INT8)


def test_int8_turns_a_vector_by_a_hundredth_at_most():
    embeddings = np.random.default_rng(0).normal(size=(200, 512)).astype(np.float32)

    for embedding in embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True):
        small = embedding_from_bson(embedding_to_bson(embedding, INT8))
        cosine = np.dot(small, embedding) / np.linalg.norm(small)
        assert np.arccos(min(cosine, 1)) < 0.012


def test_int8_that_was_stored_is_asked_for_as_it_was_stored():
    stored = embedding_to_bson(EMBEDDING, INT8)

    assert embedding_to_bson(embedding_from_bson(stored), INT8) == stored


def test_int8_of_zeros_is_zeros():
    stored = embedding_to_bson(np.zeros(3, np.float32), INT8)

    assert stored.as_vector().data == [0, 0, 0]


@pytest.mark.parametrize(
    ("value", "vector_type"),
    [
        ([0.5, 1.0], "float32"),
        (Binary.from_vector([0.5, 1.0], BinaryVectorDtype.FLOAT32), "float32"),
        (Binary.from_vector([5, 1], BinaryVectorDtype.INT8), "int8"),
        (Binary.from_vector([5], BinaryVectorDtype.PACKED_BIT), None),
        (Binary(b"", 9), None),
        (b"\x03\x00\x01", None),
        ("text", None),
        (None, None),
    ],
)
def test_element_type_of_a_stored_value(value, vector_type):
    assert vector_type_of(value) == vector_type


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


def test_a_very_long_id_is_cut_short_in_error_texts():
    assert quoted_id("sku-1") == "'sku-1'"
    assert quoted_id("x" * 98) == f"'{'x' * 98}'"
    assert quoted_id("x" * 5000) == f"'{'x' * 96}..."
