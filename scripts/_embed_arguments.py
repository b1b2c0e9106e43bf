"""The command line of `scripts.embed_gallery`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from app.ingest.cluster_job import DEFAULT_STALL_AFTER_S, LOCAL
from scripts._arguments import add_model, assignment, positive_integer, seconds, typed_field

_NEED_A_RUN = ("prune", "yes", "gallery_name", "drop", "dry_run", "limit", "cluster")


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse; what is wrong ends the process with a usage message."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.embed_gallery",
        description="Embed pictures into the gallery's collection. What is there already, the same "
        "picture by the same model, is left alone, so running it again is cheap and safe.",
        epilog="example: python -m scripts.embed_gallery --gallery photos/ --json",
    )
    _add_source(parser)
    _add_run(parser)
    _add_pruning(parser)
    _add_cluster(parser)
    arguments = parser.parse_args(argv)
    if arguments.gallery is None and arguments.picture_field is None:
        _check_alone(parser, arguments)
    return arguments


def _check_alone(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if arguments.report_duplicates is None:
        parser.error("one of --gallery, --picture-field and --report-duplicates is required")
    for name in (*_NEED_A_RUN, "filter_copy", "column", "type"):
        if getattr(arguments, name):
            flag = "--" + name.replace("_", "-")
            parser.error(f"{flag} needs --gallery or --picture-field")


def _add_source(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the pictures")
    add = group.add_argument
    either = group.add_mutually_exclusive_group().add_argument
    either(
        "--gallery",
        metavar="LOCATION",
        help="a folder of pictures (sub-folder names become the category), or a .jsonl, .csv or "
        ".parquet manifest with a column image: a path relative to it, an https URL, or a key in a "
        "bucket; either may be in a bucket itself (s3://bucket/prefix, gs://bucket/prefix)",
    )
    either(
        "--picture-field",
        metavar="FIELD",
        help="the pictures of the documents that are in the collection already, a shop's own: the "
        "field holds a path under GALLERY_ROOT, a URL, a key in a bucket, the bytes, or an id in "
        "GridFS. All that is written is one sub-document, which the index file's path names",
    )
    add(
        "--filter-copy",
        action="append",
        default=[],
        metavar="FIELD",
        help="with --picture-field: keep a double of a numeric field in that sub-document, for "
        "numbers that no search index takes, as Decimal128",
    )
    add(
        "--column",
        type=assignment,
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help="read a field from the manifest's column of another name: image=photo_url, _id=sku",
    )
    add(
        "--type",
        type=typed_field,
        action="append",
        default=[],
        metavar="FIELD=TYPE",
        help="type of a field that the index file does not declare: token, number, boolean, date "
        "or objectId",
    )


def _add_run(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add = parser.add_argument
    add("--limit", type=positive_integer, metavar="N", help="stop after the first N")
    add(
        "--failed",
        type=Path,
        default=Path("failed.jsonl"),
        metavar="FILE",
        help="what failed, a JSON line each; there only if something did (default: failed.jsonl)",
    )
    add(
        "--report-duplicates",
        type=Path,
        metavar="FILE",
        help="after the run, or without one where no pictures are named, find the items that look "
        "nearly the same (cosine at least 0.995) through the search index: a JSON line a pair",
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


def _add_pruning(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is listed no more")
    group.add_argument(
        "--prune",
        action="store_true",
        help="after a whole run, delete the documents that runs over this gallery inserted and "
        "that it lists no more; with --picture-field delete none, and remove what was written into "
        "those whose picture is gone. Asks first; with --dry-run only counts",
    )
    group.add_argument("--yes", action="store_true", help="prune without asking")
    group.add_argument(
        "--gallery-name",
        metavar="NAME",
        help="what makes two runs those of the same gallery (default: its location), for a feed "
        "that moves or has a date in its name",
    )


def _add_cluster(parser: argparse.ArgumentParser) -> None:
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


def _cluster_address(text: str) -> str:
    host = text.removeprefix("ray://")
    if text == LOCAL or (host != text and host):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} must be ray://HOST:PORT or {LOCAL}")
