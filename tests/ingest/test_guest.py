"""Pictures of the shop's own documents, in the shop's own collection, on a real LocalAtlas."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import bson
import numpy as np
import pytest
from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.raw_bson import RawBSONDocument
from gridfs import GridFSBucket
from PIL import Image
from pymongo import MongoClient
from pymongo.monitoring import CommandListener

from app.config import PROJECT_ROOT
from app.documents import embedding_from_bson
from app.errors import ConfigError
from app.indexes import read_index_file
from app.ingest import guest_gallery
from app.ingest.field_types import Misfit
from app.ingest.guest_gallery import GuestGallery
from app.ingest.guest_writing import GuestUpdateBuilder, GuestWriter
from app.ingest.legs import open_legs
from app.ingest.places import LocalRoot, PictureFinder
from app.ingest.runner import ingest
from app.ingest.url_pictures import UrlPicture
from app.local_atlas.launcher import start_or_join
from tests.fakes import FakeEmbedder
from tests.ingest.pictures import png
from tests.ingest.watching import Watching
from tests.picture_server import LOOPBACK, answering, serving

INDEX = read_index_file(PROJECT_ROOT / "atlas/products_vector.json")
DATES = DatetimeConversion.DATETIME_AUTO
RAW = CodecOptions(document_class=RawBSONDocument, datetime_conversion=DATES)
ODD_IDS = (
    *(1, 2.5, True, "a", "", None, b"x", Binary(b"x", 3), Int64(2**40), Decimal128("9.5")),
    *({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"$ref": "x", "$id": 7}, MinKey(), MaxKey()),
    *(UUID(int=7), ObjectId(), datetime(2026, 1, 1, tzinfo=UTC), Timestamp(1, 2)),
)


def gallery_of(collection, root, *, field="photo", copies=(), index=INDEX, at_url=None):
    finder = PictureFinder(LocalRoot(root), at_url)
    return GuestGallery(collection, field, finder, index=index, copies=copies)


def run(collection, root, *, wrap=lambda legs: legs, **options):
    """Return embedded, written, unchanged, failed; the failures by id's text; and the gallery."""
    embedder, watching = FakeEmbedder(), Watching()
    gallery = gallery_of(collection, root, **options)
    index = options.get("index", INDEX)
    writer = GuestWriter(collection, GuestUpdateBuilder(index, embedder.fingerprint))
    with open_legs(embedder, writer, max_pixels=1_000_000) as legs:
        report = ingest(gallery.rows(), wrap(legs), observer=watching, batch_size=4)
    counts = report.embedded, report.written, report.unchanged, report.failed
    return counts, {str(one.item_id): one.reason for one in watching.failures}, gallery


def raw_documents(collection) -> dict[bytes, bytes]:
    """Return the bytes of every document by those of its `_id`."""
    found = collection.with_options(codec_options=RAW).find()
    return {bson.encode({"": one["_id"]}): one.raw for one in found}


def assert_only_appended(before: bytes, after: bytes, name: str = "visual") -> None:
    """Check that a document became what it was, byte for byte, and one sub-document behind it."""
    own = before[4:-1]
    assert after[4 : 4 + len(own)] == own
    assert after[4 + len(own) :].startswith(b"\x03" + name.encode() + b"\0")
    size = int.from_bytes(after[4 + len(own) + len(name) + 2 :][:4], "little")
    assert 4 + len(own) + len(name) + 2 + size + 1 == len(after)


def test_nothing_but_one_sub_document_is_written_whatever_the_shop_keeps(collection, tmp_path):
    (tmp_path / "1.png").write_bytes(png())
    odd = {
        "z": 1,
        "a": Int64(1),
        "photo": "1.png",
        "price": Decimal128("29.90"),
        "d": float("nan"),
        "code": Code("x", {"y": 1}),
        "re": Regex("^a", "i"),
        "when": datetime(2026, 1, 2, 3, 4, 5, 678000),
        "nested": {"b": [1, {"c": -0.0}, None], "a": Binary(b"x", 128)},
        "empty": {},
        "image": {"uri": "the shop's own", "sha256": "x"},
        "embedding": [1, 2],
        "updated_at": "never",
    }
    # A date far beyond Python's.
    far = b"\x09far\0" + (2**62).to_bytes(8, "little")
    body = bson.encode({"_id": "odd", **odd})[4:-1] + far
    document = (len(body) + 5).to_bytes(4, "little") + body + b"\0"
    collection.insert_one(RawBSONDocument(document))
    collection.insert_many([{"_id": item_id, "photo": "1.png"} for item_id in ODD_IDS])
    before = raw_documents(collection)
    assert before[bson.encode({"": "odd"})] == document

    counts, failures, _ = run(collection, tmp_path)

    assert (counts, failures) == ((1, 20, 0, 0), {})
    after = raw_documents(collection)
    assert list(before) == list(after)
    for key, own in before.items():
        assert_only_appended(own, after[key])
    visual = collection.find_one({"_id": "a"})["visual"]
    assert set(visual) == {"embedding", "embedded_by", "sha256", "source", "embedded_at"}
    assert visual["source"] == "1.png"
    expected = FakeEmbedder().embed_images([Image.new("RGB", (24, 16), "red")])[0]
    assert np.array_equal(expected, embedding_from_bson(visual["embedding"]))

    assert run(collection, tmp_path)[0] == (0, 0, 20, 0)
    assert raw_documents(collection) == after


def test_what_the_shop_keeps_in_the_sub_document_stays(collection, tmp_path):
    (tmp_path / "1.png").write_bytes(png())
    collection.insert_many(
        [
            {"_id": 1, "visual": {"note": "kept", "source": "old"}, "photo": "1.png", "z": 1},
            {"_id": 2, "visual": "the shop's own", "photo": "1.png"},
        ]
    )
    before = raw_documents(collection)

    counts, failures, _ = run(collection, tmp_path)

    assert counts == (1, 1, 0, 1)
    assert failures["2"].startswith("The database refused it")
    document = collection.find_one({"_id": 1})
    assert list(document) == ["_id", "visual", "photo", "z"]
    assert list(document["visual"])[:2] == ["note", "source"]
    assert (document["visual"]["note"], document["visual"]["source"]) == ("kept", "1.png")
    second = bson.encode({"": 2})
    assert raw_documents(collection)[second] == before[second]


def test_a_picture_may_be_a_path_a_url_bytes_or_in_gridfs(collection, tmp_path):
    (tmp_path / "1.png").write_bytes(png("red"))
    files = GridFSBucket(collection.database)
    stored = files.upload_from_stream("x", png("blue"))
    with serving() as server, UrlPictures() as at_url:
        server.answers["/1.png"] = answering(png("green"), ETag='"1"')
        url = server.url("/1.png", host="127.0.0.1")
        collection.insert_many(
            [
                {"_id": "path", "photo": "1.png"},
                {"_id": "url", "photo": url},
                {"_id": "bytes", "photo": png("white")},
                {"_id": "gridfs", "photo": stored},
                {"_id": "gone", "photo": ObjectId()},
            ]
        )

        counts, failures, _ = run(collection, tmp_path, at_url=at_url)

    assert counts == (4, 4, 0, 1)
    assert failures["gone"].endswith("is not there.")
    visuals = {one["_id"]: one.get("visual") for one in collection.find()}
    assert visuals["url"]["source"] == url
    assert visuals["url"]["etag"] == '"1"'
    assert visuals["bytes"]["source"] == "field:photo"
    assert visuals["gridfs"]["source"] == f"gridfs:{stored}"
    assert visuals["gone"] is None
    embedder = FakeEmbedder()
    for key, color in {"path": "red", "url": "green", "bytes": "white", "gridfs": "blue"}.items():
        expected = embedder.embed_images([Image.new("RGB", (24, 16), color)])[0]
        assert np.array_equal(expected, embedding_from_bson(visuals[key]["embedding"]))


class UrlPictures:
    def __enter__(self):
        from app.fetching import Fetcher

        self._fetcher = Fetcher(allow_http=True, allowed_networks=LOOPBACK)
        return lambda url: UrlPicture(self._fetcher, url)

    def __exit__(self, *error):
        self._fetcher.close()


def test_a_file_of_gridfs_is_read_once(collection, tmp_path, monkeypatch):
    stored = GridFSBucket(collection.database).upload_from_stream("x", png())
    collection.insert_one({"photo": stored})
    run(collection, tmp_path)
    collection.database["fs.chunks"].delete_many({})

    assert run(collection, tmp_path)[0] == (0, 0, 1, 0)


@pytest.mark.parametrize(
    ("photos", "field", "outcome"),
    [
        (["1.png"], "photos", None),
        (["1.png", "2.png"], "photos.0", None),
        ([{"url": "1.png"}], "photos.url", None),
        ([{"url": "2.png"}, {"url": "1.png"}], "photos.1.url", None),
        ({"main": {"url": "1.png"}}, "photos.main.url", None),
        (["1.png", "2.png"], "photos", "photos names 2 pictures, expected one, such as photos.0."),
        ([{"url": "1.png"}, {"url": "2.png"}], "photos.url", "photos.url names 2 pictures"),
        ([], "photos", "photos names 0 pictures"),
        ({"main": "1.png"}, "photos", "photos is a document; name the field of it that is meant."),
        (None, "photos", "It has no photos."),
        (["1.png"], "photos.3", "It has no photos.3."),
        (7, "photos", "photos (7) must be the path of a picture."),
        ("../1.png", "photos", "photos ('../1.png') must be in the folder"),
        ("gone.png", "photos", "The picture cannot be read: No such file or directory."),
        (b"no picture", "photos", "The picture is not a picture"),
    ],
)
def test_one_picture_is_named_by_a_path_or_listed_as_failed(
    collection, tmp_path, photos, field, outcome
):
    (tmp_path / "1.png").write_bytes(png())
    collection.insert_one({"_id": "a", "photos": photos})

    counts, failures, _ = run(collection, tmp_path, field=field)

    if outcome is None:
        assert (counts, failures) == ((1, 1, 0, 0), {})
        assert collection.find_one()["visual"]["source"] == "1.png"
    else:
        assert counts == (0, 0, 0, 1)
        assert failures["a"].startswith(outcome)
        assert "visual" not in collection.find_one()


def test_a_document_that_is_deleted_meanwhile_is_not_brought_back(collection, tmp_path):
    (tmp_path / "1.png").write_bytes(png())
    collection.insert_many([{"_id": i, "photo": "1.png"} for i in (1, {"a": 1}, 3)])

    def deleting(legs):
        def write(updates):
            collection.delete_one({"_id": {"$eq": {"a": 1}}})
            return legs.write(updates)

        return replace(legs, write=write)

    counts, failures, _ = run(collection, tmp_path, wrap=deleting)

    assert counts == (1, 2, 0, 1)
    assert failures == {"{'a': 1}": "Its document was deleted meanwhile."}
    assert [one["_id"] for one in collection.find()] == [1, 3]


def test_fields_that_no_filter_finds_are_counted_by_type(collection, tmp_path):
    (tmp_path / "1.png").write_bytes(png())
    collection.insert_many(
        [
            {"photo": "1.png", "category": "x", "in_stock": True, "visual": {"price": "odd"}},
            {"photo": "1.png", "category": 7, "in_stock": "yes"},
            {"photo": "1.png", "category": ["x", 7, 8], "in_stock": None},
            {"photo": "1.png", "category": Decimal128("1"), "color": {"name": "red"}},
        ]
    )

    gallery = run(collection, tmp_path)[2]

    assert gallery.misfits() == [
        Misfit("category", "decimal128", "token", 1),
        Misfit("category", "number", "token", 2),
        Misfit("color", "object", "token", 1),
        Misfit("in_stock", "string", "boolean", 1),
    ]


def test_a_copy_of_a_price_is_a_double_that_follows_the_shop(collection, tmp_path):
    (tmp_path / "1.png").write_bytes(png())
    prices = {"a": Decimal128("29.90"), "b": "7.5", "c": 7, "d": "cheap", "e": None, "f": True}
    collection.insert_many(
        [{"_id": key, "photo": "1.png", "price": price} for key, price in prices.items()]
    )

    counts, _, gallery = run(collection, tmp_path, copies=["price"])

    copies = {one["_id"]: one["visual"].get("price") for one in collection.find()}
    assert counts == (1, 6, 0, 0)
    assert copies == {"a": 29.9, "b": 7.5, "c": 7.0, "d": None, "e": None, "f": None}
    assert type(copies["c"]) is float
    assert gallery.misfits() == [
        Misfit("price", "boolean", "number", 1),
        Misfit("price", "string", "number", 1),
    ]

    embedded_at = collection.find_one({"_id": "a"})["visual"]["embedded_at"]
    collection.update_one({"_id": "a"}, {"$set": {"price": Decimal128("19.90")}})
    collection.update_one({"_id": "b"}, {"$unset": {"price": ""}})
    assert run(collection, tmp_path, copies=["price"])[0] == (0, 2, 4, 0)
    after = collection.find_one({"_id": "a"})
    assert (after["visual"]["price"], after["price"]) == (19.9, Decimal128("19.90"))
    assert after["visual"]["embedded_at"] == embedded_at
    assert "price" not in collection.find_one({"_id": "b"})["visual"]


def test_a_cursor_that_the_server_forgot_is_taken_up_after_the_last_document(
    collection, settings, tmp_path, monkeypatch
):
    class Cursors(CommandListener):
        ids: list[int] = []  # noqa: RUF012

        def started(self, event): ...
        def failed(self, event): ...
        def succeeded(self, event):
            if event.command_name == "find":
                self.ids.append(event.reply["cursor"]["id"])

    monkeypatch.setattr(guest_gallery, "_CURSOR_BATCH", 4)
    collection.insert_many([{"_id": item_id, "photo": "1.png"} for item_id in ODD_IDS])
    cursors = Cursors()
    uri = start_or_join(settings.local_atlas_path)
    with MongoClient(uri, event_listeners=[cursors], tz_aware=True) as client:
        own = client[collection.database.name][collection.name]
        seen = []
        for row in gallery_of(own, tmp_path).rows():
            seen.append(bson.encode({"": row.item_id}))
            if len(seen) in (4, 6, 13):
                own.database.command("killCursors", own.name, cursors=[cursors.ids[-1]])

    assert len(cursors.ids) > 1
    assert sorted(seen) == sorted(raw_documents(collection))


@pytest.mark.parametrize("path", ["embedding", "visual.source", "visual.embedded_at"])
def test_an_index_file_without_a_sub_document_is_refused(collection, tmp_path, path):
    with pytest.raises(ConfigError, match=r"expected a path such as visual\.embedding"):
        gallery_of(collection, tmp_path, index=replace(INDEX, path=path))


@pytest.mark.parametrize("field", ["visual.photo", "visual", "a..b", "$a"])
def test_a_field_of_ours_is_no_picture_field(collection, tmp_path, field):
    with pytest.raises(ConfigError, match="must be the dotted name of a field outside visual"):
        gallery_of(collection, tmp_path, field=field)


def test_a_copy_that_the_index_file_does_not_declare_is_refused(collection, tmp_path):
    with pytest.raises(ConfigError, match=r"--filter-copy weight would keep visual\.weight"):
        gallery_of(collection, tmp_path, copies=["weight"])


def test_a_shops_documents_are_never_deleted(collection):
    with pytest.raises(AssertionError):
        GuestWriter(collection, GuestUpdateBuilder(INDEX, "f" * 64)).delete_all()


def test_a_copy_that_is_declared_and_not_asked_for_is_warned_of(collection, tmp_path, caplog):
    gallery_of(collection, tmp_path)
    gallery_of(collection, tmp_path, copies=["price"])

    assert [record.getMessage() for record in caplog.records] == [
        "INDEX_FILE declares visual.price, which this run does not write (--filter-copy price does)"
    ]
