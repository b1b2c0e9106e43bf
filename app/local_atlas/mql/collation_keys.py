"""The order of strings under a collation, as bytes that compare like the strings.

It is that of CLDR's root collation as far as Latin script needs it: a string is split into letters
without their accents (level 1), the accents (level 2) and the cases (level 3), one level after the
other. Punctuation comes before symbols, those before digits, those before letters; letters of other
scripts come after Latin in the order of Unicode.
https://www.unicode.org/reports/tr10/
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_BLANKS: Final = "\t\n\v\f\r\x85\u2028\u2029 "
_PUNCTUATION: Final = "_-,;:!?.'\"()[]{}@*/\\&#%"
_SYMBOLS: Final = "`^+<=>|~"
# Letters that are two, or one with a stroke, to a reader of the alphabet.
_SPELLED: Final = {
    "æ": "ae", "œ": "oe", "ß": "ss", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ł": "l",
}  # fmt: skip
_STROKES: Final = "øđħł"
_AFTER: Final = {"\u0131": "i", "ŧ": "t"}  # letters of their own behind these
_WHOLE: Final = frozenset("йЙ")  # letters of their own, whatever they decompose into
_OTHER = {"P": b"\x40", "Z": b"\x40", "S": b"\x60", "Sc": b"\x64"}  # by category
_OTHER_LETTER = b"\xf0"
_DIGIT, _LETTER = 0x70, 0x80
# The accents that letters have; others come behind them in the order of Unicode.
_ACCENTS: Final = (
    "\u0301\u0300\u0306\u0302\u030c\u030a\u0308\u030b\u0303\u0307\u0338\u0327\u0328\u0304"
)
_SEPARATOR: Final = b"\x01"
_PLAIN, _OTHER_ACCENT, _SPELLED_OUT = b"\x02", b"\x20", b"\x21"
_DIGITS: Final = re.compile(r"(\d+)")

_WEIGHTS: Final = {
    character: bytes([weight])
    for start, characters in (
        (0x02, _BLANKS), (0x10, _PUNCTUATION), (0x50, _SYMBOLS), (0x63, "$"),
        (_DIGIT, "0123456789"), (_LETTER, "abcdefghijklmnopqrstuvwxyz"),
    )
    for weight, character in enumerate(characters, start)
}  # fmt: skip
_WEIGHTS.update({letter: _WEIGHTS[base] + b"\xff" for letter, base in _AFTER.items()})
_ACCENT_WEIGHTS: Final = {accent: bytes([4 + i]) for i, accent in enumerate(_ACCENTS)}
_STROKE: Final = _ACCENT_WEIGHTS["\u0338"]
_LOWER, _UPPER = b"\x02", b"\x03"
_UPPER_FIRST: Final = bytes.maketrans(_LOWER + _UPPER, _UPPER + _LOWER)


@dataclass(frozen=True, slots=True)
class Levels:
    """What of a string counts.

    Attributes:
        strength: 1 for letters, 2 for accents too, 3 for cases too.
        has_case_level: cases count whatever the strength.
        is_upper_first: upper case comes before lower case.
        is_numeric: digits in a row compare as the number that they are.
    """

    strength: int
    has_case_level: bool = False
    is_upper_first: bool = False
    is_numeric: bool = False


@lru_cache(maxsize=10_000)
def collation_key(text: str, levels: Levels) -> bytes:
    """Return bytes that compare as a collation compares strings."""
    base, accents, cases = bytearray(), bytearray(), bytearray()
    parts = _DIGITS.split(text) if levels.is_numeric else [text]
    for position, part in enumerate(parts):
        if position % 2:
            digits = "".join(str(unicodedata.digit(each)) for each in part).lstrip("0")
            base += bytes([_DIGIT]) + f"{len(digits):06d}".encode()
            base += digits.encode()
        else:
            _add(part, base, accents, cases)
    if levels.is_upper_first:
        cases = bytearray(bytes(cases).translate(_UPPER_FIRST))
    counting = [bytes(base)]
    if levels.strength >= 2:
        counting.append(bytes(accents))
    if levels.strength >= 3 or levels.has_case_level:
        counting.append(bytes(cases))
    return _SEPARATOR.join(counting)


def _add(text: str, base: bytearray, accents: bytearray, cases: bytearray) -> None:
    """Add a text to the three levels."""
    for character in text:
        parts = character if character in _WHOLE else unicodedata.normalize("NFKD", character)
        for part in parts:
            if unicodedata.category(part) in ("Mn", "Me"):
                accents += _ACCENT_WEIGHTS.get(part) or _OTHER_ACCENT + part.encode()
                continue
            folded = part.lower()
            spelled = _SPELLED.get(folded, folded)
            for letter in spelled:
                weight = _weight(letter)
                if weight:
                    base += weight
                    accents += _PLAIN
                    cases += _LOWER if part == folded else _UPPER
            if spelled != folded:
                accents += _STROKE if folded in _STROKES else _SPELLED_OUT + folded.encode()


def _weight(character: str) -> bytes:
    """Return the place of a character at level 1; nothing for one that does not count."""
    weight = _WEIGHTS.get(character)
    if weight is not None:
        return weight
    category = unicodedata.category(character)
    if category in ("Cc", "Cf"):
        return b""
    if category == "Nd":
        return bytes([_DIGIT + unicodedata.digit(character)])
    group = _OTHER.get(category) or _OTHER.get(category[0]) or _OTHER_LETTER
    return group + character.encode()
