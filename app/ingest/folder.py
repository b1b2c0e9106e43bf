"""The pictures of a folder and its sub-folders."""

import os
from collections.abc import Iterator
from pathlib import Path

from app.config import IdType
from app.documents import GalleryImage, derived_item_id
from app.errors import ConfigError
from app.ingest.failures import Failure
from app.pictures import PASSING, FilePicture

# The others are pictures too, of formats that are not read: they are counted and listed with that
# reason, because a picture must not vanish without a word.
READ_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp"),
    *(".gif", ".bmp", ".dib", ".tif", ".tiff", ".avif"),
)
OTHER_SUFFIXES = (".heic", ".heif", ".jp2", ".jxl", ".svg", ".psd", ".ico", ".tga", ".ppm", ".pgm")
PICTURE_SUFFIXES = frozenset(READ_SUFFIXES + OTHER_SUFFIXES)


class FolderGallery:
    """The pictures of a folder and its sub-folders; the first sub-folder is the `category`.

    Left out: hidden files and folders, files without a picture's suffix, and links to folders (what
    they show inside the gallery is read where it is). A link to a picture outside the gallery is a
    failure: the service would not show it.
    """

    def __init__(self, folder: Path, id_type: IdType) -> None:
        """Name the folder.

        Raises:
            ConfigError: ids are not strings, and a folder has no others to offer than its paths.
        """
        require_string_ids(id_type)
        self.root = folder.resolve()

    def rows(self) -> Iterator[GalleryImage | Failure]:
        """Yield every picture, folder by folder, each folder sorted by name."""
        for path in self._pictures(self.root):
            if isinstance(path, Failure):
                yield path
                continue
            relative = path.relative_to(self.root)
            try:
                item_id = derived_item_id(relative)
                item_id.encode()
            except UnicodeEncodeError:
                yield Failure(None, str(path), "Its name is not valid UTF-8.")
                continue
            if path.is_symlink() and not self._holds(path):
                yield Failure(item_id, str(path), "It is a link to a file outside the gallery.")
                continue
            fields = {"category": relative.parts[0]} if len(relative.parts) > 1 else {}
            yield GalleryImage(item_id, FilePicture(path), item_id, fields)

    def count(self) -> int:
        """Count the rows."""
        return sum(1 for _ in self._pictures(self.root))

    def _pictures(self, folder: Path) -> Iterator[Path | Failure]:
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            # Its pictures must not vanish without a word, least of all from the database.
            reason = f"The folder cannot be read: {error.strerror}."
            yield Failure(None, str(folder), reason, retryable=error.errno in PASSING)
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._pictures(Path(entry.path))
            elif self._is_picture(entry):
                yield Path(entry.path)

    def _is_picture(self, entry: os.DirEntry[str]) -> bool:
        if os.path.splitext(entry.name)[1].lower() not in PICTURE_SUFFIXES:
            return False
        if not entry.is_symlink():
            return entry.is_file()
        return not os.path.isdir(entry.path)

    def _holds(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self.root)


def require_string_ids(id_type: IdType) -> None:
    """Refuse a folder where ids are not strings.

    Raises:
        ConfigError: `id_type` is another one.
    """
    if id_type != "string":
        raise ConfigError(
            f"ID_TYPE is {id_type} and the ids of a folder are its paths; "
            f"give a manifest with an _id for each picture."
        )
