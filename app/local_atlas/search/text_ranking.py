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
class Texts:
    """The texts of a path, as terms are weighed there.

    Args:
        path: of them.
        column: their terms.
        capacity: above every slot.
        documents: how many have a text.
        lengths: (capacity,) of how many terms each is, as far as that counts.
        average: of the lengths.
    """

    path: TextPath
    column: TextColumn
    capacity: int
    documents: int
    lengths: Array
    average: float


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """What one term of a query, or one phrase, is worth in the texts of a path.

    Args:
        texts: of the path.
        terms: the one, or those of the phrase in their order.
        boost: a factor.
        holding: how many documents have each of the terms, or count as if they had.
        frequencies: (capacity,) how often each text has it, as far as that counts.
        scores: (capacity,) float32, zero where it is not.
    """

    texts: Texts
    terms: tuple[str, ...]
    boost: float
    holding: tuple[int, ...]
    frequencies: Array
    scores: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """What one query finds at one path.

    Args:
        met: (capacity,) which slots.
        weighed: what their scores are the sums of; there may be more in slots that are not met.
        asked: of how many terms the query is, those that no text has among them.
    """

    met: Bools
    weighed: list[Weighed]
    asked: int = 1


def texts_of(path: TextPath, column: TextColumn, capacity: int) -> Texts:
    """Return the texts of a path with what is known of all of them."""
    lengths: Array = column.lengths(capacity)
    documents = int(np.count_nonzero(lengths))
    if not column.weighting.lengths:
        lengths = np.minimum(lengths, 1)
    return Texts(path, column, capacity, documents, lengths, average_length(lengths))


def rank_text(text: HasText, space: Space) -> Scored:
    """Return what has the terms of a `text`, and how well it fits."""
    return summed(text_matches(text, space), space.capacity)


def rank_phrase(phrase: HasPhrase, space: Space) -> Scored:
    """Return what has the terms of a `phrase` in their order, and how well it fits."""
    return summed(phrase_matches(phrase, space), space.capacity)


def text_matches(text: HasText, space: Space) -> Iterator[Match]:
    """Yield what is found, of each path and query."""
    for path, column in text.search.columns(space):
        texts = texts_of(path, column, space.capacity)
        for query in text.search.queries:
            yield _text_match(text, texts, query)


def phrase_matches(phrase: HasPhrase, space: Space) -> Iterator[Match]:
    """Yield what is found, of each path and query."""
    for path, column in phrase.search.columns(space):
        texts = texts_of(path, column, space.capacity)
        for query in phrase.search.queries:
            yield _phrase_match(phrase, texts, query)


def summed(matches: Iterable[Match], capacity: int) -> Scored:
    """Return what is in any of the matches, with the sums of what it is worth there."""
    met = np.zeros(capacity, np.bool_)
    scores = np.zeros(capacity, np.float32)
    for match in (one for one in matches if one.weighed):
        met |= match.met
        found = np.zeros(capacity, np.float32)
        for one in match.weighed:
            found += one.scores
        scores += np.where(match.met, found, np.float32(0))
    return Scored(met, scores)


def weighed_terms(texts: Texts, rated: list[tuple[str, float]]) -> list[Weighed]:
    """Weigh terms that stand for one of a query, each of which counts as its rate says.

    Returns:
        Those that some text has.
    """
    found = [
        (term, rate, texts.column.frequencies(term, texts.capacity))
        for term, rate in rated
        if texts.column.knows(term)
    ]
    holding = max((int(np.count_nonzero(counts)) for _, _, counts in found), default=0)
    weighed = (_weighed(texts, (term,), counts, (holding,), rate) for term, rate, counts in found)
    return [one for one in weighed if one is not None]


def _text_match(text: HasText, texts: Texts, query: str) -> Match:
    terms = [term for term in texts.column.analyze_query(query) if term is not None]
    found = np.zeros(texts.capacity, np.int64)
    indexed = texts.column.terms() if text.fuzzy is not None and terms else []
    weighed: list[Weighed] = []
    for term in terms:
        rated = [(term, 1.0)] if text.fuzzy is None else rated_terms(term, indexed, text.fuzzy)
        of_term = weighed_terms(texts, rated)
        if of_term:
            found += np.any([one.frequencies > 0 for one in of_term], axis=0)
            weighed += of_term
    needed = len(terms) if text.needs_all else 1
    return Match(found >= max(needed, 1), weighed, len(terms))


def _phrase_match(phrase: HasPhrase, texts: Texts, query: str) -> Match:
    places = texts.column.analyze_query(query)
    frequencies = texts.column.phrase_frequencies(places, phrase.slop, texts.capacity)
    terms = tuple(term for term in places if term is not None)
    present = [texts.column.frequencies(term, texts.capacity) for term in terms]
    holding = tuple(int(np.count_nonzero(one)) for one in present)
    weighed = _weighed(texts, terms, frequencies, holding, 1.0)
    return Match(frequencies > 0, [] if weighed is None else [weighed])


def _weighed(
    texts: Texts,
    terms: tuple[str, ...],
    frequencies: Array,
    holding: tuple[int, ...],
    boost: float,
) -> Weighed | None:
    """Weigh terms by their frequencies and by how many documents hold each; None without any."""
    slots = np.flatnonzero(frequencies)
    if not slots.size:
        return None
    weight = np.float32(sum(rarity(texts.documents, one) for one in holding))
    if not texts.column.weighting.counts:
        frequencies = np.minimum(frequencies, 1.0)
    earned = saturation(frequencies[slots], texts.lengths[slots], texts.average)
    scores = np.zeros(texts.capacity, np.float32)
    scores[slots] = np.float32(boost) * (weight * earned)
    return Weighed(texts, terms, boost, holding, frequencies, scores)
