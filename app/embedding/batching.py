"""What several threads want embedded at the same time, embedded together: one pass for many.

A model takes little longer for sixteen pictures than for a few of them, so what comes while a
pass runs is gathered into the next one. There is no thread for it: who finds the model idle runs at
once, so that a lone query waits for nothing, and the busier the model is, the fuller its passes
become. Only where the last pass was shared, and has just ended, those who were in it are given a
moment to come back; else they would go through the model in two halves by turns.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Items = Sequence[Any] | NDArray[Any]
EmbedBatch = Callable[[Any], Rows]

# How long after a shared pass its clients may take to be back with their next item.
WINDOW_S = 0.003


class Gathering:
    """Runs forward passes one at a time, each over what was brought while the last one ran."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self._ended, self._arrived = threading.Condition(lock), threading.Condition(lock)
        self._waiting: deque[_Request] = deque()
        self._is_running = False
        self._last_size = 0
        self._last_end_s = 0.0

    def embed(self, embed_batch: EmbedBatch, items: Items, *, max_items: int) -> Rows:
        """Embed items, in one pass with those that other threads bring for the same function.

        Args:
            embed_batch: embeds items into rows; never runs twice at a time, nor beside another.
            items: at least one, as a sequence or an array of them; they stay together.
            max_items: of one pass; what is waiting beyond it comes into the next.

        Returns:
            (n, d), the rows of `items` in their order.

        Raises:
            Whatever `embed_batch` raises, in each thread whose items were in that pass.
        """
        own = _Request(embed_batch, items)
        with self._arrived:
            self._waiting.append(own)
            self._arrived.notify()
        while self._is_leading(own):
            batch: list[_Request] = []
            try:
                batch = self._gather(max_items)
                _run(batch)
            finally:
                self._end(len(batch))
        return own.result()

    def _is_leading(self, own: "_Request") -> bool:
        """Return whether this thread has to run the next pass; not once its items are embedded."""
        with self._ended:
            self._ended.wait_for(lambda: own.is_done or not self._is_running)
            if not own.is_done:
                self._is_running = True
            return not own.is_done

    def _gather(self, max_items: int) -> "list[_Request]":
        """Take the request that has waited longest, and those behind it that fit its pass."""
        with self._arrived:
            left_s = self._last_end_s + WINDOW_S - time.monotonic()
            self._arrived.wait_for(lambda: len(self._waiting) >= self._last_size, max(left_s, 0))
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

    def _end(self, size: int) -> None:
        with self._ended:
            self._is_running = False
            self._last_size, self._last_end_s = size, time.monotonic()
            self._ended.notify_all()


class _Request:
    """What one thread brings, and what became of it."""

    def __init__(self, embed_batch: EmbedBatch, items: Items) -> None:
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
    try:
        rows = batch[0].embed_batch(_joined([request.items for request in batch]))
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


def _joined(parts: Sequence[Items]) -> Items:
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return [item for part in parts for item in part]
