"""Measure how well queries find gallery pictures of their class, asking the database.

Example:
    python -m scripts.evaluate_retrieval --gallery photos/train --queries photos/validation --json
"""

import argparse
import json
import logging
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pymongo.collection import Collection

from app.config import Settings
from app.db import connect, database_errors
from app.embedding import load_embedder
from app.embedding.base import Embedder
from app.errors import ConfigError, ServiceError
from app.indexes import SearchIndex, read_index_file
from app.ingest.failures import Failure
from app.ingest.legs import open_legs
from app.ingest.reader import Gallery, open_gallery
from app.ingest.runner import ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter
from app.live_indexes import apply_index, create_collection, wait_until_queryable
from app.retrieval_quality import measure_retrieval
from app.service import check_dimensions
from scripts._arguments import add_model
from scripts._cli import run
from scripts._progress import Progress

logger = logging.getLogger("scripts.evaluate_retrieval")

INDEX_TIMEOUT_S = 600.0


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, embed, ask, report."""
    start_s = time.perf_counter()
    arguments = _parse(argv)
    settings = Settings.from_env()
    index = read_index_file(settings.index_file)
    gallery, queries = _open_galleries(arguments, index, settings)
    embedder = load_embedder(
        arguments.model or settings.model,
        vector_type=index.vector_type,
        precision=settings.model_precision,
    )
    embedder.batch_size = arguments.batch_size
    check_dimensions(embedder, index, settings)
    with (
        database_errors(settings.database_label),
        _own_collection(settings, keep=arguments.keep) as collection,
    ):
        writer = GalleryWriter(collection, UpdateBuilder(index, embedder.fingerprint))
        failed = _embed_gallery(writer, embedder, gallery, settings)
        apply_index(collection, index, update=False)
        wait_until_queryable(collection, index, timeout_s=INDEX_TIMEOUT_S)
        quality = measure_retrieval(
            collection, index, embedder, queries.rows(), max_pixels=settings.max_image_pixels
        )
        bytes_per_document = writer.bytes_per_document()
    report = {
        **asdict(quality),
        "bytes_per_document": bytes_per_document,
        "gallery_failed": failed,
        "model": embedder.name,
        "index": index.name,
        "seconds": round(time.perf_counter() - start_s, 3),
    }
    if arguments.keep:
        report["collection"] = collection.full_name
    print(json.dumps(report) if arguments.json else _as_sentences(report))
    return 0


def _open_galleries(
    arguments: argparse.Namespace, index: SearchIndex, settings: Settings
) -> tuple[Gallery, Gallery]:
    if arguments.gallery.resolve() == arguments.queries.resolve():
        raise ConfigError(
            f"--queries {arguments.queries} is the gallery itself, where each finds itself first; "
            f"expected other pictures."
        )
    return (
        open_gallery(arguments.gallery, index, settings.id_type),
        open_gallery(arguments.queries, index, settings.id_type),
    )


@contextmanager
def _own_collection(settings: Settings, *, keep: bool) -> Iterator[Collection[dict[str, Any]]]:
    """Create a collection that is nobody else's, and drop it with its indexes at the end."""
    name = f"evaluation_{uuid.uuid4().hex[:12]}"
    collection = connect(replace(settings, collection=name))
    with closing(collection.database.client):
        create_collection(collection)
        try:
            yield collection
        finally:
            if not keep:
                collection.drop()


def _embed_gallery(
    writer: GalleryWriter, embedder: Embedder, gallery: Gallery, settings: Settings
) -> int:
    """Embed the gallery; return how many of its pictures failed."""
    never = threading.Event()
    with (
        closing(Progress(gallery.count(), _warn, never)) as progress,
        open_legs(embedder, writer, max_pixels=settings.max_image_pixels) as legs,
    ):
        report = ingest(gallery.rows(), legs, batch_size=embedder.batch_size, observer=progress)
    if report.written == 0:
        raise ServiceError("--gallery holds no picture that can be read.")
    return report.failed


def _warn(failure: Failure) -> None:
    logger.warning("%s is left out: %s", failure.source, failure.reason)


def _as_sentences(report: dict[str, Any]) -> str:
    lines = [
        f"{report['model']} over {report['gallery']:,} pictures in {report['classes']} classes, "
        f"{report['queries']:,} queries, {report['seconds']:.1f} s",
        f"recall_at_1 {report['recall_at_1']:.4f}  "
        f"precision_at_10 {report['precision_at_10']:.4f}  map_at_r {report['map_at_r']:.4f}",
        f"a document has {report['bytes_per_document']:,} bytes on average",
    ]
    left_out = {
        name: report[name]
        for name in ("gallery_failed", "queries_failed", "queries_without_relevant")
        if report[name]
    }
    if left_out:
        lines.append("left out: " + ", ".join(f"{name} {n}" for name, n in left_out.items()))
    if "collection" in report:
        lines.append(f"kept: {report['collection']}")
    return "\n".join(lines)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.evaluate_retrieval",
        description="Embed a gallery into a collection and search index of its own, ask for each "
        "query's nearest pictures, exactly, and report how many are of the query's class.",
        epilog="example: python -m scripts.evaluate_retrieval --gallery train --queries validation",
    )
    add = parser.add_argument
    add(
        "--gallery",
        type=Path,
        required=True,
        metavar="PATH",
        help="class folders, or a manifest with a column category",
    )
    add("--queries", type=Path, required=True, metavar="PATH", help="the same, other pictures")
    add_model(parser)
    add("--keep", action="store_true", help="do not drop the collection and its index at the end")
    add("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
