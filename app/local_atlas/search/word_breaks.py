"""Cuts text into words at the word boundaries of Unicode, as Lucene's StandardTokenizer does.

Every character is first mapped to the letter of its class, so that the rules of the annex become
one regular expression over a string of the same length. Left out are the rules for quotation marks
in Hebrew; emoji are taken by whole blocks.
Source: https://www.unicode.org/reports/tr29/#Word_Boundaries and Lucene's
`StandardTokenizerImpl.jflex`.
"""

import re
import unicodedata
from collections.abc import Iterator

# Longer words are cut into pieces of this many UTF-16 code units.
MAX_WORD_UNITS = 255

# A letter, B between letters or digits, C between digits, E extends what is before it, H hiragana,
# I ideograph, J emoji, K katakana, M between letters, N digit, O other, R regional indicator,
# S South-East Asian letter, U underscore and the like, Z joins emoji.
_SPECIAL = {
    "\u200d": "Z", "\u200b": "O", "\u202f": "U",
    **dict.fromkeys(".'\u2018\u2019\u2024\ufe52\uff07\uff0e", "B"),
    **dict.fromkeys(",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b", "C"),  # noqa: E501
    **dict.fromkeys(":\u00b7\u0387\u055f\u05f4\u2027\ufe13\ufe55\uff1a", "M"),
    **dict.fromkeys("\u3005\u3007", "I"),
    **dict.fromkeys("\u30fc\uff70\u309b\u309c\u30a0\u3031\u3032\u3033\u3034\u3035", "K"),
}  # fmt: skip
_BY_NAME = {
    "HIRAGANA": "H",
    "KATAKANA": "K",
    "HALFWIDTH KATAKANA": "K",
    "CJK": "I",
    "THAI": "S",
    "LAO": "S",
    "MYANMAR": "S",
    "KHMER": "S",
}
_BY_CATEGORY = {"Nd": "N", "Nl": "A", "Pc": "U", "Cf": "E"}
_REGIONAL_INDICATORS = range(0x1F1E6, 0x1F200)
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_EMOJI = (range(0x2600, 0x27C0), range(0x1F300, 0x1FB00))

_LETTERS = r"(?:A[EZ]*(?:[MB][EZ]*(?=A))?|N[EZ]*(?:[CB][EZ]*(?=N))?)+"
_KATAKANA = r"(?:K[EZ]*)+"
_UNDERSCORES = r"(?:U[EZ]*)"
_PART = rf"(?:{_LETTERS}|{_KATAKANA})"
_WORD = re.compile(
    # The look-behind keeps a long row of underscores, which is no word, from being quadratic.
    rf"(?<!U){_UNDERSCORES}*+{_PART}(?:{_UNDERSCORES}++{_PART})*{_UNDERSCORES}*"
    r"|(?:S[EZ]*)+|[IH][EZ]*|R[EZ]*R[EZ]*|JE*(?:ZJE*)*"
)


class _Classes(dict[int, str]):
    """The class of every character that was ever met, by its code point."""

    def __missing__(self, code_point: int) -> str:
        result = self[code_point] = _class_of(chr(code_point))
        return result


_classes = _Classes()


def words(text: str) -> Iterator[str]:
    """Yield the words of a text in their order, without spaces and punctuation."""
    for match in _WORD.finditer(text.translate(_classes)):
        yield from pieces(text[match.start() : match.end()])


def pieces(word: str) -> Iterator[str]:
    """Yield a word in pieces of the greatest length that a token may have."""
    if 2 * len(word) <= MAX_WORD_UNITS:
        yield word
        return
    units = word.encode("utf-16-le", "surrogatepass")
    for start in range(0, len(units), 2 * MAX_WORD_UNITS):
        piece = units[start : start + 2 * MAX_WORD_UNITS]
        yield piece.decode("utf-16-le", "surrogatepass")


def _class_of(character: str) -> str:
    special = _SPECIAL.get(character)
    if special is not None:
        return special
    code_point, category = ord(character), unicodedata.category(character)
    if code_point in _REGIONAL_INDICATORS:
        return "R"
    if category[0] == "M" or code_point in _SKIN_TONES:
        return "E"
    if category == "So" and any(code_point in block for block in _EMOJI):
        return "J"
    if category[0] == "L":
        name = unicodedata.name(character, "")
        return next((_BY_NAME[script] for script in _BY_NAME if name.startswith(script)), "A")
    return _BY_CATEGORY.get(category, "O")
