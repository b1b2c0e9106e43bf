import dataclasses
import os
import signal
import time
from pathlib import Path

import pytest

from app import create_app
from app.config import PROJECT_ROOT, Settings
from app.db import connect
from app.errors import ConfigError, ModelUnavailable
from tests.fakes import FakeEmbedder
from tests.galleries import fill_gallery


class SlowEmbedder(FakeEmbedder):
    """A model whose weights never arrive."""

    is_loaded = False

    def load(self):
        time.sleep(0.2)
        raise ModelUnavailable("The weights of slow are gone.")


def test_ready_names_database_index_and_model(client, embedder, gallery):
    response = client.get("/readyz")

    assert response.status_code == 200
    body = response.json()
    assert body["status"] == "ready"
    assert body["database"] == {"ready": True}
    assert body["index"] == {
        "ready": True,
        "name": gallery.index_file.stem,
        "coverage": {"items": 6, "embedded_by_this_model": 6},
        "lag": {"documents": 0, "of_the_newest": 6, "seconds": 0.0},
    }
    assert body["model"] == {"ready": True, "name": embedder.name}


def test_process_is_healthy_whatever_the_database_does(settings, serve, embedder):
    client = serve(dataclasses.replace(settings, mongodb_uri="mongodb://127.0.0.1:1"), embedder)

    assert client.get("/healthz").json() == {"status": "ok"}


def test_unreachable_database_is_503_within_three_seconds(settings, serve, embedder):
    client = serve(dataclasses.replace(settings, mongodb_uri="mongodb://127.0.0.1:1"), embedder)

    for path in ("/readyz", "/items/x", "/items/x/similar"):
        start_s = time.monotonic()
        response = client.get(path)
        assert response.status_code == 503
        assert time.monotonic() - start_s < 3
    assert response.json()["code"] == "database_unavailable"
    assert "127.0.0.1:1" in response.json()["detail"]


def test_stored_items_are_served_while_the_model_is_missing(gallery, serve):
    client = serve(gallery, SlowEmbedder(dimensions=512))

    assert client.get("/items/navy/similar").status_code == 200
    assert client.post(
        "/search/image", content=b"x", headers={"Content-Type": "image/png"}
    ).status_code in (422, 503)
    time.sleep(0.4)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["model"]["detail"] == "The weights of slow are gone."


def test_missing_index_is_an_error_that_lists_those_there_are(client, collection, gallery):
    collection.drop_search_index(gallery.index_file.stem)
    collection.create_search_index({"name": "other", "definition": {"mappings": {"dynamic": True}}})

    search, ready = client.get("/items/navy/similar"), client.get("/readyz")

    assert search.status_code == 503
    assert search.json()["code"] == "index_not_ready"
    assert search.json()["detail"].endswith("which has: other.")
    assert ready.json()["index"]["ready"] is False


def test_index_that_differs_from_its_file_is_refused_naming_both(
    gallery, collection, embedder, serve, tmp_path
):
    text = gallery.index_file.read_text().replace("cosine", "euclidean")
    (tmp_path / "changed.json").write_text(text)

    client = serve(dataclasses.replace(gallery, index_file=tmp_path / "changed.json"), embedder)

    response = client.get("/items/navy/similar")
    assert response.status_code == 503
    assert "similarity is cosine, the file says euclidean" in response.json()["detail"]


def test_data_of_another_model_is_refused_naming_both(gallery, serve, embedder):
    other = FakeEmbedder(dimensions=512, name="other")

    client = serve(gallery, other)
    client.get("/readyz")

    response = client.get("/items/navy/similar")
    assert response.status_code == 503
    assert embedder.fingerprint[:12] in response.json()["detail"]
    assert other.fingerprint[:12] in response.json()["detail"]


def test_answers_never_mix_models(gallery, collection, serve, embedder):
    collection.update_many({"color": {"$in": ["blue", "white"]}}, {"$set": {"embedded_by": "old"}})

    client = serve(gallery, embedder)

    ours = {hit["id"] for hit in client.get("/items/navy/similar").json()["hits"]}
    theirs = {hit["id"] for hit in client.get("/items/blue/similar").json()["hits"]}
    assert ours.isdisjoint({"blue", "white"})
    assert theirs == {"white"}
    coverage = client.get("/readyz").json()["index"]["coverage"]
    assert coverage == {"items": 6, "embedded_by_this_model": 4}


def test_empty_collection_is_not_ready_and_says_what_fills_it(
    settings, collection, serve, embedder
):
    fill_gallery(collection, settings, embedder)
    collection.delete_many({})

    response = serve(settings, embedder).get("/readyz")

    assert response.status_code == 503
    assert "scripts.embed_gallery" in response.json()["index"]["detail"]


def test_service_recovers_when_the_index_appears(settings, collection, serve, embedder):
    client = serve(settings, embedder)
    assert client.get("/readyz").status_code == 503

    fill_gallery(collection, settings, embedder)
    time.sleep(1.1)

    assert client.get("/readyz").status_code == 200
    assert client.get("/items/navy/similar").status_code == 200


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": "vgg"}, "MODEL"),
        ({"model": "clothing:/nowhere"}, "/nowhere"),
        ({"model": "clothing:"}, "MODEL"),
        ({"model": f"clothing:{PROJECT_ROOT / 'atlas'}"}, r"MODEL .*manifest\.json"),
        ({"model": f"clip:{PROJECT_ROOT / 'atlas'}"}, r"MODEL .*config\.json"),
        ({"index_file": "/nowhere.json"}, "/nowhere.json"),
    ],
)
def test_bad_setting_is_refused_at_start_naming_it(settings, change, named):
    if "index_file" in change:
        change = {"index_file": Path(change["index_file"])}
    with pytest.raises(ConfigError, match=named):
        create_app(dataclasses.replace(settings, **change))


def test_model_and_index_file_that_disagree_are_refused_at_start_naming_both(settings):
    with pytest.raises(ConfigError, match=r"MODEL .* 64 .* INDEX_FILE .* 512"):
        create_app(settings, embedder=FakeEmbedder(dimensions=64))


def test_every_answer_carries_the_security_headers(client):
    for path in ("/items/none", "/healthz", "/"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "script-src" in headers["content-security-policy"] or (
            "default-src 'self'" in headers["content-security-policy"]
        )


def test_killed_local_atlas_is_started_again(tmp_path, serve, embedder):
    settings = Settings(local_atlas_path=tmp_path / "data", gallery_root=tmp_path)
    collection = connect(settings)
    fill_gallery(collection, settings, embedder)
    client = serve(settings, embedder)
    assert client.get("/items/navy/similar").status_code == 200

    pid = collection.database.client.admin.command("serverStatus")["pid"]
    collection.database.client.close()
    os.kill(pid, signal.SIGKILL)
    statuses = []
    for _ in range(5):
        statuses.append(client.get("/items/navy/similar").status_code)
        time.sleep(0.3)

    assert statuses[-1] == 200
