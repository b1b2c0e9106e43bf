"""Ingestion on many machines, or on one as if it were many: a run on Ray Data.

    script        checks, shows how it goes, writes failed.jsonl       (the caller's process)
    coordinator   runs the Ray dataset, keeps what is begun and done   (an actor)
    reader        gallery -> groups of rows                            (a task)
    workers       group -> prepare, embed, write -> outcome            (actors, a model each)

The coordinator is in the cluster because a client of `ray://` cannot run Ray Data itself. What a
worker has in hand when it ends is repeated by another or by its successor; ids make that harmless,
and the outcome of a group is counted once.
"""

import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError

from app.config import PROJECT_ROOT
from app.errors import ServiceError
from app.ingest.cluster_coordinator import Coordinator, Progress
from app.ingest.cluster_job import DEFAULT_STALL_AFTER_S, LOCAL, ClusterJob
from app.ingest.cluster_pool import WorkerPool, size_pool
from app.ingest.cluster_worker import GroupOutcome, total
from app.ingest.runner import IngestReport, Observer

logger = logging.getLogger(__name__)

POLL_S = 0.5
COORDINATOR_THREADS = 16

# Code and the model that ships are sent to the machines; above all .env and data are not.
_NOT_SENT = ["/*", "!/.", "!/app", "!/models", "__pycache__"]
_LOCAL_OBJECT_STORE_BYTES = 256 * 1024 * 1024


def ingest_on_cluster(
    job: ClusterJob,
    address: str,
    *,
    workers: int | None = None,
    observer: Observer | None = None,
    stall_after_s: float = DEFAULT_STALL_AFTER_S,
) -> IngestReport:
    """Run every row of the job's gallery through the workers of a cluster.

    Args:
        job: what is done.
        address: `ray://host:port`, or "local" for a Ray of this process's own.
        workers: as `size_pool` takes it.
        observer: is called from the caller's thread only.
        stall_after_s: so long without any progress ends the run.

    Returns:
        The report; its legs' seconds are sums over the workers, and a picture that a worker wrote
        just before it ended may be counted as unchanged.

    Raises:
        ServiceError: the cluster cannot be had, nothing goes forward, or what a worker raised.
            What was written by then stays, and the next run goes on from there.
    """
    with redirect_stdout(sys.stderr), _joined(address):  # Ray prints what happens to workers
        pool = size_pool(_machines(), workers)
        logger.info("%d workers, %d threads each", pool.workers, pool.threads)
        return _Run(job, pool, observer or Observer(), stall_after_s).to_the_end()


class _Run:
    """The caller's side of a run: asks the coordinator how it goes until there is no more."""

    def __init__(
        self, job: ClusterJob, pool: WorkerPool, observer: Observer, stall_after_s: float
    ) -> None:
        self._observer = observer
        self._stall_after_s = stall_after_s
        self._reports: list[IngestReport] = []
        actor = ray.remote(num_cpus=0, max_concurrency=COORDINATOR_THREADS)(Coordinator)
        self._coordinator: Any = actor.remote(job, pool)

    def to_the_end(self) -> IngestReport:
        start_s = time.perf_counter()
        is_interrupted = False
        self._ask(self._coordinator.start.remote())
        while not (progress := self._progress()).is_done:
            if progress.idle_s > self._stall_after_s:
                raise self._stalled()
            if not is_interrupted and self._observer.should_stop():
                is_interrupted = True
                self._ask(self._coordinator.stop.remote())
        report = total(self._reports)
        if not report.read and not is_interrupted:
            raise ServiceError(
                "The cluster's machines find no picture in the gallery; "
                "its files must be at the same path on every machine."
            )
        seconds = time.perf_counter() - start_s
        return replace(report, seconds=seconds, is_interrupted=is_interrupted)

    def _progress(self) -> Progress:
        progress: Progress = self._ask(self._coordinator.progress.remote(POLL_S))
        for outcome in progress.outcomes:
            self._take(outcome)
        if progress.error is not None:
            raise progress.error
        return progress

    def _take(self, outcome: GroupOutcome) -> None:
        self._reports.append(outcome.report)
        for failure in outcome.failures:
            self._observer.on_failure(failure)
        self._observer.on_settled(outcome.report.read)

    def _ask(self, answer: Any) -> Any:
        try:
            return ray.get(answer, timeout=self._stall_after_s)
        except GetTimeoutError as error:
            raise self._stalled() from error
        except (RayError, ConnectionError) as error:
            reason = str(error).partition("\n")[0].rstrip(".")
            raise ServiceError(f"The cluster's coordinator is lost: {reason}.") from error

    def _stalled(self) -> ServiceError:
        free = ray.available_resources()
        return ServiceError(
            f"Nothing went forward for {self._stall_after_s:g} s; "
            f"{free.get('CPU', 0.0):g} CPUs and {free.get('GPU', 0.0):g} GPUs are free. "
            f"What is written stays; the next run goes on from there."
        )


@contextmanager
def _joined(address: str) -> Iterator[None]:
    """Start a Ray of this process's own ("local"), or join one; leave it in the end.

    Raises:
        ServiceError: it cannot be reached or started.
    """
    # Ray sends usage statistics to its makers unless this is set; there is no argument for it.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        options |= {
            "include_dashboard": False,
            "object_store_memory": _LOCAL_OBJECT_STORE_BYTES,
            "runtime_env": {"env_vars": {"PYTHONPATH": str(PROJECT_ROOT)}},
        }
    else:
        options["runtime_env"] = {"working_dir": str(PROJECT_ROOT), "excludes": _NOT_SENT}
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # the error says it
            ray.init(address, **options)
    except (RayError, ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise ServiceError(f"--cluster {address} cannot be used: {reason}.") from error
    try:
        yield
    finally:
        ray.shutdown()


def _machines() -> list[tuple[float, float]]:
    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [(one.get("CPU", 0.0), one.get("GPU", 0.0)) for one in resources]
