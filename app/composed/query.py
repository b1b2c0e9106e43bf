"""What a composed search is asked, and the rules that an answerable question keeps."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from app.bson_values import encode_value
from app.documents import ItemId
from app.embedding.base import Pixels
from app.errors import BadRequest
from app.filters import Filter
from app.indexes import SearchIndex
from app.pipelines import MAX_CANDIDATES

MAX_INPUTS = 16
MAX_WEIGHT = 100.0
MAX_EXCLUDED = 1000
MAX_FIELDS = 100
MAX_LIMIT = 100
# Candidates that are compared with each other: n of them take n^2 cosines.
MAX_COMPARED = 1000
MAX_FUZZY = 2

Mode = Literal["vector", "hybrid"]


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item of the gallery, asked about with its stored embedding."""

    item_id: ItemId


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture that went through `Embedder.prepare`."""

    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text."""

    text: str


Source = StoredItem | Picture | Sentence


@dataclass(frozen=True, slots=True)
class Input:
    """One thing that is asked about, and how much it counts."""

    source: Source
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ComposedQuery:
    """One composed search; the defaults are a plain search for ten hits.

    Attributes:
        positive: what hits are to be like, at least one input.
        negative: what they are not to be like.
        condition: only items that match it.
        limit: hits wanted, 1 to 100.
        offset: hits left out before them.
        min_score: the lowest probability that a hit is a match, by the model's calibration.
        min_raw_score: the lowest score of a hit, as Atlas computes it.
        diversity: 0 to 1, how much hits are to differ from each other, see `ranking.diversified`.
        group_by: a field of the index; only the best hit of each of its values is kept.
        collapse: whether only the best of near-identical pictures is kept.
        exclude: items that are no hits, besides those that are inputs.
        exact: compare every item instead of searching approximately.
        num_candidates: how many items the engine examines; by default 20 times what is wanted.
        fields: dotted paths of what a hit's document holds; None for everything but the embedding.
        explain: whether the answer says how it came about.
        trace: an item; the explanation says where it is, or why it is no hit.
        mode: `vector` for the nearest vectors, `hybrid` for a fusion of these with what has words
            of the texts; None for `vector` where the model understands the texts.
        fuzzy: in mode hybrid, how many typing errors a word may have.
    """

    positive: tuple[Input, ...]
    negative: tuple[Input, ...] = ()
    condition: Filter | None = None
    limit: int = 10
    offset: int = 0
    min_score: float | None = None
    min_raw_score: float | None = None
    diversity: float = 0.0
    group_by: str | None = None
    collapse: bool = True
    exclude: tuple[ItemId, ...] = ()
    exact: bool = False
    num_candidates: int | None = None
    fields: tuple[str, ...] | None = None
    explain: bool = False
    trace: ItemId | None = None
    mode: Mode | None = None
    fuzzy: int = 0

    @property
    def wanted(self) -> int:
        """Ranks that the answer needs, from the first."""
        return self.offset + self.limit

    @property
    def compares(self) -> bool:
        """Whether candidates are compared with each other, which needs their embeddings."""
        return self.collapse or self.diversity > 0

    @property
    def left_out(self) -> tuple[ItemId, ...]:
        """The items that are no hits: the excluded ones, and those that are inputs."""
        inputs = (one.source for one in (*self.positive, *self.negative))
        stored = (one.item_id for one in inputs if isinstance(one, StoredItem))
        # A shop's own `_id` may be a sub-document, which is no key of a dict.
        return tuple({encode_value(one): one for one in (*stored, *self.exclude)}.values())


def check_query(query: ComposedQuery, index: SearchIndex) -> None:
    """Refuse what contradicts itself, or goes further than a search can.

    Raises:
        BadRequest: naming the option, its value and what was expected.
    """
    check_inputs(len(query.positive), len(query.negative))
    _check_weights(query)
    check_limit(query.limit)
    _require(query.offset >= 0, f"offset ({query.offset}) must be at least 0.")
    _require(
        len(query.exclude) <= MAX_EXCLUDED,
        f"exclude has {len(query.exclude)} ids, expected at most {MAX_EXCLUDED}.",
    )
    _check_lowest_score(query)
    _require(0 <= query.diversity <= 1, f"diversity ({query.diversity:g}) must be from 0 to 1.")
    _require(
        query.trace is None or query.explain,
        f"trace ({query.trace!r}) is a part of explain, expected explain: true with it.",
    )
    _require(
        query.mode is None or query.mode in get_args(Mode),
        f"mode ({query.mode!r}) must be one of {', '.join(get_args(Mode))}.",
    )
    _require(0 <= query.fuzzy <= MAX_FUZZY, f"fuzzy ({query.fuzzy}) must be from 0 to {MAX_FUZZY}.")
    _check_group(query, index)
    _check_reach(query)
    if query.fields is not None:
        check_fields(query.fields, index)


def check_inputs(positive: int, negative: int) -> None:
    """Refuse so many inputs.

    Raises:
        BadRequest: there is no positive one, or there are more than 16.
    """
    _require(positive > 0, "positive must hold at least one input.")
    count = positive + negative
    _require(
        count <= MAX_INPUTS,
        f"positive and negative hold {count} inputs, expected at most {MAX_INPUTS}.",
    )


def check_limit(limit: int) -> None:
    """Refuse a limit that is none.

    Raises:
        BadRequest: it is below 1 or above 100.
    """
    _require(
        1 <= limit <= MAX_LIMIT, f"limit ({limit}) must be a whole number from 1 to {MAX_LIMIT}."
    )


def check_fields(fields: Iterable[str], index: SearchIndex) -> None:
    """Refuse names that are no paths of a document, and the embedding, which no answer holds.

    Raises:
        BadRequest: naming the field.
    """
    fields = tuple(fields)
    _require(bool(fields), "fields must name at least one field; leave it out for all.")
    _require(
        len(fields) <= MAX_FIELDS,
        f"fields names {len(fields)} fields, expected at most {MAX_FIELDS}.",
    )
    for field in fields:
        names = field.split(".")
        is_path = not any(not name or name.startswith("$") or "\0" in name for name in names)
        _require(is_path, f"fields: {field!r} is no dotted path of names.")
        holds = index.path == field or f"{index.path}.".startswith(f"{field}.")
        _require(
            not holds and not field.startswith(f"{index.path}."),
            f"fields: {field!r} holds the embedding {index.path!r}, which no answer does.",
        )


def _check_weights(query: ComposedQuery) -> None:
    for name, inputs in (("positive", query.positive), ("negative", query.negative)):
        for i, one in enumerate(inputs):
            _require(
                0 < one.weight <= MAX_WEIGHT,
                f"{name}[{i}].weight ({one.weight}) must be above 0 and at most {MAX_WEIGHT:g}.",
            )


def _check_lowest_score(query: ComposedQuery) -> None:
    _require(
        query.min_score is None or 0 < query.min_score < 1,
        f"min_score ({query.min_score}) must be above 0 and below 1, a probability; min_raw_score "
        f"takes Atlas's score.",
    )
    _require(
        query.min_raw_score is None or math.isfinite(query.min_raw_score),
        f"min_raw_score ({query.min_raw_score}) must be a finite number.",
    )
    _require(
        query.min_score is None or query.min_raw_score is None,
        f"min_score ({query.min_score}) cannot go with min_raw_score ({query.min_raw_score}): both "
        f"say where hits end.",
    )


def _check_group(query: ComposedQuery, index: SearchIndex) -> None:
    declared = ", ".join(sorted(index.filter_types)) or "none"
    _require(
        query.group_by is None or query.group_by in index.filter_types,
        f"group_by ({query.group_by!r}) is not in the index, which has: {declared}.",
    )


def _check_reach(query: ComposedQuery) -> None:
    needed = query.wanted + len(query.left_out)
    _require(
        needed <= MAX_CANDIDATES,
        f"offset ({query.offset}), limit ({query.limit}) and {len(query.left_out)} items left out "
        f"reach to rank {needed}, and the engine pages to {MAX_CANDIDATES} at most.",
    )
    compared = query.compares or query.group_by is not None
    _require(
        not compared or query.wanted <= MAX_COMPARED,
        f"offset ({query.offset}) and limit ({query.limit}) reach past {MAX_COMPARED}, as far as "
        f"group_by, diversity and collapse go; expected less, or collapse: false and no others.",
    )
    if query.num_candidates is None:
        return
    _require(not query.exact, "num_candidates cannot go with exact, which examines every item.")
    _require(
        needed <= query.num_candidates <= MAX_CANDIDATES,
        f"num_candidates ({query.num_candidates}) must be from {needed}, which is offset + limit "
        f"+ items left out, to {MAX_CANDIDATES}.",
    )


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise BadRequest(rule)
