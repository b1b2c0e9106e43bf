"""Pictures from a real web server on loopback, into a real LocalAtlas."""

import hashlib
import pickle
import threading

import pytest

from app.config import PROJECT_ROOT
from app.documents import GalleryImage
from app.fetching import Fetcher, FetchLimits
from app.indexes import read_index_file
from app.ingest.failures import Failure
from app.ingest.legs import open_legs
from app.ingest.runner import ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.url_pictures import UrlPicture
from app.ingest.writer import GalleryWriter
from app.pictures import PictureBytes, Validators
from tests.fakes import FakeEmbedder
from tests.ingest.pictures import png
from tests.ingest.watching import Watching
from tests.picture_server import HOST, LOOPBACK, answering, serving

INDEX = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def fetcher():
    limits = FetchLimits(max_retries=0, per_host=16)

    def resolve(host, port):
        return ["127.0.0.1"] if host == HOST else [host]

    with Fetcher(limits, allow_http=True, allowed_networks=LOOPBACK, resolve=resolve) as fetcher:
        yield fetcher


def tagged(content):
    """Answer with a picture once, and then that it is still the same."""
    tag = f'"{hashlib.sha256(content).hexdigest()}"'

    def answer(handler):
        is_known = handler.headers.get("If-None-Match") == tag
        (answering(status=304, ETag=tag) if is_known else answering(content, ETag=tag))(handler)

    return answer


def run(collection, fetcher, urls):
    """Ingest pictures; return embedded, written, unchanged, failed and the failures by id."""
    embedder, watching = FakeEmbedder(), Watching()
    writer = GalleryWriter(collection, UpdateBuilder(INDEX, embedder.fingerprint))
    rows = [GalleryImage(key, UrlPicture(fetcher, url), url) for key, url in urls.items()]
    with open_legs(embedder, writer, max_pixels=1_000_000) as legs:
        report = ingest(rows, legs, observer=watching)
    counts = report.embedded, report.written, report.unchanged, report.failed
    return counts, {failure.item_id: failure for failure in watching.failures}


def test_only_what_has_changed_is_downloaded_again(collection, fetcher, server):
    colors = {"a": "red", "b": "green", "c": "blue"}
    server.answers = {f"/{key}.png": tagged(png(color)) for key, color in colors.items()}
    urls = {key: server.url(f"/{key}.png?size=2") for key in colors}

    assert run(collection, fetcher, urls) == ((3, 3, 0, 0), {})
    assert collection.find_one({"_id": "a"})["image"]["uri"] == urls["a"]

    server.answers["/b.png"] = tagged(png("black"))
    assert run(collection, fetcher, urls) == ((1, 1, 2, 0), {})
    assert sorted(server.statuses) == [200, 200, 200, 200, 304, 304]


def test_each_picture_that_cannot_be_had_is_one_failure(collection, fetcher, server):
    server.answers = {
        "/good.png": answering(png("red")),
        "/gone.png": answering(status=404),
        "/busy.png": answering(status=503),
        "/page.png": answering(b"<!doctype html>", Content_Type="text/html"),
        "/text.png": answering(b"Sold out."),
    }
    urls = {
        path.removeprefix("/").removesuffix(".png"): server.url(f"{path}?token=secret")
        for path in server.answers
    }
    urls["private"] = "http://10.0.0.1/1.png"

    counts, failures = run(collection, fetcher, urls)

    assert counts == (1, 1, 0, 5)
    assert {key for key, failure in failures.items() if failure.retryable} == {"busy"}
    assert failures["gone"] == Failure(
        "gone",
        server.url("/gone.png"),
        f"{server.url('/gone.png')} answered 404 Not Found, expected 200 OK.",
    )
    assert "not a picture" in failures["text"].reason
    assert "secret" not in str(failures)


def test_more_pictures_are_fetched_at_a_time_than_decoded(collection, fetcher, server):
    everyone = threading.Barrier(16, timeout=20)

    def together(handler):
        everyone.wait()
        answering(png("red"))(handler)

    server.answers["/1.png"] = together
    urls = {f"{i:02}": server.url("/1.png") for i in range(16)}

    assert run(collection, fetcher, urls) == ((1, 16, 0, 0), {})


def test_picture_can_be_sent_to_another_process(server):
    server.answers["/1.png"] = answering(png("red"), ETag='"1"')
    url = server.url("/1.png", host="127.0.0.1")
    with Fetcher(allow_http=True, allowed_networks=LOOPBACK) as fetcher:
        sent = pickle.dumps([UrlPicture(fetcher, url)] * 2)

    first, second = pickle.loads(sent)

    assert first.fetcher is second.fetcher
    with first.fetcher:
        assert first.read(None) == PictureBytes(png("red"), Validators('"1"', None))
