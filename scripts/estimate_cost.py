"""Estimate what a gallery costs: storage and index memory on Atlas, and time to embed it.

Example:
    python -m scripts.estimate_cost --pictures 1000000 --images-per-s 100 --machines 4
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

from app.capacity import Capacity, capacity, graph_bytes_per_vector
from app.config import PROJECT_ROOT, Settings
from app.documents import GalleryImage
from app.errors import ConfigError
from app.indexes import SearchIndex, read_index_file
from app.ingest.reader import open_gallery
from scripts._arguments import positive_integer, positive_number
from scripts._cli import EXIT_DONE, run

INDEX_FILES = tuple(
    PROJECT_ROOT / "atlas" / name
    for name in ("gallery_knn.json", "gallery_vector.json", "gallery_vector_int8.json")
)
SAMPLE_SIZE = 100
HOURS_PER_MONTH = 730  # 365 days x 24 / 12
_STORED = {"array": "array of doubles", "float32": "BinData float32", "int8": "BinData int8"}


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, compute, print."""
    arguments = _parse(argv)
    report = _report(arguments)
    print(json.dumps(report) if arguments.json else _as_tables(report))
    return EXIT_DONE


def _report(arguments: argparse.Namespace) -> dict[str, Any]:
    indexes = [_index(path, arguments.dimensions) for path in arguments.index_file or INDEX_FILES]
    sample = _sample(arguments.gallery, indexes[0])
    stored = [capacity(index, arguments.pictures, sample) for index in indexes]
    return {
        "pictures": arguments.pictures,
        "graph_bytes_per_vector": graph_bytes_per_vector(),
        "indexes": [
            {
                "index": index.name,
                "dimensions": index.dimensions,
                **asdict(one),
                "search_nodes": _search_nodes(one, arguments),
            }
            for index, one in zip(indexes, stored, strict=True)
        ],
        "embedding": _embedding(arguments),
    }


def _index(path: Path, dimensions: int | None) -> SearchIndex:
    index = read_index_file(path)
    return index if dimensions is None else replace(index, dimensions=dimensions)


def _sample(gallery: str, index: SearchIndex) -> list[GalleryImage]:
    rows = open_gallery(gallery, index, Settings.from_env().id_type).rows()
    pictures = (row for row in rows if isinstance(row, GalleryImage))
    sample = list(islice(pictures, SAMPLE_SIZE))
    if not sample:
        raise ConfigError(f"--gallery {gallery} holds no pictures.")
    return sample


def _search_nodes(stored: Capacity, arguments: argparse.Namespace) -> dict[str, Any] | None:
    """Return, for each quantization, the shards whose nodes hold the index in memory, and a price.

    Every search node of a shard holds all of the shard's index, so only more shards split it.
    """
    if arguments.node_memory_gb is None:
        return None
    node_bytes = arguments.node_memory_gb * 1e9
    shards = {k: math.ceil(size / node_bytes) for k, size in stored.index_memory_bytes.items()}
    nodes = {k: count * arguments.nodes_per_shard for k, count in shards.items()}
    month = (arguments.price_per_node_hour or 0.0) * HOURS_PER_MONTH
    prices = {k: round(count * month, 2) for k, count in nodes.items()} if month else None
    return {"shards": shards, "nodes": nodes, "price_per_month": prices}


def _embedding(arguments: argparse.Namespace) -> dict[str, Any] | None:
    if arguments.images_per_s is None:
        return None
    machine_hours = arguments.pictures / arguments.images_per_s / 3600
    price = arguments.price_per_machine_hour
    return {
        "images_per_s": arguments.images_per_s,
        "machines": arguments.machines,
        "hours": round(machine_hours / arguments.machines, 2),
        "machine_hours": round(machine_hours, 2),
        "price": round(machine_hours * price, 2) if price else None,
    }


def _as_tables(report: dict[str, Any]) -> str:
    indexes = report["indexes"]
    lines = [
        f"{report['pictures']:,} pictures, {indexes[0]['dimensions']} dimensions",
        "",
        "| index | embedding stored as | a document | all documents | index, quantization none "
        "| scalar | binary |",
        "|---|---|---|---|---|---|---|",
        *map(_row, indexes),
        "",
        *(f"search nodes for {one['index']}: {_nodes(one)}" for one in indexes if _nodes(one)),
        _embedding_line(report),
    ]
    return "\n".join(lines)


def _row(one: dict[str, Any]) -> str:
    memory = one["index_memory_bytes"]
    cells = [
        one["index"],
        _STORED[one["stored_as"]],
        f"{one['document_bytes']:,} bytes",
        _size(one["storage_bytes"]),
        *(_size(memory[kind]) if kind in memory else "" for kind in ("none", "scalar", "binary")),
    ]
    return f"| {' | '.join(cells)} |"


def _nodes(one: dict[str, Any]) -> str:
    if one["search_nodes"] is None:
        return ""
    shards, nodes, prices = one["search_nodes"].values()
    return "; ".join(
        f"quantization {kind}, {nodes[kind]:,} on {count:,} shard{'s' if count > 1 else ''}"
        + (f" for {prices[kind]:,.2f} a month" if prices else "")
        for kind, count in shards.items()
    )


def _embedding_line(report: dict[str, Any]) -> str:
    embedding = report["embedding"]
    if embedding is None:
        return "time to embed: unknown without --images-per-s, which scripts.embed_gallery reports"
    price = "" if embedding["price"] is None else f", for {embedding['price']:,.2f}"
    return (
        f"time to embed: {_duration(embedding['hours'])} on {embedding['machines']:,} "
        f"machine{'s' if embedding['machines'] > 1 else ''} at "
        f"{embedding['images_per_s']:,g} pictures a second each{price}"
    )


def _size(size_bytes: int) -> str:
    for unit, factor in (("TB", 1e12), ("GB", 1e9)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:,.2f} {unit}"
    return f"{size_bytes / 1e6:,.1f} MB"


def _duration(hours: float) -> str:
    return f"{hours / 24:,.1f} days" if hours >= 48 else f"{hours:,.1f} hours"


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.estimate_cost",
        description="Estimate what a gallery takes: documents and index memory on Atlas, and the "
        "time to embed it. Documents are encoded as they are written (the database compresses them "
        "on disk); of the index, the vectors and the most that their graph takes; filter fields "
        "come on top. Prices and rates are yours.",
        epilog="example: python -m scripts.estimate_cost --pictures 1000000 --images-per-s 100",
    )
    add = parser.add_argument
    add("--pictures", type=positive_integer, required=True, metavar="N")
    add(
        "--dimensions",
        type=positive_integer,
        metavar="N",
        help="of an embedding (default: what the index files say)",
    )
    add(
        "--index-file",
        type=Path,
        action="append",
        metavar="FILE",
        help="an index file, and again for more (default: those of atlas/ that store embeddings "
        "in different ways)",
    )
    add(
        "--gallery",
        default=str(PROJECT_ROOT / "demo" / "gallery.jsonl"),
        metavar="LOCATION",
        help=f"as of scripts.embed_gallery; its first {SAMPLE_SIZE} rows tell how large the fields "
        "of a document are (default: the gallery that ships)",
    )
    add(
        "--images-per-s",
        type=positive_number,
        metavar="RATE",
        help="pictures that one machine embeds in a second, as measured",
    )
    add("--machines", type=positive_integer, default=1, metavar="N", help="that embed (default: 1)")
    add("--price-per-machine-hour", type=positive_number, metavar="PRICE")
    add(
        "--node-memory-gb",
        type=positive_number,
        metavar="GB",
        help="memory of a search node that is left for the index",
    )
    add(
        "--nodes-per-shard",
        type=positive_integer,
        default=2,
        metavar="N",
        help="search nodes of a shard, each with all of its index (default: 2)",
    )
    add("--price-per-node-hour", type=positive_number, metavar="PRICE")
    add("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
