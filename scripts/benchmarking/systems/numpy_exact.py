"""One matrix product over all rows, and the best of its column: exact, with nothing to tune."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scripts.benchmarking.dataset import Dataset, Floats, Items
from scripts.benchmarking.questions import Bools, Condition
from scripts.benchmarking.systems.system import Hit, Setting

# What every exact search has to do at least; it finds nothing.
PRODUCT_ALONE: Setting = {"product_alone": True}

_BATCH = 20_000


class NumpyExact:
    """The vectors in memory, and a file of them."""

    ladders: Sequence[Sequence[Setting]] = (({},),)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def build(self, dataset: Dataset) -> None:
        """Copy the vectors into one matrix, and write that to a file."""
        self._matrix = np.empty((dataset.count, dataset.dimensions), np.float32)
        self._categories: list[str] = []
        codes, prices = [], []
        for items in dataset.batches(_BATCH):
            self._matrix[items.start : items.numbers.stop] = items.embeddings
            self._categories += items.categories
            codes.append(items.codes)
            prices.append(items.prices)
        self._items = Items(0, self._matrix, np.concatenate(codes), np.concatenate(prices))
        np.save(self._folder / "matrix.npy", self._matrix)

    def use(self, setting: Setting) -> None:
        """Do the whole search, or the product alone."""
        self._is_product_alone = setting == PRODUCT_ALONE

    def native_filter(self, condition: Condition) -> Condition:
        """Return the condition itself, which tells what it keeps."""
        return condition

    def search(self, query: Floats, limit: int, native_filter: Any) -> list[Hit]:
        """Return the nearest rows, those that the filter refuses left out after the product."""
        scores = self._matrix @ query
        if self._is_product_alone:
            return []
        if native_filter is None:
            rows = _best(scores, limit)
        else:
            kept: Bools = native_filter.keeps(self._items)
            numbers = np.flatnonzero(kept)
            rows = numbers[_best(scores[numbers], limit)]
        return [
            Hit(row, score, self._categories[row], price)
            for row, score, price in zip(
                rows.tolist(), scores[rows].tolist(), self._items.prices[rows].tolist(), strict=True
            )
        ]

    def process_id(self) -> int:
        """Return this process."""
        return os.getpid()

    def close(self) -> None:
        """Do nothing: the memory goes with the process."""


def _best(scores: Floats, limit: int) -> Any:
    if len(scores) > limit:
        rows = np.argpartition(-scores, limit)[:limit]
    else:
        rows = np.arange(len(scores))
    return rows[np.argsort(-scores[rows])]
