"""Measure how fast the service answers, under requests that come at a constant rate.

Example:
    python -m scripts.benchmark_service --items 100000 --json
"""

import argparse
import dataclasses
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from app.config import PROJECT_ROOT, Settings
from app.db import connect
from app.embedding import load_embedder
from app.embedding.base import Embedder
from app.errors import ServiceError
from app.indexes import read_index_file
from app.lexical_indexes import lexical_index
from scripts._arguments import assignment, positive_integer, positive_number
from scripts._cli import run
from scripts.benchmarking.load import Server, ask_at_rate, saturate
from scripts.benchmarking.machine import describe_machine
from scripts.benchmarking.service_requests import KINDS, photo, ready_request
from scripts.benchmarking.shop import fill_shop

_DESCRIPTION = """\
Measure the service, in a process of its own as scripts.serve_app runs it, on a gallery of drawn
vectors in a LocalAtlas, asked over loopback by this process. Index file and model are those of the
settings.

similar          GET /items/<id>/similar, a random item each
image            POST /search/image, a JPEG of 600 x 800 px
composed         POST /search: like one item, unlike another, a filter on stock and price, one hit a
                 product
hybrid           POST /search in mode hybrid: like one item, and as some words say; where the index
                 file has no words, those of atlas/gallery_hybrid_text.json are asked
p50_ms, p99_ms   from when a request was due, at rate_per_s requests a second that are due at even
                 intervals, however long the answers before them take
saturation_per_s answers a second to --connections clients that ask again as soon as they are
                 answered; the best of --repeats
model_forward_ms the model alone, on one prepared picture, in this process; the median

Each kind is measured --repeats times by turns, and the one with the lowest p99_ms is told: what
else runs on the machine makes figures worse, and never better."""
_WORDS_FILE = PROJECT_ROOT / "atlas" / "gallery_hybrid_text.json"
_READY_S = 120.0
_POLL_S = 0.1
_WARM_UP_S = 2.0
_FORWARD_PASSES = 50


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, fill a gallery, serve it, ask, report."""
    arguments = _parse(argv)
    machine = describe_machine()
    with _data_folder(arguments.data) as folder:
        own = Settings.from_env()
        settings = dataclasses.replace(
            own,
            lexical_index_file=_lexical_file(own),
            mongodb_uri="",
            local_atlas_path=folder,
            database="benchmark",
            host="127.0.0.1",
            port=_free_port(),
        )
        report = _measure(settings, arguments)
    print(json.dumps(report) if arguments.json else _as_table(report, machine, arguments.items))
    return 0


def _lexical_file(settings: Settings) -> Path | None:
    """Return the file of what finds words, where the vectors' index does not."""
    index = read_index_file(settings.index_file)
    found = lexical_index(index, settings.lexical_index_file)
    return settings.lexical_index_file if found is not None else _WORDS_FILE


def _measure(settings: Settings, arguments: argparse.Namespace) -> dict[str, Any]:
    index = read_index_file(settings.index_file)
    embedder = load_embedder(
        settings.model, vector_type=index.vector_type, precision=settings.model_precision
    )
    collection = connect(settings)
    with collection.database.client:
        lexical = lexical_index(index, settings.lexical_index_file)
        assert lexical is not None, "settings name one"
        fill_shop(
            collection,
            index,
            lexical,
            embedded_by=embedder.fingerprint,
            items=arguments.items,
            seed=arguments.seed,
        )
        report: dict[str, Any] = {"model_forward_ms": _forward_ms(embedder)}
        requests = {
            name: kind.requests(random.Random(arguments.seed), arguments.items)
            for name, kind in KINDS.items()
        }
        with _served(settings, requests) as server:
            report.update(_figures(server, requests, arguments))
    return report


def _forward_ms(embedder: Embedder) -> float:
    pixels = embedder.prepare(photo())[None]
    took_ms = []
    for _ in range(_FORWARD_PASSES):
        start_s = time.perf_counter()
        embedder.embed_prepared(pixels)
        took_ms.append((time.perf_counter() - start_s) * 1000)
    return round(float(np.median(took_ms)), 3)


def _figures(
    server: Server, requests: Mapping[str, Iterator[bytes]], arguments: argparse.Namespace
) -> dict[str, dict[str, float]]:
    rates = {name: kind.rate_per_s for name, kind in KINDS.items()} | dict(arguments.rate)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in KINDS}
    for _ in range(arguments.repeats):
        for name in KINDS:
            found[name].append(_turn(server, requests[name], rates[name], arguments))
    return {name: _best(turns) for name, turns in found.items()}


def _turn(
    server: Server, requests: Iterator[bytes], rate_per_s: float, arguments: argparse.Namespace
) -> dict[str, float]:
    ask_at_rate(server, requests, rate_per_s=rate_per_s, duration_s=_WARM_UP_S)
    took_ms = ask_at_rate(server, requests, rate_per_s=rate_per_s, duration_s=arguments.seconds)
    p50_ms, p99_ms = np.percentile(took_ms, [50, 99])
    per_s = saturate(
        server, requests, connections=arguments.connections, duration_s=arguments.seconds
    )
    return {
        "p50_ms": round(float(p50_ms), 3),
        "p99_ms": round(float(p99_ms), 3),
        "rate_per_s": rate_per_s,
        "saturation_per_s": round(per_s, 1),
    }


def _best(turns: Sequence[dict[str, float]]) -> dict[str, float]:
    best = min(turns, key=lambda turn: turn["p99_ms"])
    return best | {"saturation_per_s": max(turn["saturation_per_s"] for turn in turns)}


@contextmanager
def _data_folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept
    else:
        with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)


@contextmanager
def _served(settings: Settings, requests: Mapping[str, Iterator[bytes]]) -> Iterator[Server]:
    """Run the service in a process of its own until the block ends.

    Args:
        settings: of the service.
        requests: one of each kind is answered before the block begins.

    Raises:
        ServiceError: it ends, or does not answer in time.
    """
    server = Server(settings.host, settings.port)
    environment = {
        **os.environ,
        "MONGODB_URI": "",
        "LOCAL_ATLAS_PATH": str(settings.local_atlas_path),
        "LEXICAL_INDEX_FILE": str(settings.lexical_index_file or ""),
        "DATABASE": settings.database,
        "HOST": settings.host,
        "PORT": str(settings.port),
        "LOG_LEVEL": "ERROR",  # Waitress warns of every request that waits
    }
    command = [sys.executable, "-m", "scripts.serve_app"]
    with subprocess.Popen(
        command, cwd=PROJECT_ROOT, env=environment, stdout=subprocess.DEVNULL
    ) as process:
        try:
            _wait_until_answered(process, server, ready_request(), "/readyz")
            for name, some in requests.items():
                _wait_until_answered(process, server, next(some), name)
            yield server
        finally:
            process.terminate()


def _wait_until_answered(
    process: subprocess.Popen[bytes], server: Server, request: bytes, what: str
) -> None:
    """Ask until the answer is 200; what is made for the first request of a kind is made then."""
    end_s = time.monotonic() + _READY_S
    while True:
        try:
            ask_at_rate(server, itertools.repeat(request), rate_per_s=1.0, duration_s=1.0)
        except ServiceError as error:
            if process.poll() is not None:
                raise ServiceError("The service ended before it was ready.") from error
            if time.monotonic() > end_s:
                raise ServiceError(f"{what} is not answered: {error.message}") from error
            time.sleep(_POLL_S)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _as_table(report: dict[str, Any], machine: dict[str, Any], items: int) -> str:
    columns = ("p50_ms", "p99_ms", "rate_per_s", "saturation_per_s")
    lines = [
        f"{items:,} items, {machine['cores']} cores of {machine['processor']}, Python "
        f"{machine['python']}; the model's own forward pass: {report['model_forward_ms']} ms.",
        "",
        "| | p50, ms | p99, ms | at, requests/s | saturated, answers/s |",
        "|---|---|---|---|---|",
    ]
    for name in KINDS:
        cells = " | ".join(f"{report[name][column]:,g}" for column in columns)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.benchmark_service",
        description=_DESCRIPTION,
        epilog="example: python -m scripts.benchmark_service --items 100000 --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--items", type=positive_integer, default=100_000, metavar="N", help="default: 100,000")
    add(
        "--rate",
        type=_rate,
        action="append",
        default=[],
        metavar="KIND=PER_S",
        help="requests a second of a kind; usual: "
        + ", ".join(f"{name}={kind.rate_per_s:g}" for name, kind in KINDS.items()),
    )
    add("--seconds", type=positive_number, default=10.0, metavar="S", help="of each, default: 10")
    add("--repeats", type=positive_integer, default=3, metavar="N", help="default: 3")
    add("--connections", type=positive_integer, default=16, metavar="N", help="default: 16")
    add(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="a LocalAtlas that keeps the gallery for the next run; otherwise it is filled anew",
    )
    add("--seed", type=int, default=0, help="of all that is drawn (default: 0)")
    add("--json", action="store_true", help="print the report as JSON, not as a table")
    return parser.parse_args(argv)


def _rate(text: str) -> tuple[str, float]:
    kind, per_s = assignment(text)
    if kind not in KINDS:
        raise argparse.ArgumentTypeError(f"{kind!r} is none of {', '.join(KINDS)}")
    return kind, positive_number(per_s)


if __name__ == "__main__":
    sys.exit(run(main))
