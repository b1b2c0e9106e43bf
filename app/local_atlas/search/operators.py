"""The search operators once they are read: what a document must meet, and what it scores then.

A condition on values scores 1. A `compound` adds up what its `must` and `should` clauses score.
Source: https://github.com/mongodb/mongot, `CompoundQueryFactory`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .completions import HasCompletion
from .conditions import AllOf, AnyOf, Condition, Not
from .score_modifiers import ScoreModifier
from .scored import Bools, Scored, constant
from .space import Space
from .text_conditions import HasPhrase, HasText
from .text_ranking import rank_phrase, rank_text


class Operator(Protocol):
    """One operator of a query."""

    @property
    def condition(self) -> Condition:
        """What documents are found; as a filter, this is all of the operator."""
        ...

    def scored(self, space: Space) -> Scored:
        """Return what is found, with its scores."""
        ...


@dataclass(frozen=True, slots=True)
class Clause:
    """An operator without operators inside.

    Args:
        condition: what it finds.
        score: what becomes of its scores, None for nothing.
    """

    condition: Condition
    score: ScoreModifier | None = None

    def scored(self, space: Space) -> Scored:
        """Return what is found: texts with how well they fit, everything else with 1."""
        if isinstance(self.condition, HasText):
            found = rank_text(self.condition, space)
        elif isinstance(self.condition, HasPhrase):
            found = rank_phrase(self.condition, space)
        elif isinstance(self.condition, HasCompletion):
            found = self.condition.scored(space)
        else:
            found = constant(self.condition.slots(space))
        return found.modified(self.score, space)


@dataclass(frozen=True, slots=True)
class Compound:
    """Several operators.

    Args:
        must: each is to be met, and counts.
        should: `minimum` of them are to be met, and those that are count.
        filter: each is to be met.
        must_not: none may be met.
        minimum: of `should`.
        tie_breaker: of a dismax score: the best of `should` counts in full, and the others by this
            factor; None for all of them in full.
        score: what becomes of the sum, None for nothing.
    """

    must: Sequence[Operator] = ()
    should: Sequence[Operator] = ()
    filter: Sequence[Operator] = ()
    must_not: Sequence[Operator] = ()
    minimum: int = 0
    tie_breaker: float | None = None
    score: ScoreModifier | None = None

    @property
    def condition(self) -> Condition:
        """Return what is found."""
        parts: list[Condition] = [one.condition for one in (*self.filter, *self.must)]
        parts += [Not(one.condition) for one in self.must_not]
        if self.minimum:
            parts.append(AnyOf([one.condition for one in self.should], self.minimum))
        return AllOf(parts)

    def scored(self, space: Space) -> Scored:
        """Return what is found, with the sums of the clauses' scores."""
        must = [one.scored(space) for one in self.must]
        should = [one.scored(space) for one in self.should]
        met = np.ones(space.capacity, np.bool_)
        for part in (*(one.condition.slots(space) for one in self.filter), *(m.met for m in must)):
            met &= part
        for excluded in self.must_not:
            met &= ~excluded.condition.slots(space)
        if self.minimum:
            met &= _enough([one.met for one in should], self.minimum)
        scores = np.zeros(space.capacity, np.float32)
        for one in (*must, *should):
            scores += one.scores
        if self.tie_breaker is not None:
            best = np.max([one.scores for one in should], axis=0)
            scores = best + np.float32(self.tie_breaker) * (scores - best)
        scores[~met] = 0
        return Scored(met, scores).modified(self.score, space)


def _enough(masks: Sequence[Bools], minimum: int) -> Bools:
    """Return (capacity,) which slots are in at least so many of the masks."""
    counts = np.zeros(len(masks[0]), np.int32)
    for mask in masks:
        counts += mask
    enough: Bools = counts >= minimum
    return enough
