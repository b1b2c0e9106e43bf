import dataclasses
import io
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from tests.fakes import FakeEmbedder
from tests.galleries import ODD_ID, draw_item


def png(color="crimson"):
    buffer = io.BytesIO()
    draw_item(color).save(buffer, "PNG")
    return buffer.getvalue()


def test_multipart_upload_finds_the_same_picture_first(client):
    response = client.post("/search/image", files={"image": ("x.png", png())}, data={"limit": "2"})

    hits = response.json()["hits"]
    assert [hit["id"] for hit in hits] == ["crimson", ODD_ID]
    assert hits[0]["score"] == pytest.approx(1.0, abs=1e-5)


def test_image_body_is_the_same_search(client):
    multipart = client.post("/search/image?limit=3", files={"image": ("x.png", png())})
    body = client.post(
        "/search/image?limit=3", content=png(), headers={"Content-Type": "image/png"}
    )

    assert body.json()["hits"] == multipart.json()["hits"]


def test_upload_is_filtered_by_form_fields_and_query(client):
    upload = {"image": ("x.png", png())}

    by_form = client.post("/search/image", files=upload, data={"category": "shirt"})
    by_query = client.post('/search/image?filter={"category":"shirt"}', files=upload)

    assert {hit["item"]["category"] for hit in by_form.json()["hits"]} == {"shirt"}
    assert by_form.json()["hits"] == by_query.json()["hits"]


def test_text_is_searched_with_a_text_capable_model(client):
    response = client.post("/search/text", json={"text": "something red", "limit": 2})

    assert response.status_code == 200
    assert len(response.json()["hits"]) == 2


def test_text_without_a_text_tower_is_422_naming_a_model_that_has_one(gallery, serve):
    client = serve(gallery, FakeEmbedder(dimensions=512, supports_text=False))

    response = client.post("/search/text", json={"text": "red"})

    assert response.status_code == 422
    assert "clip" in response.json()["detail"]


@pytest.mark.parametrize(
    ("request_", "status", "named"),
    [
        ({"files": {"photo": ("x.png", b"x")}}, 400, 'named "image"'),
        ({"files": {"image": ("x.png", b"no picture")}}, 422, ""),
        ({"files": {"image": ("x.png", b"")}}, 422, ""),
        ({"files": {"image": ("x.png", png()[:60])}}, 422, ""),
        ({"json": {}}, 415, "multipart/form-data"),
        ({"content": b"x"}, 415, "image/*"),
        ({"files": {"image": ("x.png", png())}, "data": {"limit": "0"}}, 400, "limit (0)"),
        ({"files": {"image": ("x.png", png())}, "data": {"brand": "x"}}, 400, "'brand'"),
    ],
)
def test_bad_upload_is_refused_in_one_sentence(client, request_, status, named):
    response = client.post("/search/image", **request_)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert named in response.json()["detail"]


def test_uploads_at_the_same_time_get_their_own_answers_and_errors(client):
    colors = ["crimson", "green", "blue", "navy", "white"] * 4

    def upload(color):
        content = png(color) if color != "blue" else png(color)[:60]
        return client.post("/search/image?limit=1", files={"image": ("x.png", content)})

    with ThreadPoolExecutor(len(colors)) as threads:
        responses = list(threads.map(upload, colors))

    found = [
        response.json()["hits"][0]["id"] if response.status_code == 200 else response.status_code
        for response in responses
    ]
    assert found == ["crimson", "green", 422, "navy", "white"] * 4


class WatchedEmbedder(FakeEmbedder):
    """Notes the size of each picture that it prepares, and how many at once at most."""

    def __init__(self) -> None:
        super().__init__(dimensions=512)
        self.sizes: list[tuple[int, int]] = []
        self.most_at_once = 0
        self._at_once = 0

    def prepare(self, image):
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.sizes.append(image.size)
        time.sleep(0.02)
        pixels = super().prepare(image)
        self._at_once -= 1
        return pixels


def ready(client):
    while client.get("/readyz").status_code != 200:
        time.sleep(0.02)
    return client


def test_no_more_uploads_are_decoded_at_once_than_there_are_cores(gallery, serve, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    embedder = WatchedEmbedder()
    client = ready(serve(gallery, embedder))

    with ThreadPoolExecutor(8) as threads:
        upload = {"image": ("x.png", png())}
        list(threads.map(lambda _: client.post("/search/image", files=upload), range(8)))

    assert len(embedder.sizes) == 8
    assert embedder.most_at_once == 1


def test_large_photo_is_decoded_at_the_size_that_the_model_needs(gallery, serve):
    embedder = WatchedEmbedder()
    client = ready(serve(gallery, embedder))
    buffer = io.BytesIO()
    draw_item("red").resize((2400, 3200)).save(buffer, "JPEG")

    response = client.post("/search/image?limit=1", files={"image": ("x.jpg", buffer.getvalue())})

    assert [hit["id"] for hit in response.json()["hits"]] == [ODD_ID]
    ((width, height),) = embedder.sizes
    assert embedder.input_side_px <= width < 2400
    assert height < 3200


def test_picture_over_the_pixel_cap_is_422(gallery, embedder, serve):
    client = ready(serve(dataclasses.replace(gallery, max_image_pixels=100), embedder))

    response = client.post("/search/image", files={"image": ("x.png", png())})

    assert response.status_code == 422
    assert "100" in response.json()["detail"]


def test_upload_over_the_size_cap_is_413(gallery, embedder, serve):
    client = serve(dataclasses.replace(gallery, max_content_length_bytes=2048), embedder)
    noise = Image.effect_noise((200, 200), 90)
    buffer = io.BytesIO()
    noise.save(buffer, "PNG")

    response = client.post("/search/image", files={"image": ("x.png", buffer.getvalue())})

    assert response.status_code == 413


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("{", "not valid JSON"),
        ("[]", "JSON object"),
        ("{}", "text must be"),
        ('{"text": " "}', "text must be"),
        ('{"text": 3}', "text must be"),
        ('{"text": "red \\ud800"}', "surrogate"),
        ('{"text": "x", "k": 3}', "'k'"),
        ('{"text": "x", "limit": 0}', "limit (0)"),
        ('{"text": "x", "limit": true}', "limit (True)"),
        ('{"text": "x", "limit": "5x"}', "limit ('5x')"),
        ('{"text": "x", "filter": []}', "filter ([])"),
        ('{"text": "x", "filter": {"brand": 1}}', "'brand'"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_bad_text_body_is_400_naming_what_is_wrong(client, body, named):
    response = client.post(
        "/search/text", content=body, headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 400
    assert named in response.json()["detail"]


def test_wrong_method_and_unknown_route_are_problem_details(client):
    wrong, unknown = client.get("/search/image"), client.get("/nothing/here")

    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert "POST" in wrong.headers["allow"]
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
