"""Where pictures come from: a gallery yields rows, in the same order on every run.

A row is a `GalleryImage`, or a `Failure` where it cannot become one. No picture is opened here: a
reader only says which pictures there are, and what the feed says about them.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

from app.buckets import Store, is_bucket
from app.config import IdType
from app.documents import GalleryImage
from app.errors import ConfigError
from app.indexes import SearchIndex
from app.ingest.bucket_gallery import BucketGallery
from app.ingest.column_mapping import ColumnMapping
from app.ingest.failures import Failure
from app.ingest.folder import FolderGallery
from app.ingest.manifest import MANIFEST_SUFFIXES, ManifestGallery, open_manifest_file
from app.ingest.places import (
    AtUrl,
    BucketRoot,
    LocalRoot,
    PictureFinder,
    is_url,
    shown_location,
)

Row = GalleryImage | Failure

_EXPECTED = "expected a folder of pictures, or a .jsonl, .csv or .parquet manifest"
_NO_MAPPING = ColumnMapping()


class Gallery(Protocol):
    """A source of rows."""

    @property
    def root(self) -> Path | None:
        """The folder that `image.uri` is relative to, None where it is not of this machine."""

    def rows(self) -> Iterator[Row]:
        """Yield every row, in the same order on every run.

        Raises:
            ServiceError: the gallery itself cannot be read.
        """

    def count(self) -> int | None:
        """Return how many rows there are, None where that would cost too much to find out."""


def open_gallery(
    location: str | Path,
    index: SearchIndex,
    id_type: IdType,
    *,
    mapping: ColumnMapping = _NO_MAPPING,
    at_url: AtUrl | None = None,
) -> Gallery:
    """Return the gallery at a location: a folder or a manifest, here or in a bucket.

    Args:
        location: what `--gallery` names.
        index: says of which type each filterable column is, and which names are taken.
        id_type: of which type ids are.
        mapping: what a manifest's columns are called, and their further types.
        at_url: returns the picture at a URL that a manifest names; without it they are refused.

    Raises:
        ServiceError: there is nothing there, it is of another kind, or it cannot be read.
    """
    if is_url(location):
        return _open_in_bucket(str(location), index, id_type, mapping, at_url)
    path = Path(location)
    if path.is_dir():
        _refuse_mapping(mapping, str(path))
        return FolderGallery(path, id_type)
    if path.suffix.lower() not in MANIFEST_SUFFIXES or not path.is_file():
        found = "is another kind of file" if path.exists() else "does not exist"
        raise ConfigError(f"--gallery {path} {found}; {_EXPECTED}.")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ConfigError(f"--gallery {path} cannot be read: {error.strerror}.") from error
    return ManifestGallery(
        str(path),
        open_manifest_file(str(path), lambda: path.open("rb")),
        PictureFinder(LocalRoot(path.parent.resolve()), at_url),
        index=index,
        id_type=id_type,
        mapping=mapping,
    )


def _open_in_bucket(
    location: str,
    index: SearchIndex,
    id_type: IdType,
    mapping: ColumnMapping,
    at_url: AtUrl | None,
) -> Gallery:
    shown = shown_location(location)
    if not is_bucket(location):
        raise ConfigError(f"--gallery {shown} is no bucket; expected s3://, gs://, or a path.")
    store = Store(location.partition("://")[0])
    try:
        path = store.path(location)
    except ValueError as error:
        raise ConfigError(f"--gallery {shown} {error}.") from error
    if Path(path).suffix.lower() not in MANIFEST_SUFFIXES:
        _refuse_mapping(mapping, shown)
        return BucketGallery(store, path, id_type)
    store.info(path)  # a file that cannot be read is refused before anything else begins
    return ManifestGallery(
        shown,
        open_manifest_file(shown, partial(store.open, path)),
        PictureFinder(BucketRoot(store, path.rpartition("/")[0]), at_url),
        index=index,
        id_type=id_type,
        mapping=mapping,
    )


def _refuse_mapping(mapping: ColumnMapping, shown: str) -> None:
    if mapping.columns or mapping.types:
        raise ConfigError(
            f"--column and --type go with a manifest, and --gallery {shown} is a folder."
        )
