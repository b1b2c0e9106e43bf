import math
import os
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

import pytest
from bson import Decimal128, Int64, ObjectId

from tests.galleries import ODD_ID

ODD_PATH = "/items/" + quote(ODD_ID, safe="")


def ids(response):
    assert response.status_code == 200, response.text
    return [hit["id"] for hit in response.json()["hits"]]


def test_item_comes_without_its_embedding(client):
    item = client.get("/items/navy").json()

    assert item["_id"] == "navy"
    assert item["title"] == "A navy one"
    assert item["image"]["uri"] == "navy.png"
    assert "embedding" not in item


def test_id_may_hold_any_character(client):
    assert client.get(ODD_PATH).json()["_id"] == ODD_ID
    assert client.get(ODD_PATH + "/image").headers["content-type"] == "image/png"
    assert ids(client.get(ODD_PATH + "/similar?limit=1")) == ["crimson"]


@pytest.mark.parametrize("item_id", ["a//b", "/lead", "trail/", "..", "a/../b", "new\nline", " "])
def test_id_of_any_shape_reaches_the_database_unchanged(client, collection, item_id):
    collection.insert_one({"_id": item_id})

    response = client.get("/items/" + quote(item_id, safe="").replace(".", "%2E"))

    assert response.json()["_id"] == item_id


@pytest.mark.parametrize("odd", [0.5, math.nan], ids=["with-numbers", "with-what-is-no-number"])
def test_values_that_json_has_no_form_for_are_written_as_text(client, collection, odd):
    stored = {
        "number": odd,
        "huge": Int64(2**62),
        "price": Decimal128("9.90"),
        "added": datetime(2026, 1, 31, 12, tzinfo=UTC),
        "owner": ObjectId("5" * 24),
        "key": UUID(int=1),
        "nested": [{"raw": b"ab"}, None, True],
    }
    collection.insert_one({"_id": "odd", **stored})

    assert client.get("/items/odd").json() == {
        "_id": "odd",
        "number": None if math.isnan(odd) else odd,
        "huge": 2**62,
        "price": "9.90",
        "added": "2026-01-31T12:00:00+00:00",
        "owner": "5" * 24,
        "key": "00000000-0000-0000-0000-000000000001",
        "nested": [{"raw": "YWI="}, None, True],
    }


def test_unknown_item_is_404_as_problem_details(client):
    for path in ("/items/none", "/items/none/image", "/items/none/similar"):
        response = client.get(path)
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json() == {
            "type": "about:blank",
            "title": "Item not found",
            "status": 404,
            "detail": "No item has the id 'none'.",
            "code": "item_not_found",
        }


def test_similar_items_leave_the_item_out_and_come_best_first(client):
    hits = client.get("/items/navy/similar?limit=3").json()["hits"]

    assert hits[0]["id"] == "blue"
    assert "navy" not in [hit["id"] for hit in hits]
    assert [hit["score"] for hit in hits] == sorted([hit["score"] for hit in hits], reverse=True)
    assert all("embedding" not in hit["item"] for hit in hits)


def test_answer_names_model_index_and_times(client, gallery, embedder):
    answer = client.get("/items/navy/similar").json()

    assert set(answer) == {"hits", "model", "index", "took_ms"}
    assert answer["model"] == embedder.name
    assert answer["index"] == gallery.index_file.stem
    assert set(answer["took_ms"]) == {"embed", "search", "total"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("category=dress", {ODD_ID, "crimson"}),
        ("category=dress&color=red", {ODD_ID}),
        ("color=red&color=green", {ODD_ID, "green"}),
        ("price=10.5", {"crimson"}),
        ("in_stock=true", {ODD_ID, "green"}),
        ('filter={"price":{"$gt":30}}', {"blue", "white"}),
        ('category=shirt&filter={"price":{"$gt":30}}', {"blue", "white"}),
        ('filter={"$nor":[{"color":"blue"},{"category":"dress"}]}', {"green", "white"}),
        ("filter={}", {ODD_ID, "crimson", "green", "blue", "white"}),
    ],
)
def test_filters_keep_what_matches(client, query, expected):
    assert set(ids(client.get(f"/items/navy/similar?{query}"))) == expected


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit (0)"),
        ("limit=101", "limit (101)"),
        ("limit=ten", "limit ('ten')"),
        ("limit=1e3", "limit"),
        ("brand=x", "'brand'"),
        ("filter={", "filter is not valid JSON"),
        ("filter=" + "[" * 5_000, "filter is not valid JSON"),
        ('filter={"price":{"$regex":"x"}}', "$regex"),
        ("in_stock=1", "in_stock"),
    ],
)
def test_bad_parameter_is_400_naming_it(client, query, named):
    response = client.get(f"/items/navy/similar?{query}")

    assert response.status_code == 400
    assert named in response.json()["detail"]


def test_item_without_embedding_is_409(client, collection):
    collection.insert_one({"_id": "new"})

    response = client.get("/items/new/similar")

    assert response.status_code == 409
    assert response.json()["detail"] == "Item 'new' has no embedding yet."


def test_image_is_served_with_its_sniffed_type(client, gallery):
    os.rename(gallery.gallery_root / "navy.png", gallery.gallery_root / "navy.html")
    client.get("/items/navy")

    response = client.get("/items/blue/image")

    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.content == (gallery.gallery_root / "blue.png").read_bytes()


@pytest.mark.parametrize(
    "uri", ["../secret.png", "/etc/passwd", "link.png", "page.png", "", None, 7]
)
def test_image_outside_the_root_or_no_picture_is_404(client, collection, gallery, uri):
    root = gallery.gallery_root
    (root.parent / "secret.png").write_bytes((root / "blue.png").read_bytes())
    (root / "link.png").symlink_to(root.parent / "secret.png")
    (root / "page.png").write_text("<script>alert(1)</script>")
    collection.update_one({"_id": "blue"}, {"$set": {"image.uri": uri}})

    response = client.get("/items/blue/image")

    assert response.status_code == 404
    assert response.json()["code"] == "image_not_found"


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("https://shop.example/1.jpg?v=2", "https://shop.example/1.jpg?v=2"),
        ("HTTPS://shop.example/Kleid rot.jpg", "https://shop.example/Kleid%20rot.jpg"),
    ],
)
def test_image_at_a_url_redirects_to_it(client, collection, uri, location):
    collection.update_one({"_id": "blue"}, {"$set": {"image.uri": uri}})

    response = client.get("/items/blue/image")

    assert response.status_code == 302
    assert response.headers["location"] == location
    assert "img-src 'self' https: blob:" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    "uri",
    [
        "http://shop.example/1.jpg",
        "javascript://shop.example/%0aalert(1)",
        "file:///etc/passwd",
        "s3://bucket/1.jpg",
        "https://me:secret@shop.example/1.jpg",
        "https://shop.example/1.jpg\r\nSet-Cookie: a=b",
    ],
)
def test_image_at_a_url_of_another_kind_is_404(client, collection, uri):
    collection.update_one({"_id": "blue"}, {"$set": {"image.uri": uri}})

    response = client.get("/items/blue/image")

    assert response.status_code == 404
    assert response.json()["code"] == "image_not_found"
    assert "secret" not in response.text


def test_http_image_redirects_where_the_setting_allows_it(gallery, embedder, serve, collection):
    uri = "http://shop.example/1.jpg"
    collection.update_one({"_id": "blue"}, {"$set": {"image.uri": uri}})

    response = serve(replace(gallery, allow_http_images=True), embedder).get("/items/blue/image")

    assert response.headers["location"] == uri
    assert "img-src 'self' https: http: blob:" in response.headers["content-security-policy"]


def test_gallery_is_paged_in_the_order_of_ids(client):
    seen, after = [], None
    while True:
        page = client.get("/items", params={"limit": 4, **({"after": after} if after else {})})
        seen += [item["_id"] for item in page.json()["items"]]
        after = page.json()["next"]
        if after is None:
            break

    assert seen == ["blue", "crimson", ODD_ID, "green", "navy", "white"]
    assert "embedding" not in page.json()["items"][0]


def test_gallery_is_filtered(client):
    page = client.get("/items", params={"category": "dress"}).json()

    assert [item["_id"] for item in page["items"]] == ["crimson", ODD_ID]


def test_answers_hold_every_bson_type_as_json(client, collection):
    collection.insert_one(
        {
            "_id": "odd",
            "ref": ObjectId("65f000000000000000000001"),
            "nan": float("nan"),
            "raw": b"ab",
            "big": 2**60,
        }
    )

    item = client.get("/items/odd").json()

    assert item == {
        "_id": "odd",
        "ref": "65f000000000000000000001",
        "nan": None,
        "raw": "YWI=",
        "big": 2**60,
    }


@pytest.mark.parametrize("path", ["/items/{}", "/items/{}/similar"])
def test_an_unknown_id_is_not_echoed_whole(client, path):
    detail = client.get(path.format("x" * 2000)).json()["detail"]

    assert detail.startswith("No item has the id 'xxx")
    assert len(detail) < 150
