"""Files through GridFS, which is made of two collections, their indexes and many small reads."""

import asyncio
import io
from typing import Any

import pytest
from gridfs import AsyncGridFSBucket, GridFS, GridFSBucket, NoFile
from gridfs.errors import CorruptGridFile, FileExists
from pymongo import AsyncMongoClient
from pymongo.database import Database

from app.local_atlas.node import Node

Docs = Database[dict[str, Any]]

_PICTURE = bytes(range(256)) * 5_000  # five chunks of 255 KiB and a rest


@pytest.fixture
def bucket(db: Docs) -> GridFSBucket:
    return GridFSBucket(db)


def test_file_comes_back_byte_for_byte(db: Docs, bucket: GridFSBucket) -> None:
    file_id = bucket.upload_from_stream("shoe.png", _PICTURE, metadata={"sku": "a-1"})

    stream = bucket.open_download_stream(file_id)

    assert stream.read() == _PICTURE
    assert (stream.filename, stream.length, stream.metadata) == (
        "shoe.png",
        len(_PICTURE),
        {"sku": "a-1"},
    )
    assert db["fs.chunks"].count_documents({"files_id": file_id}) == 5
    assert set(db["fs.chunks"].index_information()) == {"_id_", "files_id_1_n_1"}
    assert set(db["fs.files"].index_information()) == {"_id_", "filename_1_uploadDate_1"}


def test_parts_of_a_file_are_read_from_where_they_lie(bucket: GridFSBucket) -> None:
    stream = bucket.open_download_stream(bucket.upload_from_stream("shoe.png", _PICTURE))

    for start, size in ((0, 10), (255 * 1024 - 5, 10), (1_000_000, 300_000), (10, 0)):
        stream.seek(start)
        assert stream.read(size) == _PICTURE[start : start + size]
    stream.seek(-3, io.SEEK_END)
    assert stream.read() == _PICTURE[-3:]


def test_small_chunks_and_empty_files(bucket: GridFSBucket) -> None:
    with bucket.open_upload_stream("small", chunk_size_bytes=7) as upload:
        upload.write(b"one")
        upload.write(b" and another")

    assert bucket.open_download_stream(upload._id).read() == b"one and another"
    empty = bucket.upload_from_stream("empty", b"")
    assert bucket.open_download_stream(empty).read() == b""


def test_revisions_of_a_name_are_told_apart(bucket: GridFSBucket) -> None:
    for content in (b"first", b"second", b"third"):
        bucket.upload_from_stream("notes", content)

    contents = [
        bucket.open_download_stream_by_name("notes", revision=revision).read()
        for revision in (0, 1, 2, -1, -3)
    ]

    assert contents == [b"first", b"second", b"third", b"third", b"first"]
    with pytest.raises(NoFile):
        bucket.open_download_stream_by_name("notes", revision=3)


def test_files_are_found_renamed_and_deleted(db: Docs, bucket: GridFSBucket) -> None:
    ids = [bucket.upload_from_stream(f"{i}.png", bytes(10), metadata={"n": i}) for i in range(3)]

    bucket.rename(ids[0], "first.png")
    bucket.delete(ids[1])

    found = bucket.find({"metadata.n": {"$lt": 3}}, sort=[("metadata.n", -1)])
    assert [each.filename for each in found] == ["2.png", "first.png"]
    assert db["fs.chunks"].count_documents({"files_id": ids[1]}) == 0
    with pytest.raises(NoFile):
        bucket.delete(ids[1])
    with pytest.raises(NoFile):
        bucket.rename(ids[1], "gone")


def test_upload_that_is_given_up_leaves_nothing(db: Docs, bucket: GridFSBucket) -> None:
    upload = bucket.open_upload_stream("broken", chunk_size_bytes=5)
    upload.write(b"more than a chunk")
    upload.abort()

    assert db["fs.chunks"].count_documents({}) == 0
    assert db["fs.files"].count_documents({}) == 0


def test_id_of_the_callers_own_may_be_used_once(db: Docs) -> None:
    files = GridFS(db, collection="pictures")
    files.put(b"content", _id="sku-1", filename="shoe")

    with pytest.raises(FileExists):
        files.put(b"other", _id="sku-1")

    assert files.get("sku-1").read() == b"content"
    assert files.list() == ["shoe"]
    assert files.exists(filename="shoe")


def test_missing_chunk_is_noticed(db: Docs, bucket: GridFSBucket) -> None:
    file_id = bucket.upload_from_stream("damaged", bytes(20), chunk_size_bytes=5)
    db["fs.chunks"].delete_one({"n": 2})

    with pytest.raises(CorruptGridFile):
        bucket.open_download_stream(file_id).read()


async def _round_trip(uri: str, database: str) -> bytes:
    async with AsyncMongoClient[dict[str, Any]](uri) as client:
        bucket = AsyncGridFSBucket(client[database])
        file_id = await bucket.upload_from_stream("async.png", _PICTURE)
        stream = await bucket.open_download_stream(file_id)
        return await stream.read()


def test_asynchronous_files_are_the_same(local_atlas: Node, db: Docs) -> None:
    assert asyncio.run(_round_trip(local_atlas.uri, db.name)) == _PICTURE
