"""What a plain search asks, kept within one model, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.data_state import DataState
from app.documents import Embedding, ItemId
from app.filters import Filter, all_of
from app.indexes import SearchIndex
from app.pipelines import Pipeline, search_pipeline

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hit:
    """One result.

    Attributes:
        score: Atlas's score, larger is better.
        document: the item without its embedding.
    """

    item_id: ItemId
    score: float
    document: Document


@dataclass(frozen=True, slots=True)
class Answer:
    """The hits of one search, best first, and where the time went.

    Attributes:
        note: what the searcher has to know about how it was searched; None for nothing.
    """

    hits: list[Hit]
    embed_ms: float
    search_ms: float
    note: str | None = None


def same_model_pipeline(
    state: DataState,
    index: SearchIndex,
    embedding: Embedding,
    embedded_by: str,
    *,
    limit: int,
    condition: Filter | None,
) -> Pipeline:
    """Build the search that keeps within the model that made `embedding`."""
    kept = all_of(condition, state.same_model_filter(embedded_by, index))
    return search_pipeline(index, embedding, limit=limit, condition=kept)


def to_hits(rows: Sequence[Document]) -> list[Hit]:
    """Turn the rows of a search pipeline into hits, order kept."""
    return [Hit(row["item"]["_id"], row["score"], row["item"]) for row in rows]
