"""The built-in analyzers that LocalAtlas emulates: from a text to the terms that are indexed.

Source: https://www.mongodb.com/docs/atlas/atlas-search/analyzers/ and Lucene's analyzers of the
same names. Every other analyzer is refused by name when a query needs it.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

from .porter import stem
from .word_breaks import pieces, words

# The terms by position; None where a term was left out but keeps its place.
Terms: TypeAlias = list[str | None]
Analyzer: TypeAlias = Callable[[str], Terms]

DEFAULT_ANALYZER = "lucene.standard"

# Lucene takes no term of more bytes in UTF-8.
_MAX_TERM_BYTES = 32766

# Java counts neither the spaces that forbid a line break nor U+0085.
_WHITESPACE = re.compile(r"[^\S\u00a0\u2007\u202f\x85]+")


_STOP_WORDS = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it",
    "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these",
    "they", "this", "to", "was", "will", "with",
})  # fmt: skip
_POSSESSIVES = ("'s", "\u2019s", "\uff07s")


class _LowerCase(dict[int, str]):
    """Lower case character by character, as Java does it: no final sigma, no added dots."""

    def __missing__(self, code_point: int) -> str:
        result = self[code_point] = chr(code_point).lower()[0]
        return result


_lower_case = _LowerCase()


def _standard(text: str) -> Terms:
    return list(words(text.translate(_lower_case)))


def _english(text: str) -> Terms:
    lower = words(text.translate(_lower_case))
    owners = (word[:-2] if word.endswith(_POSSESSIVES) else word for word in lower)
    return [None if word in _STOP_WORDS else stem(word) for word in owners]


def _simple(text: str) -> Terms:
    letters = (one if one.isalpha() else " " for one in text.translate(_lower_case))
    return [piece for word in "".join(letters).split() for piece in pieces(word)]


def _whitespace(text: str) -> Terms:
    return [piece for word in _WHITESPACE.split(text) if word for piece in pieces(word)]


def _keyword(text: str) -> Terms:
    return [text if len(text.encode("utf-8", "surrogatepass")) <= _MAX_TERM_BYTES else None]


ANALYZERS: dict[str, Analyzer] = {
    "lucene.english": _english,
    "lucene.keyword": _keyword,
    "lucene.simple": _simple,
    "lucene.standard": _standard,
    "lucene.whitespace": _whitespace,
}
