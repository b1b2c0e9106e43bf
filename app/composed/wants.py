"""What a composed search wants of the database and of the model, one at a time."""

from dataclasses import dataclass
from typing import Any

from app.documents import Embedding
from app.embedding.base import Pixels
from app.pipelines import Pipeline


@dataclass(frozen=True, slots=True)
class ReadState:
    """Wants the `DataState`, and the search to end where it allows none.

    Attributes:
        is_fresh: whether it must be read now.
        needs_words: whether the search must also end where words cannot be searched.
    """

    is_fresh: bool = False
    needs_words: bool = False


@dataclass(frozen=True, slots=True)
class AskServer:
    """Wants the `Server` that fuses rankings."""


@dataclass(frozen=True, slots=True)
class Find:
    """Wants the documents that match `query`, a list in any order."""

    query: dict[str, Any]
    projection: dict[str, int]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Wants the rows of a pipeline, a list in their order."""

    pipeline: Pipeline


@dataclass(frozen=True, slots=True, eq=False)
class Embed:
    """Wants `Embedded`: a row for each picture, then one for each text."""

    pictures: tuple[Pixels, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Embeddings of one model.

    Attributes:
        rows: (n, d) float32.
        embedded_by: fingerprint of what made them.
        took_ms: what the model took for it.
    """

    rows: Embedding
    embedded_by: str
    took_ms: float = 0.0


Want = ReadState | AskServer | Find | Aggregate | Embed
