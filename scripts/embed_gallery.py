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
from types import ModuleType

from app.config import Settings
from app.db import connect, database_errors, with_uri
from app.embedding import load_embedder
from app.embedding.base import Embedder
from app.errors import ConfigError
from app.fetching import Fetcher
from app.indexes import read_index_file
from app.ingest.cluster_job import LOCAL, ClusterJob
from app.ingest.column_mapping import ColumnMapping
from app.ingest.failures import FailureFile
from app.ingest.legs import open_legs, without_effect
from app.ingest.reader import Gallery, Row, open_gallery
from app.ingest.runner import IngestReport, ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.url_pictures import UrlPicture
from app.ingest.writer import GalleryWriter
from app.service import check_dimensions
from scripts._arguments import no_doubles
from scripts._cli import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, run
from scripts._embed_arguments import parse_arguments
from scripts._progress import Progress, stop_on_interrupt

logger = logging.getLogger("scripts.embed_gallery")


def main(argv: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """Parse, ingest, report; settings are those of the environment where not given."""
    arguments = parse_arguments(argv)
    settings = settings or Settings.from_env()
    if arguments.cluster not in (None, LOCAL) and not settings.mongodb_uri:
        raise ConfigError(
            f"--cluster {arguments.cluster} needs MONGODB_URI, a database that every machine "
            f"reaches; LocalAtlas is for one machine."
        )
    index = read_index_file(settings.index_file)
    fetcher = Fetcher.from_settings(settings)
    gallery = open_gallery(
        arguments.gallery,
        index,
        settings.id_type,
        mapping=_mapping(arguments),
        at_url=partial(UrlPicture, fetcher),
    )
    rows = _rows(gallery, arguments)
    embedder = load_embedder(arguments.model or settings.model, vector_type=index.vector_type)
    embedder.batch_size = arguments.batch_size
    check_dimensions(embedder, index, settings)
    collection = connect(settings)
    with (
        closing(collection.database.client),
        closing(fetcher),
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
        bytes_per_document = writer.bytes_per_document()
        _advise(writer, gallery, settings, arguments)
    as_text = _as_json if arguments.json else _as_sentences
    print(as_text(report, bytes_per_document, arguments))
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


def _mapping(arguments: argparse.Namespace) -> ColumnMapping:
    return ColumnMapping(
        no_doubles("--column", arguments.column), no_doubles("--type", arguments.type)
    )


def _rows(gallery: Gallery, arguments: argparse.Namespace) -> Iterator[Row]:
    rows = gallery.rows()
    first = next(rows, None)
    if first is None:
        raise ConfigError(f"--gallery {arguments.gallery} holds no pictures.")
    return islice(chain([first], rows), arguments.limit)


def _total(gallery: Gallery, arguments: argparse.Namespace) -> int | None:
    count = gallery.count()
    return arguments.limit if count is None else min(count, arguments.limit or sys.maxsize)


def _make_way(writer: GalleryWriter, embedder: Embedder, arguments: argparse.Namespace) -> None:
    """Check, before anything is written, that what is stored may stay beside what comes."""
    if arguments.drop:
        embedder.load()  # what cannot be replaced must not be deleted
        logger.info("Deleted %d documents", writer.delete_all())
        return
    writer.check_vector_type()
    if not arguments.replace_model:
        writer.check_model()


def _advise(
    writer: GalleryWriter, gallery: Gallery, settings: Settings, arguments: argparse.Namespace
) -> None:
    if arguments.replace_model and (others := writer.count_other_models()):
        logger.warning("%d documents hold embeddings of another model still", others)
    if gallery.root is not None and gallery.root != settings.gallery_root.resolve():
        logger.info("The service shows these pictures with GALLERY_ROOT=%s", gallery.root)


def _as_json(
    report: IngestReport, bytes_per_document: int | None, arguments: argparse.Namespace
) -> str:
    values = {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in asdict(report).items()
    }
    extra = {
        "bytes_per_document": bytes_per_document,
        "failed_file": _failed_file(report, arguments),
        "is_dry_run": arguments.dry_run,
    }
    return json.dumps({**values, **extra})


def _as_sentences(
    report: IngestReport, bytes_per_document: int | None, arguments: argparse.Namespace
) -> str:
    rate = report.read / max(report.seconds, 1e-9)
    lines = [
        f"read {report.read:,} = written {report.written:,} + unchanged {report.unchanged:,} "
        f"+ failed {report.failed:,} in {report.seconds:.1f} s ({rate:.1f} pictures/s)",
        f"overlapping: prepare {report.prepare_s:.1f} s, embed {report.embed_s:.1f} s, "
        f"write {report.write_s:.1f} s",
    ]
    if bytes_per_document is not None:
        lines.append(f"a document has {bytes_per_document:,} bytes on average")
    if arguments.dry_run:
        lines.append("nothing was embedded or written (--dry-run)")
    if report.failed:
        lines.append(f"{_failed_file(report, arguments)} lists what failed")
    return "\n".join(lines)


def _failed_file(report: IngestReport, arguments: argparse.Namespace) -> str | None:
    return str(arguments.failed) if report.failed else None


if __name__ == "__main__":
    sys.exit(run(main))
