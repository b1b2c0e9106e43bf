"""Pictures in a bucket, shown by the service: S3 from moto's server on loopback."""

import itertools
from dataclasses import replace

import pytest

from app import shown_bucket
from app.buckets import Store
from app.errors import ConfigError, ImageUnavailable
from app.shown_bucket import ShownBucket
from tests.buckets import TestBucket, locked
from tests.ingest.pictures import png

_numbers = itertools.count(1)


@pytest.fixture
def bucket(s3):
    return TestBucket(s3, f"shown-{next(_numbers)}")


@pytest.fixture
def show(bucket, gallery, embedder, serve, collection):
    """Return a function that asks the service for an item whose picture is at a URI."""
    client = serve(replace(gallery, gallery_bucket=f"s3://{bucket.name}/photos"), embedder)

    def ask(uri):
        collection.update_one({"_id": "blue"}, {"$set": {"image.uri": uri}})
        return client.get("/items/blue/image")

    return ask


def test_a_picture_below_the_setting_is_served_with_its_sniffed_type(bucket, show):
    bucket.put("photos/dress/1 é#?%.jpg", png("blue"))

    response = show(f"s3://{bucket.name}/photos/dress/1 é#?%.jpg")

    assert response.status_code == 200
    assert response.content == png("blue")
    assert response.headers["content-type"] == "image/png"
    assert response.headers["cache-control"] == "public, max-age=3600"


@pytest.mark.parametrize(
    "key",
    ["photos/page.png", "photos/gone.png", "secret.png", "photos-2/1.png", "photos/../secret.png"],
)
def test_what_is_elsewhere_or_no_picture_is_404(bucket, show, key):
    bucket.put("photos/page.png", b"<script>alert(1)</script>")
    for hidden in ("secret.png", "photos-2/1.png", "photos/../secret.png"):
        bucket.put(hidden, png())

    response = show(f"s3://{bucket.name}/{key}")

    assert response.status_code == 404
    assert response.json()["detail"] == "Item 'blue' has no picture below GALLERY_BUCKET."


def test_a_picture_of_another_bucket_is_not_read(s3, bucket, show):
    other = TestBucket(s3, f"{bucket.name}-other")
    other.put("photos/1.png", png())

    assert show(f"s3://{other.name}/photos/1.png").status_code == 404


def test_without_the_setting_no_bucket_is_read(bucket, gallery, embedder, serve, collection):
    bucket.put("photos/1.png", png())
    uri = f"s3://{bucket.name}/photos/1.png"
    collection.update_one({"_id": "blue"}, {"$set": {"image.uri": uri}})

    assert serve(gallery, embedder).get("/items/blue/image").status_code == 404


def test_an_object_that_is_too_large_is_not_read(bucket, gallery, embedder, serve, collection):
    bucket.put("1.png", png())
    collection.update_one({"_id": "blue"}, {"$set": {"image.uri": f"s3://{bucket.name}/1.png"}})
    settings = replace(gallery, gallery_bucket=f"s3://{bucket.name}")

    assert serve(settings, embedder).get("/items/blue/image").content == png()
    tight = replace(settings, fetch_max_bytes=len(png()) - 1)
    assert serve(tight, embedder).get("/items/blue/image").status_code == 404


def test_a_bucket_that_does_not_give_it_is_503_and_tells_the_log_alone(s3, bucket, show, caplog):
    bucket.put("photos/1.png", png())

    with locked(s3):
        response = show(f"s3://{bucket.name}/photos/1.png")

    assert response.status_code == 503
    assert response.json()["code"] == "image_unavailable"
    assert response.json()["detail"] == "The bucket does not give the picture now."
    assert "permission denied" in caplog.text


def test_who_waits_too_long_for_a_turn_is_told_so(bucket, monkeypatch):
    bucket.put("1.png", png())
    uri = f"s3://{bucket.name}/1.png"
    monkeypatch.setattr(shown_bucket, "READS_AT_ONCE", 1)
    monkeypatch.setattr(shown_bucket, "MAX_WAIT_S", 0.0)
    shown = ShownBucket(f"s3://{bucket.name}", 1_000_000)
    read, refused = Store.read, []

    def read_and_ask_beside(store, path):
        with pytest.raises(ImageUnavailable, match="busy with other pictures") as error:
            shown.read(uri)
        refused.append(error)
        return read(store, path)

    monkeypatch.setattr(Store, "read", read_and_ask_beside)

    assert shown.read(uri) == png()
    assert len(refused) == 1
    monkeypatch.setattr(Store, "read", read)
    assert shown.read(uri) == png()


def test_a_store_whose_package_is_missing_ends_the_process_at_start(
    gallery, embedder, serve, monkeypatch
):
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)

    with pytest.raises(ConfigError, match="needs the package gcsfs, which is not installed"):
        serve(replace(gallery, gallery_bucket="gs://shop"), embedder)
