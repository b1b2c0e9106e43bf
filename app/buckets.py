"""Pictures and manifests in buckets, through fsspec: S3, Google Cloud Storage.

The credentials are those that the environment has (its variables, files and instance roles, as the
store's own client finds them); none is ever taken from a location, which ends up in logs. What a
store's client raises becomes one sentence here.
"""

import io
import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, ClassVar

import fsspec

from app.errors import ConfigError, ServiceError
from app.pictures import (
    NotModified,
    PictureBytes,
    PictureUnavailable,
    Validators,
    check_size,
)

# Scheme -> the package that speaks to such a store; fsspec brings `memory`, which ends with the
# process, itself.
STORES = {"s3": "s3fs", "gs": "gcsfs", "memory": "fsspec"}
_BLOCK_BYTES = 4 * 1024 * 1024
_BUFFER_BYTES = 256 * 1024

Info = Mapping[str, Any]


class BucketError(ServiceError):
    """A bucket that does not give what it is asked for.

    Attributes:
        retryable: whether it may do so later without anybody mending anything.
    """

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class ObjectNotFound(BucketError):
    """There is no such object, or no such bucket."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


def is_bucket(location: str) -> bool:
    """Return whether a location names a bucket that can be read."""
    scheme, separator, _ = location.partition("://")
    return bool(separator) and scheme in STORES


class Store:
    """All that one store's credentials reach; safe to use in many threads.

    Args:
        scheme: of `STORES`.
        options: as fsspec's file system for this scheme takes them.

    Raises:
        ConfigError: the package for such stores is not installed.
    """

    def __init__(self, scheme: str, **options: Any) -> None:
        self._scheme = scheme
        try:
            # Listings are read once, and one that is kept would hide what changes later.
            self.files = fsspec.filesystem(scheme, use_listings_cache=False, **options)
        except ImportError as error:
            raise ConfigError(
                f"{scheme}:// needs the package {STORES[scheme]}, which is not installed; "
                f"pip install -r requirements-cloud.txt."
            ) from error

    def path(self, location: str) -> str:
        """Return the path of a location, as the store's methods take it: bucket and key.

        Raises:
            ValueError: it names no bucket, or holds credentials; the message ends a sentence and
                does not repeat them.
        """
        bucket = location.partition("://")[2].partition("/")[0]
        if not bucket:
            raise ValueError("names no bucket")
        if any(character in bucket for character in "@:"):  # no bucket's name has
            raise ValueError("must hold no credentials, which come from the environment only")
        return str(self.files._strip_protocol(location))

    def location(self, path: str) -> str:
        """Return a path with its scheme."""
        return f"{self._scheme}://{path.lstrip('/')}"

    def open(self, path: str) -> IO[bytes]:
        """Open an object as a stream.

        Raises:
            BucketError: it cannot be read, now or later on.
        """
        with _errors(self.location(path)):
            opened = self.files.open(path, "rb", block_size=_BLOCK_BYTES)
        return io.BufferedReader(_Stream(opened, self.location(path)), _BUFFER_BYTES)

    def info(self, path: str) -> Info:
        """Return what is known of an object; raises as `open`."""
        with _errors(self.location(path)):
            info: Info = self.files.info(path)
            return info

    def read(self, path: str) -> bytes:
        """Return an object's bytes; raises as `open`."""
        with _errors(self.location(path)):
            content: bytes = self.files.cat_file(path)
            return content

    def objects(self, folder: str) -> Iterator[tuple[str, Info]]:
        """Yield paths and infos of all that is below a folder, in the same order on every run.

        S3 gives a page at a time, in the order of keys; of other stores the listing of one folder
        at a time is in memory.

        Raises:
            BucketError: a listing is refused.
        """
        if self._scheme == "s3":
            yield from self._s3_objects(folder)
        else:
            yield from self._folder_objects(folder)

    def _s3_objects(self, folder: str) -> Iterator[tuple[str, Info]]:
        bucket, _, key = folder.partition("/")
        request = {"Bucket": bucket, "Prefix": f"{key}/" if key else ""}
        while True:
            with _errors(self.location(folder)):
                page = self.files.call_s3("list_objects_v2", **request)
            for info in page.get("Contents", ()):
                yield f"{bucket}/{info['Key']}", {**info, "size": info["Size"]}
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def _folder_objects(self, folder: str) -> Iterator[tuple[str, Info]]:
        with _errors(self.location(folder)):
            entries = sorted(self.files.ls(folder, detail=True), key=lambda entry: entry["name"])
        for entry in entries:
            if entry["type"] == "directory":
                yield from self._folder_objects(entry["name"])
            else:
                yield entry["name"], entry


class _Stream(io.RawIOBase):
    """A file of fsspec's, its errors turned into ours; what buffers it reads lines much faster."""

    def __init__(self, file: Any, location: str) -> None:
        self._file = file
        self._location = location

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _errors(self._location):
            content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()
        super().close()


@dataclass(frozen=True, slots=True)
class ObjectPicture:
    """A picture that is an object in a bucket.

    Attributes:
        info: what a listing told of it, which spares the asking; None where it was not listed.
    """

    is_remote: ClassVar[bool] = True

    store: Store
    path: str
    info: Info | None = None

    def read(self, known: Validators | None) -> PictureBytes | NotModified:
        """Return the object's bytes, unless its ETag, or its time where it has none, is known."""
        try:
            # Asked before the bytes: where they change in between, the next run reads them again.
            info = self.info or self.store.info(self.path)
            validators = _validators(info)
            if known is not None and _is_same_state(validators, known):
                return NotModified()
            check_size(info["size"])
            return PictureBytes(self.store.read(self.path), validators)
        except BucketError as error:
            raise PictureUnavailable(error.message, retryable=error.retryable) from error

    def __str__(self) -> str:
        return self.store.location(self.path)


def inside(folder: str, relative: str) -> str:
    """Return the path below a folder that a relative path names.

    Raises:
        ValueError: it leads out of the folder; the message ends a sentence.
    """
    path = posixpath.normpath(posixpath.join(folder, relative))
    if not path.startswith(folder.rstrip("/") + "/"):
        raise ValueError(f"must be in the folder {folder}")
    return path


def _validators(info: Info) -> Validators:
    # The names that S3, Google Cloud Storage and fsspec's memory give to the same two things.
    etag = info.get("ETag") or info.get("etag")
    changed = info.get("LastModified") or info.get("updated") or info.get("created")
    return Validators(etag, None if changed is None else str(changed))


def _is_same_state(validators: Validators, known: Validators) -> bool:
    if validators.etag is not None or known.etag is not None:
        return validators.etag == known.etag
    return validators.last_modified is not None and validators == known


@contextmanager
def _errors(location: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectNotFound(f"{location} does not exist.") from error
    except PermissionError as error:
        raise BucketError(
            f"{location} cannot be read: permission denied to the environment's credentials.",
            retryable=False,
        ) from error
    except Exception as error:  # each store's client raises errors of its own
        if "credentials" in type(error).__name__.lower():
            raise BucketError(
                f"{location} cannot be read: the environment holds no credentials for it.",
                retryable=False,
            ) from error
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise BucketError(f"{location} cannot be read: {reason}.", retryable=True) from error
