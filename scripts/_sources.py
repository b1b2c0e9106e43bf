"""What the command line of `scripts.embed_gallery` names as the source of pictures."""

import argparse
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pymongo.collection import Collection

from app.config import Settings
from app.errors import ConfigError
from app.indexes import SearchIndex
from app.ingest.column_mapping import ColumnMapping
from app.ingest.field_types import Misfit
from app.ingest.guest_gallery import GuestGallery
from app.ingest.guest_writing import GuestUpdateBuilder, GuestWriter
from app.ingest.manifest import MANIFEST_SUFFIXES
from app.ingest.places import AtUrl, LocalRoot, PictureFinder, is_url, shown_location
from app.ingest.pruning import gallery_id
from app.ingest.reader import Gallery, open_gallery
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter
from scripts._arguments import no_doubles

Documents = Collection[dict[str, Any]]


def open_source(
    arguments: argparse.Namespace,
    settings: Settings,
    index: SearchIndex,
    collection: Documents,
    at_url: AtUrl,
) -> Gallery:
    """Return the gallery that `--gallery` names, or the collection that `--picture-field` does.

    Raises:
        ServiceError: it cannot be read, or the other arguments do not go with it.
    """
    mapping = ColumnMapping(
        no_doubles("--column", arguments.column), no_doubles("--type", arguments.type)
    )
    if arguments.picture_field is None:
        _refuse_together(arguments, "--gallery", ["filter_copy"])
        return open_gallery(
            arguments.gallery, index, settings.id_type, mapping=mapping, at_url=at_url
        )
    _refuse_together(arguments, "--picture-field", ["column", "type", "drop"])
    if arguments.cluster is not None:
        raise ConfigError(
            "--cluster does not go with --picture-field: a collection of the shop's own is read "
            "and written by one machine."
        )
    return GuestGallery(
        collection,
        arguments.picture_field,
        PictureFinder(LocalRoot(settings.gallery_root.resolve()), at_url),
        index=index,
        copies=arguments.filter_copy,
    )


def open_writer(
    arguments: argparse.Namespace, collection: Documents, index: SearchIndex, fingerprint: str
) -> GalleryWriter:
    """Return the writer for the source's kind of collection."""
    gallery = gallery_id(_gallery_name(arguments))
    if arguments.picture_field is None:
        return GalleryWriter(collection, UpdateBuilder(index, fingerprint, gallery))
    return GuestWriter(collection, GuestUpdateBuilder(index, fingerprint, gallery))


def _gallery_name(arguments: argparse.Namespace) -> str:
    """Return what makes two runs those of one gallery."""
    if arguments.gallery_name is not None:
        return str(arguments.gallery_name)
    if arguments.picture_field is not None:
        return f"field:{arguments.picture_field}"
    if is_url(arguments.gallery):
        return shown_location(arguments.gallery).rstrip("/")
    return str(Path(arguments.gallery).resolve())


def misfits_of(gallery: Gallery) -> Sequence[Misfit]:
    """Return the filterable fields that hold what no filter finds; a feed's values were checked."""
    return gallery.misfits() if isinstance(gallery, GuestGallery) else ()


def source_name(arguments: argparse.Namespace) -> str:
    """Return the argument that names the source, fit for a log."""
    if arguments.picture_field is not None:
        return f"--picture-field {arguments.picture_field}"
    return f"--gallery {shown_location(arguments.gallery)}"


def setting_to_show(
    arguments: argparse.Namespace, gallery: Gallery, settings: Settings
) -> str | None:
    """Return the setting with which the service shows the pictures, None where it does already."""
    if gallery.root is not None:
        is_set = gallery.root == settings.gallery_root.resolve()
        return None if is_set else f"GALLERY_ROOT={gallery.root}"
    location = str(arguments.gallery).rstrip("/")
    if PurePosixPath(location).suffix.lower() in MANIFEST_SUFFIXES:
        location = location.rpartition("/")[0]
    is_set = f"{location}/".startswith(f"{settings.gallery_bucket.rstrip('/')}/")
    return None if is_set else f"GALLERY_BUCKET={location}"


def _refuse_together(arguments: argparse.Namespace, flag: str, others: Sequence[str]) -> None:
    for name in others:
        if getattr(arguments, name):
            raise ConfigError(f"--{name.replace('_', '-')} does not go with {flag}.")
