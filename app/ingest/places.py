"""What a feed or a document writes about where a picture is -> its source, and how it is stored.

A path is relative to a root and stays inside it, a URL is fetched, a key is read from its bucket.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from app.buckets import ObjectPicture, Store, inside, is_bucket
from app.documents import derived_item_id
from app.pictures import FilePicture, PictureSource

AtUrl = Callable[[str], PictureSource]

# A URL may hold another in its path or query, as those of image proxies do.
_SECOND_PICTURE = re.compile(r"[\s,;|](?:https?|s3|gs)://")


@dataclass(frozen=True, slots=True)
class Located:
    """A picture's place.

    Attributes:
        uri: what a document says of it: a path relative to the root, or all of a URL.
        own_id: the `_id` of a picture that has no other, None where it must be given one.
    """

    source: PictureSource
    uri: str
    own_id: str | None


class Root(Protocol):
    """Where relative paths start."""

    @property
    def local_folder(self) -> Path | None:
        """The folder, None where it is not on this machine."""

    def locate(self, path: str) -> Located:
        """Return the picture at a path.

        Raises:
            ValueError: it is not inside; the message ends a sentence that begins with the path.
        """


@dataclass(frozen=True, slots=True)
class LocalRoot:
    """A folder of this machine.

    Attributes:
        folder: real, without links.
    """

    folder: Path

    @property
    def local_folder(self) -> Path:
        """The folder."""
        return self.folder

    def locate(self, path: str) -> Located:
        """Return the file at a path, which may be absolute; links inside keep their own names."""
        if "\0" in path:
            raise ValueError("must be the path of a file")
        file = Path(os.path.realpath(self.folder / path))
        if not file.is_relative_to(self.folder):
            raise ValueError(f"must be in the folder {self.folder}")
        # Links inside the folder keep their own names: their pictures may be two items.
        relative = Path(path)
        if relative.is_absolute() or ".." in relative.parts:
            relative = file.relative_to(self.folder)
        return Located(FilePicture(file), relative.as_posix(), derived_item_id(relative))


@dataclass(frozen=True, slots=True)
class BucketRoot:
    """A folder in a bucket."""

    store: Store
    folder: str

    @property
    def local_folder(self) -> None:
        """There is none."""

    def locate(self, path: str) -> Located:
        """Return the object at a path relative to the folder."""
        found = inside(self.folder, path)
        uri = self.store.location(found)
        own_id = found.removeprefix(self.folder.rstrip("/") + "/")
        return Located(ObjectPicture(self.store, found), uri, own_id)


class PictureFinder:
    """Finds the picture that a text names: a path from a root, a URL, or an object in a bucket.

    Attributes:
        root: where relative paths start.

    Args:
        root: as above.
        at_url: returns the picture at a URL; without it URLs are refused.
    """

    def __init__(self, root: Root, at_url: AtUrl | None = None) -> None:
        self.root = root
        self._at_url = at_url
        self._stores: dict[str, Store] = {}

    def find(self, name: str, value: Any) -> Located:
        """Return the picture that a value names.

        Args:
            name: of the field that holds the value, for messages.
            value: whatever the field holds.

        Raises:
            ValueError: it names none, or more than one; the message is the rule, and never holds
                credentials.
        """
        if isinstance(value, list) and len(value) > 1:
            raise ValueError(f"{name} names {len(value)} pictures, expected one")
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{name} ({value!r}) must be the path of a picture")
        if _SECOND_PICTURE.search(value):
            raise ValueError(f"{name} names more than one picture, expected one")
        try:
            return self._locate(value.strip() if "://" in value else value)
        except ValueError as error:
            raise ValueError(f"{name} ({shown_location(value)!r}) {error}") from error

    def _locate(self, text: str) -> Located:
        scheme, separator, _ = text.partition("://")
        if not separator:
            return self.root.locate(text)
        if scheme in ("https", "http") and self._at_url is not None:
            picture = self._at_url(text)
            return Located(picture, text, text if str(picture) == text else None)
        if not is_bucket(text):
            raise ValueError("must be a path, an https URL, or a key such as s3://bucket/key")
        store = self._stores.get(scheme) or self._stores.setdefault(scheme, Store(scheme))
        path = store.path(text)
        return Located(ObjectPicture(store, path), store.location(path), store.location(path))


def is_url(location: str | Path) -> bool:
    """Return whether a location has a scheme, and so is no path of this machine."""
    return isinstance(location, str) and "://" in location


def shown_location(text: str) -> str:
    """Return a location as it may be shown: without what may be secret in a URL."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text
    head = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = head.partition("/")
    if "@" in authority:
        authority = authority.rpartition("@")[2]
    elif "@" in rest and ":" in authority:  # a password that holds a / ? or #
        authority, slash, path = "…", "", ""
    return f"{scheme}://{authority}{slash}{path}"
