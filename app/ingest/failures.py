"""What could not be ingested, one line each: id, source, reason, retryable."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from app.documents import shown_id
from app.errors import ServiceError
from app.ingest.line_files import check_place

_KEYS = frozenset({"id", "source", "reason", "retryable"})


@dataclass(frozen=True, slots=True)
class Failure:
    """One row that did not get into the database.

    Attributes:
        item_id: None where the row has none that can be read.
        source: where the picture is, or the manifest and its line.
        reason: one sentence.
        retryable: whether the next run may succeed without anybody mending anything.
    """

    item_id: Any
    source: str
    reason: str
    retryable: bool = False


class NoPicture(Failure):
    """A document that names no picture, or none any more."""

    __slots__ = ()


class FailureFile:
    """A JSON Lines file that exists only when there is something in it.

    Each line is written out at once, so that a run that is killed leaves what it knew.
    """

    def __init__(self, path: Path) -> None:
        """Remove what an earlier run has left at `path`.

        Raises:
            ConfigError: no file can be written there, or there is one of another kind.
        """
        self.path = path
        self._file: TextIO | None = None
        check_place("--failed", path, _KEYS)
        if path.is_file():  # unlike /dev/null
            path.unlink()

    def add(self, failure: Failure) -> None:
        """Append a line.

        Raises:
            ServiceError: the disk is full or the folder is gone.
        """
        line = {
            "id": shown_id(failure.item_id),
            "source": failure.source,
            "reason": failure.reason,
            "retryable": failure.retryable,
        }
        try:
            if self._file is None:
                self._file = self.path.open("w", encoding="utf-8", buffering=1)
            self._file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise ServiceError(f"{self.path} cannot be written: {error.strerror}.") from error

    def close(self) -> None:
        """Close the file, where there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None
