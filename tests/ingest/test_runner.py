"""How batches overlap and how many are in memory, with legs that a test holds up."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from app.documents import GalleryImage, ImageFacts
from app.ingest.failures import Failure
from app.ingest.legs import Legs
from app.ingest.preparation import Pending, PreparedBatch
from app.ingest.runner import BATCHES_AHEAD, MAX_WRITES_IN_FLIGHT, ingest
from app.ingest.updates import Update
from app.pictures import FilePicture

PATIENCE_S = 20.0
BATCH_SIZE = 2


def rows(count: int, taken: list[int] | None = None) -> Iterator[GalleryImage]:
    for number in range(count):
        if taken is not None:
            taken.append(number)
        yield GalleryImage(str(number), FilePicture(None), str(number))  # type: ignore[arg-type]


def prepare(batch: Sequence[GalleryImage]) -> PreparedBatch:
    facts, pixels = ImageFacts("0" * 64, 1, 1), np.zeros((1, 1, 3), np.uint8)
    return PreparedBatch(pending=[Pending(row, facts, pixels) for row in batch])


def embed(pending: Sequence[Pending]) -> list[Update | Failure]:
    return [Update(one.image, {}) for one in pending]


def write(updates: Sequence[Update]) -> list[Failure]:
    return []


def settled(numbers: Callable[[], int]) -> int:
    """Return a number once it has stood still for a while."""
    end_s = time.monotonic() + PATIENCE_S
    before = -1
    while before != (now := numbers()):
        assert time.monotonic() < end_s
        before = now
        time.sleep(0.3)
    return now


@pytest.mark.parametrize("leg", ["embed", "write"])
def test_several_batches_are_in_a_leg_at_the_same_time(leg: str):
    at_once = 3 if leg == "embed" else MAX_WRITES_IN_FLIGHT
    together = threading.Barrier(at_once, timeout=PATIENCE_S)

    def held_embed(pending: Sequence[Pending]) -> list[Update | Failure]:
        together.wait()
        return embed(pending)

    def held_write(updates: Sequence[Update]) -> list[Failure]:
        together.wait()
        return []

    legs = Legs(
        prepare,
        held_embed if leg == "embed" else embed,
        held_write if leg == "write" else write,
        passes_at_once=3,
    )

    report = ingest(rows(BATCH_SIZE * at_once * 2), legs, batch_size=BATCH_SIZE)

    assert report.written == report.embedded == report.read == BATCH_SIZE * at_once * 2


@pytest.mark.parametrize("leg", ["embed", "write"])
def test_a_slow_leg_holds_the_reading_back(leg: str):
    may_go_on = threading.Event()
    taken: list[int] = []

    def held_embed(pending: Sequence[Pending]) -> list[Update | Failure]:
        assert may_go_on.wait(PATIENCE_S)
        return embed(pending)

    def held_write(updates: Sequence[Update]) -> list[Failure]:
        assert may_go_on.wait(PATIENCE_S)
        return []

    legs = Legs(
        prepare,
        held_embed if leg == "embed" else embed,
        held_write if leg == "write" else write,
        passes_at_once=3,
    )
    reports = []
    run = threading.Thread(
        target=lambda: reports.append(ingest(rows(200, taken), legs, batch_size=BATCH_SIZE))
    )
    run.start()
    held_up = settled(lambda: len(taken))
    may_go_on.set()
    run.join(PATIENCE_S)

    # What each leg holds, and the batch that is on its way from each to the next.
    batches = BATCHES_AHEAD + (3 + 1) + MAX_WRITES_IN_FLIGHT + 3
    assert 0 < held_up <= batches * BATCH_SIZE
    assert reports[0].read == reports[0].written == 200


def test_an_error_of_a_leg_ends_the_run_and_is_the_runs():
    def broken(pending: Sequence[Pending]) -> list[Update | Failure]:
        raise MemoryError("too many pictures")

    taken: list[int] = []

    with pytest.raises(MemoryError, match="too many pictures"):
        ingest(rows(10_000, taken), Legs(prepare, broken, write, passes_at_once=2), batch_size=4)

    assert len(taken) < 200
