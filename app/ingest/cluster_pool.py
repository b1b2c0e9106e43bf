"""How many workers a cluster gets, and how much of its machines they reserve; pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from app.errors import ServiceError

# One model on eight cores: more of them cost memory, fewer make batches too slow.
CORES_PER_WORKER = 8
# Of the cores that a worker's threads use it reserves half: where the pool reserves all, nothing is
# left for the task that reads, and the run stands still.
RESERVED_SHARE = 0.5
# Rows are light; a whole CPU, Ray's default, would not be left on a machine that has one.
READER_CPUS = 0.25


@dataclass(frozen=True, slots=True)
class WorkerPool:
    """How many workers, and what each of them reserves."""

    workers: int
    cpus: float
    gpus: float

    @property
    def threads(self) -> int:
        """Threads that the model of one worker computes with."""
        return max(1, round(self.cpus / RESERVED_SHARE))


def size_pool(machines: Iterable[tuple[float, float]], workers: int | None) -> WorkerPool:
    """Fit a pool to a cluster: a worker for each GPU, else one for every eight cores.

    Args:
        machines: CPUs and GPUs of each machine.
        workers: so many instead.

    Raises:
        ServiceError: no machine has a CPU.
    """
    machines = [(cpus, gpus) for cpus, gpus in machines if cpus > 0]
    if not machines:
        raise ServiceError("The cluster has no machine with a CPU.")
    gpus = sum(gpus for _, gpus in machines)
    if gpus:
        workers = workers or int(gpus)
        gpus_each = 1.0 if workers <= gpus else 1.0 / math.ceil(workers / gpus)
        cores_of_a_gpu = min(cpus / on_machine for cpus, on_machine in machines if on_machine)
        return WorkerPool(workers, cores_of_a_gpu * gpus_each * RESERVED_SHARE, gpus_each)
    cores = sum(cpus for cpus, _ in machines)
    workers = workers or sum(max(1, int(cpus) // CORES_PER_WORKER) for cpus, _ in machines)
    return WorkerPool(workers, min(CORES_PER_WORKER, cores / workers) * RESERVED_SHARE, 0.0)
