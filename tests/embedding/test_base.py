"""The promises of every embedder, shown with the fake."""

import threading

import numpy as np
import pytest
from PIL import Image

from app.errors import ModelUnavailable, TextNotSupported
from tests.fakes import FakeEmbedder


def pictures(*colors: str) -> list[Image.Image]:
    return [Image.new("RGB", (20, 30), color) for color in colors]


def test_rows_are_float32_of_unit_length_in_the_order_of_the_pictures():
    embedder = FakeEmbedder(dimensions=6)

    rows = embedder.embed_images(pictures("red", "blue", "white"))

    assert rows.dtype == np.float32
    assert rows.shape == (3, 6)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(rows[1], embedder.embed_images(pictures("blue"))[0])


def test_no_pictures_give_no_rows_and_load_no_weights():
    embedder = FakeEmbedder(dimensions=6)

    rows = embedder.embed_images([])

    assert rows.shape == (0, 6)
    assert rows.dtype == np.float32
    assert not embedder.is_loaded


@pytest.mark.parametrize(("n", "batches"), [(1, [1]), (4, [4]), (5, [4, 1]), (9, [4, 4, 1])])
def test_pictures_are_embedded_in_batches(n: int, batches: list[int]):
    embedder = FakeEmbedder(dimensions=3, batch_size=4)

    embedder.embed_images(pictures(*["red"] * n))

    assert embedder.batches == batches


def test_pictures_are_taken_one_batch_at_a_time():
    embedder = FakeEmbedder(dimensions=3, batch_size=2)
    seen_before_each = []

    def source():
        for picture in pictures("red", "green", "blue", "white"):
            seen_before_each.append(sum(embedder.batches))
            yield picture

    embedder.embed_images(source())

    assert seen_before_each == [0, 0, 2, 2]


def test_a_text_lies_nearest_to_the_pictures_that_it_describes():
    embedder = FakeEmbedder(dimensions=12)

    scores = embedder.embed_images(pictures("red", "blue")) @ embedder.embed_texts(["a blue hat"]).T

    assert scores[1, 0] > scores[0, 0]


@pytest.mark.parametrize("texts", [["a hat"], []], ids=["one", "none"])
def test_a_model_without_text_refuses_it_and_names_one_that_can(texts: list[str]):
    embedder = FakeEmbedder(name="images-only", supports_text=False)

    with pytest.raises(TextNotSupported, match=r"images-only .*MODEL=clip"):
        embedder.embed_texts(texts)


def test_many_threads_load_the_weights_once():
    reads = []

    class SlowEmbedder(FakeEmbedder):
        def _read_weights(self) -> None:
            reads.append(threading.get_ident())
            barrier_passed.wait(0.05)

    barrier_passed = threading.Event()
    embedder = SlowEmbedder(dimensions=3)
    threads = [threading.Thread(target=embedder.load) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(reads) == 1
    assert embedder.is_loaded


def test_a_failed_load_is_tried_again():
    embedder = FakeEmbedder(dimensions=3)
    embedder.fails_to_load = True

    with pytest.raises(ModelUnavailable):
        embedder.load()
    assert not embedder.is_loaded
    embedder.fails_to_load = False
    embedder.load()

    assert embedder.is_loaded
