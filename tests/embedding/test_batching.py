"""The promises of gathering: who waits for whom, who gets which row, and who gets which error."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.embedding import batching
from app.embedding.base import Pixels
from app.embedding.batching import Gathering
from tests.fakes import FakeEmbedder

PATIENCE_S = 20.0


class Model:
    """Embeds numbers as rows of themselves; a pass lasts until the test lets it go."""

    def __init__(self) -> None:
        self.passes: list[list[int]] = []
        self.error: Exception | None = None
        self._may_end = threading.Semaphore(0)

    def embed(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        self.passes.append(list(numbers))
        assert self._may_end.acquire(timeout=PATIENCE_S)
        if self.error is not None:
            raise self.error
        return np.array([[number, -number] for number in numbers], dtype=np.float32)

    def end_passes(self, count: int = 1) -> None:
        self._may_end.release(count)

    def embed_otherwise(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        return self.embed(numbers) * 10


class Clients:
    """Threads that bring numbers to a gathering, each of them in its turn."""

    def __init__(self, model: Model, threads: ThreadPoolExecutor) -> None:
        self.gathering = Gathering()
        self._model = model
        self._threads = threads

    def begin(self, *numbers: int) -> Future[NDArray[np.float32]]:
        """Bring numbers to the idle model and return once their pass runs."""
        passes = len(self._model.passes)
        brought = self._threads.submit(
            self.gathering.embed, self._model.embed, numbers, max_items=100
        )
        until(lambda: len(self._model.passes) > passes)
        return brought

    def bring(
        self,
        *numbers: int,
        max_items: int = 100,
        to: Callable[[Sequence[int]], NDArray[np.float32]] | None = None,
    ) -> Future[NDArray[np.float32]]:
        """Bring numbers while the model cannot take them, and return once they wait."""
        return self.bring_items(numbers, to or self._model.embed, max_items=max_items)

    def bring_items(
        self, items: Any, embed: Callable[[Any], NDArray[np.float32]], *, max_items: int = 100
    ) -> Future[NDArray[np.float32]]:
        waiting = len(self.gathering._waiting)
        brought = self._threads.submit(self.gathering.embed, embed, items, max_items=max_items)
        until(lambda: len(self.gathering._waiting) > waiting)
        return brought


def until(holds: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.001)


def rows(*numbers: int) -> list[list[float]]:
    return [[number, -number] for number in numbers]


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def clients(model: Model) -> Iterator[Clients]:
    with ThreadPoolExecutor(32) as threads:
        yield Clients(model, threads)
        model.end_passes(1000)


def test_who_comes_alone_runs_at_once(model: Model, clients: Clients):
    alone = clients.begin(7)
    model.end_passes()

    assert alone.result(PATIENCE_S).tolist() == rows(7)
    assert model.passes == [[7]]


def test_what_comes_during_a_pass_shares_the_next_one(model: Model, clients: Clients):
    clients.begin(1)
    later = [clients.bring(2), clients.bring(3, 4), clients.bring(5)]
    model.end_passes(2)

    answers = [one.result(PATIENCE_S).tolist() for one in later]

    assert model.passes == [[1], [2, 3, 4, 5]]
    assert answers == [rows(2), rows(3, 4), rows(5)]


def test_nobody_runs_another_pass_once_its_own_items_are_embedded(model: Model, clients: Clients):
    first = clients.begin(1)
    second = clients.bring(2)
    model.end_passes()

    assert first.result(PATIENCE_S).tolist() == rows(1)
    until(lambda: len(model.passes) == 2)
    assert not second.done()


def test_a_pass_takes_no_more_than_its_limit_and_who_waits_longest_comes_first(
    model: Model, clients: Clients
):
    clients.begin(1)
    later = [clients.bring(*numbers, max_items=3) for numbers in [(2, 3), (4, 5), (6,), (7,)]]
    model.end_passes(4)

    answers = [one.result(PATIENCE_S).tolist() for one in later]

    assert model.passes == [[1], [2, 3, 6], [4, 5, 7]]
    assert answers == [rows(2, 3), rows(4, 5), rows(6), rows(7)]


def test_who_brings_more_than_the_limit_gets_a_pass_alone(model: Model, clients: Clients):
    clients.begin(1)
    many = clients.bring(2, 3, 4, max_items=2)
    clients.bring(5, max_items=2)
    model.end_passes(3)

    assert many.result(PATIENCE_S).tolist() == rows(2, 3, 4)
    until(lambda: model.passes == [[1], [2, 3, 4], [5]])


def test_items_for_another_function_wait_for_a_pass_of_their_own(model: Model, clients: Clients):
    clients.begin(1)
    later = [clients.bring(2), clients.bring(3, to=model.embed_otherwise), clients.bring(4)]
    model.end_passes(3)

    answers = [one.result(PATIENCE_S).tolist() for one in later]

    assert model.passes == [[1], [2, 4], [3]]
    assert answers == [rows(2), [[30, -30]], rows(4)]


def test_an_error_reaches_all_of_its_pass_and_nobody_else(model: Model, clients: Clients):
    model.error = MemoryError("no room on the device")
    failing = [clients.begin(1)]
    failing += [clients.bring(2), clients.bring(3)]
    model.end_passes(2)
    for one in failing:
        with pytest.raises(MemoryError, match="no room"):
            one.result(PATIENCE_S)

    model.error = None
    after = clients.begin(4)
    model.end_passes()

    assert model.passes == [[1], [2, 3], [4]]
    assert after.result(PATIENCE_S).tolist() == rows(4)


def test_who_was_in_a_shared_pass_is_waited_for(
    model: Model, clients: Clients, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batching, "WINDOW_S", 3600.0)
    clients.begin(1)
    shared = [clients.bring(2), clients.bring(3)]
    model.end_passes(2)
    for one in shared:
        one.result(PATIENCE_S)

    back = [clients.bring(4)]
    assert len(model.passes) == 2
    back.append(clients.begin(5))
    model.end_passes()

    assert [one.result(PATIENCE_S).tolist() for one in back] == [rows(4), rows(5)]
    assert model.passes == [[1], [2, 3], [4, 5]]


def test_nobody_waits_who_was_alone_in_the_last_pass(
    model: Model, clients: Clients, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batching, "WINDOW_S", 3600.0)

    for number in range(3):
        alone = clients.begin(number)
        model.end_passes()
        assert alone.result(PATIENCE_S).tolist() == rows(number)


def test_nobody_is_waited_for_for_ever(model: Model, clients: Clients):
    clients.begin(1)
    shared = [clients.bring(2), clients.bring(3)]
    model.end_passes(3)
    for one in shared:
        one.result(PATIENCE_S)

    assert clients.begin(4).result(PATIENCE_S).tolist() == rows(4)


def test_many_threads_get_their_own_rows_and_no_two_passes_run_at_once():
    gathering, is_running = Gathering(), threading.Lock()
    sizes = []

    def embed(numbers: Sequence[int]) -> NDArray[np.float32]:
        assert is_running.acquire(blocking=False)
        sizes.append(len(numbers))
        time.sleep(0.0005)
        is_running.release()
        return np.array([[number] for number in numbers], dtype=np.float32)

    def client(i: int) -> bool:
        own = range(i * 100, i * 100 + 40)
        return all(
            gathering.embed(embed, [n, n + 1], max_items=8).tolist() == [[n], [n + 1]] for n in own
        )

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(client, range(16)))

    assert sum(sizes) == 16 * 40 * 2
    assert max(sizes) <= 8


def test_arrays_of_items_come_as_one_array(model: Model, clients: Clients):
    def mean_of_each(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return pixels.mean(axis=(1, 2), dtype=np.float32)[:, None]

    clients.begin(1)
    later = [clients.bring_items(np.full((n, 4, 4), n, np.uint8), mean_of_each) for n in (1, 2)]
    model.end_passes()

    assert [one.result(PATIENCE_S).tolist() for one in later] == [[[1]], [[2], [2]]]


def test_pictures_of_several_threads_go_through_a_model_together():
    started, may_end = threading.Event(), threading.Event()

    class SlowEmbedder(FakeEmbedder):
        def _embed_pixel_batch(self, pixels: Pixels) -> NDArray[np.float32]:
            rows = super()._embed_pixel_batch(pixels)
            started.set()
            assert may_end.wait(PATIENCE_S)
            return rows

    embedder = SlowEmbedder(dimensions=6, batch_size=4)
    pictures = [Image.new("RGB", (8, 8), color) for color in ("red", "blue", "green", "white")]
    with ThreadPoolExecutor(4) as threads:
        brought = [threads.submit(embedder.embed_images, pictures[:1])]
        assert started.wait(PATIENCE_S)
        brought += [threads.submit(embedder.embed_images, [one]) for one in pictures[1:]]
        until(lambda: len(embedder._gathering._waiting) == 3)
        may_end.set()
        together = np.concatenate([one.result(PATIENCE_S) for one in brought])

    assert embedder.batches == [1, 3]
    assert np.array_equal(together, embedder.embed_images(pictures))
