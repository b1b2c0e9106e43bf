"""Measure ingestion beside the usual loop, and beside what the machine could do at most.

Example:
    python -m scripts.benchmark_ingest --gallery photos/ --json
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.config import Settings
from app.db import connect
from app.embedding import SHIPPED_CHECKPOINT, load_embedder
from app.errors import ConfigError
from app.indexes import read_index_file
from scripts._arguments import positive_integer
from scripts._cli import run
from scripts.benchmarking.growth import repeated
from scripts.benchmarking.ingest_measuring import Contestant, ingest_anew, measure
from scripts.benchmarking.machine import describe_machine
from scripts.benchmarking.naive_loop import naive_clip, naive_clothing
from scripts.benchmarking.random_clip import write_random_clip

MODELS = ("clip", "clothing")
_DESCRIPTION = """\
Measure ingestion beside the usual loop, with CLIP ViT-B/32's shapes (random weights: the speed is
the same) and with the clothing model that ships. All write into a LocalAtlas of their own.

naive        a picture at a time: Pillow, transformers' processor (clothing: torchvision), float32,
             insert_one
end_to_end   ingestion as scripts.embed_gallery runs it: read, hash, decode, embed, upsert
model_only   the network on prepared pictures, a batch a core
decode_only  from the file's bytes to prepared pictures
sum_limit    cores / (processor seconds of model_only and decode_only)

They take turns, --repeats times; the figures are medians. Processor seconds are this process's, and
peak memory is its own while it ingests. --growth ingests longer and longer galleries, of the same
photos with other bytes: rate and memory should stay what they are."""


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure each model, report."""
    arguments = _parse(argv)
    paths = _photos(arguments.gallery)
    report: dict[str, Any] = {}
    told = [_machine_line()]
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
        settings = Settings(
            local_atlas_path=Path(folder) / "data", model_precision=arguments.precision
        )
        with closing(connect(settings).database.client):
            for model in arguments.models:
                report[model], lines = _measure(model, paths, settings, Path(folder), arguments)
                told += lines
    print(json.dumps(report) if arguments.json else "\n".join(told))
    return 0


def _measure(
    model: str, paths: list[Path], settings: Settings, folder: Path, arguments: argparse.Namespace
) -> tuple[dict[str, Any], list[str]]:
    one = _contestant(model, settings, folder, arguments.seed)
    with closing(one.collection.database.client):
        taken = paths[: arguments.limit]
        figures, last = measure(
            one, taken, taken[: arguments.naive_limit], repeats=arguments.repeats
        )
        values = asdict(figures)
        lines = [f"{model}, {len(taken)} photos:"]
        lines += [f"  {name:26} {value}" for name, value in values.items()]
        lines.append(
            f"  the last of {last.seconds:.1f} s: prepare {last.prepare_s:.1f} s, "
            f"embed {last.embed_s:.1f} s, write {last.write_s:.1f} s a thread, overlapping"
        )
        if arguments.growth:
            values["growth"] = [_grown(one, paths, count) for count in arguments.growth]
            lines += [f"  growth {step}" for step in values["growth"]]
    return values, lines


def _grown(one: Contestant, paths: Sequence[Path], count: int) -> dict[str, float]:
    cost, peak_rss_mb, _ = ingest_anew(one, repeated(paths, count), count)
    return {
        "images": count,
        "end_to_end_images_per_s": round(1 / cost.wall_s, 1),
        "cpu_s_per_image": round(cost.cpu_s, 5),
        "peak_rss_mb": round(peak_rss_mb),
    }


def _contestant(model: str, settings: Settings, folder: Path, seed: int) -> Contestant:
    index = read_index_file(settings.index_file)
    if model == "clip":
        checkpoint = write_random_clip(folder / "clip", seed=seed)
        embed_file = naive_clip(checkpoint)
    else:
        checkpoint = SHIPPED_CHECKPOINT
        embed_file = naive_clothing(checkpoint)
    embedder = load_embedder(
        f"{model}:{checkpoint}",
        vector_type=index.vector_type,
        precision=settings.model_precision,
    )
    return Contestant(embedder, embed_file, connect(settings), index)


def _photos(gallery: Path) -> list[Path]:
    paths = sorted(path for path in gallery.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if not paths:
        raise ConfigError(f"--gallery {gallery} holds no JPEG; expected a folder of photos.")
    return paths


def _machine_line() -> str:
    return ", ".join(f"{name} {value}" for name, value in describe_machine().items())


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.benchmark_ingest",
        description=_DESCRIPTION,
        epilog="example: python -m scripts.benchmark_ingest --gallery photos/ --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--gallery", type=Path, required=True, metavar="FOLDER", help="a folder of JPEG photos")
    add("--models", type=_models, default=MODELS, metavar="NAMES", help="clip, clothing or both")
    add("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="of ingestion")
    add("--repeats", type=positive_integer, default=3, metavar="N", help="turns (default: 3)")
    add("--limit", type=positive_integer, default=512, metavar="N", help="photos (default: 512)")
    add(
        "--naive-limit",
        type=positive_integer,
        default=64,
        metavar="N",
        help="photos of the naive loop (default: 64)",
    )
    add(
        "--growth",
        type=_counts,
        metavar="COUNTS",
        help="galleries of so many photos, comma-separated: 1000,10000,100000",
    )
    add("--seed", type=int, default=0, help="of CLIP's random weights (default: 0)")
    add("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(argv)


def _models(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in MODELS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(MODELS)}")
    return names


def _counts(text: str) -> list[int]:
    return [positive_integer(count) for count in text.split(",")]


if __name__ == "__main__":
    sys.exit(run(main))
