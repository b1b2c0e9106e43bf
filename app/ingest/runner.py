"""Moves batches through the three legs, counts every outcome once, and says where the time went.

    prepare (a thread of its own)   rows -> what is unchanged, failed, to be embedded
    embed   (a thread a core)       pictures -> updates
    write   (two threads)           updates -> the database

The legs overlap: while some batches are embedded, the next are decoded and those before are
written. Each waits for a slower one, so that a handful of batches is in memory however many there
are. The caller's thread hands batches on and counts what becomes of them.
"""

import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice

from app.embedding.base import DEFAULT_BATCH_SIZE
from app.ingest.failures import Failure
from app.ingest.legs import Legs
from app.ingest.preparation import Pending, PreparedBatch
from app.ingest.reader import Row
from app.ingest.updates import Update

MAX_WRITES_IN_FLIGHT = 2
# Prepared and not embedded yet, besides what is being embedded: enough to even out a slow picture.
BATCHES_AHEAD = 2


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What a run did: read = written + unchanged + failed.

    Attributes:
        embedded: pictures that went through the model.
        duplicates: pictures that got the embedding of another one of the same bytes; what is left
            of `written` got new fields only.
        seconds: from the first row to the last acknowledged write.
        prepare_s: the legs overlap; the slowest is the one to speed up.
        embed_s: as `prepare_s`, a mean over its threads.
        write_s: as `prepare_s`, a mean over its threads.
        is_interrupted: whether the run was asked to stop.
        precision: what the model computed in, None where nothing was embedded; in a cluster whose
            machines differ, all of it.
    """

    read: int
    written: int
    unchanged: int
    failed: int
    embedded: int
    duplicates: int
    seconds: float
    prepare_s: float
    embed_s: float
    write_s: float
    is_interrupted: bool
    precision: str | None


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
        self._passes = legs.passes_at_once
        self._prepare_time = _Timer()
        self._embed_time, self._write_time = _Timer(self._passes), _Timer(MAX_WRITES_IN_FLIGHT)
        # Pictures wait here until they fill a batch: on a re-run few rows of each need the model.
        self._pending: deque[Pending] = deque()
        self._embeds: deque[Future[list[Update | Failure]]] = deque()
        self._writes: deque[tuple[int, Future[list[Failure]]]] = deque()
        self._read = self._written = self._unchanged = self._failed = self._embedded = 0
        self._duplicates = 0

    def over(self, rows: Iterable[Row]) -> IngestReport:
        start_s = time.perf_counter()
        is_interrupted = False
        with (
            closing(self._prepared(rows)) as batches,
            ThreadPoolExecutor(self._passes, thread_name_prefix="embed") as embedding,
            ThreadPoolExecutor(MAX_WRITES_IN_FLIGHT, thread_name_prefix="write") as writing,
        ):
            for count, batch in batches:
                self._read += count
                self._settle(batch, writing)
                while len(self._pending) >= self._batch_size:
                    self._submit_embed(embedding, writing)
                if is_interrupted := self._observer.should_stop():
                    break
            if self._pending:
                self._submit_embed(embedding, writing)
            while self._embeds:
                self._collect_embed(writing)
            while self._writes:
                self._collect_write()
        return self._report(time.perf_counter() - start_s, is_interrupted)

    def _prepared(self, rows: Iterable[Row]) -> Generator[tuple[int, PreparedBatch], None, None]:
        """Yield prepared batches, the next ones always in the making."""
        batches = self._prepare_each(rows)
        with ThreadPoolExecutor(1, thread_name_prefix="prepare") as preparing:
            upcoming = deque(preparing.submit(next, batches, None) for _ in range(BATCHES_AHEAD))
            try:
                while (batch := upcoming.popleft().result()) is not None:
                    upcoming.append(preparing.submit(next, batches, None))
                    yield batch
            finally:
                preparing.shutdown(wait=False, cancel_futures=True)

    def _prepare_each(self, rows: Iterable[Row]) -> Iterator[tuple[int, PreparedBatch]]:
        remaining = iter(rows)
        while True:
            with self._prepare_time.running():
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

    def _submit_embed(self, embedding: Executor, writing: Executor) -> None:
        size = min(self._batch_size, len(self._pending))
        pending = [self._pending.popleft() for _ in range(size)]
        self._embeds.append(embedding.submit(self._embed, pending))
        # One more than are embedded at a time, so that no thread waits for this one.
        while len(self._embeds) > self._passes + 1:
            self._collect_embed(writing)

    def _embed(self, pending: Sequence[Pending]) -> list[Update | Failure]:
        with self._embed_time.running():
            return self._legs.embed(pending)

    def _collect_embed(self, writing: Executor) -> None:
        outcomes = self._embeds.popleft().result()
        self._fail([one for one in outcomes if isinstance(one, Failure)])
        updates = [one for one in outcomes if isinstance(one, Update)]
        self._embedded += sum(not update.is_duplicate for update in updates)
        self._submit_write(updates, writing)

    def _submit_write(self, updates: Sequence[Update], writing: Executor) -> None:
        self._duplicates += sum(update.is_duplicate for update in updates)
        self._writes.append((len(updates), writing.submit(self._write, updates)))
        while len(self._writes) > MAX_WRITES_IN_FLIGHT:
            self._collect_write()

    def _write(self, updates: Sequence[Update]) -> list[Failure]:
        with self._write_time.running():
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
            duplicates=self._duplicates,
            seconds=seconds,
            prepare_s=self._prepare_time.seconds,
            embed_s=self._embed_time.seconds,
            write_s=self._write_time.seconds,
            is_interrupted=is_interrupted,
            precision=self._legs.precision() if self._embedded else None,
        )


class _Timer:
    """Adds up the time that a leg's threads spend in `running`; `seconds` is their mean."""

    def __init__(self, threads: int = 1) -> None:
        self.seconds = 0.0
        self._threads = threads
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        start_s = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.seconds += (time.perf_counter() - start_s) / self._threads
