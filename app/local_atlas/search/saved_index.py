"""The built contents of one version of an index, in a directory of its own.

A manifest says which files belong together. It is written under another name, and renamed when all
that it names is on disk: at any moment there is the old state or the new one, and nothing between.
"""

import json
import logging
import os
import shutil
import threading
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..journal import Position
from .saved_state import Segment, StateReader, StateWriter, UnusableState, unsaved_bytes

logger = logging.getLogger(__name__)

_MANIFEST = "manifest"
_NEW_MANIFEST = "manifest.new"


class SavedIndex:
    """A directory with at most one state; made when the first one is saved.

    Args:
        directory: for this version of this index alone.
        identity: what has to be the same for a state to be of any use: names and values.
    """

    def __init__(self, directory: Path, identity: Mapping[str, Any]) -> None:
        self._directory = directory
        self._identity = dict(identity)
        self._lock = threading.Lock()
        self._is_discarded = False
        self._number = 0
        self._segments: dict[str, list[Segment]] = {}

    def load(self) -> tuple[Any, Position]:
        """Return the state, and up to where in the history of the documents it goes.

        Raises:
            UnusableState: there is none, or it is damaged, or not one for this index. Rows are
                checked when they are read.
        """
        manifest = self._manifest()
        for name, value in self._identity.items():
            if manifest["identity"].get(name) != value:
                raise UnusableState(f"it was saved with another {name}")
        reader = StateReader(self._directory)
        state = reader.read(manifest["state"])
        self._number, self._segments = manifest["number"], reader.segments
        return state, Position(*manifest["position"])

    def save(self, state: Any, position: Position) -> bool:
        """Put a state in the place of the last one; False where it is not wanted any more.

        Raises:
            OSError: it cannot be written; the last one is still there.
        """
        with self._lock:
            if self._is_discarded:
                return False
            self._directory.mkdir(parents=True, exist_ok=True)
            try:
                self._write(self._number + 1, state, position)
            except OSError:
                self._remove_files(lambda name: name.startswith(f"{self._number + 1}."))
                raise
            if self._is_discarded:
                self._remove()
            return not self._is_discarded

    def unsaved_bytes(self, state: Any) -> int:
        """Return how much `save` would write at least."""
        return unsaved_bytes(state, self._segments)

    def discard(self) -> None:
        """Delete everything, now or when the `save` that is under way is done."""
        self._is_discarded = True
        if self._lock.acquire(blocking=False):
            try:
                self._remove()
            finally:
                self._lock.release()

    def _write(self, number: int, state: Any, position: Position) -> None:
        with StateWriter(self._directory, number, self._segments) as writer:
            saved = writer.write(state)
        head = {"identity": self._identity, "number": number, "position": position}
        self._replace_manifest({**head, "state": saved})
        self._number, self._segments = number, writer.segments
        needed = {_MANIFEST, *writer.files()}
        self._remove_files(lambda name: name not in needed)

    def _manifest(self) -> dict[str, Any]:
        try:
            content = (self._directory / _MANIFEST).read_bytes()
        except FileNotFoundError as error:
            raise UnusableState("none was saved") from error
        except OSError as error:
            raise UnusableState(f"its manifest cannot be read: {error.strerror}") from error
        checksum, _, body = content.partition(b"\n")
        if checksum != _checksum(body):
            raise UnusableState("its manifest is damaged")
        manifest: dict[str, Any] = json.loads(body)
        return manifest

    def _replace_manifest(self, manifest: Mapping[str, Any]) -> None:
        body = json.dumps(manifest).encode()
        new = self._directory / _NEW_MANIFEST
        with new.open("wb") as file:
            file.write(_checksum(body) + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        _flush_directory(self._directory)  # the files' names, before anything relies on them
        new.replace(self._directory / _MANIFEST)
        _flush_directory(self._directory)
        _flush_directory(self._directory.parent)

    def _remove_files(self, is_superfluous: Callable[[str], bool]) -> None:
        for path in self._directory.iterdir():
            if is_superfluous(path.name):
                path.unlink()

    def _remove(self) -> None:
        if self._directory.exists():
            shutil.rmtree(self._directory, ignore_errors=True)


def _checksum(content: bytes) -> bytes:
    return f"{zlib.crc32(content):08x}".encode()


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
