"""The part of a bucket whose pictures the service shows: what lies below `GALLERY_BUCKET`.

A document may name any object, since a feed wrote it, and the service's credentials may open more
than the shop shows; so nothing outside of that part is ever read for somebody who asks over HTTP.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.buckets import BucketError, ObjectNotFound, Store
from app.errors import ImageUnavailable

logger = logging.getLogger(__name__)

# A page shows dozens of pictures at once, and searches need threads of the server's too.
READS_AT_ONCE = 4
MAX_WAIT_S = 5.0
# Somebody looks at the page, so a store that does not answer is given up soon.
_STORE_OPTIONS = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": 2,
            "read_timeout": 5,
            "retries": {"max_attempts": 0},
        }
    }
}


class ShownBucket:
    """Reads pictures of one part of a bucket, from any number of threads of one process.

    Args:
        location: of the part, such as "s3://shop/photos".
        max_bytes: larger objects are not read.

    Raises:
        ConfigError: the package for such stores is not installed.
    """

    def __init__(self, location: str, max_bytes: int) -> None:
        scheme = location.partition("://")[0]
        self._store = Store(scheme, **_STORE_OPTIONS.get(scheme, {}))
        self._beginning = location.rstrip("/") + "/"
        self._max_bytes = max_bytes
        self._turns = threading.BoundedSemaphore(READS_AT_ONCE)

    def read(self, uri: str) -> bytes | None:
        """Return an object's bytes; None where it is not there, too large, or not to be shown.

        Raises:
            ImageUnavailable: the bucket does not give it now.
        """
        # A server may take dots in a key for steps in a path.
        if not uri.startswith(self._beginning) or {".", ".."}.intersection(uri.split("/")):
            return None
        path = self._store.path(uri)
        with self._turn():
            try:
                if self._store.info(path)["size"] > self._max_bytes:
                    return None
                return self._store.read(path)
            except ObjectNotFound:
                return None
            except BucketError as error:  # its reason may name hosts that are nobody's business
                logger.warning("%s", error.message)
                raise ImageUnavailable("The bucket does not give the picture now.") from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=MAX_WAIT_S):
            raise ImageUnavailable("The bucket is busy with other pictures.")
        try:
            yield
        finally:
            self._turns.release()
