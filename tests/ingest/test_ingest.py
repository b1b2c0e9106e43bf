"""Reader, embedder, writer and runner together, on a real LocalAtlas."""

import json
import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import bson
import numpy as np
import pytest
from bson import Binary
from PIL import ExifTags, Image

from app.config import PROJECT_ROOT
from app.documents import embedding_from_bson
from app.embedding.images import read_image
from app.errors import ConfigError
from app.indexes import SearchIndex, read_index_file
from app.ingest.legs import open_legs, without_effect
from app.ingest.reader import open_gallery
from app.ingest.runner import ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter
from tests.fakes import FakeEmbedder
from tests.ingest.pictures import save_gallery, save_picture
from tests.ingest.watching import Watching

KNN = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")
VECTOR = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")
INT8 = read_index_file(PROJECT_ROOT / "atlas/gallery_vector_int8.json")


def run(
    collection, gallery: Path, *, index=KNN, embedder=None, batch_size=4, watching=None, dry=False
):
    embedder = embedder or FakeEmbedder()
    writer = GalleryWriter(collection, UpdateBuilder(index, embedder.fingerprint))
    with open_legs(embedder, writer, max_pixels=1_000_000) as legs:
        return ingest(
            open_gallery(gallery, index, "string").rows(),
            without_effect(legs) if dry else legs,
            batch_size=batch_size,
            observer=watching,
        )


def counts(report):
    return report.read, report.written, report.unchanged, report.failed


def manifest(root: Path, *records: dict) -> Path:
    path = root / "feed.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize("index", [KNN, VECTOR], ids=["knn", "vector"])
def test_each_picture_becomes_a_document(collection, tmp_path, index: SearchIndex):
    ids = save_gallery(tmp_path)
    embedder = FakeEmbedder()

    report = run(collection, tmp_path, index=index, embedder=embedder)

    assert counts(report) == (10, 10, 0, 0)
    documents = list(collection.find().sort("_id", 1))
    assert ids == [document["_id"] for document in documents]
    for document in documents:
        assert sorted(document) == [
            "_id",
            "category",
            "embedded_by",
            "embedding",
            "image",
            "updated_at",
        ]
        picture = read_image(tmp_path / document["_id"])
        expected = embedder.embed_images([picture])[0]
        assert np.array_equal(expected, embedding_from_bson(document["embedding"]))
        assert isinstance(document["embedding"], list if index is KNN else Binary)
        assert document["image"] | {"sha256": ""} == {
            "uri": document["_id"],
            "sha256": "",
            "width_px": 24,
            "height_px": 16,
        }
        assert len(document["image"]["sha256"]) == 64
        assert document["embedded_by"] == embedder.fingerprint
        assert document["category"] == document["_id"].split("/")[0]
        assert isinstance(document["updated_at"], datetime)


def test_a_second_run_changes_nothing_and_loads_no_model(collection, tmp_path):
    save_gallery(tmp_path)
    run(collection, tmp_path)
    before = list(collection.find())
    embedder = FakeEmbedder()

    report = run(collection, tmp_path, embedder=embedder)

    assert counts(report) == (10, 0, 10, 0)
    assert not embedder.is_loaded
    assert before == list(collection.find())


def test_only_new_and_changed_pictures_are_embedded(collection, tmp_path):
    save_gallery(tmp_path)
    run(collection, tmp_path)
    collection.update_one({"_id": "dress/000.png"}, {"$set": {"image.alt": "kept", "stock": 7}})
    save_picture(tmp_path / "dress/000.png", "magenta")
    save_picture(tmp_path / "hat/new.png", "cyan")
    embedder = FakeEmbedder()

    report = run(collection, tmp_path, embedder=embedder)

    assert counts(report) == (11, 2, 9, 0)
    assert sum(embedder.batches) == 2
    changed = collection.find_one({"_id": "dress/000.png"})
    expected = embedder.embed_images([Image.new("RGB", (24, 16), "magenta")])[0]
    assert np.allclose(expected, embedding_from_bson(changed["embedding"]))
    assert (changed["image"]["alt"], changed["stock"]) == ("kept", 7)


def test_exchanged_pictures_are_both_embedded_again(collection, tmp_path):
    save_picture(tmp_path / "a.png", "red")
    save_picture(tmp_path / "b.png", "blue")
    run(collection, tmp_path)
    save_picture(tmp_path / "a.png", "blue")
    save_picture(tmp_path / "b.png", "red")

    report = run(collection, tmp_path)

    assert counts(report) == (2, 2, 0, 0)


def test_changed_fields_are_written_without_embedding_again(collection, tmp_path):
    save_picture(tmp_path / "1.png")
    row = {"_id": "a", "image": "1.png"}
    feed = manifest(tmp_path, row | {"price": 10, "title": "old", "tags": ["x"]})
    run(collection, feed)
    before = collection.find_one({"_id": "a"})
    collection.update_one({"_id": "a"}, {"$set": {"stock": 7, "image.alt": "a shirt"}})
    manifest(tmp_path, row | {"price": 12.5, "title": None, "tags": ["x"], "color": "red"})
    embedder = FakeEmbedder()

    report = run(collection, feed, embedder=embedder)

    after = collection.find_one({"_id": "a"})
    assert counts(report) == (1, 1, 0, 0)
    assert report.embedded == 0
    assert not embedder.is_loaded
    assert after["embedding"] == before["embedding"]
    assert (after["price"], after["color"], after["tags"]) == (12.5, "red", ["x"])
    assert "title" not in after
    assert after["stock"] == 7
    assert after["image"] == before["image"] | {"alt": "a shirt"}
    assert counts(run(collection, feed)) == (1, 0, 1, 0)


@pytest.mark.parametrize(("old", "new"), [(1, True), (1, 1.0), ("1", 1), ([1], [1, 2])])
def test_a_value_of_another_type_is_a_change(collection, tmp_path, old, new):
    save_picture(tmp_path / "1.png")
    feed = manifest(tmp_path, {"image": "1.png", "size": old})
    run(collection, feed)
    manifest(tmp_path, {"image": "1.png", "size": new})

    assert counts(run(collection, feed)) == (1, 1, 0, 0)
    assert type(collection.find_one()["size"]) is type(new)


def test_another_model_embeds_everything_anew(collection, tmp_path):
    save_gallery(tmp_path)
    run(collection, tmp_path)
    other = FakeEmbedder(name="other")

    report = run(collection, tmp_path, embedder=other)

    assert counts(report) == (10, 10, 0, 0)
    assert collection.distinct("embedded_by") == [other.fingerprint]


def test_the_writer_refuses_to_mix_models(collection, tmp_path):
    save_gallery(tmp_path)
    run(collection, tmp_path)
    own = GalleryWriter(collection, UpdateBuilder(KNN, FakeEmbedder().fingerprint))
    other = GalleryWriter(collection, UpdateBuilder(KNN, FakeEmbedder(name="other").fingerprint))

    own.check_model()
    assert (own.count_other_models(), other.count_other_models()) == (0, 10)
    with pytest.raises(ConfigError, match="--replace-model") as refusal:
        other.check_model()
    assert FakeEmbedder().fingerprint[:12] in refusal.value.message


def test_documents_without_an_embedding_do_not_count_as_another_model(collection):
    collection.insert_one({"_id": "a", "title": "no embedding yet"})

    GalleryWriter(collection, UpdateBuilder(KNN, "f" * 64)).check_model()


@pytest.mark.parametrize(
    ("stored", "own"), [(VECTOR, INT8), (KNN, INT8), (INT8, VECTOR), (INT8, KNN)]
)
def test_the_writer_refuses_to_mix_element_types(collection, tmp_path, stored, own):
    save_gallery(tmp_path)
    run(collection, tmp_path, index=stored)

    GalleryWriter(collection, UpdateBuilder(stored, "f")).check_vector_type()
    with pytest.raises(ConfigError, match=f"holds {stored.vector_type} vectors at 'embedding'"):
        GalleryWriter(collection, UpdateBuilder(own, "f")).check_vector_type()


def test_vectors_of_unknown_origin_count_as_of_another_type(collection):
    collection.insert_many([{"_id": "a", "title": "none"}, {"_id": "b", "embedding": [0.5, 0.5]}])

    GalleryWriter(collection, UpdateBuilder(KNN, "f")).check_vector_type()
    with pytest.raises(ConfigError, match=r"holds float32 vectors .* says vectorType int8"):
        GalleryWriter(collection, UpdateBuilder(INT8, "f")).check_vector_type()


def test_bytes_per_document_are_those_stored_by_this_model(collection, tmp_path):
    save_gallery(tmp_path)
    builder = UpdateBuilder(INT8, FakeEmbedder().fingerprint)
    writer = GalleryWriter(collection, builder)

    assert writer.bytes_per_document() is None
    run(collection, tmp_path, index=INT8)
    collection.insert_one({"_id": "large", "embedded_by": "other", "text": "x" * 100_000})

    sizes = [len(bson.encode(one)) for one in collection.find({"embedded_by": builder.embedded_by})]
    assert writer.bytes_per_document() == round(sum(sizes) / len(sizes))


def test_a_bad_picture_shifts_nothing_and_is_counted(collection, tmp_path):
    ids = save_gallery(tmp_path)
    for name, content in {
        "dress/000b.png": b"",
        "dress/003.jpg": b"<html>",
        "shirt/004.png": (tmp_path / ids[0]).read_bytes()[:-40],
    }.items():
        (tmp_path / name).write_bytes(content)
    Image.new("RGB", (1, 1)).save(tmp_path / "shirt/zz.png")
    Image.new("1", (1001, 1000)).save(tmp_path / "shirt/large.png")
    (tmp_path / "shirt/gone.png").symlink_to(tmp_path / "shirt/nowhere.png")
    watching = Watching()
    embedder = FakeEmbedder()

    report = run(collection, tmp_path, watching=watching, embedder=embedder)

    assert counts(report) == (16, 10, 0, 6)
    assert watching.settled == 16
    reasons = {one.item_id: one.reason for one in watching.failures}
    assert reasons["dress/000b.png"] == "The picture is empty (0 bytes)."
    assert reasons["dress/003.jpg"].startswith("The picture is not a picture")
    assert "truncated" in reasons["shirt/004.png"]
    assert "1 x 1 px" in reasons["shirt/zz.png"]
    assert "at most 1,000,000 pixels" in reasons["shirt/large.png"]
    assert reasons["shirt/gone.png"] == "The picture cannot be read: No such file or directory."
    assert [Path(one.source).name for one in watching.failures] == [
        Path(one.item_id).name for one in watching.failures
    ]
    for document in collection.find():
        expected = embedder.embed_images([read_image(tmp_path / document["_id"])])[0]
        assert np.array_equal(expected, embedding_from_bson(document["embedding"]))


def test_rows_that_failed_before_are_counted_with_the_others(collection, tmp_path):
    save_picture(tmp_path / "1.png")
    feed = manifest(
        tmp_path,
        {"_id": "a", "image": "1.png"},
        {"_id": "a", "image": "1.png"},
        {"_id": "b", "image": "1.png", "price": "x"},
        {"_id": "c", "image": "1.png"},
    )

    assert counts(run(collection, feed)) == (4, 2, 0, 2)


def test_fields_that_bson_cannot_hold_fail_their_own_row(collection, tmp_path):
    save_picture(tmp_path / "1.png")
    feed = manifest(
        tmp_path,
        {"_id": "a", "image": "1.png", "n": 2**64},
        {"_id": "b", "image": "1.png", "s": "\ud800"},
        {"_id": "c", "image": "1.png", "long": "x" * (15 * 1024 * 1024)},
        {"_id": "d", "image": "1.png"},
    )
    watching = Watching()

    report = run(collection, feed, watching=watching)

    assert counts(report) == (4, 1, 0, 3)
    assert all(one.reason.startswith("Its fields ") for one in watching.failures)


def test_a_write_that_the_database_refuses_fails_that_row_only(collection, tmp_path):
    collection.create_index("sku", unique=True, sparse=True)
    save_picture(tmp_path / "1.png")
    feed = manifest(
        tmp_path,
        {"_id": "a", "image": "1.png", "sku": 1},
        {"_id": "b", "image": "1.png", "sku": 1},
        {"_id": "c", "image": "1.png", "sku": 2},
    )
    watching = Watching()

    report = run(collection, feed, watching=watching)

    assert counts(report) == (3, 2, 0, 1)
    (failure,) = watching.failures
    assert failure.item_id == "b"
    assert failure.reason.startswith("The database refused it: E11000 duplicate key")
    assert sorted(collection.distinct("_id")) == ["a", "c"]


def test_an_embedding_that_is_not_finite_is_not_written(collection, tmp_path):
    class Broken(FakeEmbedder):
        def _embed_pixel_batch(self, pixels):
            rows = super()._embed_pixel_batch(pixels)
            rows[1] = np.nan
            return rows

    save_gallery(tmp_path, 3)
    watching = Watching()

    report = run(collection, tmp_path, embedder=Broken(), watching=watching)

    assert counts(report) == (3, 2, 0, 1)
    assert [one.reason for one in watching.failures] == ["Its embedding is not finite."]


def test_batches_are_filled_across_unchanged_rows(collection, tmp_path):
    save_gallery(tmp_path, 32)
    run(collection, tmp_path)
    for i in range(0, 32, 4):
        save_picture(tmp_path / f"dress/{i:03}.png", (i, 0, 0))
    embedder = FakeEmbedder()

    run(collection, tmp_path, embedder=embedder, batch_size=4)

    assert embedder.batches == [4, 4]


def test_a_run_that_is_stopped_reports_what_it_did_and_the_next_goes_on(collection, tmp_path):
    save_gallery(tmp_path, 40)
    watching = Watching(stop_after=8)

    report = run(collection, tmp_path, watching=watching)

    assert report.is_interrupted
    assert 8 <= report.read < 40
    assert report.read == report.written == collection.count_documents({})
    assert counts(run(collection, tmp_path)) == (40, 40 - report.read, report.read, 0)


def test_a_dry_run_counts_alike_and_writes_nothing(collection, tmp_path):
    save_gallery(tmp_path)
    (tmp_path / "bad.png").write_bytes(b"")
    embedder = FakeEmbedder()

    report = run(collection, tmp_path, embedder=embedder, dry=True)

    assert counts(report) == (11, 10, 0, 1)
    assert not embedder.is_loaded
    assert collection.count_documents({}) == 0


def test_a_camera_picture_waits_prepared_and_keeps_its_size_in_the_document(collection, tmp_path):
    class Watchful(FakeEmbedder):
        def _embed_pixel_batch(self, pixels):
            self.shape = pixels.shape
            return super()._embed_pixel_batch(pixels)

    ramp = Image.linear_gradient("L").resize((1600, 2000))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turned = Image.merge("RGB", (ramp, ramp.rotate(180), ramp)).transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "a.jpg", exif=exif)
    embedder = Watchful()
    writer = GalleryWriter(collection, UpdateBuilder(KNN, embedder.fingerprint))

    with open_legs(embedder, writer, max_pixels=10_000_000) as legs:
        ingest(open_gallery(tmp_path, KNN, "string").rows(), legs)

    assert embedder.shape == (1, embedder.input_side_px, embedder.input_side_px, 3)
    image = collection.find_one({"_id": "a.jpg"})["image"]
    assert (image["width_px"], image["height_px"]) == (1600, 2000)
    whole = embedder.embed_images([read_image(tmp_path / "a.jpg")])[0]
    stored = embedding_from_bson(collection.find_one({"_id": "a.jpg"})["embedding"])
    assert float(whole @ stored) > 0.999


def test_the_embedding_may_live_in_a_sub_document_that_others_share(collection, tmp_path):
    definition = {"fields": []}
    index = replace(KNN, path="visual.embedding", definition=definition)
    save_picture(tmp_path / "1.png")
    collection.insert_one({"_id": "1.png", "title": "the shop's", "visual": {"note": "kept"}})

    report = run(collection, tmp_path, index=index)

    document = collection.find_one()
    assert counts(report) == (1, 1, 0, 0)
    assert document["title"] == "the shop's"
    assert sorted(document["visual"]) == ["embedded_by", "embedding", "note"]
    assert counts(run(collection, tmp_path, index=index)) == (1, 0, 1, 0)


def test_an_error_of_the_database_ends_the_run_and_its_threads(collection, tmp_path):
    save_gallery(tmp_path, 20)
    threads = threading.active_count()

    class Unreachable(Exception):
        pass

    def refuse(updates):
        raise Unreachable

    embedder = FakeEmbedder()
    writer = GalleryWriter(collection, UpdateBuilder(KNN, embedder.fingerprint))
    with (
        pytest.raises(Unreachable),
        open_legs(embedder, writer, max_pixels=1_000_000) as legs,
    ):
        ingest(
            open_gallery(tmp_path, KNN, "string").rows(), replace(legs, write=refuse), batch_size=2
        )

    assert threads >= threading.active_count()
