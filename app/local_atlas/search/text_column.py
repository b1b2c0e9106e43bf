"""The analysed texts of one path: which slots hold a term, or a phrase.

A text is kept as it came until the first query asks for its column, so that an index whose strings
nobody searches pays next to nothing for them. Then it becomes one code per term, in a column whose
entries lie in the order of the words: neighbours in the column are neighbours in the text.
The texts of an array follow one another without a gap, as they do in the engine, whose analyzers
keep Lucene's position increment gap of 0; so a phrase matches across two of them.
What a query had to look for in all entries is kept until the texts change: the next one will ask
for the same frequent words. That takes as much again as the column at most.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .analyzers import Analyzer, Terms
from .columns import Column, Dictionary
from .postings import NO_POSTINGS, Postings, postings_of
from .saved_state import Strings

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

_LEFT_OUT = -1  # the place of a term that the analyzer left out
# So many terms are looked for one by one; more of them, as grams with typing errors are, together.
_FEW_TERMS = 64


@dataclass(frozen=True, slots=True)
class Weighting:
    """What of a text has a say in its score.

    Args:
        counts: whether a term that is there twice counts for more than one.
        lengths: whether a term counts for less in a long text.
    """

    counts: bool = True
    lengths: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class TextLengths:
    """Of how many terms the texts are; those that the analyzer left out do not count.

    Args:
        of_slots: (capacity,) int64, 0 where there is no text.
        documents: how many slots have a text.
        terms: of all texts together.
    """

    of_slots: Counts
    documents: int
    terms: int


class TextColumn:
    """Terms by slot, in their order.

    Args:
        analyze: what makes terms of the text of a document.
        analyze_query: what makes terms of the text of a query.
        weighting: how the texts are ranked.
    """

    def __init__(
        self, analyze: Analyzer, analyze_query: Analyzer, weighting: Weighting | None = None
    ) -> None:
        self._analyze = analyze
        self.analyze_query = analyze_query
        self.weighting = weighting or Weighting()
        self._waiting: dict[int, list[str]] = {}
        self._codes = Dictionary()
        self._column = Column(np.int32)
        # Found out when somebody asks, and forgotten with the next change:
        self._postings: dict[int, Postings] = {}  # by code
        self._lengths: TextLengths | None = None
        self._terms: list[str] | None = None

    def add(self, slots: Sequence[int], texts: Sequence[str]) -> None:
        """Take in texts; those of one slot all at once."""
        self._forget_found()
        for slot, text in zip(slots, texts, strict=True):
            self._waiting.setdefault(slot, []).append(text)

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, which later changes leave alone."""
        waiting = [(slot, text) for slot, texts in self._waiting.items() for text in texts]
        return {
            "slots": np.array([slot for slot, _ in waiting], np.int32),
            "texts": Strings([text for _, text in waiting]),
            "terms": Strings(self._codes.values),
            "column": self._column.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` was taken of, in the place of nothing."""
        self.add(state["slots"].tolist(), state["texts"].values)
        self._codes.restore(state["terms"].values)
        self._column.restore(state["column"])

    def clear(self, slot: int) -> None:
        """Forget the texts of a slot."""
        self._forget_found()
        if self._waiting.pop(slot, None) is None:
            self._column.clear(slot)

    def compact(self) -> None:
        """Give back the room of what was cleared, where it is worth it."""
        if self._column.compact():
            self._codes.compact(self._column)
            self._forget_found()

    def terms(self) -> list[str]:
        """Return the distinct terms that some slot holds, in no order; not to be modified."""
        self._analyze_waiting()
        if self._terms is None:
            column = self._column
            codes = np.unique(column.values[column.slots >= 0])
            self._terms = [self._codes.value(one) for one in codes.tolist() if one != _LEFT_OUT]
        return self._terms

    def slots_with_any(self, terms: Iterable[str], capacity: int) -> Bools:
        """Return (capacity,) which slots hold one of the terms."""
        self._analyze_waiting()
        codes = [code for code in map(self._codes.find, terms) if code is not None]
        if len(codes) > _FEW_TERMS:
            return self._column.slots_with(np.isin(self._column.values, codes), capacity)
        found = np.zeros(capacity, np.bool_)
        for code in codes:
            found[self._postings_of(code).slots] = True
        return found

    def slots_with_phrase(self, phrase: Terms, slop: int, capacity: int) -> Bools:
        """Return (capacity,) which slots hold the terms in their order.

        Args:
            phrase: the terms by position; any word may stand where there is None.
            slop: by how many positions the terms may be off altogether.
            capacity: above every slot.
        """
        self._analyze_waiting()
        codes = self._places(phrase)
        if codes is None:
            return np.zeros(capacity, np.bool_)
        if slop == 0:
            entries = np.zeros(len(self._column.values), np.bool_)
            entries[self._starts(codes)] = True
            return self._column.slots_with(entries, capacity)
        candidates = np.ones(capacity, np.bool_)
        for _, code in codes:
            candidates &= self._postings_of(code).mask(capacity)
        for slot in np.flatnonzero(candidates).tolist():
            candidates[slot] = _is_near(self._column.values_of(slot), codes, slop)
        return candidates

    def lengths(self, capacity: int) -> TextLengths:
        """Return of how many terms the text of each slot is; `capacity` is above every slot."""
        self._analyze_waiting()
        if self._lengths is None or len(self._lengths.of_slots) != capacity:
            slots = self._column.slots
            kept = (slots >= 0) & (self._column.values != _LEFT_OUT)
            of_slots = np.bincount(slots[kept], minlength=capacity)
            self._lengths = TextLengths(
                of_slots, int(np.count_nonzero(of_slots)), int(of_slots.sum())
            )
        return self._lengths

    def postings(self, term: str) -> Postings:
        """Return which slots hold a term, and how often."""
        self._analyze_waiting()
        code = self._codes.find(term)
        return NO_POSTINGS if code is None else self._postings_of(code)

    def phrase_postings(self, phrase: Terms, slop: int, capacity: int) -> Postings:
        """Return which slots hold the terms in their order, and how often.

        With a slop a phrase counts once, and the less the more positions its terms are off.
        """
        self._analyze_waiting()
        codes = self._places(phrase)
        if codes is None:
            return NO_POSTINGS
        if slop == 0:
            return postings_of(self._column, self._starts(codes))
        slots = np.flatnonzero(self.slots_with_phrase(phrase, slop, capacity))
        texts = (self._column.values_of(slot) for slot in slots.tolist())
        counts = [1 / (1 + _least_slop(text, codes, slop)) for text in texts]
        return Postings(slots.astype(np.int32), np.array(counts, np.float64))

    def _postings_of(self, code: int) -> Postings:
        found = self._postings.get(code)
        if found is None:
            found = postings_of(self._column, np.flatnonzero(self._column.values == code))
            self._postings[code] = found
        return found

    def _forget_found(self) -> None:
        self._postings = {}
        self._lengths = self._terms = None

    def _places(self, phrase: Terms) -> list[tuple[int, int]] | None:
        """Return place and code of the terms of a phrase; None where one of them is nowhere."""
        places = [(place, term) for place, term in enumerate(phrase) if term is not None]
        found = ((place, self._codes.find(term)) for place, term in places)
        codes = [(place, code) for place, code in found if code is not None]
        return codes if codes and len(codes) == len(places) else None

    def _starts(self, codes: list[tuple[int, int]]) -> Counts:
        """Return the entries at which the terms begin that stand in their places."""
        values, slots = self._column.values, self._column.slots
        first = codes[0][0]
        starts = np.flatnonzero(values == codes[0][1])
        for place, code in codes[1:]:
            starts = starts[starts + (place - first) < len(values)]
            found = starts + (place - first)
            starts = starts[(values[found] == code) & (slots[found] == slots[starts])]
        return starts

    def _analyze_waiting(self) -> None:
        if not self._waiting:
            return
        known: dict[str, npt.NDArray[np.int32]] = {}  # variants of a product have one text
        for text in (one for texts in self._waiting.values() for one in texts):
            if text not in known:
                known[text] = np.array([*map(self._code, self._analyze(text))], np.int32)
        codes = [known[text] for texts in self._waiting.values() for text in texts]
        slots = [slot for slot, texts in self._waiting.items() for _ in texts]
        entries = np.repeat(np.array(slots, np.int32), [len(one) for one in codes])
        if len(entries):
            self._column.add(entries, np.concatenate(codes), int(entries.max()) + 1)
        self._waiting.clear()

    def _code(self, term: str | None) -> int:
        return _LEFT_OUT if term is None else self._codes.code(term)


def _least_slop(text: npt.NDArray[np.int32], codes: list[tuple[int, int]], slop: int) -> int:
    """Return by how few positions the terms are off, where `slop` is enough."""
    return bisect_left(range(slop), True, key=lambda fewer: _is_near(text, codes, fewer))


def _is_near(text: npt.NDArray[np.int32], codes: list[tuple[int, int]], slop: int) -> bool:
    """Tell whether the terms can be shifted into their places by `slop` positions in all.

    Every term of the phrase takes another word of the text. In a window of shifts that is `slop`
    wide, terms that are equal take the first word that is left for them, in their order: their
    windows are of one width, so this fails only where every choice does.
    """
    shifts = [(np.flatnonzero(text == code) - place).tolist() for place, code in codes]
    return any(
        _fits(codes, shifts, range(start, start + slop + 1))
        for start in sorted({shift for of_term in shifts for shift in of_term})
    )


def _fits(codes: list[tuple[int, int]], shifts: list[list[int]], window: range) -> bool:
    last_word: dict[int, int] = {}
    for (place, code), of_term in zip(codes, shifts, strict=True):
        words = (
            shift + place
            for shift in of_term
            if shift in window and shift + place > last_word.get(code, -1)
        )
        word = next(words, None)
        if word is None:
            return False
        last_word[code] = word
    return True
