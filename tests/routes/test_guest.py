"""A shop's own collection, from its documents to similar items, by the scripts and the service."""

import base64
import json
import time
from dataclasses import replace

import pytest
from bson import Decimal128
from gridfs import GridFSBucket

from app.config import PROJECT_ROOT
from app.errors import ConfigError
from scripts import create_indexes, embed_gallery
from tests.fakes import FakeEmbedder
from tests.ingest.pictures import png


@pytest.fixture
def shop(settings, collection, monkeypatch, tmp_path):
    """Settings of a collection that holds four products of the shop's, pictures everywhere."""
    monkeypatch.setattr(
        embed_gallery, "load_embedder", lambda model, **options: FakeEmbedder(name="fake")
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "1.png").write_bytes(png("red"))
    stored = GridFSBucket(collection.database).upload_from_stream("x", png("blue"))
    collection.insert_many(
        [
            {"_id": "path", "name": "A", "photos": ["1.png"], "price": Decimal128("9.90")},
            {"_id": "bytes", "name": "B", "photos": [png("crimson")], "price": Decimal128("99")},
            {"_id": "gridfs", "name": "C", "photos": [stored], "price": 5, "category": "x"},
            {"_id": "none", "name": "D"},
        ]
    )
    return replace(settings, index_file=PROJECT_ROOT / "atlas/products_vector.json")


ARGUMENTS = ["--picture-field", "photos.0", "--filter-copy", "price"]


def test_a_shops_collection_is_embedded_indexed_and_searched_where_it_is(
    shop, serve, capsys, collection
):
    assert embed_gallery.main([*ARGUMENTS, "--json"], shop) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["read"], report["written"], report["failed"]) == (4, 3, 1)
    assert create_indexes.main([], shop) == 0
    client = serve(shop, FakeEmbedder(name="fake"))

    hits = client.get("/items/path/similar", params={"limit": 2}).json()["hits"]
    assert [hit["id"] for hit in hits] == ["bytes", "gridfs"]
    assert hits[0]["item"]["name"] == "B"
    assert "embedding" not in hits[0]["item"]["visual"]
    filtered = client.get("/items/path/similar", params={"visual.price": "5"}).json()["hits"]
    assert [hit["id"] for hit in filtered] == ["gridfs"]
    for item_id, color in {"path": "red", "bytes": "crimson", "gridfs": "blue"}.items():
        picture = client.get(f"/items/{item_id}/image")
        assert picture.headers["content-type"] == "image/png"
        assert picture.content == png(color)
    assert client.get("/items/none/image").status_code == 404
    names = set(collection.index_information())
    assert names == {
        "_id_",
        "visual.sha256_1",
        "visual.embedded_by_1",
        "visual.embedded_at_1",
    }


def test_a_shop_may_have_sub_documents_for_ids(shop, serve, capsys, collection):
    collection.delete_many({})
    colors = {1: "crimson", 2: "crimson", 3: "blue", 4: "green"}
    for number, color in colors.items():
        collection.insert_one({"_id": {"shop": "de", "sku": number}, "photos": [png(color)]})
    assert embed_gallery.main(["--picture-field", "photos.0"], shop) == 0
    assert create_indexes.main([], shop) == 0
    client = serve(shop, FakeEmbedder(name="fake"))
    body = {
        "positive": [{"image": base64.b64encode(png("red")).decode()}],
        "limit": 2,
        "fields": ["visual.embedded_by"],
    }
    deadline_s = time.monotonic() + 10
    while client.get("/readyz").status_code != 200 and time.monotonic() < deadline_s:
        time.sleep(0.02)

    answer = client.post("/search", json={**body, "explain": True}).json()
    rest = client.post("/search", json={"cursor": answer["cursor"]}).json()

    assert answer["hits"][0]["id"] == {"shop": "de", "sku": 1}
    assert answer["hits"][0]["near_identical"] == [{"shop": "de", "sku": 2}]
    assert len(answer["explain"]["hits"]) == 2
    skus = [hit["id"]["sku"] for hit in (*answer["hits"], *rest["hits"])]
    assert sorted(skus) == [1, 3, 4]


@pytest.mark.parametrize("value", [None, b"<script>", "gone", [png("red"), png("red")]])
def test_a_stored_picture_that_is_gone_is_404(shop, serve, collection, capsys, value):
    collection.update_one({"_id": "bytes"}, {"$set": {"photo": png("red")}})
    embed_gallery.main(["--picture-field", "photo"], shop)
    collection.update_one({"_id": "bytes"}, {"$set": {"photo": value}})

    response = serve(shop, FakeEmbedder(name="fake")).get("/items/bytes/image")

    assert response.status_code == 404
    assert response.json()["detail"] == "Item 'bytes' has no picture at field:photo."


def test_what_filters_cannot_find_is_told(shop, collection, capsys):
    collection.update_one({"_id": "path"}, {"$set": {"category": 7, "visual": {}}})

    embed_gallery.main(["--picture-field", "photos.0"], shop)

    assert (
        "filters do not find category in 1 document: it is number there, the index file says token"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--picture-field", "photos.0", "--drop"], "--drop does not go with --picture-field"),
        (["--picture-field", "photos.0", "--column", "a=b"], "--column does not go with"),
        (["--picture-field", "photos.0", "--cluster", "local"], "--cluster does not go with"),
        (["--gallery", ".", "--filter-copy", "price"], "--filter-copy does not go with --gallery"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(shop, collection, arguments, reason):
    with pytest.raises(ConfigError, match=reason):
        embed_gallery.main(arguments, shop)
    assert collection.count_documents({}) == 4
    assert collection.count_documents({"visual": {"$exists": True}}) == 0
