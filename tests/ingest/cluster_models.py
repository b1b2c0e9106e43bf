"""Models for the workers of a cluster, which import this module by its name."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.embedding.base import Pixels
from app.ingest.reader import FolderGallery, Row
from tests.fakes import FakeEmbedder

SECONDS_PER_PICTURE = 0.05
POISON = (255, 0, 255)


def noted_embedder(folder: Path, sort: type[FakeEmbedder] = FakeEmbedder) -> FakeEmbedder:
    """Make an embedder, and leave the process's id as the name of a file in `folder`."""
    (folder / str(os.getpid())).touch()
    return sort()


class NotedGallery(FolderGallery):
    """Writes the id of each row that is read to a file."""

    def __init__(self, folder: Path, notes: Path) -> None:
        super().__init__(folder, "string")
        self._notes = notes

    def rows(self) -> Iterator[Row]:
        with self._notes.open("w", buffering=1) as notes:
            for row in super().rows():
                notes.write(f"{row.item_id}\n")
                yield row


class SlowEmbedder(FakeEmbedder):
    """Takes its time, so that a test can do something to a worker meanwhile."""

    def _embed_pixel_batch(self, pixels: Pixels) -> NDArray[np.float32]:
        time.sleep(SECONDS_PER_PICTURE * len(pixels))
        return super()._embed_pixel_batch(pixels)


class PoisonedEmbedder(FakeEmbedder):
    """Ends its process, as a defect in a native library does, at a picture of one colour."""

    def _embed_pixel_batch(self, pixels: Pixels) -> NDArray[np.float32]:
        if (pixels[:, 0, 0] == POISON).all(axis=1).any():
            os._exit(1)
        return super()._embed_pixel_batch(pixels)


class StuckEmbedder(FakeEmbedder):
    """Never finishes a batch."""

    def _embed_pixel_batch(self, pixels: Pixels) -> NDArray[np.float32]:
        time.sleep(600)
        return super()._embed_pixel_batch(pixels)


class DefectiveEmbedder(FakeEmbedder):
    """Raises what nobody expects."""

    def _embed_pixel_batch(self, pixels: Pixels) -> NDArray[np.float32]:
        raise IndexError("a defect")
