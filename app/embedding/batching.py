"""What several threads want embedded at the same time, embedded together: one pass for many.

A model takes little longer for sixteen pictures than for a few of them, so what comes while a
pass runs is gathered into the next one. There is neither a timed window nor a thread of its own:
who finds the model idle runs at once, so that a lone query waits for nothing, and the busier the
model is, the fuller its passes become.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
EmbedBatch = Callable[[Sequence[Any]], Rows]


class Gathering:
    """Runs forward passes one at a time, each over what was brought while the last one ran."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[_Request] = deque()
        self._is_running = False

    def embed(self, embed_batch: EmbedBatch, items: Sequence[Any], *, max_items: int) -> Rows:
        """Embed items, in one pass with those that other threads bring for the same function.

        Args:
            embed_batch: embeds items into rows; never runs twice at a time, nor beside another.
            items: at least one; they stay together.
            max_items: of one pass; what is waiting beyond it comes into the next.

        Returns:
            (n, d), the rows of `items` in their order.

        Raises:
            Whatever `embed_batch` raises, in each thread whose items were in that pass.
        """
        own = _Request(embed_batch, items)
        with self._changed:
            self._waiting.append(own)
        while (batch := self._lead_or_wait(own, max_items)) is not None:
            try:
                _run(batch)
            finally:
                with self._changed:
                    self._is_running = False
                    self._changed.notify_all()
        return own.result()

    def _lead_or_wait(self, own: "_Request", max_items: int) -> "list[_Request] | None":
        """Return the pass that this thread has to run, None once its own items are embedded."""
        with self._changed:
            self._changed.wait_for(lambda: own.is_done or not self._is_running)
            if own.is_done:
                return None
            self._is_running = True
            return self._take(max_items)

    def _take(self, max_items: int) -> "list[_Request]":
        """Take the request that has waited longest, and those behind it that fit its pass."""
        batch = [self._waiting.popleft()]
        room = max_items - len(batch[0].items)
        others = list(self._waiting)
        self._waiting.clear()
        for request in others:
            if request.embed_batch == batch[0].embed_batch and len(request.items) <= room:
                batch.append(request)
                room -= len(request.items)
            else:
                self._waiting.append(request)
        return batch


class _Request:
    """What one thread brings, and what became of it."""

    def __init__(self, embed_batch: EmbedBatch, items: Sequence[Any]) -> None:
        self.embed_batch = embed_batch
        self.items = items
        self.is_done = False
        self._rows: Rows | None = None
        self._error: BaseException | None = None

    def settle(self, outcome: Rows | BaseException) -> None:
        if isinstance(outcome, BaseException):
            self._error = outcome
        else:
            self._rows = outcome
        self.is_done = True

    def result(self) -> Rows:
        if self._error is not None:
            raise self._error
        assert self._rows is not None
        return self._rows


def _run(batch: Sequence[_Request]) -> None:
    items = batch[0].items
    if len(batch) > 1:
        items = [item for request in batch for item in request.items]
    try:
        rows = batch[0].embed_batch(items)
    except BaseException as error:  # nobody may wait for ever, whatever ends the thread that runs
        for request in batch:
            request.settle(error)
        if not isinstance(error, Exception):  # Ctrl-C is this thread's, wherever its items are
            raise
        return
    start = 0
    for request in batch:
        request.settle(rows[start : start + len(request.items)])
        start += len(request.items)
