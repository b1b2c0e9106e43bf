"""What the log of changes is made of, and how far back it goes."""

from dataclasses import dataclass
from typing import Final, NamedTuple

DEFAULT_SIZE_BYTES: Final = 512 * 1024 * 1024
DEFAULT_AGE_S: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How far back the log goes."""

    size_bytes: int = DEFAULT_SIZE_BYTES
    age_s: float = DEFAULT_AGE_S


class Start(NamedTuple):
    """From where on a database is recorded: what came after these is in the log."""

    sequence: int
    cluster_time: int


class Entry(NamedTuple):
    """One row of the log."""

    sequence: int
    cluster_time: int
    wall_ms: int
    operation: str
    database: str
    collection: str
    details: bytes
    document: bytes | None
    before: bytes | None
