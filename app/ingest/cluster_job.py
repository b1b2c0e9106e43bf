"""What a run on a cluster is to do; without Ray, so that who has none can import it."""

from collections.abc import Callable
from dataclasses import dataclass

from app.config import Settings
from app.embedding.base import Embedder
from app.indexes import SearchIndex
from app.ingest.reader import Gallery

LOCAL = "local"
DEFAULT_STALL_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class ClusterJob:
    """One run, as it is sent to every machine; nothing in it comes from their environment.

    Attributes:
        settings: its URI must mean the same database on every machine.
        database_label: what messages call the database.
        index: where an embedding goes.
        gallery: its files must be at the same path on every machine.
        limit: read so many rows, None for all.
        load_embedder: makes the embedder, in the worker.
        embedded_by: fingerprint that the worker's embedder must have.
        gallery_id: as `UpdateBuilder` takes it.
        batch_size: as `ingest` takes it.
        is_dry_run: whether to embed and write nothing.
    """

    settings: Settings
    database_label: str
    index: SearchIndex
    gallery: Gallery
    limit: int | None
    load_embedder: Callable[[], Embedder]
    embedded_by: str
    batch_size: int
    is_dry_run: bool
    gallery_id: str | None = None
