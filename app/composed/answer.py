"""What a composed search answers."""

from dataclasses import dataclass
from typing import Any

from app.documents import ItemId
from app.pipelines import Pipeline


@dataclass(frozen=True, slots=True)
class ComposedHit:
    """One result.

    Attributes:
        score: Atlas's score, larger is better.
        document: the item without its embedding, or the fields that were asked for.
        match_probability: that it is a match, by the model's calibration; None where there is
            none, or none for such a query.
        near_identical: items that show the same picture and are no hits for that.
        members: of its group that were found, itself included; None without `group_by`.
    """

    item_id: ItemId
    score: float
    document: dict[str, Any]
    match_probability: float | None = None
    near_identical: tuple[ItemId, ...] = ()
    members: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """How an answer came about.

    Attributes:
        pipeline: as run; the last one, where a search had to ask for more.
        questions: how many pipelines were run.
        inputs: of each input in order its contribution to the query vector; they sum up to 1.
        hits: of each hit in order the contributions of the inputs to its cosine with the query,
            which is their sum.
        trace: where the traced item is, or why it is nowhere; None where none was named.
        ranks: of each hit in order its ranks among what words and what vectors find; None in mode
            vector.
    """

    pipeline: Pipeline
    questions: int
    inputs: list[float]
    hits: list[list[float]]
    trace: str | None
    ranks: list[dict[str, int]] | None = None


@dataclass(frozen=True, slots=True)
class ComposedAnswer:
    """The hits of one page, best first, and where the time went.

    Attributes:
        shortfall: why there are fewer hits than asked for, in one sentence; None where there are
            as many.
        cursor: asks for the next page of the same search; None where nothing comes next.
        explanation: how the answer came about, where that was asked for.
        note: what the searcher has to know about how it was searched; None for nothing.
    """

    hits: list[ComposedHit]
    shortfall: str | None
    cursor: str | None
    embed_ms: float
    search_ms: float
    explanation: Explanation | None = None
    note: str | None = None
