"""How well documents fit the operators `text` and `phrase`; they are those that the filters find.

The scores of a document's terms, queries and paths add up. A fuzzy term counts as if it were as
rare as the most frequent of the terms that it stands for, and each of those the less the more
edits it is away.
Source: https://github.com/mongodb/mongot, `TextQueryFactory` and `PhraseQueryFactory`; Lucene's
`BlendedTermQuery` and `PhraseQuery`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .bm25 import rarity, saturation
from .fuzzy import rated_terms
from .postings import Postings
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
        average: of the lengths of those that there are.
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
        slots: (n,) of the texts that have it, each once.
        frequencies: (n,) how often each of them has it, as far as that counts.
        scores: (n,) float32, what that is worth.
    """

    texts: Texts
    terms: tuple[str, ...]
    boost: float
    holding: tuple[int, ...]
    slots: Array
    frequencies: Array
    scores: Floats

    def within(self, mask: Bools) -> "Weighed":
        """Return the same of those texts that are in the mask."""
        kept = mask[self.slots]
        slots, frequencies, scores = self.slots[kept], self.frequencies[kept], self.scores[kept]
        return replace(self, slots=slots, frequencies=frequencies, scores=scores)

    def place(self, slot: int) -> int | None:
        """Return where a slot is among the others; None where it does not have it."""
        places = np.flatnonzero(self.slots == slot)
        return int(places[0]) if places.size else None


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """What one query finds at one path.

    Args:
        met: (capacity,) which slots.
        weighed: what their scores are the sums of; none of it is in a slot that is not met.
        asked: of how many terms the query is, those that no text has among them.
    """

    met: Bools
    weighed: list[Weighed]
    asked: int = 1


def texts_of(path: TextPath, column: TextColumn, capacity: int) -> Texts:
    """Return the texts of a path with what is known of all of them."""
    known = column.lengths(capacity)
    if not column.weighting.lengths:
        alike = np.minimum(known.of_slots, 1)
        return Texts(path, column, capacity, known.documents, alike, 1.0)
    average = known.terms / known.documents if known.documents else 1.0
    return Texts(path, column, capacity, known.documents, known.of_slots, average)


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
            found[one.slots] += one.scores
        scores += found
    return Scored(met, scores)


def weighed_terms(texts: Texts, rated: list[tuple[str, float]]) -> list[Weighed]:
    """Weigh terms that stand for one of a query, each of which counts as its rate says.

    Returns:
        Those that some text has.
    """
    found = [(term, rate, texts.column.postings(term)) for term, rate in rated]
    holding = max((len(postings) for _, _, postings in found), default=0)
    weighed = (_weighed(texts, (term,), one, (holding,), rate) for term, rate, one in found)
    return [one for one in weighed if one is not None]


def _text_match(text: HasText, texts: Texts, query: str) -> Match:
    terms = [term for term in texts.column.analyze_query(query) if term is not None]
    indexed = texts.column.terms() if text.fuzzy is not None and terms else []
    of_terms: list[list[Weighed]] = []
    for term in terms:
        rated = [(term, 1.0)] if text.fuzzy is None else rated_terms(term, indexed, text.fuzzy)
        of_terms.append(weighed_terms(texts, rated))
    weighed = [one for of_term in of_terms for one in of_term]
    if not text.needs_all or not terms:
        return Match(_having_any(weighed, texts.capacity), weighed, len(terms))
    met = np.ones(texts.capacity, np.bool_)
    for of_term in of_terms:
        met &= _having_any(of_term, texts.capacity)
    return Match(met, [one.within(met) for one in weighed], len(terms))


def _phrase_match(phrase: HasPhrase, texts: Texts, query: str) -> Match:
    column = texts.column
    places = column.analyze_query(query)
    postings = column.phrase_postings(places, phrase.slop, texts.capacity)
    terms = tuple(term for term in places if term is not None)
    holding = tuple(len(column.postings(term)) for term in terms)
    weighed = _weighed(texts, terms, postings, holding, 1.0)
    return Match(postings.mask(texts.capacity), [] if weighed is None else [weighed])


def _having_any(weighed: list[Weighed], capacity: int) -> Bools:
    mask = np.zeros(capacity, np.bool_)
    for one in weighed:
        mask[one.slots] = True
    return mask


def _weighed(
    texts: Texts, terms: tuple[str, ...], postings: Postings, holding: tuple[int, ...], boost: float
) -> Weighed | None:
    """Weigh terms by how often texts have them and by how many do; None where none does."""
    if not len(postings):
        return None
    slots, frequencies = postings.slots, postings.counts
    weight = np.float32(sum(rarity(texts.documents, one) for one in holding))
    if not texts.column.weighting.counts:
        frequencies = np.minimum(frequencies, 1)
    earned = saturation(frequencies, texts.lengths[slots], texts.average)
    scores = np.float32(boost) * (weight * earned)
    return Weighed(texts, terms, boost, holding, slots, frequencies, scores)
