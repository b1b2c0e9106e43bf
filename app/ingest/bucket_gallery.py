"""The pictures of a folder in a bucket, as `reader.FolderGallery` is of a folder here."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from app.buckets import ObjectPicture, Store
from app.config import IdType
from app.documents import GalleryImage
from app.ingest.failures import Failure
from app.ingest.folder import PICTURE_SUFFIXES, require_string_ids


class BucketGallery:
    """The pictures below a folder in a bucket; the first sub-folder is the `category`.

    What the listing tells of a picture is kept with it, so that a later run asks for nothing that
    has not changed. Left out: hidden names, and names without a picture's suffix.
    """

    root = None

    def __init__(self, store: Store, folder: str, id_type: IdType) -> None:
        """Name the folder; raises as `FolderGallery`."""
        require_string_ids(id_type)
        self._store = store
        self._folder = folder.rstrip("/")

    def rows(self) -> Iterator[GalleryImage | Failure]:
        """Yield every picture in the order of the listing, page by page.

        Raises:
            BucketError: a listing is refused.
        """
        for path, info in self._store.objects(self._folder):
            key = path.removeprefix(self._folder).lstrip("/")
            relative = PurePosixPath(key)
            if relative.suffix.lower() not in PICTURE_SUFFIXES:
                continue
            if any(part.startswith(".") for part in relative.parts):
                continue
            fields = {"category": relative.parts[0]} if len(relative.parts) > 1 else {}
            source = ObjectPicture(self._store, path, info)
            yield GalleryImage(key, source, str(source), fields)

    def count(self) -> None:
        """Nothing: to count would be to list everything twice."""
