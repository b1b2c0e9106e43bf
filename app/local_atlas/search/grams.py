"""The grams of an `autocomplete` field: the beginnings of words that somebody may have typed.

Words are taken alone, in pairs and in threes, so that a gram can go on over the end of a word, and
each gram of a text counts once. What is shorter than the shortest gram is kept as it is.
Source: https://github.com/mongodb/mongot, `AutocompleteAnalyzerProvider`.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .analyzers import Analyzer, Terms

Tokenization: TypeAlias = Literal["edgeGram", "nGram", "rightEdgeGram"]

_MOST_WORDS = 3
_GAP = "_"  # stands for a word that the analyzer left out


@dataclass(frozen=True, slots=True)
class GramAnalyzer:
    """How the strings of a field, and of a query to it, become terms.

    Args:
        analyze: cuts them into words.
        lowers: whether it makes them lower case.
        shortest: of how many characters a gram is at least.
        longest: of how many at most.
        folds: whether diacritics and case do not matter.
        tokenization: which parts of words are grams.
    """

    analyze: Analyzer
    lowers: bool
    shortest: int
    longest: int
    folds: bool
    tokenization: Tokenization

    def of_document(self, text: str) -> Terms:
        """Return the grams of a text, each once."""
        found = {gram: None for group in self._groups(text) for gram in self._grams(group)}
        return list(found)

    def of_query(self, text: str, *, whole: bool) -> list[str]:
        """Return what is looked for: the whole query as it is, and else its words as well."""
        words = [] if whole else [word for word in self.analyze(text) if word is not None]
        typed = text.lower() if self.lowers else text
        terms = {self._normalized(one): None for one in (*words, typed)}
        return [term for term in terms if term]

    def _normalized(self, text: str) -> str:
        folded = _folded(text) if self.folds else text
        return (folded[::-1] if self.tokenization == "rightEdgeGram" else folded)[: self.longest]

    def _groups(self, text: str) -> Iterator[str]:
        words = self.analyze(text)
        for size in range(1, _MOST_WORDS + 1):
            for start in range(len(words) - size + 1):
                group = words[start : start + size]
                if any(word is not None for word in group):
                    whole = " ".join(_GAP if word is None else word for word in group)
                    yield _folded(whole) if self.folds else whole

    def _grams(self, group: str) -> Iterator[str]:
        if len(group) < self.shortest:
            yield group
            return
        text = group[::-1] if self.tokenization == "rightEdgeGram" else group
        starts = range(len(text)) if self.tokenization == "nGram" else (0,)
        for start in starts:
            for end in range(start + self.shortest, min(start + self.longest, len(text)) + 1):
                yield text[start:end]


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(one for one in decomposed if not unicodedata.combining(one))
    return unicodedata.normalize("NFKC", bare.casefold())
