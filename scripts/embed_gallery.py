"""Embed a gallery's pictures into the database; a second run embeds only what is new or changed.

Example:
    python -m scripts.embed_gallery --gallery photos/ --json
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import chain, islice
from types import ModuleType

from app.config import Settings
from app.db import connect, database_errors, with_uri
from app.embedding import load_embedder
from app.embedding.base import Embedder
from app.errors import ConfigError, ServiceError
from app.fetching import Fetcher
from app.indexes import SearchIndex, read_index_file
from app.ingest.cluster_job import LOCAL, ClusterJob
from app.ingest.failures import FailureFile
from app.ingest.legs import open_legs, without_effect
from app.ingest.reader import Gallery, Row
from app.ingest.runner import IngestReport, ingest
from app.ingest.url_pictures import UrlPicture
from app.ingest.writer import GalleryWriter
from app.service import check_dimensions
from scripts._cli import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, run
from scripts._embed_arguments import parse_arguments
from scripts._near_duplicates import check_report, report_near_duplicates
from scripts._outcome import Outcome
from scripts._progress import Progress, stop_on_interrupt
from scripts._pruning import Pruning
from scripts._sources import (
    Documents,
    misfits_of,
    open_source,
    open_writer,
    setting_to_show,
    source_name,
)

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
    collection = connect(settings)
    with closing(collection.database.client), database_errors(settings.database_label):
        if arguments.report_duplicates is not None:
            check_report(arguments.report_duplicates, collection, index)
        if arguments.gallery is None and arguments.picture_field is None:
            return _only_report_duplicates(arguments, settings, collection, index)
        outcome = _run(arguments, settings, collection, index)
    print(outcome.as_json() if arguments.json else outcome.as_sentences())
    if outcome.report.is_interrupted:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if outcome.report.failed or outcome.problems else EXIT_DONE


def _only_report_duplicates(
    arguments: argparse.Namespace, settings: Settings, collection: Documents, index: SearchIndex
) -> int:
    fingerprint = _load_embedder(arguments, settings, index).fingerprint
    path = arguments.report_duplicates
    with stop_on_interrupt() as stop:
        pairs = report_near_duplicates(path, collection, index, fingerprint, stop)
    told = f"{path} lists {pairs:,} pairs that look nearly the same"
    print(json.dumps({"near_duplicates": pairs}) if arguments.json else told)
    return EXIT_INTERRUPTED if stop.is_set() else EXIT_DONE


def _run(
    arguments: argparse.Namespace, settings: Settings, collection: Documents, index: SearchIndex
) -> Outcome:
    with ExitStack() as opened:
        fetcher = opened.enter_context(closing(Fetcher.from_settings(settings)))
        at_url = partial(UrlPicture, fetcher)
        gallery = open_source(arguments, settings, index, collection, at_url)
        pruning = opened.enter_context(closing(Pruning(arguments)))
        rows = _rows(pruning.watch(gallery.rows()), arguments)
        embedder = _load_embedder(arguments, settings, index)
        embedder.batch_size = arguments.batch_size
        check_dimensions(embedder, index, settings)
        writer = open_writer(arguments, collection, index, embedder.fingerprint)
        failures = opened.enter_context(closing(FailureFile(arguments.failed)))
        with stop_on_interrupt() as stop:
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
        pruned, near_duplicates = 0, None
        problems: list[str] = []
        with _noting(problems, settings.database_label):
            pruned = pruning.finish(report, rows, collection, writer.updates)
        with _noting(problems, settings.database_label):
            near_duplicates = _near_duplicates(arguments, report, collection, writer)
        return Outcome(
            report,
            pruned=pruned,
            near_duplicates=near_duplicates,
            problems=problems,
            bytes_per_document=writer.bytes_per_document(),
            misfits=misfits_of(gallery),
            failed_file=str(arguments.failed) if report.failed else None,
            is_dry_run=arguments.dry_run,
        )


def _load_embedder(
    arguments: argparse.Namespace, settings: Settings, index: SearchIndex
) -> Embedder:
    return load_embedder(
        arguments.model or settings.model,
        vector_type=index.vector_type,
        precision=settings.model_precision,
    )


@contextmanager
def _noting(problems: list[str], database_label: str) -> Iterator[None]:
    """Note what goes wrong after the pictures are written, which must not cost their report."""
    try:
        with database_errors(database_label):
            yield
    except ServiceError as error:
        logger.error("%s", error.message)
        problems.append(error.message)


def _near_duplicates(
    arguments: argparse.Namespace,
    report: IngestReport,
    collection: Documents,
    writer: GalleryWriter,
) -> int | None:
    path = arguments.report_duplicates
    if path is None or report.is_interrupted:
        return None
    updates = writer.updates
    with stop_on_interrupt() as stop:
        return report_near_duplicates(path, collection, updates.index, updates.embedded_by, stop)


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
            load_embedder,
            arguments.model or settings.model,
            vector_type=index.vector_type,
            precision=settings.model_precision,
        ),
        embedded_by=writer.updates.embedded_by,
        batch_size=arguments.batch_size,
        is_dry_run=arguments.dry_run,
        gallery_id=writer.updates.gallery,
    )


def _rows(rows: Iterator[Row], arguments: argparse.Namespace) -> Iterator[Row]:
    first = next(rows, None)
    if first is None:
        raise ConfigError(f"{source_name(arguments)} holds no pictures.")
    return islice(chain([first], rows), arguments.limit)


def _total(gallery: Gallery, arguments: argparse.Namespace) -> int | None:
    count = gallery.count()
    return arguments.limit if count is None else min(count, arguments.limit or sys.maxsize)


def _make_way(writer: GalleryWriter, embedder: Embedder, arguments: argparse.Namespace) -> None:
    """Check, before anything is written, that what is stored may stay beside what comes."""
    if arguments.drop:
        embedder.load()  # what cannot be replaced must not be deleted
        logger.info("Deleted %d documents", writer.delete_all())
    else:
        writer.check_vector_type()
        if not arguments.replace_model:
            writer.check_model()
    if not arguments.dry_run:
        writer.ensure_hash_index()


def _advise(
    writer: GalleryWriter, gallery: Gallery, settings: Settings, arguments: argparse.Namespace
) -> None:
    if arguments.replace_model and (others := writer.count_other_models()):
        logger.warning("%d documents hold embeddings of another model still", others)
    if (setting := setting_to_show(arguments, gallery, settings)) is not None:
        logger.info("The service shows these pictures with %s", setting)


if __name__ == "__main__":
    sys.exit(run(main))
