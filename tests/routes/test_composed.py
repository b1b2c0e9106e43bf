"""`POST /search` over a real HTTP server and LocalAtlas."""

import base64
import dataclasses
import io
import json
import time

import pytest
from bson import json_util
from pymongo.operations import SearchIndexModel

from app import data_state
from app.fetching import Fetcher, FetchLimits
from app.indexes import read_index_file
from app.live_indexes import live_entries
from tests.calibrations import calibration
from tests.fakes import FakeEmbedder
from tests.galleries import ODD_ID, draw_item
from tests.picture_server import LOOPBACK, PictureServer, answering
from tests.picture_server import serving as serving_pictures

NAVY = {"positive": [{"item_id": "navy"}]}


def png(color="crimson"):
    buffer = io.BytesIO()
    draw_item(color).save(buffer, "PNG")
    return buffer.getvalue()


def ids(response):
    assert response.status_code == 200, response.text
    return [hit["id"] for hit in response.json()["hits"]]


def test_answer_has_hits_circumstances_and_no_embedding(client):
    body = client.post("/search", json={**NAVY, "limit": 2}).json()

    assert [hit["id"] for hit in body["hits"]] == ["blue", "green"]
    assert "embedding" not in body["hits"][0]["item"]
    assert body["shortfall"] is None
    assert set(body["took_ms"]) == {"embed", "search", "total"}
    assert body["model"] == "fake"


def test_one_stored_item_is_the_similar_search_of_that_item(client):
    similar = client.get("/items/navy/similar").json()["hits"]

    assert client.post("/search", json=NAVY).json()["hits"] == similar


def test_every_option_reaches_the_search(client):
    body = {
        "positive": [{"item_id": "navy", "weight": 2}, {"text": "blue"}],
        "negative": [{"item_id": "white", "weight": 0.5}],
        "filter": {"category": {"$in": ["shirt", "dress"]}},
        "limit": 2,
        "offset": 1,
        "exclude": ["green"],
        "num_candidates": 40,
        "fields": ["color"],
        "min_raw_score": 0.01,
    }

    hits = client.post("/search", json=body).json()["hits"]

    assert [hit["id"] for hit in hits] == ["crimson", ODD_ID]
    assert hits[0]["item"] == {"_id": "crimson", "color": "crimson"}
    exact = {key: value for key, value in body.items() if key != "num_candidates"}
    assert ids(client.post("/search", json={**exact, "exact": True})) == ["crimson", ODD_ID]


def test_picture_is_base64_or_the_name_of_a_part(client):
    encoded = {"positive": [{"image": base64.b64encode(png()).decode()}]}
    named = {"positive": [{"image": "photo"}]}

    as_json = client.post("/search", json=encoded)
    as_part = client.post(
        "/search", data={"query": json.dumps(named)}, files={"photo": ("x.png", png())}
    )
    as_file = client.post(
        "/search",
        files={
            "query": ("query.json", json.dumps(named), "application/json"),
            "photo": ("x.png", png()),
        },
    )

    assert ids(as_json)[0] == "crimson"
    assert ids(as_part) == ids(as_file) == ids(as_json)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "positive must hold at least one input"),
        ([], "JSON object"),
        ({**NAVY, "colour": 1}, "'colour'"),
        (
            {"positive": [{"item_id": "navy", "wieght": 1}]},
            "positive[0] has an unknown field 'wieg",
        ),
        ({"positive": [{"item_id": "navy", "text": "x"}]}, "item_id and text"),
        ({"positive": [{"weight": 1}]}, "positive[0] has no source"),
        ({"positive": {"item_id": "navy"}}, "positive must be an array"),
        ({"positive": ["navy"]}, "positive[0] must be a JSON object"),
        ({"positive": [{"item_id": 3}]}, "positive[0].item_id (3)"),
        ({"positive": [{"item_id": "\ud800"}]}, "surrogate"),
        ({"positive": [{"text": " "}]}, "positive[0].text"),
        ({"positive": [{"item_id": "navy", "weight": True}]}, "positive[0].weight (True)"),
        ({"positive": [{"item_id": "navy", "weight": 10**400}]}, "positive[0].weight"),
        ({"positive": [{"item_id": "navy", "weight": 0}]}, "positive[0].weight (0.0)"),
        ({"positive": [{"image": "no base64"}]}, "positive[0].image is neither"),
        ({"positive": [{"item_id": "navy"}] * 17}, "17 inputs"),
        ({**NAVY, "negative": [{"item_id": "navy"}]}, "cancel"),
        ({**NAVY, "limit": 0}, "limit (0)"),
        ({**NAVY, "limit": "5"}, "limit ('5')"),
        ({**NAVY, "offset": 1.5}, "offset (1.5)"),
        ({**NAVY, "offset": 10_000}, "offset (10000)"),
        ({**NAVY, "offset": 10**4300 - 1, "limit": 100}, "must be a whole number of 64 bits"),
        ({**NAVY, "min_score": "high"}, "min_score ('high')"),
        ({**NAVY, "min_raw_score": "high"}, "min_raw_score ('high')"),
        ({**NAVY, "min_score": 0.5}, "needs a calibrated model"),
        ({**NAVY, "exact": 1}, "exact (1)"),
        ({**NAVY, "exact": True, "num_candidates": 100}, "cannot go with exact"),
        ({**NAVY, "num_candidates": 3}, "num_candidates (3)"),
        ({**NAVY, "exclude": "navy"}, "exclude ('navy')"),
        ({**NAVY, "fields": [1]}, "fields[0] (1)"),
        ({**NAVY, "fields": ["embedding"]}, "'embedding'"),
        ({**NAVY, "filter": {"brand": "x"}}, "category, color"),
    ],
)
def test_bad_body_is_400_naming_what_is_wrong(client, body, named):
    response = client.post(
        "/search", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 400
    assert named in response.json()["detail"]


def test_name_that_a_body_has_twice_is_refused(client):
    body = '{"positive": [{"item_id": "navy"}], "filter": {"price": {"$lt": 1, "$lt": 2}}}'

    response = client.post("/search", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == 400
    assert "an object has '$lt' twice" in response.json()["detail"]


def test_option_in_the_query_string_is_refused(client):
    response = client.post("/search", json=NAVY, params={"limit": 3})

    assert response.status_code == 400
    assert "takes 'limit' in the body" in response.json()["detail"]


@pytest.mark.parametrize(
    ("parts", "status", "named"),
    [
        ({"files": {"photo": ("x.png", b"x")}}, 400, '"query"'),
        ({"data": {"query": "{"}, "files": {"photo": ("x.png", b"x")}}, 400, "not valid JSON"),
        ({"data": {"query": "{}", "limit": "3"}, "files": {"p": ("x", b"x")}}, 400, "'limit'"),
        (
            {"data": {"query": json.dumps(NAVY)}, "files": {"photo": ("x.png", b"x")}},
            400,
            "'photo' that no input names",
        ),
        (
            {
                "data": {"query": json.dumps({"positive": [{"image": "photo"}]})},
                "files": {"photo": ("x.png", b"no picture")},
            },
            422,
            "",
        ),
        ({"content": b"x"}, 415, "multipart/form-data"),
        (
            {
                "data": {"query": json.dumps({"positive": [{"image": "photo"}]})},
                "files": [("photo", ("1.png", b"x")), ("photo", ("2.png", b"x"))],
            },
            400,
            "two parts named 'photo'",
        ),
        (
            {
                "data": {"query": json.dumps({"colour": "x" * 600_000})},
                "files": {"photo": ("x.png", b"x")},
            },
            400,
            "'colour'",
        ),
        (
            {"data": {"query": "{}"}, "files": {"query": ("query.json", b"{}")}},
            400,
            "two parts named 'query'",
        ),
    ],
)
def test_bad_parts_are_refused_in_one_sentence(client, parts, status, named):
    response = client.post("/search", **parts)

    assert response.status_code == status
    assert named in response.json()["detail"]


def test_item_without_an_embedding_is_409(client, collection):
    collection.update_one({"_id": "navy"}, {"$unset": {"embedding": 1}})

    response = client.post("/search", json=NAVY)

    assert (response.status_code, response.json()["code"]) == (409, "item_not_embedded")


def test_min_score_is_in_the_units_of_the_models_calibration(client, embedder):
    embedder.calibration = calibration(embedder.fingerprint, slope=1.0, intercept=0.0)

    hits = client.post("/search", json=NAVY).json()["hits"]
    kept = client.post("/search", json={**NAVY, "min_score": hits[1]["match_probability"] - 1e-6})

    # With these figures the probability is Atlas's score.
    assert [hit["match_probability"] for hit in hits] == pytest.approx(
        [hit["score"] for hit in hits], abs=1e-6
    )
    assert ids(kept) == [hit["id"] for hit in hits[:2]]


def test_unknown_item_is_404(client):
    response = client.post("/search", json={"positive": [{"item_id": "nobody"}]})

    assert (response.status_code, response.json()["code"]) == (404, "item_not_found")


def test_index_that_is_not_ready_is_503_with_a_time_to_come_back(gallery, serve, collection):
    collection.drop_search_index(gallery.index_file.stem)
    client = serve(gallery, FakeEmbedder(dimensions=512))

    response = client.post("/search", json=NAVY)

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert "which has: none" in response.json()["detail"]


def test_missing_index_lists_those_there_are(gallery, serve, collection):
    index = read_index_file(gallery.index_file)
    collection.create_search_index(SearchIndexModel(index.definition, "other", index.type))
    collection.drop_search_index(index.name)

    response = serve(gallery, FakeEmbedder(dimensions=512)).post("/search", json=NAVY)

    assert response.status_code == 503
    assert "does not exist on" in response.json()["detail"]
    assert "which has: other." in response.json()["detail"]


def test_index_that_is_building_is_503_with_a_time_to_come_back(gallery, serve, monkeypatch):
    def building(collection):
        return [
            {**entry, "status": "BUILDING", "queryable": False}
            for entry in live_entries(collection)
        ]

    monkeypatch.setattr(data_state, "live_entries", building)

    response = serve(gallery, FakeEmbedder(dimensions=512)).post("/search", json=NAVY)

    assert (response.status_code, response.json()["code"]) == (503, "index_not_ready")
    assert int(response.headers["retry-after"]) > 0
    assert "is BUILDING, not queryable" in response.json()["detail"]


def test_text_without_a_text_tower_is_422_and_stored_items_are_searched_still(gallery, serve):
    client = serve(gallery, FakeEmbedder(dimensions=512, supports_text=False))

    assert client.post("/search", json={"positive": [{"text": "red"}]}).status_code == 422
    assert len(ids(client.post("/search", json=NAVY))) == 5


def test_ids_that_are_integers_are_numbers_or_digits(settings, collection, serve):
    by_number = dataclasses.replace(settings, id_type="int")
    client = serve(by_number, FakeEmbedder(dimensions=512))

    for item_id in (7, "7"):
        response = client.post("/search", json={"positive": [{"item_id": item_id}]})

        assert response.json()["detail"] == "No item has the id 7."


def test_groups_collapse_and_diversity_are_options_of_the_body(client, collection):
    same = collection.find_one({"_id": "white"})["image"]["sha256"]
    collection.update_one({"_id": "green"}, {"$set": {"image.sha256": same}})
    plain = client.post("/search", json={**NAVY, "collapse": False}).json()["hits"]
    grouped = client.post("/search", json={**NAVY, "group_by": "product_id"}).json()["hits"]
    spread = client.post("/search", json={**NAVY, "diversity": 1, "collapse": False})
    collapsed = client.post("/search", json=NAVY).json()["hits"]

    assert [hit["id"] for hit in plain] == ["blue", "green", "crimson", ODD_ID, "white"]
    assert [(hit["id"], hit["members"]) for hit in grouped] == [
        ("blue", 2),
        ("crimson", 2),
        ("white", 1),
    ]
    assert ids(spread)[:2] == ["blue", "white"]
    assert [hit.get("near_identical") for hit in collapsed] == [None, ["white"], None, None]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"group_by": "brand"}, "group_by ('brand') is not in the index, which has: _id, category"),
        ({"group_by": 3}, "group_by (3)"),
        ({"diversity": 2}, "diversity (2)"),
        ({"collapse": "no"}, "collapse ('no')"),
    ],
)
def test_bad_order_of_hits_is_400_naming_what_is_wrong(client, options, named):
    response = client.post("/search", json={**NAVY, **options})

    assert response.status_code == 400
    assert named in response.json()["detail"]


def test_cursor_of_an_answer_asks_for_the_next_page(client):
    first = client.post("/search", json={**NAVY, "limit": 2}).json()
    second = client.post("/search", json={"cursor": first["cursor"], "limit": 2, "fields": []})
    third = client.post("/search", json={"cursor": first["cursor"], "fields": ["color"]}).json()

    assert second.status_code == 400
    assert [hit["id"] for hit in third["hits"]] == ["crimson", ODD_ID, "white"]
    assert third["hits"][0]["item"] == {"_id": "crimson", "color": "crimson"}
    assert (third["cursor"], third["took_ms"]["embed"]) == (None, 0.0)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"cursor": "x"}, "cursor is none that this service has written"),
        ({"cursor": 3}, "cursor (3)"),
        ({"cursor": "x", **NAVY}, "cursor cannot go with 'positive'"),
        ({"cursor": "x", "offset": 2}, "cursor cannot go with 'offset'"),
        ({"cursor": "x", "limit": 0}, "limit (0)"),
        ({**NAVY, "trace": "white"}, "trace ('white') is a part of explain"),
        ({**NAVY, "explain": "yes"}, "explain ('yes')"),
    ],
)
def test_bad_page_or_explanation_is_400_naming_what_is_wrong(client, body, named):
    response = client.post("/search", json=body)

    assert response.status_code == 400
    assert named in response.json()["detail"]


def test_explanation_can_be_run_as_it_is_shown(client, collection):
    body = {**NAVY, "limit": 2, "explain": True, "trace": "white"}

    answer = client.post("/search", json=body).json()

    explained = answer["explain"]
    rows = collection.aggregate(json_util.loads(json.dumps(explained["pipeline"])))
    assert [row["id"] for row in rows][:2] == [hit["id"] for hit in answer["hits"]]
    assert explained["inputs"] == pytest.approx([1.0], abs=1e-5)
    assert "Item 'white' has score" in explained["trace"]
    assert "explain" not in client.post("/search", json=NAVY).json()


@pytest.fixture
def pictures():
    with serving_pictures() as server:
        yield server


@pytest.fixture
def fetching_client(gallery, embedder, serve):
    limits = FetchLimits(total_s=5, max_retries=0)
    fetcher = Fetcher(
        limits,
        allow_http=True,
        allowed_networks=LOOPBACK,
        resolve=lambda host, port: ["127.0.0.1"],
    )
    client = serve(dataclasses.replace(gallery, allow_image_urls=True), embedder, fetcher)
    deadline_s = time.monotonic() + 10
    while client.get("/readyz").status_code != 200 and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return client


def at(*urls):
    return {"positive": [{"image_url": url} for url in urls]}


def test_pictures_at_urls_are_fetched_where_that_is_allowed(
    pictures: PictureServer, fetching_client
):
    pictures.answers["/1.png"] = answering(png("navy"))
    pictures.answers["/2.png"] = answering(png("crimson"))
    both = {"positive": [{"image_url": pictures.url("/1.png"), "weight": 0.1}]}
    both["negative"] = [{"image_url": pictures.url("/2.png")}]

    assert ids(fetching_client.post("/search", json=at(pictures.url("/1.png"))))[0] == "navy"
    assert ids(fetching_client.post("/search", json=both))[-1] == "crimson"


def test_url_without_a_picture_is_422_that_tells_no_query(pictures, fetching_client):
    pictures.answers["/none.png"] = answering(status=404)
    pictures.answers["/text"] = answering(b"no picture")

    missing = fetching_client.post("/search", json=at(pictures.url("/none.png?key=secret")))
    text = fetching_client.post("/search", json=at(pictures.url("/text")))

    assert (missing.status_code, text.status_code) == (422, 422)
    assert "secret" not in missing.text


@pytest.mark.parametrize(
    ("count", "options"),
    [(17, {}), (1, {"diversity": 2}), (1, {"fields": ["embedding"]}), (1, {"offset": 9999})],
)
def test_nothing_is_fetched_for_a_body_that_is_refused(pictures, fetching_client, count, options):
    body = {**at(*[pictures.url("/1.png")] * count), **options}

    assert fetching_client.post("/search", json=body).status_code == 400
    assert pictures.requests == []


def test_urls_are_refused_where_they_are_not_allowed(client):
    response = client.post("/search", json=at("https://pictures.example/1.png"))

    assert response.status_code == 400
    assert "ALLOW_IMAGE_URLS" in response.json()["detail"]


def test_own_network_is_never_asked(pictures, gallery, embedder, serve):
    settings = dataclasses.replace(gallery, allow_image_urls=True, allow_http_images=True)
    client = serve(settings, embedder)
    pictures.answers["/1.png"] = answering(png())

    response = client.post("/search", json=at(pictures.url("/1.png", host="127.0.0.1")))

    assert response.status_code == 422
    assert pictures.connections == 0
