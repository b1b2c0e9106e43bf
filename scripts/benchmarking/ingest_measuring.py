"""What one model makes of a gallery: the naive loop, ingestion, the model alone, decoding alone.

The measurements take turns, so that a busy minute of the machine falls on all of them.
"""

import os
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pymongo.collection import Collection

from app.embedding.base import Embedder, Pixels
from app.embedding.images import read_for_side
from app.indexes import SearchIndex
from app.ingest.legs import open_legs
from app.ingest.reader import Row
from app.ingest.runner import IngestReport, ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter
from app.live_indexes import create_ordinary_indexes
from scripts.benchmarking.growth import repeated
from scripts.benchmarking.naive_loop import EmbedFile, run_naive_loop

BYTES_PER_MB = 1_000_000
MAX_PIXELS = 50_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What one picture took.

    Attributes:
        wall_s: seconds that passed.
        cpu_s: processor seconds of this process; the database's are its own.
    """

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model, its naive loop, and where both write to."""

    embedder: Embedder
    embed_file: EmbedFile
    collection: Collection[dict[str, Any]]
    index: SearchIndex


@dataclass(frozen=True, slots=True)
class IngestFigures:
    """Medians over the repeats; the keys of the benchmark's JSON.

    Attributes:
        sum_limit_images_per_s: cores / (processor seconds of model and decoding), what remains
            possible where nothing waits and nothing else costs anything.
        peak_rss_mb: of this process while it ingested, both models' weights included.
    """

    naive_images_per_s: float
    end_to_end_images_per_s: float
    model_only_images_per_s: float
    decode_only_images_per_s: float
    sum_limit_images_per_s: float
    naive_cpu_s_per_image: float
    cpu_s_per_image: float
    peak_rss_mb: float
    precision: str | None


def measure(
    one: Contestant, paths: Sequence[Path], naive_paths: Sequence[Path], *, repeats: int
) -> tuple[IngestFigures, IngestReport]:
    """Measure a model, and return the figures and the report of the last ingestion.

    Args:
        one: its collection is emptied again and again.
        paths: JPEG files.
        naive_paths: fewer, for the slow loop.
        repeats: turns.
    """
    batches = _ready(one.embedder, paths)
    one.embedder.embed_in_own_pass(batches[0])  # what is made on first use belongs to no turn
    one.embed_file(naive_paths[0])
    costs: dict[str, list[Cost]] = {"naive": [], "end_to_end": [], "model": [], "decode": []}
    for _ in range(repeats):
        one.collection.drop()
        naive = partial(run_naive_loop, naive_paths, one.embed_file, one.collection)
        costs["naive"].append(_cost(naive, len(naive_paths)))
        costs["model"].append(_cost(partial(_embed_all, one.embedder, batches), len(paths)))
        costs["decode"].append(_cost(partial(_decode_all, one.embedder, paths), len(paths)))
        cost, peak_rss_mb, report = ingest_anew(one, repeated(paths, len(paths)), len(paths))
        costs["end_to_end"].append(cost)
    return _figures(costs, peak_rss_mb, one.embedder.precision), report


def ingest_anew(
    one: Contestant, rows: Iterable[Row], count: int
) -> tuple[Cost, float, IngestReport]:
    """Ingest `count` rows into an empty collection; return cost, peak memory in MB, and report."""
    one.collection.drop()
    create_ordinary_indexes(one.collection, one.index)
    writer = GalleryWriter(one.collection, UpdateBuilder(one.index, one.embedder.fingerprint))
    reports: list[IngestReport] = []
    _forget_peak()
    with open_legs(one.embedder, writer, max_pixels=MAX_PIXELS) as legs:
        cost = _cost(
            lambda: reports.append(ingest(rows, legs, batch_size=one.embedder.batch_size)), count
        )
    assert reports[0].written == count
    return cost, _peak_rss_mb(), reports[0]


def _figures(
    costs: dict[str, list[Cost]], peak_rss_mb: float, precision: str | None
) -> IngestFigures:
    def rate(name: str) -> float:
        return round(1 / statistics.median(cost.wall_s for cost in costs[name]), 1)

    def cpu_s(name: str) -> float:
        return statistics.median(cost.cpu_s for cost in costs[name])

    cores = len(os.sched_getaffinity(0))
    return IngestFigures(
        naive_images_per_s=rate("naive"),
        end_to_end_images_per_s=rate("end_to_end"),
        model_only_images_per_s=rate("model"),
        decode_only_images_per_s=rate("decode"),
        sum_limit_images_per_s=round(cores / (cpu_s("model") + cpu_s("decode")), 1),
        naive_cpu_s_per_image=round(cpu_s("naive"), 5),
        cpu_s_per_image=round(cpu_s("end_to_end"), 5),
        peak_rss_mb=round(peak_rss_mb),
        precision=precision,
    )


def _ready(embedder: Embedder, paths: Sequence[Path]) -> list[Pixels]:
    pixels = _decode_all(embedder, paths)
    size = embedder.batch_size
    return [np.stack(pixels[start : start + size]) for start in range(0, len(pixels), size)]


def _embed_all(embedder: Embedder, batches: Sequence[Pixels]) -> None:
    with ThreadPoolExecutor(embedder.passes_at_once) as executor:
        list(executor.map(embedder.embed_in_own_pass, batches))


def _decode_all(embedder: Embedder, paths: Sequence[Path]) -> list[Pixels]:
    def decode(path: Path) -> Pixels:
        decoded = read_for_side(path.read_bytes(), embedder.input_side_px, max_pixels=MAX_PIXELS)
        return embedder.prepare(decoded.image)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as executor:
        return list(executor.map(decode, paths))


def _cost(work: Callable[[], object], count: int) -> Cost:
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    work()
    return Cost(
        (time.perf_counter() - start_s) / count, (time.process_time() - start_cpu_s) / count
    )


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak is counted from here on


def _peak_rss_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / BYTES_PER_MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / BYTES_PER_MB
