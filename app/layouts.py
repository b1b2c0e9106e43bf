"""Where a document says which picture it shows.

In a collection of this service's own that is `image`, beside the feed's fields. In a shop's own
collection, where it is a guest, all it writes is in one sub-document, which the index file's path
names: `visual` where that is `visual.embedding`.
"""

from dataclasses import dataclass
from typing import Any

from app.documents import get_path
from app.errors import ConfigError
from app.indexes import SearchIndex

_GUEST_NAMES = (
    *("source", "sha256", "etag", "last_modified", "gallery"),
    *("embedded_by", "embedded_at"),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Dotted paths.

    Attributes:
        picture: sub-document of what is known of the picture's bytes.
        uri: what says where the picture is.
    """

    picture: str
    uri: str

    @property
    def sha256(self) -> str:
        """Hash of the picture's bytes."""
        return f"{self.picture}.sha256"

    @property
    def etag(self) -> str:
        """What the picture's source recognises its state by."""
        return f"{self.picture}.etag"

    @property
    def last_modified(self) -> str:
        """As `etag`."""
        return f"{self.picture}.last_modified"

    @property
    def gallery(self) -> str:
        """Which gallery the document is of, see `ingest.pruning`."""
        return f"{self.picture}.gallery"


GALLERY_LAYOUT = Layout("image", "image.uri")


def guest_layout(index: SearchIndex) -> Layout:
    """Return the layout of a collection that is the shop's own.

    Raises:
        ConfigError: the embedding is in no sub-document that could be all that is written, or has
            the name of something else in it.
    """
    visual, _, name = index.path.rpartition(".")
    if not visual or name in _GUEST_NAMES:
        raise ConfigError(
            f"INDEX_FILE has the path {index.path!r}; in a collection that is the shop's own, all "
            f"is written into one sub-document, so expected a path such as visual.embedding."
        )
    return Layout(visual, f"{visual}.source")


def written_at_path(index: SearchIndex) -> str:
    """Return where a document of either layout says when its embedding was written."""
    visual, _, _ = index.path.rpartition(".")
    return f"{visual}.embedded_at" if visual else "updated_at"


def own_paths(index: SearchIndex) -> list[str]:
    """Return what a guest writes in its sub-document besides the embedding."""
    visual, _, _ = index.path.rpartition(".")
    return [f"{visual}.{name}" for name in _GUEST_NAMES]


def picture_uri(document: dict[str, Any], index: SearchIndex) -> Any:
    """Return what a document of either layout says about where its picture is, None for nothing."""
    for path in picture_uri_paths(index):
        uri = get_path(document, path)
        if uri is not None:
            return uri
    return None


def picture_uri_paths(index: SearchIndex) -> list[str]:
    """Return where `picture_uri` looks: a guest's own sub-document first."""
    visual, _, _ = index.path.rpartition(".")
    return [*([f"{visual}.source"] if visual else []), GALLERY_LAYOUT.uri]


def sha256_paths(index: SearchIndex) -> list[str]:
    """Return where the hash of a picture's bytes may be, in the order of `picture_uri_paths`."""
    visual, _, _ = index.path.rpartition(".")
    return [*([f"{visual}.sha256"] if visual else []), GALLERY_LAYOUT.sha256]
