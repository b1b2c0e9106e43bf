"""The running service goes over to another index and back, while it is asked 50 times a second."""

import dataclasses
import json
import threading
import time

import httpx
import pytest

from app import create_app
from app.config import PROJECT_ROOT
from app.index_care.switching import SWITCHES, switch_back, switch_over
from app.indexes import read_index_file
from scripts import atlas
from scripts._cli import run
from tests import real_server
from tests.fakes import FakeEmbedder
from tests.galleries import fill_gallery
from tests.routes.conftest import serving

PER_SECOND = 50
ASKED = ("navy", "crimson", "green", "white")
OLD = "gallery_knn"


@pytest.fixture
def embedder():
    return FakeEmbedder(dimensions=512)


@pytest.fixture
def gallery(settings, collection, embedder, tmp_path):
    """Settings of a filled gallery under an index with knnVector."""
    settings = dataclasses.replace(settings, gallery_root=tmp_path)
    timeout_s = 30.0 if real_server.asked is None else real_server.DEADLINE_S
    fill_gallery(collection, settings, embedder, timeout_s=timeout_s)
    return settings


@pytest.fixture
def client(gallery, embedder):
    """A client of the service over the filled gallery, once it finds what was written."""
    with serving(gallery, embedder) as client:
        real_server.poll(lambda: client.get("/readyz").status_code == 200)
        real_server.poll(lambda: all(len(hits) == 3 for hits in all_hits(client)))
        yield client


@pytest.fixture
def migrate(gallery, tmp_path, capsys):
    """Run `migrate` with a flag as a shell does; return its report."""

    def migrate_it(*flags):
        file = str(tmp_path / "new.json")
        arguments = ["migrate", "--index", OLD, "--to", file, "--json", *flags]
        code = run(lambda argv: atlas.main(argv, gallery), arguments)
        printed = capsys.readouterr()
        assert code == 0, printed
        return json.loads(printed.out)

    return migrate_it


class Shoppers:
    """Ask the service 50 times a second together, and keep what it said."""

    def __init__(self, client):
        self.answers = []
        self._url = client.base_url
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on, args=[one]) for one in ASKED]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask_on(self, item_id):
        pause_s, due_s = len(self._threads) / PER_SECOND, time.monotonic()
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._is_over.wait(max(0.0, due_s - time.monotonic())):
                self.answers.append(ask(client, item_id))
                due_s += pause_s


def ask(client, item_id):
    response = client.get(f"/items/{item_id}/similar?limit=3")
    return response.status_code, [(hit["id"], hit["score"]) for hit in response.json()["hits"]]


def all_hits(client):
    return [ask(client, one)[1] for one in ASKED]


def wait_for_index(client, name):
    def is_asked():
        return client.get("/readyz").json()["index"]["name"] == name

    real_server.poll(is_asked)


def assert_same(some, others):
    for hits, other_hits in zip(some, others, strict=True):
        assert [item_id for item_id, _ in hits] == [item_id for item_id, _ in other_hits]
        scores = [score for _, score in other_hits]
        assert [score for _, score in hits] == pytest.approx(scores, abs=1e-5)


def test_no_answer_fails_or_is_empty_on_the_way_there_and_back(client, migrate):
    before = all_hits(client)

    with Shoppers(client) as shoppers:
        assert migrate()["asked"] == OLD
        assert migrate("--switch")["asked"] == "new"
        wait_for_index(client, "new")
        assert migrate("--convert")["converted"] == 6
        after = all_hits(client)
        assert migrate("--back")["asked"] == OLD
        wait_for_index(client, OLD)
        again = all_hits(client)

    assert_same(before, after)
    assert_same(before, again)
    assert len(shoppers.answers) > 50
    bad = [one for one in shoppers.answers if one[0] != 200 or len(one[1]) != 3]
    assert bad == []


def test_readiness_says_which_index_is_asked_in_whose_place(client, migrate):
    assert "instead_of" not in client.get("/readyz").json()["index"]

    migrate("--switch")
    wait_for_index(client, "new")

    told = client.get("/readyz").json()["index"]
    assert (told["ready"], told["instead_of"]) == (True, OLD)
    assert told["lag"] is not None


def test_page_of_a_search_goes_on_over_the_other_index(client, migrate):
    asked = {"positive": [{"item_id": "navy"}], "limit": 2}
    whole = client.post("/search", json={**asked, "limit": 4}).json()["hits"]
    cursor = client.post("/search", json=asked).json()["cursor"]
    migrate("--switch")
    wait_for_index(client, "new")

    page = client.post("/search", json={"cursor": cursor, "limit": 2})

    assert page.status_code == 200, page.text
    assert [hit["id"] for hit in page.json()["hits"]] == [hit["id"] for hit in whole[2:]]


def test_process_that_starts_later_asks_the_other_index_too(migrate, gallery, embedder):
    migrate("--switch")

    with serving(gallery, embedder) as client:
        assert client.get("/items/navy/similar?limit=3").json()["index"] == "new"


def test_operator_may_have_the_index_of_the_file_asked_all_the_same(migrate, gallery, embedder):
    migrate("--switch")

    with serving(dataclasses.replace(gallery, follow_switches=False), embedder) as client:
        assert client.get("/readyz").json()["index"]["name"] == OLD


@pytest.mark.parametrize(
    ("dimensions", "part"),
    [
        ("512", "Search index gallery_vector does not exist"),
        ("384", "The dimensions of search index gallery_knn is 512 and that of gallery_vector is"),
    ],
    ids=["missing", "dimensions"],
)
def test_index_that_could_not_serve_is_not_gone_over_to(client, collection, dimensions, part):
    vector = read_index_file(PROJECT_ROOT / "atlas" / "gallery_vector.json")
    definition = json.loads(json.dumps(vector.definition).replace("512", dimensions))
    switch_over(collection, OLD, dataclasses.replace(vector, definition=definition))

    real_server.poll(lambda: "switch_problem" in client.get("/readyz").json()["index"])

    told = client.get("/readyz").json()["index"]
    assert (told["name"], told["ready"]) == (OLD, True)
    assert part in told["switch_problem"]
    assert ask(client, "navy")[0] == 200
    switch_back(collection, OLD)
    real_server.poll(lambda: "switch_problem" not in client.get("/readyz").json()["index"])


def test_what_nobody_here_has_written_is_told_and_not_followed(client, collection):
    switches = collection.database[SWITCHES]
    switches.insert_one({"_id": {"collection": collection.name, "index": OLD}, "index_file": 5})

    real_server.poll(lambda: "switch_problem" in client.get("/readyz").json()["index"])

    problem = client.get("/readyz").json()["index"]["switch_problem"]
    assert "is not what migrate --switch writes; migrate --back takes it away" in problem


def test_request_asks_one_index_from_its_beginning_to_its_end(gallery, migrate, embedder):
    app = create_app(gallery, embedder=embedder)
    service = app.extensions["similar_items"]

    with app.test_request_context("/"):
        own, similar = service.index, service.similar
        migrate("--switch")
        real_server.poll(lambda: service.served.current().index.name == "new")
        meanwhile = service.index, service.similar
    with app.test_request_context("/"):
        later = service.index.name
    service.close()

    assert meanwhile == (own, similar)
    assert later == "new"
