"""Galleries in buckets: S3 from moto's server on loopback, others on fsspec's memory."""

import io
import itertools
import json

import fsspec
import pytest

from app.buckets import BucketError, Store
from app.config import PROJECT_ROOT
from app.errors import ConfigError, ServiceError
from app.indexes import read_index_file
from app.ingest.failures import Failure
from app.ingest.legs import open_legs
from app.ingest.reader import open_gallery
from app.ingest.runner import ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter
from app.pictures import NotModified, PictureUnavailable, Validators
from tests.buckets import TestBucket, locked
from tests.fakes import FakeEmbedder
from tests.ingest.pictures import png
from tests.ingest.watching import Watching

INDEX = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")

_numbers = itertools.count(1)


@pytest.fixture
def bucket(s3):
    return TestBucket(s3, f"shop-{next(_numbers)}")


def run(collection, location):
    """Return embedded, written, unchanged, failed; and the failures."""
    embedder, watching = FakeEmbedder(), Watching()
    writer = GalleryWriter(collection, UpdateBuilder(INDEX, embedder.fingerprint))
    with open_legs(embedder, writer, max_pixels=1_000_000) as legs:
        rows = open_gallery(location, INDEX, "string").rows()
        report = ingest(rows, legs, observer=watching, batch_size=4)
    counts = report.embedded, report.written, report.unchanged, report.failed
    return counts, watching.failures


def test_every_picture_below_a_prefix_is_an_item_in_the_order_of_keys(bucket):
    for key in (
        *("p/b/2 é#?%.png", "p/b/10.png", "p/a.jpg", "p/notes.txt", "p/.hidden/c.png"),
        *("p/b/", "p/b/deep/er.PNG", "other/x.png", "px.png"),
    ):
        bucket.put(key, b"x")

    for location in (f"s3://{bucket.name}/p", f"s3://{bucket.name}/p/"):
        rows = list(open_gallery(location, INDEX, "string").rows())

        assert [row.item_id for row in rows] == [
            *("a.jpg", "b/10.png", "b/2 é#?%.png", "b/deep/er.PNG")
        ]
        assert [row.fields.get("category") for row in rows] == [None, "b", "b", "b"]
        assert rows[2].uri == str(rows[2].source) == f"s3://{bucket.name}/p/b/2 é#?%.png"


def test_a_whole_bucket_is_read_page_by_page(bucket, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "5")
    names = [f"{i:02}.png" for i in range(12)]
    for name in names:
        bucket.put(name, b"x")

    rows = open_gallery(f"s3://{bucket.name}", INDEX, "string").rows()

    assert [row.item_id for row in rows] == names


def test_a_second_run_downloads_only_what_has_changed(collection, bucket, monkeypatch):
    for i, color in enumerate(("red", "green", "blue", "black", "white")):
        bucket.put(f"photos/{i}.png", png(color))
    location = f"s3://{bucket.name}/photos"
    reads = []
    read = Store.read

    def note(self, path):
        reads.append(path)
        return read(self, path)

    monkeypatch.setattr(Store, "read", note)

    assert run(collection, location) == ((5, 5, 0, 0), [])
    image = collection.find_one({"_id": "3.png"})["image"]
    assert image["uri"] == f"{location}/3.png"
    assert image["etag"].startswith('"')
    reads.clear()
    bucket.put("photos/3.png", png("yellow"))
    bucket.put("photos/4.png", png("white"))

    assert run(collection, location) == ((1, 1, 4, 0), [])
    assert reads == [f"{bucket.name}/photos/3.png"]


def test_a_bucket_without_permission_is_one_sentence(bucket, s3):
    with locked(s3):
        with pytest.raises(BucketError) as error:
            list(open_gallery(f"s3://{bucket.name}/p", INDEX, "string").rows())
        with pytest.raises(BucketError) as of_feed:
            open_gallery(f"s3://{bucket.name}/feed.csv", INDEX, "string")

    assert error.value.message == (
        f"s3://{bucket.name}/p cannot be read: permission denied to the environment's credentials."
    )
    assert "permission denied" in of_feed.value.message
    assert not error.value.retryable


def test_a_bucket_that_does_not_exist_is_one_sentence(bucket):
    with pytest.raises(ServiceError, match=r"^s3://nobodys-bucket/p does not exist\.$"):
        list(open_gallery("s3://nobodys-bucket/p", INDEX, "string").rows())


def test_an_endpoint_that_does_not_answer_is_one_sentence(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.filesystem("s3").clear_instance_cache()

    with pytest.raises(BucketError, match="Could not connect") as error:
        list(open_gallery("s3://shop/p", INDEX, "string").rows())
    assert error.value.retryable


def test_no_credentials_in_the_environment_are_one_sentence(bucket, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    fsspec.filesystem("s3").clear_instance_cache()

    with pytest.raises(BucketError, match="the environment holds no credentials for it"):
        list(open_gallery("s3://shop/p", INDEX, "string").rows())


def test_a_feed_in_a_bucket_names_pictures_beside_it_and_in_other_buckets(collection, bucket, s3):
    other = TestBucket(s3, f"other-{next(_numbers)}")
    bucket.put("shop/feeds/photos/1.png", png("red"))
    bucket.put("shop/2.png", png("green"))
    other.put("3.png", png("blue"))
    bucket.put("shop/feeds/private.png", png("white"))
    bucket.deny("s3:GetObject", "shop/feeds/private.png")
    records = [
        {"_id": "a", "image": "photos/1.png", "price": 7},
        {"_id": "b", "image": f"s3://{other.name}/3.png"},
        {"_id": "c", "image": "../2.png"},
        {"_id": "d", "image": "gone.png"},
        {"_id": "e", "image": "private.png"},
        {"_id": "f", "image": f"s3://key:secret@{other.name}/3.png"},
        {"_id": "g", "image": "ftp://x.example/1.png"},
    ]
    feed = "\n".join(map(json.dumps, records)).encode()
    bucket.put("shop/feeds/feed.jsonl", feed)
    location = f"s3://{bucket.name}/shop/feeds/feed.jsonl"

    counts, failures = run(collection, location)

    assert counts == (2, 2, 0, 5)
    assert collection.find_one({"_id": "a"})["price"] == 7
    assert collection.find_one({"_id": "b"})["image"]["uri"] == f"s3://{other.name}/3.png"
    by_id = {one.item_id: one for one in failures}
    assert by_id["c"] == Failure(
        "c",
        f"{location}:3",
        f"Line 3: image ('../2.png') must be in the folder {bucket.name}/shop/feeds.",
    )
    assert by_id["d"].reason.endswith("/shop/feeds/gone.png does not exist.")
    assert "permission denied" in by_id["e"].reason
    assert "must hold no credentials" in by_id["f"].reason
    assert "must be a path, an https URL, or a key" in by_id["g"].reason
    assert "secret" not in str(failures)
    assert run(collection, location)[0] == (0, 0, 2, 5)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_feeds_of_every_format_are_read_from_a_bucket(bucket, suffix):
    if suffix == "csv":
        content = b"\xef\xbb\xbfimage,price\n1.png,7\n"
    else:
        import pyarrow as pa
        from pyarrow import parquet

        sink = io.BytesIO()
        parquet.write_table(pa.table({"image": ["1.png"], "price": [7]}), sink)
        content = sink.getvalue()
    bucket.put(f"feed.{suffix}", content)

    gallery = open_gallery(f"s3://{bucket.name}/feed.{suffix}", INDEX, "string")

    (row,) = gallery.rows()
    assert (row.item_id, row.uri) == ("1.png", f"s3://{bucket.name}/1.png")
    assert row.fields == {"price": 7}
    assert gallery.count() == 1


@pytest.fixture
def memory():
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/", recursive=True)


def test_other_stores_are_read_folder_by_folder(collection, memory):
    for key in ("shop/b/2.png", "shop/a/1.png", "shop/b/10.png", "else/3.png"):
        memory.pipe(f"/{key}", png())

    rows = list(open_gallery("memory://shop", INDEX, "string").rows())

    assert [row.item_id for row in rows] == ["a/1.png", "b/10.png", "b/2.png"]
    assert rows[0].uri == "memory://shop/a/1.png"
    assert run(collection, "memory://shop")[0] == (1, 3, 0, 0)
    memory.pipe("/shop/b/2.png", png("blue"))
    assert run(collection, "memory://shop")[0] == (1, 1, 2, 0)


def test_an_object_without_an_etag_is_known_by_its_time(memory):
    memory.pipe("/shop/1.png", png())
    (row,) = open_gallery("memory://shop", INDEX, "string").rows()
    validators = row.source.read(None).validators

    assert validators.etag is None
    assert row.source.read(validators) == NotModified()
    assert row.source.read(Validators(None, "earlier")) != NotModified()
    assert row.source.read(Validators('"tag"', validators.last_modified)) != NotModified()


def test_an_object_that_is_too_large_is_not_read(memory, monkeypatch):
    memory.pipe("/shop/1.png", png())
    monkeypatch.setattr("app.pictures.MAX_PICTURE_BYTES", 10)
    (row,) = open_gallery("memory://shop", INDEX, "string").rows()

    with pytest.raises(PictureUnavailable, match="at most 10 are read"):
        row.source.read(None)


def test_a_store_whose_package_is_missing_says_which(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)

    with pytest.raises(ConfigError, match="needs the package gcsfs, which is not installed"):
        open_gallery("gs://shop/p", INDEX, "string")


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("s3://", "names no bucket"),
        ("s3:///photos", "names no bucket"),
        ("s3://key:se/cret@shop/p", "must hold no credentials"),
        ("s3://key:secret@shop/p", "must hold no credentials"),
        (
            "https://user:secret@shop.example/p?secret",
            "is no bucket; expected s3://, gs://, or a path",
        ),
    ],
)
def test_a_location_that_cannot_be_used_is_refused_without_its_secrets(location, reason):
    with pytest.raises(ConfigError, match=reason) as error:
        open_gallery(location, INDEX, "string")
    assert "secret" not in error.value.message
    assert "cret" not in error.value.message.replace("secret", "")


def test_a_bucket_has_only_string_ids(memory):
    with pytest.raises(ConfigError, match="ID_TYPE is int"):
        open_gallery("memory://shop", INDEX, "int")


def test_a_feed_whose_bucket_breaks_off_is_one_sentence(memory, monkeypatch):
    lines = [json.dumps({"image": f"{i:06}.png"}) for i in range(20_000)]
    memory.pipe("/shop/feed.jsonl", "\n".join(lines).encode())
    gallery = open_gallery("memory://shop/feed.jsonl", INDEX, "string")
    rows = gallery.rows()
    assert next(rows).item_id == "000000.png"

    def broken(self, size=-1):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFile.read", broken)
    with pytest.raises(BucketError, match=r"feed\.jsonl cannot be read: .*Input/output error"):
        list(rows)
