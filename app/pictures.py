"""Where a picture's bytes are, behind one interface: a file here, a URL or an object elsewhere.

A source is asked for its bytes when their turn comes, in any thread. One that knows validators
(`ETag`, `Last-Modified`) hands them out with the bytes; handed in again on a later run, they save
the download of a picture that is still the same.
"""

import errno
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

MAX_PICTURE_BYTES = 256 * 1024 * 1024
# What a later attempt may find gone: a network disk that hangs, too many open files.
PASSING = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE})


@dataclass(frozen=True, slots=True)
class Validators:
    """By what a source recognises the state of a picture; None where it said nothing."""

    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True)
class PictureBytes:
    """A picture as it was read, whole.

    Attributes:
        content: the file's bytes.
        validators: None where the source has none at all, as files do.
    """

    content: bytes
    validators: Validators | None = None


@dataclass(frozen=True, slots=True)
class NotModified:
    """The picture is still that of the validators that were handed in."""


class PictureUnavailable(Exception):
    """A picture's bytes cannot be had.

    Attributes:
        reason: one sentence.
        retryable: whether another attempt may succeed without anybody mending anything.
    """

    def __init__(self, reason: str, *, retryable: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable


class PictureSource(Protocol):
    """One picture's place.

    Attributes:
        is_remote: whether reading waits for another machine, so that many are read at a time.
    """

    is_remote: ClassVar[bool]

    def read(self, known: Validators | None) -> PictureBytes | NotModified:
        """Return the bytes; called from many threads at once.

        Args:
            known: validators of the bytes that are embedded already; a source may answer
                `NotModified` where they still hold.

        Raises:
            PictureUnavailable: there are no bytes, or too many.
        """

    def __str__(self) -> str:
        """Name the place in reports; never with credentials, nor the query of a signed URL."""


@dataclass(frozen=True, slots=True)
class FilePicture:
    """A picture in a file of this machine; it has no validators, its bytes are hashed instead."""

    is_remote: ClassVar[bool] = False

    path: Path

    def read(self, known: Validators | None) -> PictureBytes:
        """Return the file's bytes."""
        try:
            status = self.path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise PictureUnavailable("The picture is no ordinary file.", retryable=False)
            check_size(status.st_size)
            return PictureBytes(self.path.read_bytes())
        except OSError as error:
            raise PictureUnavailable(
                f"The picture cannot be read: {error.strerror}.", retryable=error.errno in PASSING
            ) from error

    def __str__(self) -> str:
        return str(self.path)


def check_size(size_bytes: int) -> None:
    """Refuse a picture of too many bytes before they are read.

    Raises:
        PictureUnavailable: it has more than `MAX_PICTURE_BYTES`.
    """
    if size_bytes > MAX_PICTURE_BYTES:
        raise PictureUnavailable(
            f"The file has {size_bytes:,} bytes, at most {MAX_PICTURE_BYTES:,} are read.",
            retryable=False,
        )
