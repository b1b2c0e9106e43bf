"""The size of bulk writes; what they do is tested in `test_ingest.py` on a real LocalAtlas."""

from pathlib import Path

import bson
import pytest
from bson import Int64

from app.config import PROJECT_ROOT
from app.documents import GalleryImage
from app.indexes import read_index_file
from app.ingest.updates import Update, UpdateBuilder
from app.ingest.writer import MAX_BULK_BYTES, MAX_BULK_OPERATIONS, GalleryWriter, id_key
from app.pictures import FilePicture

INDEX = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")


class RecordingCollection:
    """Notes how many operations each bulk write was given."""

    def __init__(self):
        self.bulks: list[int] = []

    def bulk_write(self, operations, *, ordered):
        assert not ordered
        self.bulks.append(len(operations))


def updates(count: int, size_bytes: int) -> list[Update]:
    return [
        Update(
            GalleryImage(str(i), FilePicture(Path("x")), "x"), {"$set": {"title": "x" * size_bytes}}
        )
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("count", "size_bytes", "bulks"),
    [
        pytest.param(0, 1, [], id="nothing"),
        pytest.param(1, 1, [1], id="one"),
        pytest.param(MAX_BULK_OPERATIONS + 1, 1, [MAX_BULK_OPERATIONS, 1], id="many"),
        pytest.param(5, MAX_BULK_BYTES // 2 - 100, [2, 2, 1], id="large"),
        pytest.param(2, MAX_BULK_BYTES + 1, [1, 1], id="larger than a bulk"),
    ],
)
def test_a_bulk_is_bounded_by_count_and_by_bytes(count, size_bytes, bulks):
    collection = RecordingCollection()

    GalleryWriter(collection, UpdateBuilder(INDEX, "f")).write(updates(count, size_bytes))

    assert bulks == collection.bulks
    assert len(bson.encode(updates(1, size_bytes)[0].operators)) > size_bytes


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (7, Int64(7), True),
        (7, 7.0, True),
        (1, True, False),
        (1, "1", False),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
    ],
)
def test_ids_have_the_same_key_where_the_database_calls_them_the_same(one, other, is_same):
    assert (id_key(one) == id_key(other)) is is_same
