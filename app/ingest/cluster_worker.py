"""What runs on the machines of a cluster: the reader that makes groups, the worker that takes them.

A group is a few batches of rows. It travels as one row of a Ray dataset, so that Ray Data schedules
groups, holds them back and repeats them, and never sees a picture: pictures go from their source
to the worker that embeds them, and from there into the database.
"""

import os
import pickle
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import ray
from ray.data import Datasource, ReadTask
from ray.data.block import BlockMetadata

from app.db import connect, database_errors
from app.documents import GalleryImage
from app.embedding.base import Embedder
from app.errors import ConfigError, ServiceError
from app.ingest.cluster_job import ClusterJob
from app.ingest.failures import Failure
from app.ingest.legs import open_legs, without_effect
from app.ingest.reader import Row
from app.ingest.runner import IngestReport, Observer, ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter

# Enough that the legs overlap for most of a group, few enough that a group takes seconds.
BATCHES_PER_GROUP = 4
ASK_AGAIN_S = 0.05
# A picture during which a worker ended so many times is what ends it.
MAX_DEATHS = 2


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """What became of one group, whose rows are all in `report`."""

    report: IngestReport
    failures: list[Failure]


class Ledger:
    """What readers and workers tell the run's coordinator, and ask it; travels to all of them."""

    def __init__(self, coordinator: Any) -> None:
        self._coordinator = coordinator

    def begin(self, number: int) -> int | None:
        """Note that a group is begun; return how many workers ended at it, None where to stop."""
        deaths: int | None = ray.get(self._coordinator.begin.remote(number))
        return deaths

    def begin_row(self, number: int, row: int) -> int | None:
        """As `begin`, of a row of the group."""
        deaths: int | None = ray.get(self._coordinator.begin_row.remote(number, row))
        return deaths

    def wait_until_wanted(self, number: int) -> bool:
        """Wait until a group may be handed out; return False where the run is to stop."""
        while (wanted := ray.get(self._coordinator.is_wanted.remote(number))) is False:
            time.sleep(ASK_AGAIN_S)
        return bool(wanted)

    def beat(self) -> None:
        """Note that something goes forward; waits for nothing."""
        self._coordinator.beat.remote()

    def fail(self, error: ServiceError) -> None:
        """End the run with this error."""
        ray.get(self._coordinator.fail.remote(error))


class RowGroups(Datasource):  # type: ignore[misc]  # mypy is not shown Ray
    """Reads a gallery lazily, in one task, as rows of (number, pickled rows)."""

    def __init__(self, job: ClusterJob, ledger: Ledger) -> None:
        super().__init__()
        self._job = job
        self._ledger = ledger

    def get_name(self) -> str:
        """Return the name of the reading step in Ray's logs."""
        return "Gallery"

    def estimate_inmemory_data_size(self) -> int | None:
        """Return None: how many rows there are is known only when they are read."""
        return None

    def get_read_tasks(self, parallelism: int, *args: Any, **options: Any) -> list[ReadTask]:
        """Return the one task; a gallery is one sequence, and its rows are light."""
        job, ledger = self._job, self._ledger
        metadata = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(lambda: _read_groups(job, ledger), metadata)]


def _read_groups(job: ClusterJob, ledger: Ledger) -> Iterator[pa.Table]:
    size = job.batch_size * BATCHES_PER_GROUP
    with _reporting(ledger), _naming_unreadable():
        if job.gallery.root is not None:
            # A gallery that is not here is no folder that cannot be read, which is one failed row.
            os.scandir(job.gallery.root).close()
        rows = islice(job.gallery.rows(), job.limit)
        number = 0
        while (group := list(islice(rows, size))) and ledger.wait_until_wanted(number):
            yield _table(number, group)
            number += 1


class IngestWorker:
    """Holds one model and takes groups through the legs, one after the other.

    Where an earlier worker ended in the middle of a group, its rows are done one at a time, so that
    a picture that ends every worker fails alone.
    """

    def __init__(self, job: ClusterJob, ledger: Ledger) -> None:
        self._job = job
        self._ledger = ledger
        with _reporting(ledger), ExitStack() as stack:
            embedder = _load(job)
            ledger.beat()
            collection = connect(job.settings)
            stack.callback(collection.database.client.close)
            updates = UpdateBuilder(job.index, job.embedded_by, job.gallery_id)
            writer = GalleryWriter(collection, updates)
            legs = stack.enter_context(
                open_legs(embedder, writer, max_pixels=job.settings.max_image_pixels)
            )
            self._legs = without_effect(legs) if job.is_dry_run else legs
            self._open = stack.pop_all()  # they end with the process
        ledger.beat()

    def __call__(self, groups: pa.Table) -> pa.Table:
        """Ingest one group; the outcome travels as the group did."""
        number, rows = content_of(groups)
        with _reporting(self._ledger), database_errors(self._job.database_label):
            return _table(number, self._outcome(number, rows))

    def _outcome(self, number: int, rows: Sequence[Row]) -> GroupOutcome:
        watch = _Watch(self._ledger)
        deaths = self._ledger.begin(number)
        if deaths is None:
            rows = []
        if deaths:
            report = total(list(self._one_by_one(number, rows, watch)))
        else:
            report = ingest(rows, self._legs, batch_size=self._job.batch_size, observer=watch)
        return GroupOutcome(report, watch.failures)

    def _one_by_one(
        self, number: int, rows: Sequence[Row], watch: "_Watch"
    ) -> Iterator[IngestReport]:
        for i, row in enumerate(rows):
            deaths = self._ledger.begin_row(number, i)
            if deaths is None:
                return
            if deaths >= MAX_DEATHS and isinstance(row, GalleryImage):
                reason = f"{deaths} workers ended while they were at this picture."
                row = Failure(row.item_id, str(row.source), reason)
            yield ingest([row], self._legs, observer=watch)


def content_of(groups: pa.Table) -> tuple[int, Any]:
    """Return the number and the content of a group, or of an outcome, that travelled as a table."""
    assert groups.num_rows == 1
    return groups["number"][0].as_py(), pickle.loads(groups["content"][0].as_py())


def total(reports: Sequence[IngestReport]) -> IngestReport:
    """Add reports up, seconds and all."""
    precisions = {report.precision for report in reports if report.precision is not None}

    def add(name: str) -> Any:
        return sum(getattr(report, name) for report in reports)

    return IngestReport(
        read=add("read"),
        written=add("written"),
        unchanged=add("unchanged"),
        failed=add("failed"),
        embedded=add("embedded"),
        duplicates=add("duplicates"),
        seconds=add("seconds"),
        prepare_s=add("prepare_s"),
        embed_s=add("embed_s"),
        write_s=add("write_s"),
        is_interrupted=False,
        precision=" and ".join(sorted(precisions)) or None,
    )


class _Watch(Observer):
    def __init__(self, ledger: Ledger) -> None:
        self.failures: list[Failure] = []
        self._ledger = ledger

    def on_failure(self, failure: Failure) -> None:
        self.failures.append(failure)

    def on_settled(self, rows: int) -> None:
        self._ledger.beat()


def _load(job: ClusterJob) -> Embedder:
    embedder = job.load_embedder()
    embedder.batch_size = job.batch_size
    if embedder.fingerprint != job.embedded_by:
        raise ConfigError(
            f"The model of {socket.gethostname()} is {embedder.fingerprint[:12]}, this run's model "
            f"is {job.embedded_by[:12]}; every machine needs the same files."
        )
    embedder.load()
    return embedder


@contextmanager
def _reporting(ledger: Ledger) -> Iterator[None]:
    """Tell the coordinator of an error in our own words, before Ray wraps it."""
    try:
        yield
    except ServiceError as error:
        ledger.fail(error)
        raise
    except Exception as error:  # whatever it is, the run's caller must hear of it
        what = f"{type(error).__name__}: {error}".rstrip(".")
        ledger.fail(ServiceError(f"{socket.gethostname()} failed, Ray's log tells where: {what}."))
        raise


@contextmanager
def _naming_unreadable() -> Iterator[None]:
    """Say where a gallery cannot be read that could be read where the run was started."""
    try:
        yield
    except OSError as error:
        raise ServiceError(
            f"{socket.gethostname()} cannot read the gallery: {error}; "
            f"its files must be at the same path on every machine."
        ) from error


def _table(number: int, content: object) -> pa.Table:
    return pa.table(
        {"number": [number], "content": pa.array([pickle.dumps(content)], pa.large_binary())}
    )
