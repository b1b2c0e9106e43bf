import pytest

from app.errors import ServiceError
from app.ingest.cluster_pool import READER_CPUS, WorkerPool, size_pool


@pytest.mark.parametrize(
    ("machines", "workers", "expected"),
    [
        pytest.param([(1, 0)], None, WorkerPool(1, 0.5, 0), id="one-core"),
        pytest.param([(2, 0)], None, WorkerPool(1, 1, 0), id="two-cores"),
        pytest.param([(2, 0)], 2, WorkerPool(2, 0.5, 0), id="two-workers-on-two-cores"),
        pytest.param([(16, 0)], None, WorkerPool(2, 4, 0), id="eight-cores-each"),
        pytest.param([(16, 0)] * 10, None, WorkerPool(20, 4, 0), id="ten-machines"),
        pytest.param([(16, 1)], None, WorkerPool(1, 8, 1), id="a-gpu"),
        pytest.param([(64, 8), (64, 0)], None, WorkerPool(8, 4, 1), id="gpus-on-one-machine"),
        pytest.param([(64, 1), (4, 1)], None, WorkerPool(2, 2, 1), id="what-each-machine-has"),
        pytest.param([(16, 1)], 2, WorkerPool(2, 4, 0.5), id="two-workers-on-a-gpu"),
        pytest.param([(32, 4)], 2, WorkerPool(2, 4, 1), id="fewer-workers-than-gpus"),
    ],
)
def test_a_pool_is_sized_by_cores_or_gpus(machines, workers, expected):
    assert size_pool(machines, workers) == expected


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 7, 8, 15, 64])
@pytest.mark.parametrize("gpus", [0, 1, 4])
@pytest.mark.parametrize("workers", [None, 1, 3, 100])
def test_a_pool_never_takes_the_whole_machine(cores, gpus, workers):
    pool = size_pool([(cores, gpus)], workers)

    assert pool.workers * pool.cpus + READER_CPUS < cores
    assert pool.workers * pool.gpus <= gpus


@pytest.mark.parametrize("cores", [1, 2, 8, 16])
def test_all_cores_compute(cores):
    pool = size_pool([(cores, 0)], None)

    assert pool.workers * pool.threads == cores


def test_a_cluster_without_cpus_is_refused():
    with pytest.raises(ServiceError, match=r"no machine with a CPU"):
        size_pool([(0, 0)], None)
