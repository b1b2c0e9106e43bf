"""How well documents fit the operators `text` and `phrase`; they are those that the filters find.

The scores of a document's terms, queries and paths add up. A fuzzy term counts as if it were as
rare as the most frequent of the terms that it stands for, and each of those the less the more
edits it is away.
Source: https://github.com/mongodb/mongot, `TextQueryFactory` and `PhraseQueryFactory`; Lucene's
`BlendedTermQuery` and `PhraseQuery`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .bm25 import average_length, rarity, saturation
from .fuzzy import rated_terms
from .query_paths import TextPath
from .scored import Bools, Floats, Scored
from .space import Space
from .text_column import TextColumn
from .text_conditions import HasPhrase, HasText

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """What one term of a query, or one phrase, is worth in the texts of a path.

    Args:
        path: of the texts.
        terms: the one, or those of the phrase in their order.
        boost: a factor.
        documents: how many have a text there.
        holding: how many of them have each of the terms, or count as if they had.
        frequencies: (capacity,) how often each text has it, as far as that counts.
        lengths: (capacity,) of how many terms each text is, as far as that counts.
        scores: (capacity,) float32, zero where it is not.
    """

    path: TextPath
    terms: tuple[str, ...]
    boost: float
    documents: int
    holding: tuple[int, ...]
    frequencies: Array
    lengths: Array
    scores: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """What one query finds at one path.

    Args:
        met: (capacity,) which slots.
        weighed: what their scores are the sums of; there may be more in slots that are not met.
    """

    met: Bools
    weighed: list[Weighed]


def rank_text(text: HasText, space: Space) -> Scored:
    """Return what has the terms of a `text`, and how well it fits."""
    return summed(text_matches(text, space), space.capacity)


def rank_phrase(phrase: HasPhrase, space: Space) -> Scored:
    """Return what has the terms of a `phrase` in their order, and how well it fits."""
    return summed(phrase_matches(phrase, space), space.capacity)


def text_matches(text: HasText, space: Space) -> Iterator[Match]:
    """Yield what is found, of each path and query."""
    for path, column in text.search.columns(space):
        for query in text.search.queries:
            yield _text_match(text, path, column, query, space.capacity)


def phrase_matches(phrase: HasPhrase, space: Space) -> Iterator[Match]:
    """Yield what is found, of each path and query."""
    for path, column in phrase.search.columns(space):
        for query in phrase.search.queries:
            yield _phrase_match(phrase, path, column, query, space.capacity)


def summed(matches: Iterable[Match], capacity: int) -> Scored:
    """Return what is in any of the matches, with the sums of what it is worth there."""
    met = np.zeros(capacity, np.bool_)
    scores = np.zeros(capacity, np.float32)
    for match in matches:
        met |= match.met
        found = np.zeros(capacity, np.float32)
        for one in match.weighed:
            found += one.scores
        scores += np.where(match.met, found, np.float32(0))
    return Scored(met, scores)


def weighed_terms(
    path: TextPath, column: TextColumn, rated: list[tuple[str, float]], capacity: int
) -> list[Weighed]:
    """Return terms that stand for one of a query, each of which counts as its rate says."""
    frequencies = [column.frequencies(term, capacity) for term, _ in rated]
    holding = max((int(np.count_nonzero(one)) for one in frequencies), default=0)
    return [
        _weighed(path, column, ((term,), counts, (holding,)), boost=rate, capacity=capacity)
        for (term, rate), counts in zip(rated, frequencies, strict=True)
    ]


def _text_match(
    text: HasText, path: TextPath, column: TextColumn, query: str, capacity: int
) -> Match:
    terms = [term for term in column.analyze_query(query) if term is not None]
    found = np.zeros(capacity, np.int64)
    indexed = column.terms() if text.fuzzy is not None and terms else []
    weighed: list[Weighed] = []
    for term in terms:
        rated = [(term, 1.0)] if text.fuzzy is None else rated_terms(term, indexed, text.fuzzy)
        of_term = weighed_terms(path, column, rated, capacity)
        found += _any(of_term, capacity)
        weighed += of_term
    needed = len(terms) if text.needs_all else 1
    return Match(found >= max(needed, 1), weighed)


def _any(weighed: list[Weighed], capacity: int) -> Bools:
    met = np.zeros(capacity, np.bool_)
    for one in weighed:
        met |= one.frequencies > 0
    return met


def _phrase_match(
    phrase: HasPhrase, path: TextPath, column: TextColumn, query: str, capacity: int
) -> Match:
    places = column.analyze_query(query)
    frequencies = column.phrase_frequencies(places, phrase.slop, capacity)
    terms = tuple(term for term in places if term is not None)
    present = [column.frequencies(term, capacity) for term in terms]
    holding = tuple(int(np.count_nonzero(one)) for one in present)
    weighed = _weighed(path, column, (terms, frequencies, holding), boost=1.0, capacity=capacity)
    return Match(frequencies > 0, [weighed])


def _weighed(
    path: TextPath,
    column: TextColumn,
    found: tuple[tuple[str, ...], Array, tuple[int, ...]],
    *,
    boost: float,
    capacity: int,
) -> Weighed:
    """Weigh terms by their frequencies, and by how many documents hold each."""
    terms, frequencies, holding = found
    lengths: Array = column.lengths(capacity)
    documents = int(np.count_nonzero(lengths))
    weight = sum(rarity(documents, one) for one in holding)
    if not column.weighting.counts:
        frequencies = np.minimum(frequencies, 1.0)
    if not column.weighting.lengths:
        lengths = np.minimum(lengths, 1)
    earned = saturation(frequencies, lengths, average_length(lengths))
    scores = np.float32(boost) * (np.float32(weight) * earned)
    return Weighed(path, terms, boost, documents, holding, frequencies, lengths, scores)
