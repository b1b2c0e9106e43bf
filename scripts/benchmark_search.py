"""Measure LocalAtlas beside other vector stores, all on the same vectors and questions.

Example:
    python -m scripts.benchmark_search --vectors 100000 --json
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts._arguments import positive_integer
from scripts._cli import run
from scripts.benchmarking.clusters import ClusteredVectors
from scripts.benchmarking.contest import Contest
from scripts.benchmarking.dataset import write_dataset
from scripts.benchmarking.hardness import plain_graph_recall
from scripts.benchmarking.machine import describe_machine, package_versions
from scripts.benchmarking.measuring import Replies, median_ms
from scripts.benchmarking.questions import Question, VectorSource, make_questions
from scripts.benchmarking.report import as_markdown, system_figures
from scripts.benchmarking.systems import NAMES, PACKAGES
from scripts.benchmarking.systems.local_atlas import EXACT
from scripts.benchmarking.systems.numpy_exact import PRODUCT_ALONE

logger = logging.getLogger("scripts.benchmark_search")

DIMENSIONS = 512
_DRAWN, _PHOTOS = 100_000, 20_000
_DESCRIPTION = """\
Measure LocalAtlas beside other vector stores, all on the same vectors and questions.

Vectors are of unit length, 512 dimensions, in 100 wide clusters, and come with a category (their
cluster) and a random price. Every system runs in a process of its own: LocalAtlas as its users
start it, asked by another process through PyMongo over its Unix socket; the others inside the
process that asks, by their own Python clients. All return id, score, category and price of ten
items, and no vector.

setting         the system's own, the first of a ladder at which recall@10 is 0.99 or more; filtered
                questions are asked with the same one
build_s         from the first insert until nothing is left to do, indexes included
p50_ms, p95_ms  one client, queries that are not stored, from numpy row to Python objects; the
                systems take turns, a part of the queries at a time
recall_at_10    of the ten nearest, or of as many as the filter leaves, by a matrix product
short_answers   queries that got fewer hits than there are
qps_4_clients   four threads of the asking process, each asking every query; the median of three
rss_mb          peak resident memory of the process that holds the data
filtered        price below 0.5, 0.05, 0.005: a random share of the items
filtered_clusters  category in the first 90, 50, 5 % of them, queries from the other clusters
upserts_per_s   ReplaceOne with upsert, 1,000 a batch, 10,000 new documents into an empty collection
                with a live search index; the time of bulk_write alone
restart_s       from starting the killed server anew to its first right answer"""
LIMIT_S = 15 * 60.0
# Beyond this, building a graph only to see how hard the vectors are takes longer than the rest.
_HARDNESS_UP_TO = 200_000
_FILTERED_PART = 0.4
_UPSERT_REPEATS = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, draw vectors, build and ask every system, report."""
    arguments = _parse(argv)
    report: dict[str, Any] = {
        "machine": describe_machine(),
        "versions": package_versions({package for name in NAMES for package in PACKAGES[name]}),
    }
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
        report.update(_measure(arguments, Path(folder)))
    print(json.dumps(report) if arguments.json else as_markdown(report))
    return 0


def _measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    source = _source(arguments)
    dataset = write_dataset(folder / "dataset", source.parts(), seed=arguments.seed)
    questions = make_questions(
        source,
        dataset,
        queries=arguments.queries,
        filtered_queries=max(1, int(arguments.queries * _FILTERED_PART)),
    )
    unfiltered = questions[0]
    report: dict[str, Any] = {
        "vectors": dataset.count,
        "dimensions": dataset.dimensions,
        "hnsw_m16_ef64_recall": None,
    }
    if dataset.count <= _HARDNESS_UP_TO:
        report["hnsw_m16_ef64_recall"] = round(plain_graph_recall(dataset, unfiltered), 4)
    with Contest(arguments.systems, folder, LIMIT_S) as contest:
        contest.build(dataset, unfiltered)
        extra = [("local_atlas", EXACT), ("numpy_exact", PRODUCT_ALONE)]
        exact, product = contest.ask(unfiltered, extra)
        for question in questions[1:]:
            contest.ask(question)
        contest.ask_at_once(unfiltered)
        report["systems"] = {
            name: system_figures(one, questions) for name, one in contest.contestants.items()
        }
        report["local_atlas_exact_p50_ms"] = _p50(exact)
        report["numpy_product_p50_ms"] = _p50(product)
        report["upserts_per_s"] = _upserts_per_s(contest, unfiltered)
        report["restart_s"] = _rounded(
            contest.special(
                "local_atlas", "restart_s", unfiltered.queries[0], unfiltered.answers[0]
            )
        )
    return report


def _source(arguments: argparse.Namespace) -> VectorSource:
    if arguments.photos is None and arguments.cache is None:
        count = arguments.vectors or _DRAWN
        return ClusteredVectors(count, DIMENSIONS, arguments.seed)
    from scripts.benchmarking.photos import photo_vectors  # needs Pillow, and torch to embed

    return photo_vectors(
        arguments.photos, arguments.cache, arguments.vectors or _PHOTOS, arguments.seed
    )


def _upserts_per_s(contest: Contest, question: Question) -> dict[str, float | None]:
    """Upsert documents of both kinds in turn, several times."""
    rates: dict[str, list[float]] = {"bindata": [], "array": []}
    for _ in range(_UPSERT_REPEATS):
        for kind, found in rates.items():
            rate = contest.special(
                "local_atlas", "upserts_per_s", question.queries, as_arrays=kind == "array"
            )
            if rate is not None:
                found.append(rate)
    return {
        kind: round(statistics.median(found)) if found else None for kind, found in rates.items()
    }


def _p50(replies: Replies | None) -> float | None:
    return None if replies is None else round(median_ms(replies), 3)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.benchmark_search",
        description=_DESCRIPTION,
        epilog="example: python -m scripts.benchmark_search --vectors 100000 --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--vectors",
        type=positive_integer,
        metavar="N",
        help=f"vectors to store (default: {_DRAWN}, of photos {_PHOTOS})",
    )
    add(
        "--queries",
        type=positive_integer,
        default=500,
        metavar="N",
        help="queries without a filter; with each filter two fifths of that (default: 500)",
    )
    add(
        "--systems",
        type=_names,
        default=NAMES,
        metavar="NAMES",
        help=f"comma-separated, of {','.join(NAMES)} (default: all)",
    )
    add(
        "--photos",
        type=Path,
        metavar="FOLDER",
        help="instead of drawn vectors, crops of these photos as the model that ships embeds them",
    )
    add(
        "--cache",
        type=Path,
        metavar="FILE",
        help="a .npz that keeps the embedded photos; where it is there, no photo is read",
    )
    add("--seed", type=int, default=0, help="of all that is drawn (default: 0)")
    add("--json", action="store_true", help="print the report as JSON, not as Markdown tables")
    return parser.parse_args(argv)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(NAMES)}")
    return names


if __name__ == "__main__":
    sys.exit(run(main))
