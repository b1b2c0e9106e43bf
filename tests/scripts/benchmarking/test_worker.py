import os
import signal

import numpy as np
import pytest

from scripts.benchmarking.dataset import Dataset, write_dataset
from scripts.benchmarking.processes import folder_size_mb, peak_memory_mb
from scripts.benchmarking.questions import PriceBelow, Question
from scripts.benchmarking.worker import Unavailable, Worker


@pytest.fixture
def dataset(tmp_path) -> Dataset:
    rows = np.eye(32, dtype=np.float32)
    return write_dataset(tmp_path / "dataset", [(rows, np.zeros(32, np.int32))], seed=0)


@pytest.fixture
def worker(tmp_path):
    worker = Worker("numpy_exact", tmp_path / "numpy_exact", limit_s=60.0)
    yield worker
    worker.close()


def test_a_worker_builds_asks_and_tells_what_it_takes_up(worker, dataset):
    question = Question("unfiltered", 1.0, None, np.eye(32, dtype=np.float32)[:4], ())

    assert worker.call("build", dataset) > 0
    replies = worker.call("ask", {}, question, 1, 2, 10.0)

    assert replies.places == [1, 3]
    assert [numbers[0] for numbers in replies.numbers] == [1, 3]
    assert min(replies.latencies_ms) > 0
    assert worker.call("queries_per_s", {}, question, 4) > 0
    footprint = worker.call("footprint")
    assert footprint.rss_mb > 10
    assert footprint.disk_mb >= 32 * 32 * 4 / 1e6


def test_a_filter_is_asked_in_the_systems_own_language(worker, dataset):
    (items,) = dataset.batches(32)
    question = Question("filtered", 0.3, PriceBelow(0.3), np.eye(32, dtype=np.float32)[:1], ())

    worker.call("build", dataset)
    replies = worker.call("ask", {}, question, 0, 1, 10.0)

    assert 0 < len(replies.numbers[0]) < 32
    assert all(items.prices[number] < 0.3 for number in replies.numbers[0])


def test_what_a_worker_raises_is_told_in_one_line(worker):
    with pytest.raises(Unavailable, match="AttributeError: 'Session' object has no attribute 'x'"):
        worker.call("x")


def test_a_worker_whose_time_is_up_is_ended(tmp_path):
    worker = Worker("numpy_exact", tmp_path, limit_s=0.0)

    with pytest.raises(Unavailable, match=r"It took over 0 s\."):
        worker.call("ladders")
    worker.close()

    assert worker._process.returncode == -signal.SIGKILL


def test_a_worker_that_dies_is_told_with_its_exit_code(worker):
    worker.call("ladders")
    os.kill(worker._process.pid, signal.SIGKILL)

    with pytest.raises(Unavailable, match=r"Its process ended with exit code -9\."):
        worker.call("ladders")


def test_a_worker_ends_when_it_is_closed(tmp_path):
    worker = Worker("numpy_exact", tmp_path, limit_s=60.0)
    worker.call("ladders")

    worker.close()

    assert worker._process.returncode == 0


def test_peak_memory_stays_when_memory_is_given_back():
    before_mb = peak_memory_mb(os.getpid())
    block = np.ones(40_000_000)
    del block

    assert peak_memory_mb(os.getpid()) > before_mb + 200


def test_the_size_of_a_folder_is_that_of_all_files_below_it(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(os.urandom(1_000_000))

    assert folder_size_mb(tmp_path) == pytest.approx(1.0, abs=0.05)
