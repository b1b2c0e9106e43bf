"""Embed a gallery's pictures into the database; a second run embeds only what is new or changed.

Example:
    python -m scripts.embed_gallery --gallery photos/ --json
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from itertools import chain, islice
from pathlib import Path
from types import ModuleType

from app.config import Settings
from app.db import connect, database_errors, with_uri
from app.embedding import load_embedder
from app.embedding.base import Embedder
from app.errors import ConfigError
from app.indexes import read_index_file
from app.ingest.cluster_job import DEFAULT_STALL_AFTER_S, LOCAL, ClusterJob
from app.ingest.failures import FailureFile
from app.ingest.legs import open_legs, without_effect
from app.ingest.reader import Gallery, Row, open_gallery
from app.ingest.runner import DEFAULT_BATCH_SIZE, IngestReport, ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter
from app.service import check_dimensions
from scripts._arguments import positive_integer, seconds
from scripts._cli import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, run
from scripts._progress import Progress, stop_on_interrupt

logger = logging.getLogger("scripts.embed_gallery")


def main(argv: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """Parse, ingest, report; settings are those of the environment where not given."""
    arguments = _parse(argv)
    settings = settings or Settings.from_env()
    if arguments.cluster not in (None, LOCAL) and not settings.mongodb_uri:
        raise ConfigError(
            f"--cluster {arguments.cluster} needs MONGODB_URI, a database that every machine "
            f"reaches; LocalAtlas is for one machine."
        )
    index = read_index_file(settings.index_file)
    gallery = open_gallery(arguments.gallery, index, settings.id_type)
    rows = _rows(gallery, arguments)
    embedder = load_embedder(arguments.model or settings.model, vector_type=index.vector_type)
    embedder.batch_size = arguments.batch_size
    check_dimensions(embedder, index, settings)
    collection = connect(settings)
    with (
        closing(collection.database.client),
        closing(FailureFile(arguments.failed)) as failures,
        stop_on_interrupt() as stop,
        database_errors(settings.database_label),
    ):
        writer = GalleryWriter(collection, UpdateBuilder(index, embedder.fingerprint))
        _make_way(writer, embedder, arguments)
        with closing(Progress(_total(gallery, arguments), failures.add, stop)) as progress:
            if arguments.cluster is None:
                report = _ingest_here(rows, embedder, writer, settings, progress, arguments)
            else:
                report = _cluster().ingest_on_cluster(
                    _job(gallery, writer, settings, arguments),
                    arguments.cluster,
                    workers=arguments.workers,
                    observer=progress,
                    stall_after_s=arguments.stall_after,
                )
        _advise(writer, gallery, settings, arguments)
    print(_as_json(report, arguments) if arguments.json else _as_sentences(report, arguments))
    if report.is_interrupted:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if report.failed else EXIT_DONE


def _ingest_here(
    rows: Iterator[Row],
    embedder: Embedder,
    writer: GalleryWriter,
    settings: Settings,
    progress: Progress,
    arguments: argparse.Namespace,
) -> IngestReport:
    with open_legs(embedder, writer, max_pixels=settings.max_image_pixels) as legs:
        return ingest(
            rows,
            without_effect(legs) if arguments.dry_run else legs,
            batch_size=arguments.batch_size,
            observer=progress,
        )


def _cluster() -> ModuleType:
    try:
        from app.ingest import cluster
    except ImportError as error:
        raise ConfigError(
            f"--cluster needs {error.name}: pip install -r requirements-cluster.txt."
        ) from error
    return cluster


def _job(
    gallery: Gallery, writer: GalleryWriter, settings: Settings, arguments: argparse.Namespace
) -> ClusterJob:
    index = writer.updates.index
    return ClusterJob(
        settings=with_uri(settings),
        database_label=settings.database_label,
        index=index,
        gallery=gallery,
        limit=arguments.limit,
        load_embedder=partial(
            load_embedder, arguments.model or settings.model, vector_type=index.vector_type
        ),
        embedded_by=writer.updates.embedded_by,
        batch_size=arguments.batch_size,
        is_dry_run=arguments.dry_run,
    )


def _rows(gallery: Gallery, arguments: argparse.Namespace) -> Iterator[Row]:
    rows = gallery.rows()
    first = next(rows, None)
    if first is None:
        raise ConfigError(f"--gallery {arguments.gallery} holds no pictures.")
    return islice(chain([first], rows), arguments.limit)


def _total(gallery: Gallery, arguments: argparse.Namespace) -> int:
    return min(gallery.count(), arguments.limit or sys.maxsize)


def _make_way(writer: GalleryWriter, embedder: Embedder, arguments: argparse.Namespace) -> None:
    """Check, before anything is written, that what is stored may stay beside what comes."""
    if arguments.drop:
        embedder.load()  # what cannot be replaced must not be deleted
        logger.info("Deleted %d documents", writer.delete_all())
    elif not arguments.replace_model:
        writer.check_model()


def _advise(
    writer: GalleryWriter, gallery: Gallery, settings: Settings, arguments: argparse.Namespace
) -> None:
    if arguments.replace_model and (others := writer.count_other_models()):
        logger.warning("%d documents hold embeddings of another model still", others)
    if gallery.root != settings.gallery_root.resolve():
        logger.info("The service shows these pictures with GALLERY_ROOT=%s", gallery.root)


def _as_json(report: IngestReport, arguments: argparse.Namespace) -> str:
    values = {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in asdict(report).items()
    }
    extra = {
        "failed_file": _failed_file(report, arguments),
        "is_dry_run": arguments.dry_run,
    }
    return json.dumps({**values, **extra})


def _as_sentences(report: IngestReport, arguments: argparse.Namespace) -> str:
    rate = report.read / max(report.seconds, 1e-9)
    lines = [
        f"read {report.read:,} = written {report.written:,} + unchanged {report.unchanged:,} "
        f"+ failed {report.failed:,} in {report.seconds:.1f} s ({rate:.1f} pictures/s)",
        f"overlapping: prepare {report.prepare_s:.1f} s, embed {report.embed_s:.1f} s, "
        f"write {report.write_s:.1f} s",
    ]
    if arguments.dry_run:
        lines.append("nothing was embedded or written (--dry-run)")
    if report.failed:
        lines.append(f"{_failed_file(report, arguments)} lists what failed")
    return "\n".join(lines)


def _failed_file(report: IngestReport, arguments: argparse.Namespace) -> str | None:
    return str(arguments.failed) if report.failed else None


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.embed_gallery",
        description="Embed pictures into the gallery's collection. What is there already, the same "
        "picture by the same model, is left alone, so running it again is cheap and safe.",
        epilog="example: python -m scripts.embed_gallery --gallery photos/ --json",
    )
    add = parser.add_argument
    add(
        "--gallery",
        type=Path,
        required=True,
        metavar="PATH",
        help="a folder of pictures (sub-folder names become the category), or a .jsonl or .csv "
        "manifest with a column image, a path relative to it",
    )
    add("--model", help="instead of MODEL: clothing, clip, or either with :<folder>")
    add(
        "--batch-size",
        type=positive_integer,
        default=DEFAULT_BATCH_SIZE,
        metavar="N",
        help="pictures",
    )
    add("--limit", type=positive_integer, metavar="N", help="stop after the first N")
    add(
        "--failed",
        type=Path,
        default=Path("failed.jsonl"),
        metavar="FILE",
        help="what failed, a JSON line each; there only if something did (default: failed.jsonl)",
    )
    add("--json", action="store_true", help="print the report as JSON")
    add(
        "--replace-model",
        action="store_true",
        help="replace embeddings of another model, which are refused otherwise",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--dry-run", action="store_true", help="read, check and count; write no document"
    )
    way.add_argument(
        "--drop",
        action="store_true",
        help="first delete every document of the collection; its indexes stay",
    )
    cluster = parser.add_argument_group("on many machines")
    cluster.add_argument(
        "--cluster",
        type=_cluster_address,
        metavar="ADDRESS",
        help="run on the Ray cluster at ray://HOST:PORT, whose machines see gallery, model and "
        "database as this one does; local: on a Ray of this run's own",
    )
    cluster.add_argument(
        "--workers",
        type=positive_integer,
        metavar="N",
        help="models in the cluster (default: one for each GPU, else for every eight cores)",
    )
    cluster.add_argument(
        "--stall-after",
        type=seconds,
        default=DEFAULT_STALL_AFTER_S,
        metavar="SECONDS",
        help="end when nothing goes forward in the cluster for so long (default: %(default)g)",
    )
    return parser.parse_args(argv)


def _cluster_address(text: str) -> str:
    host = text.removeprefix("ray://")
    if text == LOCAL or (host != text and host):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} must be ray://HOST:PORT or {LOCAL}")


if __name__ == "__main__":
    sys.exit(run(main))
