"""Moves batches through the three legs, counts every outcome once, and says where the time went.

    prepare (a thread of its own)  rows -> what is unchanged, failed, to be embedded
    embed   (the caller's thread)  pictures -> updates
    write   (a thread of its own)  updates -> the database

The legs overlap: while one batch is embedded, the next is decoded and the one before is written.
Each waits for a slower one, so that a handful of batches is in memory however many there are.
"""

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from types import TracebackType

from app.ingest.failures import Failure
from app.ingest.legs import Legs
from app.ingest.preparation import Pending, PreparedBatch
from app.ingest.reader import Row
from app.ingest.updates import Update

DEFAULT_BATCH_SIZE = 32
MAX_WRITES_IN_FLIGHT = 2


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What a run did: read = written + unchanged + failed.

    Attributes:
        embedded: pictures that went through the model; the rest of `written` got new fields only.
        seconds: from the first row to the last acknowledged write.
        prepare_s: the legs overlap; the slowest is the one to speed up.
        embed_s: as `prepare_s`.
        write_s: as `prepare_s`.
        is_interrupted: whether the run was asked to stop.
    """

    read: int
    written: int
    unchanged: int
    failed: int
    embedded: int
    seconds: float
    prepare_s: float
    embed_s: float
    write_s: float
    is_interrupted: bool


class Observer:
    """Is told how a run goes, and may end it; this one only watches."""

    def on_failure(self, failure: Failure) -> None:
        """Take note of a row that failed."""

    def on_settled(self, rows: int) -> None:
        """Take note that so many more rows have their outcome."""

    def should_stop(self) -> bool:
        """Return whether the batch in hand is the last."""
        return False


def ingest(
    rows: Iterable[Row],
    legs: Legs,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    observer: Observer | None = None,
) -> IngestReport:
    """Run every row through the legs.

    Args:
        rows: read lazily, in a thread.
        legs: see `legs.open_legs`.
        batch_size: rows looked up at a time, and pictures embedded at a time.
        observer: is called from the caller's thread only.

    Raises:
        Whatever a leg raises; what was written by then stays, and the next run goes on from there.
    """
    return _Run(legs, batch_size, observer or Observer()).over(rows)


class _Run:
    def __init__(self, legs: Legs, batch_size: int, observer: Observer) -> None:
        self._legs = legs
        self._batch_size = batch_size
        self._observer = observer
        self._prepare_time, self._embed_time, self._write_time = (_Timer() for _ in range(3))
        # Pictures wait here until they fill a batch: on a re-run few rows of each need the model.
        self._pending: deque[Pending] = deque()
        self._writes: deque[tuple[int, Future[list[Failure]]]] = deque()
        self._read = self._written = self._unchanged = self._failed = self._embedded = 0

    def over(self, rows: Iterable[Row]) -> IngestReport:
        start_s = time.perf_counter()
        is_interrupted = False
        with (
            closing(self._prepared(rows)) as batches,
            ThreadPoolExecutor(1, thread_name_prefix="write") as writing,
        ):
            for count, batch in batches:
                self._read += count
                self._settle(batch, writing)
                while len(self._pending) >= self._batch_size:
                    self._embed(writing)
                if is_interrupted := self._observer.should_stop():
                    break
            if self._pending:
                self._embed(writing)
            while self._writes:
                self._collect_write()
        return self._report(time.perf_counter() - start_s, is_interrupted)

    def _prepared(self, rows: Iterable[Row]) -> Generator[tuple[int, PreparedBatch], None, None]:
        """Yield prepared batches, the next one always in the making."""
        batches = self._prepare_each(rows)
        with ThreadPoolExecutor(1, thread_name_prefix="prepare") as preparing:
            upcoming = preparing.submit(next, batches, None)
            while (batch := upcoming.result()) is not None:
                upcoming = preparing.submit(next, batches, None)
                yield batch

    def _prepare_each(self, rows: Iterable[Row]) -> Iterator[tuple[int, PreparedBatch]]:
        remaining = iter(rows)
        while True:
            with self._prepare_time:
                batch = list(islice(remaining, self._batch_size))
                if not batch:
                    return
                prepared = self._legs.prepare(batch)
            yield len(batch), prepared

    def _settle(self, batch: PreparedBatch, writing: Executor) -> None:
        self._unchanged += batch.unchanged
        self._observer.on_settled(batch.unchanged)
        self._fail(batch.failures)
        self._pending.extend(batch.pending)
        if batch.changed:
            self._submit_write(batch.changed, writing)

    def _embed(self, writing: Executor) -> None:
        size = min(self._batch_size, len(self._pending))
        pending = [self._pending.popleft() for _ in range(size)]
        with self._embed_time:
            outcomes = self._legs.embed(pending)
        self._fail([one for one in outcomes if isinstance(one, Failure)])
        updates = [one for one in outcomes if isinstance(one, Update)]
        self._embedded += len(updates)
        self._submit_write(updates, writing)

    def _submit_write(self, updates: Sequence[Update], writing: Executor) -> None:
        self._writes.append((len(updates), writing.submit(self._write, updates)))
        while len(self._writes) > MAX_WRITES_IN_FLIGHT:
            self._collect_write()

    def _write(self, updates: Sequence[Update]) -> list[Failure]:
        with self._write_time:
            return self._legs.write(updates)

    def _collect_write(self) -> None:
        count, write = self._writes.popleft()
        failures = write.result()
        self._written += count - len(failures)
        self._observer.on_settled(count - len(failures))
        self._fail(failures)

    def _fail(self, failures: Sequence[Failure]) -> None:
        for failure in failures:
            self._observer.on_failure(failure)
        self._failed += len(failures)
        self._observer.on_settled(len(failures))

    def _report(self, seconds: float, is_interrupted: bool) -> IngestReport:
        assert self._read == self._written + self._unchanged + self._failed
        return IngestReport(
            read=self._read,
            written=self._written,
            unchanged=self._unchanged,
            failed=self._failed,
            embedded=self._embedded,
            seconds=seconds,
            prepare_s=self._prepare_time.seconds,
            embed_s=self._embed_time.seconds,
            write_s=self._write_time.seconds,
            is_interrupted=is_interrupted,
        )


class _Timer:
    """Adds up the time spent in its `with` blocks; one thread at a time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._start_s = 0.0

    def __enter__(self) -> None:
        self._start_s = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.seconds += time.perf_counter() - self._start_s
