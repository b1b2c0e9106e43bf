import dataclasses

import pytest

from app.capacity import bytes_per_vector, capacity, quantizations
from app.config import PROJECT_ROOT
from app.indexes import read_index_file
from app.ingest.legs import open_legs
from app.ingest.reader import open_gallery
from app.ingest.runner import ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter
from tests.fakes import FakeEmbedder
from tests.ingest.pictures import save_gallery

INDEX_FILES = ("gallery_knn", "gallery_vector", "gallery_vector_scalar", "gallery_vector_int8")
GRAPH_BYTES = 132


def index_of(name: str, dimensions: int = 512):
    index = read_index_file(PROJECT_ROOT / "atlas" / f"{name}.json")
    return dataclasses.replace(index, dimensions=dimensions)


@pytest.mark.parametrize("name", INDEX_FILES)
def test_a_document_is_as_large_as_what_ingestion_writes(name, collection, tmp_path):
    save_gallery(tmp_path, 7)
    index = index_of(name)
    rows = list(open_gallery(tmp_path, index, "string").rows())
    embedder = FakeEmbedder(vector_type=index.vector_type)
    writer = GalleryWriter(collection, UpdateBuilder(index, embedder.fingerprint))
    with open_legs(embedder, writer, max_pixels=10**6) as legs:
        ingest(rows, legs)

    estimate = capacity(index, 1_000_000, rows)

    assert estimate.document_bytes == writer.bytes_per_document()
    assert estimate.storage_bytes == 1_000_000 * estimate.document_bytes


@pytest.mark.parametrize(
    ("name", "quantization", "number_bytes"),
    [
        ("gallery_knn", "none", 2048),
        ("gallery_vector", "none", 2048),
        ("gallery_vector", "scalar", 512),
        ("gallery_vector", "binary", 64),
        ("gallery_vector_int8", "none", 512),
    ],
)
def test_memory_is_that_of_the_numbers_and_of_the_graph(name, quantization, number_bytes):
    assert bytes_per_vector(index_of(name), quantization) == number_bytes + GRAPH_BYTES


@pytest.mark.parametrize("name", ["gallery_knn", "gallery_vector_int8"])
def test_what_the_engine_cannot_quantize_is_not_offered(name):
    assert quantizations(index_of(name)) == ["none"]


def test_quantized_vectors_stay_on_disk_in_full(tmp_path):
    save_gallery(tmp_path, 1)
    rows = list(open_gallery(tmp_path, index_of("gallery_vector"), "string").rows())

    estimate = capacity(index_of("gallery_vector"), 10, rows)

    memory, disk = estimate.index_memory_bytes, estimate.index_disk_bytes
    assert disk["none"] == memory["none"]
    assert disk["binary"] == memory["binary"] + 10 * 2048
