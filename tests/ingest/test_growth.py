"""A gallery of a hundred thousand pictures takes no more memory than its first tenth."""

import mmap
from pathlib import Path

import pytest
from PIL import Image

from app.config import PROJECT_ROOT
from app.embedding.clip import ClipEmbedder
from app.indexes import read_index_file
from app.ingest.legs import open_legs
from app.ingest.runner import Observer, ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter
from scripts.benchmarking.growth import repeated
from tests.checkpoints import write_tiny_clip

PICTURES = 100_000
EVERY = 10_000
MOST_GROWTH_BYTES = 48 * 1024 * 1024
STATM = Path("/proc/self/statm")


class Memory(Observer):
    """Looks at this process's memory each time that so many more pictures are settled."""

    def __init__(self) -> None:
        self.settled = 0
        self.resident_bytes: list[int] = []

    def on_settled(self, rows: int) -> None:
        self.settled += rows
        if self.settled // EVERY > len(self.resident_bytes):
            self.resident_bytes.append(int(STATM.read_text().split()[1]) * mmap.PAGESIZE)


def as_jpeg(path: Path, folder: Path) -> Path:
    jpeg = folder / f"{path.stem}.jpg"
    Image.open(path).save(jpeg, quality=90)
    return jpeg


@pytest.mark.slow
@pytest.mark.skipif(not STATM.exists(), reason="only Linux tells a process's memory this way")
def test_memory_stays_flat_over_a_hundred_thousand_pictures(collection, tmp_path):
    index = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")
    embedder = ClipEmbedder(write_tiny_clip(tmp_path / "clip"))
    writer = GalleryWriter(collection, UpdateBuilder(index, embedder.fingerprint))
    photos = [
        as_jpeg(path, tmp_path) for path in sorted((PROJECT_ROOT / "demo/gallery").glob("*.webp"))
    ]
    memory = Memory()

    with open_legs(embedder, writer, max_pixels=1_000_000) as legs:
        report = ingest(repeated(photos, PICTURES), legs, observer=memory)

    assert report.written == report.embedded == collection.count_documents({}) == PICTURES
    grown = memory.resident_bytes[-1] - memory.resident_bytes[0]
    assert grown < MOST_GROWTH_BYTES, f"{memory.resident_bytes} bytes"
