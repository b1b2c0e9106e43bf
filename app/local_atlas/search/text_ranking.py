"""How well documents fit the operators `text` and `phrase`; they are those that the filters find.

The scores of a document's terms, queries and paths add up. A fuzzy term counts as if it were as
rare as the most frequent of the terms that it stands for, and each of those the less the more
edits it is away.
Source: https://github.com/mongodb/mongot, `TextQueryFactory` and `PhraseQueryFactory`; Lucene's
`BlendedTermQuery` and `PhraseQuery`.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .bm25 import rarity, saturation
from .fuzzy import rated_terms
from .scored import Floats, Scored
from .space import Space
from .text_column import TextColumn
from .text_conditions import HasPhrase, HasText, TextSearch


def rank_text(text: HasText, space: Space) -> Scored:
    """Return what has the terms of a `text`, and how well it fits."""
    return _sum(text.search, space, lambda column, query: _text_scores(text, column, query, space))


def rank_phrase(phrase: HasPhrase, space: Space) -> Scored:
    """Return what has the terms of a `phrase` in their order, and how well it fits."""
    return _sum(
        phrase.search, space, lambda column, query: _phrase_scores(phrase, column, query, space)
    )


def _sum(search: TextSearch, space: Space, rank: Callable[[TextColumn, str], Scored]) -> Scored:
    met = np.zeros(space.capacity, np.bool_)
    scores = np.zeros(space.capacity, np.float32)
    for column in search.columns(space):
        for query in search.queries:
            found = rank(column, query)
            met |= found.met
            scores += found.scores
    return Scored(met, scores)


def _text_scores(text: HasText, column: TextColumn, query: str, space: Space) -> Scored:
    terms = [term for term in column.analyze_query(query) if term is not None]
    scores = np.zeros(space.capacity, np.float32)
    found = np.zeros(space.capacity, np.int64)
    indexed = column.terms() if text.fuzzy is not None and terms else []
    for term in terms:
        rated = [(term, 1.0)] if text.fuzzy is None else rated_terms(term, indexed, text.fuzzy)
        of_term = rank_terms(column, rated, space.capacity)
        found += of_term.met
        scores += of_term.scores
    needed = len(terms) if text.needs_all else 1
    met = found >= max(needed, 1)
    return Scored(met, np.where(met, scores, np.float32(0)))


def rank_terms(column: TextColumn, rated: list[tuple[str, float]], capacity: int) -> Scored:
    """Return what has one of some terms, each of which counts as much as its rate says."""
    frequencies = [column.frequencies(term, capacity) for term, _ in rated]
    holding = max((int(np.count_nonzero(one)) for one in frequencies), default=0)
    met = np.zeros(capacity, np.bool_)
    scores = np.zeros(capacity, np.float32)
    for (_, rate), counts in zip(rated, frequencies, strict=True):
        met |= counts > 0
        scores += np.float32(rate) * _scores(column, counts, [holding], capacity)
    return Scored(met, scores)


def _phrase_scores(phrase: HasPhrase, column: TextColumn, query: str, space: Space) -> Scored:
    terms = column.analyze_query(query)
    frequencies = column.phrase_frequencies(terms, phrase.slop, space.capacity)
    present = [column.frequencies(term, space.capacity) for term in terms if term is not None]
    holding = [int(np.count_nonzero(one)) for one in present]
    return Scored(frequencies > 0, _scores(column, frequencies, holding, space.capacity))


def _scores(
    column: TextColumn, frequencies: npt.NDArray[np.float64], holding: list[int], capacity: int
) -> Floats:
    """Return the scores of terms, or of a phrase of terms, that so many documents hold."""
    lengths = column.lengths(capacity)
    documents = int(np.count_nonzero(lengths))
    weight = sum(rarity(documents, one) for one in holding)
    if not column.weighting.counts:
        frequencies = np.minimum(frequencies, 1.0)
    if not column.weighting.lengths:
        lengths = np.minimum(lengths, 1)
    scores: Floats = np.float32(weight) * saturation(frequencies, lengths)
    return scores
