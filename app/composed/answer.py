"""What a composed search answers."""

from dataclasses import dataclass
from typing import Any

from app.documents import ItemId


@dataclass(frozen=True, slots=True)
class ComposedHit:
    """One result.

    Attributes:
        score: Atlas's score, larger is better.
        document: the item without its embedding, or the fields that were asked for.
        near_identical: items that show the same picture and are no hits for that.
        members: of its group that were found, itself included; None without `group_by`.
    """

    item_id: ItemId
    score: float
    document: dict[str, Any]
    near_identical: tuple[ItemId, ...] = ()
    members: int | None = None


@dataclass(frozen=True, slots=True)
class ComposedAnswer:
    """The hits of one page, best first, and where the time went.

    Attributes:
        shortfall: why there are fewer hits than asked for, in one sentence; None where there are
            as many.
    """

    hits: list[ComposedHit]
    shortfall: str | None
    embed_ms: float
    search_ms: float
