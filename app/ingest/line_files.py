"""Files of JSON lines that a run writes beside the database, made anew by each run."""

import json
import os
from pathlib import Path

from app.errors import ConfigError

_MOST_LINE_BYTES = 1024 * 1024


def check_place(flag: str, path: Path, keys: frozenset[str]) -> None:
    """Refuse a place for such a file, before anything begins, unless it is free or holds one.

    What else is there, a feed that was named by mistake, must not be lost.

    Args:
        flag: of the command line, for the message.
        path: of the file.
        keys: of every line.

    Raises:
        ConfigError: no file can be written there, or there is one of another kind.
    """
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise ConfigError(f"{flag} {path} cannot be written; expected a file in a folder.")
    if path.is_file() and not _is_ours(path, keys):
        raise ConfigError(
            f"{flag} {path} is there already and was not written by an earlier run; "
            f"expected a new file."
        )


def _is_ours(path: Path, keys: frozenset[str]) -> bool:
    try:
        with path.open("rb") as file:
            line = file.readline(_MOST_LINE_BYTES)
        if not line:
            return True
        record = json.loads(line)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(record, dict) and record.keys() == keys
