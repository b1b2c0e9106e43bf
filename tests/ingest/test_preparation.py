"""What a source that knows its picture's state is asked for, over runs on a real LocalAtlas."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from app.documents import GalleryImage
from app.indexes import read_index_file
from app.ingest.failures import Failure
from app.ingest.legs import open_legs
from app.ingest.runner import Observer, ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter
from app.pictures import (
    MAX_PICTURE_BYTES,
    FilePicture,
    NotModified,
    PictureBytes,
    PictureUnavailable,
    Validators,
)
from tests.fakes import FakeEmbedder
from tests.ingest.pictures import save_picture

INDEX = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")
FIRST = Validators('"1"', "Mon, 05 Jan 2026 10:00:00 GMT")
SECOND = Validators('"2"', None)


@dataclass
class Shelf:
    """A source whose state the test sets, and which notes what it was asked."""

    content: bytes
    validators: Validators | None = FIRST
    asked: list[Validators | None] = field(default_factory=list)
    is_remote: bool = False

    def read(self, known):
        self.asked.append(known)
        if known is not None and known == self.validators:
            return NotModified()
        return PictureBytes(self.content, self.validators)

    def __str__(self):
        return "a shelf"


def run(collection, shelf, *, uri="https://shop.example/1.png", fields=None, model="fake"):
    embedder = FakeEmbedder(name=model)
    writer = GalleryWriter(collection, UpdateBuilder(INDEX, embedder.fingerprint))
    with open_legs(embedder, writer, max_pixels=1_000_000) as legs:
        report = ingest([GalleryImage("a", shelf, uri, fields or {})], legs)
    return report.embedded, report.written, report.unchanged, report.failed


@pytest.fixture
def shelf(tmp_path):
    return Shelf(save_picture(tmp_path / "1.png").read_bytes())


def test_a_picture_that_its_source_calls_the_same_is_left_alone(collection, shelf):
    assert run(collection, shelf) == (1, 1, 0, 0)
    image = collection.find_one()["image"]
    assert (image["etag"], image["last_modified"]) == (FIRST.etag, FIRST.last_modified)

    assert run(collection, shelf) == (0, 0, 1, 0)
    assert shelf.asked == [None, FIRST]


def test_new_fields_of_a_picture_that_is_not_read_are_written(collection, shelf):
    run(collection, shelf)

    assert run(collection, shelf, fields={"price": 7}) == (0, 1, 0, 0)
    assert collection.find_one()["price"] == 7


def test_the_same_bytes_under_new_validators_are_not_embedded_again(collection, shelf):
    run(collection, shelf)
    shelf.validators = SECOND

    assert run(collection, shelf) == (0, 1, 0, 0)
    image = collection.find_one()["image"]
    assert image["etag"] == SECOND.etag
    assert "last_modified" not in image
    assert run(collection, shelf) == (0, 0, 1, 0)


def test_validators_go_where_a_source_gives_none_any_more(collection, shelf, tmp_path):
    run(collection, shelf)
    shelf.validators = Validators(None, None)
    shelf.content = save_picture(tmp_path / "2.png", "blue").read_bytes()

    assert run(collection, shelf) == (1, 1, 0, 0)
    assert sorted(collection.find_one()["image"]) == ["height_px", "sha256", "uri", "width_px"]
    run(collection, shelf)
    assert shelf.asked == [None, FIRST, None]


@pytest.mark.parametrize("change", [{"uri": "https://other.example/1.png"}, {"model": "other"}])
def test_validators_are_kept_from_another_place_and_another_model(collection, shelf, change):
    run(collection, shelf)
    run(collection, shelf, **change)

    assert shelf.asked == [None, None]


@pytest.mark.parametrize("retryable", [True, False])
def test_a_picture_that_cannot_be_had_is_one_failure(collection, shelf, retryable):
    class Nowhere(Shelf):
        def read(self, known):
            raise PictureUnavailable("The host does not answer.", retryable=retryable)

    failures = []

    class Watching(Observer):
        def on_failure(self, failure):
            failures.append(failure)

    embedder = FakeEmbedder()
    writer = GalleryWriter(collection, UpdateBuilder(INDEX, embedder.fingerprint))
    with open_legs(embedder, writer, max_pixels=1_000_000) as legs:
        ingest([GalleryImage("a", Nowhere(b""), "x")], legs, observer=Watching())

    assert failures == [Failure("a", "a shelf", "The host does not answer.", retryable)]


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(MAX_PICTURE_BYTES + 1)

    with pytest.raises(PictureUnavailable, match="268,435,457 bytes, at most 268,435,456") as error:
        FilePicture(path).read(None)
    assert not error.value.retryable


def test_a_folder_is_no_picture():
    with pytest.raises(PictureUnavailable, match="no ordinary file"):
        FilePicture(Path("/")).read(None)
