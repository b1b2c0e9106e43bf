"""The same bytes under several ids, over runs on a real LocalAtlas."""

import fsspec
import pytest

from app.buckets import Store
from app.config import PROJECT_ROOT
from app.documents import GalleryImage
from app.fetching import Fetcher
from app.indexes import read_index_file
from app.ingest import known_embeddings, preparation
from app.ingest.guest_writing import GuestUpdateBuilder, GuestWriter
from app.ingest.legs import open_legs, without_effect
from app.ingest.reader import open_gallery
from app.ingest.runner import ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.url_pictures import UrlPicture
from app.ingest.writer import MAX_FOUND_PER_HASH, GalleryWriter
from app.live_indexes import create_ordinary_indexes
from app.pictures import FilePicture
from tests.fakes import FakeEmbedder
from tests.ingest.pictures import save_picture
from tests.ingest.watching import Watching
from tests.picture_server import LOOPBACK, answering, serving

KNN = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")
VECTOR = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")
INT8 = read_index_file(PROJECT_ROOT / "atlas/gallery_vector_int8.json")
GUEST = read_index_file(PROJECT_ROOT / "atlas/products_vector.json")


@pytest.fixture
def decoded(monkeypatch):
    """How many pictures were decoded, a number each."""
    calls = []
    decode = preparation.read_for_side

    def counted(*arguments, **options):
        calls.append(1)
        return decode(*arguments, **options)

    monkeypatch.setattr(preparation, "read_for_side", counted)
    return calls


def rows_of(path, *ids):
    return [GalleryImage(item_id, FilePicture(path), path.name) for item_id in ids]


def run(writer, rows, *, model="fake", watching=None, is_dry=False):
    """Ingest; return embedded, duplicates, written, unchanged, failed."""
    with open_legs(FakeEmbedder(name=model), writer, max_pixels=1_000_000) as legs:
        report = ingest(
            rows, without_effect(legs) if is_dry else legs, batch_size=4, observer=watching
        )
    counts = report.written, report.unchanged, report.failed
    assert report.read == sum(counts)
    return report.embedded, report.duplicates, *counts


def writer_of(collection, *, index=KNN, model="fake", is_indexed=True):
    if is_indexed:
        create_ordinary_indexes(collection, index)
    return GalleryWriter(collection, UpdateBuilder(index, FakeEmbedder(name=model).fingerprint))


@pytest.mark.parametrize("index", [KNN, VECTOR, INT8], ids=["knn", "vector", "int8"])
def test_the_same_bytes_are_embedded_once_and_written_to_each_id(
    collection, tmp_path, decoded, monkeypatch, index
):
    monkeypatch.setattr(known_embeddings, "MAX_RECENT", 1)  # the collection is asked, too
    red = save_picture(tmp_path / "red.png", "red")
    blue = save_picture(tmp_path / "blue.png", "blue")
    writer = writer_of(collection, index=index)

    first = run(writer, rows_of(red, "a", "b") + rows_of(blue, "c"))
    second = run(writer, rows_of(red, "d", "a", "e") + rows_of(blue, "f"))

    assert first == (2, 1, 3, 0, 0)
    assert second == (0, 3, 3, 1, 0)
    assert len(decoded) == 2
    stored = {one["_id"]: one for one in collection.find()}
    assert len({bytes(str(stored[one]["embedding"]), "utf-8") for one in "abde"}) == 1
    assert stored["c"]["embedding"] == stored["f"]["embedding"] != stored["a"]["embedding"]
    for one in stored.values():
        expected = stored["c" if one["_id"] in "cf" else "a"]["image"]
        assert one["image"] == expected
        assert one["embedded_by"] == FakeEmbedder().fingerprint


def test_large_files_do_not_wait_and_are_embedded_once_all_the_same(
    collection, tmp_path, decoded, monkeypatch
):
    monkeypatch.setattr(preparation, "MAX_WAITING_BYTES", 0)
    path = save_picture(tmp_path / "red.png")
    writer = writer_of(collection)

    assert run(writer, rows_of(path, "a", "b")) == (1, 1, 2, 0, 0)
    assert run(writer, rows_of(path, "c")) == (0, 1, 1, 0, 0)
    assert len(decoded) == 3


def test_repeats_in_batches_that_follow_are_embedded_once(collection, tmp_path):
    path = save_picture(tmp_path / "red.png")
    ids = [f"{i:02}" for i in range(40)]

    embedded, duplicates, *counts = run(
        writer_of(collection, is_indexed=False), rows_of(path, *ids)
    )

    assert embedded + duplicates == 40
    assert embedded < 10  # batches of four that are under way at once may each have had it
    assert counts == [40, 0, 0]


def test_what_another_model_embedded_is_not_copied(collection, tmp_path):
    path = save_picture(tmp_path / "red.png")
    run(writer_of(collection, model="other"), rows_of(path, "a"), model="other")

    assert run(writer_of(collection), rows_of(path, "b")) == (1, 0, 1, 0, 0)


def test_what_is_no_embedding_is_not_copied(collection, tmp_path):
    path = save_picture(tmp_path / "red.png")
    writer = writer_of(collection)
    run(writer, rows_of(path, "a", "b", "c"))
    for item_id, broken in {"a": [1.0], "b": "odd", "c": [float("nan")] * 512}.items():
        collection.update_one({"_id": item_id}, {"$set": {"embedding": broken}})

    assert run(writer, rows_of(path, "d")) == (1, 0, 1, 0, 0)


def test_without_an_index_on_the_hash_the_collection_is_not_searched(collection, tmp_path):
    path = save_picture(tmp_path / "red.png")
    writer = writer_of(collection, is_indexed=False)
    run(writer, rows_of(path, "a"))
    assert run(writer, rows_of(path, "b")) == (1, 0, 1, 0, 0)

    writer = writer_of(collection, is_indexed=False)
    writer.ensure_hash_index()
    assert run(writer, rows_of(path, "c")) == (0, 1, 1, 0, 0)


def test_of_a_picture_that_many_documents_show_few_are_read(collection, tmp_path):
    path = save_picture(tmp_path / "red.png")
    writer = writer_of(collection)
    run(writer, rows_of(path, *map(str, range(20))))
    read = []
    known = writer.updates.known_embedding

    class Counting(UpdateBuilder):
        def known_embedding(self, document):
            read.append(document)
            return known(document)

    writer.updates = Counting(KNN, writer.updates.embedded_by)
    assert run(writer, rows_of(path, "x")) == (0, 1, 1, 0, 0)
    assert len(read) == MAX_FOUND_PER_HASH


def test_each_row_of_a_broken_picture_fails(collection, tmp_path):
    path = tmp_path / "broken.png"
    path.write_bytes(b"no picture")
    watching = Watching()

    assert run(writer_of(collection), rows_of(path, "a", "b"), watching=watching) == (0, 0, 0, 0, 2)
    assert [one.item_id for one in watching.failures] == ["a", "b"]


def test_a_dry_run_counts_repeats_and_writes_nothing(collection, tmp_path):
    path = save_picture(tmp_path / "red.png")

    assert run(writer_of(collection), rows_of(path, "a", "b"), is_dry=True) == (1, 1, 2, 0, 0)
    assert collection.estimated_document_count() == 0


def test_exchanged_pictures_are_copied_and_not_mixed_up(collection, tmp_path):
    red, blue = (save_picture(tmp_path / f"{color}.png", color) for color in ("red", "blue"))
    writer = writer_of(collection)
    run(writer, rows_of(red, "a") + rows_of(blue, "b"))
    before = {one["_id"]: one["embedding"] for one in collection.find()}

    assert run(writer, rows_of(blue, "a") + rows_of(red, "b")) == (0, 2, 2, 0, 0)
    after = {one["_id"]: one["embedding"] for one in collection.find()}
    assert (after["a"], after["b"]) == (before["b"], before["a"])


def test_duplicates_in_a_shops_own_collection_are_found_by_its_index_alone(collection, tmp_path):
    path = save_picture(tmp_path / "red.png")
    collection.insert_many([{"_id": i} for i in range(4)])
    builder = GuestUpdateBuilder(GUEST, FakeEmbedder().fingerprint)

    first = GuestWriter(collection, builder)
    first.ensure_hash_index()
    assert set(collection.index_information()) == {"_id_"}
    assert run(first, rows_of(path, 0)) == (1, 0, 1, 0, 0)
    assert run(first, rows_of(path, 1)) == (1, 0, 1, 0, 0)

    create_ordinary_indexes(collection, GUEST)
    assert run(GuestWriter(collection, builder), rows_of(path, 2, 3)) == (0, 2, 2, 0, 0)
    hashes = {one["visual"]["sha256"] for one in collection.find()}
    assert len(hashes) == 1
    assert all(len(one["visual"]) == 5 for one in collection.find())


def test_a_second_run_over_files_decodes_nothing(collection, tmp_path, decoded):
    rows = rows_of(save_picture(tmp_path / "red.png"), "a")
    writer = writer_of(collection)
    run(writer, rows)
    decoded.clear()

    assert run(writer, rows) == (0, 0, 0, 1, 0)
    assert decoded == []


def test_a_second_run_over_urls_downloads_and_decodes_nothing(collection, tmp_path, decoded):
    content = save_picture(tmp_path / "red.png").read_bytes()

    def answer(handler):
        is_known = handler.headers.get("If-None-Match") == '"1"'
        (answering(status=304, ETag='"1"') if is_known else answering(content, ETag='"1"'))(handler)

    with serving() as server, Fetcher(allow_http=True, allowed_networks=LOOPBACK) as fetcher:
        server.answers["/1.png"] = answer
        url = server.url("/1.png", host="127.0.0.1")
        rows = [GalleryImage("a", UrlPicture(fetcher, url), url)]
        writer = writer_of(collection)
        run(writer, rows)
        decoded.clear()

        assert run(writer, rows) == (0, 0, 0, 1, 0)
    assert server.statuses == [200, 304]
    assert decoded == []


def test_a_second_run_over_a_bucket_downloads_and_decodes_nothing(
    collection, tmp_path, decoded, monkeypatch
):
    content = save_picture(tmp_path / "red.png").read_bytes()
    fsspec.filesystem("memory").pipe("/duplicates/1.png", content)
    writer = writer_of(collection)
    run(writer, open_gallery("memory://duplicates", KNN, "string").rows())
    decoded.clear()
    read = []
    monkeypatch.setattr(Store, "read", lambda store, path: read.append(path))

    again = run(writer, open_gallery("memory://duplicates", KNN, "string").rows())

    assert again == (0, 0, 0, 1, 0)
    assert read == decoded == []
