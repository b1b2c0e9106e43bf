"""Measure whether LocalAtlas stays as fast as it fills: inserts, finds, memory and the data file.

Example:
    python -m scripts.benchmark_growth --documents 1000000 --json
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts._arguments import positive_integer
from scripts._cli import run
from scripts.benchmarking.filling import Filling, Step, serving
from scripts.benchmarking.machine import describe_machine

_DESCRIPTION = """\
Fill a LocalAtlas of its own, in a process of its own, and measure after each part of the documents:

inserts_per_s    insert_many of 1,000 documents at a time, each acknowledged when it is on disk
written_to_bson  what was written to the disk for these, as a multiple of their BSON
id_ms, field_ms  median of a find_one by _id, and by a field with an ordinary index
memory_mb        what the server holds now; peak_memory_mb the most that it ever held
file_to_bson     the data file as a multiple of the BSON of all documents; log_mb its log

A document is an item of a catalogue with a float32 embedding. Its indexed number is drawn, so that
new keys fall everywhere into their index; so are ids with --ids drawn, else they ascend as the
ObjectIds do that drivers make."""


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, fill, report."""
    arguments = _parse(argv)
    machine = describe_machine()
    with (
        tempfile.TemporaryDirectory(
            prefix="growth-", dir=arguments.folder, ignore_cleanup_errors=True
        ) as folder,
        serving(Path(folder) / "data") as server,
    ):
        filling = Filling(
            server,
            dimensions=arguments.dimensions,
            draws_ids=arguments.ids == "drawn",
            seed=arguments.seed,
        )
        steps = list(filling.steps(arguments.documents, arguments.steps))
    asked = {"dimensions": arguments.dimensions, "ids": arguments.ids}
    report = {"machine": machine, **asked, **_figures(steps)}
    print(json.dumps(report) if arguments.json else _as_text(report))
    return 0


def _figures(steps: Sequence[Step]) -> dict[str, Any]:
    rates = [step.inserts_per_s for step in steps]
    return {
        "documents": steps[-1].documents,
        "slowest_to_fastest_inserts": round(min(rates) / max(rates), 3),
        "last_to_first_inserts": round(rates[-1] / rates[0], 3),
        "steps": [step.rounded() for step in steps],
    }


def _as_text(report: dict[str, Any]) -> str:
    machine = report["machine"]
    names = list(report["steps"][0])
    rows = [names, ["---"] * len(names)]
    rows += [[f"{value:,}" for value in step.values()] for step in report["steps"]]
    return "\n".join(
        [
            f"{report['documents']:,} documents with {report['dimensions']} dimensions, "
            f"{report['ids']} ids, {machine['cores']} cores of {machine['processor']}.",
            "",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            f"Inserts of the last part to those of the first: {report['last_to_first_inserts']}, "
            f"slowest to fastest: {report['slowest_to_fastest_inserts']}.",
        ]
    )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.benchmark_growth",
        description=_DESCRIPTION,
        epilog="example: python -m scripts.benchmark_growth --documents 1000000 --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--documents",
        type=positive_integer,
        default=1_000_000,
        metavar="N",
        help="how many in all (default: 1000000)",
    )
    add("--steps", type=positive_integer, default=10, metavar="N", help="parts (default: 10)")
    add(
        "--dimensions",
        type=positive_integer,
        default=512,
        metavar="N",
        help="of the embeddings (default: 512)",
    )
    add("--ids", choices=("ascending", "drawn"), default="ascending", help="default: ascending")
    add("--folder", type=Path, metavar="DIR", help="where the data lies (default: a temporary one)")
    add("--seed", type=int, default=0, help="of what is drawn (default: 0)")
    add("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
