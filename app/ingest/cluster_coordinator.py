"""The actor that runs the dataset: knows what is begun, what is done, and when anything last moved.

Its methods are called from many processes at once, while the dataset runs in a thread.
"""

import queue
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import ray
from ray.data import ActorPoolStrategy, DataContext

from app.errors import ServiceError
from app.ingest.cluster_job import ClusterJob
from app.ingest.cluster_pool import READER_CPUS, WorkerPool
from app.ingest.cluster_worker import (
    GroupOutcome,
    IngestWorker,
    Ledger,
    RowGroups,
    content_of,
)

# Ray Data itself would read ahead until its object store is full, and keep a record of each group.
GROUPS_PER_WORKER = 4
MAX_WAITING_OUTCOMES = 1000
# A machine may be lost while a worker starts on it; a model that cannot be loaded is no such case.
MAX_DEATHS_AT_START = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """How a run stands.

    Attributes:
        outcomes: those since the last time.
        idle_s: since anything moved.
        is_done: whether these were the last outcomes.
        error: what ended the run.
    """

    outcomes: list[GroupOutcome]
    idle_s: float
    is_done: bool
    error: ServiceError | None


class Coordinator:
    """Runs one job."""

    def __init__(self, job: ClusterJob, pool: WorkerPool) -> None:
        self._job = job
        self._pool = pool
        self._in_hand: dict[int, _Group] = defaultdict(_Group)
        self._lock = threading.Lock()
        self._done = 0
        self._is_stopping = False
        self._is_done = False
        self._error: ServiceError | None = None
        self._moved_s = time.monotonic()
        self._outcomes: queue.Queue[GroupOutcome] = queue.Queue(MAX_WAITING_OUTCOMES)

    def start(self) -> None:
        """Begin; returns at once."""
        itself = ray.get_runtime_context().current_actor
        threading.Thread(target=self._run, args=(Ledger(itself),), daemon=True).start()

    def begin(self, number: int) -> int | None:
        """Note that a group is begun.

        Returns:
            How many workers began it before and ended, None where the run is to stop.
        """
        self.beat()
        with self._lock:
            return self._in_hand[number].begin() if self._is_going_on() else None

    def begin_row(self, number: int, row: int) -> int | None:
        """Note that a worker is at this row of a group; as `begin` otherwise."""
        with self._lock:
            return self._in_hand[number].begin_row(row) if self._is_going_on() else None

    def is_wanted(self, number: int) -> bool | None:
        """Return whether a group may be handed out: False for not yet, None where to stop."""
        if not self._is_going_on():
            return None
        if number >= self._done + GROUPS_PER_WORKER * self._pool.workers:
            return False
        self.beat()
        return True

    def beat(self) -> None:
        """Note that something goes forward."""
        self._moved_s = time.monotonic()

    def fail(self, error: ServiceError) -> None:
        """End the run with this error, if none has ended it before."""
        with self._lock:
            self._error = self._error or error

    def stop(self) -> None:
        """Read no more rows, and begin no more groups."""
        with self._lock:
            self._is_stopping = True

    def progress(self, wait_s: float) -> Progress:
        """Return how the run stands, once there is an outcome or after `wait_s`."""
        is_done = self._is_done  # before the queue is emptied: none comes after it
        outcomes: list[GroupOutcome] = []
        try:
            outcomes.append(self._outcomes.get(timeout=0 if is_done else wait_s))
            while True:
                outcomes.append(self._outcomes.get_nowait())
        except queue.Empty:
            pass
        return Progress(outcomes, time.monotonic() - self._moved_s, is_done, self._error)

    def _is_going_on(self) -> bool:
        return not self._is_stopping and self._error is None

    def _run(self, ledger: Ledger) -> None:
        try:
            for table in self._tables(ledger):
                number, outcome = content_of(table)
                self._in_hand.pop(number, None)
                self._done += 1
                self._outcomes.put(outcome)
        except Exception as error:  # reader and workers have told their own; this is Ray's
            reason = str(error).strip().partition("\n")[0].rstrip(".")
            self.fail(ServiceError(f"Ray ended the run: {reason}."))
        finally:
            self._is_done = True

    def _tables(self, ledger: Ledger) -> Any:
        _configure(DataContext.get_current())
        groups = ray.data.read_datasource(
            RowGroups(self._job, ledger),
            override_num_blocks=1,
            ray_remote_args={"num_cpus": READER_CPUS},
        )
        outcomes = groups.map_batches(
            IngestWorker,
            batch_size=1,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(size=self._pool.workers),
            fn_constructor_args=(self._job, ledger),
            num_cpus=self._pool.cpus,
            num_gpus=self._pool.gpus or None,
            runtime_env={"env_vars": {"OMP_NUM_THREADS": str(self._pool.threads)}},
        )
        return outcomes.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)


class _Group:
    """Who ended at what of a group that is in hand."""

    def __init__(self) -> None:
        self._times_begun = 0
        self._row: int | None = None
        self._deaths: Counter[int] = Counter()

    def begin(self) -> int:
        if self._row is not None:
            self._deaths[self._row] += 1
        self._row = None
        self._times_begun += 1
        return self._times_begun - 1

    def begin_row(self, row: int) -> int:
        self._row = row
        return self._deaths[row]


def _configure(context: DataContext) -> None:
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # A row is a group: blocks of one row each go on at once, larger ones would wait to be filled.
    context.target_max_block_size = 1
    context.max_consecutive_actor_init_deaths = MAX_DEATHS_AT_START
