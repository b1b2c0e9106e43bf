"""Measure what many clients at once get of a model, beside one client and ready batches.

Example:
    python -m scripts.benchmark_batching --model clip --clients 16 --json
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np
from PIL import Image

from app.config import Settings
from app.embedding import load_embedder
from app.embedding.base import Embedder
from app.embedding.batching import Gathering
from scripts._arguments import add_model, positive_integer, seconds
from scripts._cli import run

# A phone's photo as a shop's page sends it; what it shows changes no time.
PICTURE_SIZE = (400, 533)
OVERHEAD_CALLS = 2000


@dataclass(frozen=True, slots=True)
class BatchingReport:
    """Medians over the repeats, in which the measurements take turns.

    Attributes:
        lone_ms: one picture, nobody else asking; resized and embedded.
        lone_overhead_us: the part of it that is not the model's: gathering where nobody waits.
        batched_images_per_s: pictures handed over by the `batch_size`.
        clients_images_per_s: each client hands over one picture and waits for its answer.
        ratio: clients to batched, both of the same repeat.
    """

    model: str
    clients: int
    batch_size: int
    lone_ms: float
    lone_overhead_us: float
    batched_images_per_s: float
    clients_images_per_s: float
    ratio: float


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, report."""
    arguments = _parse(argv)
    embedder = load_embedder(arguments.model or Settings.from_env().model)
    embedder.batch_size = arguments.batch_size
    embedder.load()
    report = measure(
        embedder, arguments.clients, duration_s=arguments.seconds, repeats=arguments.repeats
    )
    print(json.dumps(asdict(report)) if arguments.json else _as_sentences(report))
    return 0


def measure(
    embedder: Embedder, clients: int, *, duration_s: float, repeats: int = 3
) -> BatchingReport:
    """Take the measurements by turns.

    Args:
        embedder: loaded.
        clients: threads that ask at the same time.
        duration_s: of each measurement.
        repeats: turns.
    """
    picture = Image.effect_noise(PICTURE_SIZE, 60).convert("RGB")
    one, many = [picture], [picture] * embedder.batch_size
    embedder.embed_images(many)  # what is made on first use belongs to no measurement
    embedder.embed_images(one)
    lone, batched, shared = [], [], []
    for _ in range(repeats):
        lone.append(_images_per_s(embedder, one, 1, duration_s))
        batched.append(_images_per_s(embedder, many, 1, duration_s))
        shared.append(_images_per_s(embedder, one, clients, duration_s))
    return BatchingReport(
        model=embedder.name,
        clients=clients,
        batch_size=embedder.batch_size,
        lone_ms=round(1000 / median(lone), 3),
        lone_overhead_us=round(_overhead_us(), 1),
        batched_images_per_s=round(median(batched), 1),
        clients_images_per_s=round(median(shared), 1),
        ratio=round(median(s / b for s, b in zip(shared, batched, strict=True)), 3),
    )


def _images_per_s(
    embedder: Embedder, images: Sequence[Image.Image], clients: int, duration_s: float
) -> float:
    start_s = time.perf_counter()
    counts = [0] * clients

    def ask(client: int) -> None:
        while time.perf_counter() - start_s < duration_s or not counts[client]:
            counts[client] += len(embedder.embed_images(images))

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - start_s)


def _overhead_us() -> float:
    gathering, rows = Gathering(), np.zeros((1, 1), np.float32)
    start_s = time.perf_counter()
    for _ in range(OVERHEAD_CALLS):
        gathering.embed(lambda _: rows, [None], max_items=1)
    return (time.perf_counter() - start_s) / OVERHEAD_CALLS * 1e6


def _as_sentences(report: BatchingReport) -> str:
    return (
        f"{report.model}: {report.lone_ms:.1f} ms for a lone picture, of which "
        f"{report.lone_overhead_us:.0f} us are gathering\n"
        f"{report.batched_images_per_s:.1f} pictures/s in batches of {report.batch_size}, "
        f"{report.clients_images_per_s:.1f} from {report.clients} clients: "
        f"{report.ratio:.0%} of it"
    )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.benchmark_batching",
        description="Measure a model on single pictures that many clients bring at once, beside "
        "one client alone, and beside pictures that come in ready batches.",
        epilog="example: python -m scripts.benchmark_batching --model clip --clients 16 --json",
    )
    add = parser.add_argument
    add_model(parser)
    add("--clients", type=positive_integer, default=16, metavar="N", help="at once (default: 16)")
    add("--seconds", type=seconds, default=5.0, metavar="S", help="of one measurement, default: 5")
    add("--repeats", type=positive_integer, default=3, metavar="N", help="default: 3")
    add("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
