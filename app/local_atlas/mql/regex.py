r"""Perl-compatible patterns, as MongoDB takes them, run by Python's `re`.

MongoDB uses PCRE2 in UTF mode without Unicode properties: `\d`, `\w`, `\s`, `\b` know ASCII only
while case folding knows Unicode. The pattern is rewritten where Python spells something otherwise;
what Python has no equal for is refused by name.
"""

import re
from functools import lru_cache
from typing import Any

from bson import Regex

from ..errors import NOT_EMULATED, CommandError, bad_value
from .bson_order import regex_options
from .regex_guard import Pattern, guarded

_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "u": re.UNICODE}
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": "\\x00-\\x7f",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "\\x21-\\x7e",
    "lower": "a-z",
    "print": "\\x20-\\x7e",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \\t\\n\\x0b\\f\\r",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_ASCII_CLASSES = frozenset("dDwWsSbB")
_RESPELLED = {"z": r"\Z", "Z": r"(?=\n?\Z)", "e": r"\x1b", "h": r"[ \t\u00a0]", "N": r"[^\n]"}
_REFUSED_ESCAPES = frozenset("pPRXKGCEHvVgkcoluLU")
_HEX = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|\Z)", re.DOTALL)
_GROUP_NAME = re.compile(r"\(\?(?:<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')")
_POSIX_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")
_LEADING_FLAGS = re.compile(r"\(\?([imsx]+)\)")
_REFUSED_GROUP = re.compile(r"\(\?(?:[imsxU-]+\)|[R|&C+\d]|-\d|P>|\(DEFINE)|\(\*")


def compile_value(value: "Regex[Any]") -> Pattern:
    """Compile a BSON regular expression."""
    pattern = value.pattern
    return compile_pattern(
        pattern.decode() if isinstance(pattern, bytes) else pattern, regex_options(value)
    )


@lru_cache(maxsize=512)
def compile_pattern(pattern: str, options: str) -> Pattern:
    """Compile a pattern and its option letters.

    Raises:
        CommandError: 51108 for an unknown option, 51091 for an invalid pattern, 2 for a construct
            that Python's engine does not have.
    """
    flags = re.RegexFlag(0)
    for letter in options:
        if letter not in _FLAGS:
            message = f"invalid flag in regex options: {letter}"
            raise CommandError(51108, "Location51108", message)
        flags |= _FLAGS[letter]
    if "\0" in pattern:
        raise bad_value("Regular expression cannot contain an embedded null byte")
    leading = _LEADING_FLAGS.match(pattern)
    if leading is not None:
        return compile_pattern(pattern[leading.end() :], options + leading[1])
    try:
        return guarded(re.compile(_translate(pattern), flags))
    except (re.error, OverflowError, RecursionError) as error:
        message = f"Regular expression is invalid: {error}"
        raise CommandError(51091, "Location51091", message) from error


def _translate(pattern: str) -> str:
    pattern = _QUOTED.sub(lambda match: re.escape(match[1]), pattern)
    pieces: list[str] = []
    position = 0
    while position < len(pattern):
        piece, position = _next_piece(pattern, position)
        pieces.append(piece)
    return "".join(pieces)


def _next_piece(pattern: str, start: int) -> tuple[str, int]:
    """Return the Python spelling of the next construct and where the one after it starts."""
    character = pattern[start]
    if character == "\\":
        return _translate_escape(pattern, start)
    if character == "[":
        return _translate_class(pattern, start)
    if character == "(":
        named = _GROUP_NAME.match(pattern, start)
        if named is not None:
            return f"(?P<{named[1] or named[2]}>", named.end()
        refused = _REFUSED_GROUP.match(pattern, start)
        if refused is not None:
            raise _not_emulated(refused[0])
    return character, start + 1


def _translate_escape(pattern: str, start: int) -> tuple[str, int]:
    letter = pattern[start + 1 : start + 2]
    hexadecimal = _HEX.match(pattern, start)
    if hexadecimal is not None:
        return re.escape(chr(int(hexadecimal[1], 16))), hexadecimal.end()
    if letter in _ASCII_CLASSES and letter:
        return f"(?a:\\{letter})", start + 2
    if letter in _RESPELLED:
        return _RESPELLED[letter], start + 2
    if letter in _REFUSED_ESCAPES and letter:
        raise _not_emulated(f"\\{letter}")
    if letter.isalpha() and letter not in "AaftnrxB":
        raise CommandError(
            51091,
            "Location51091",
            "Regular expression is invalid: unrecognized character follows \\",
        )
    return pattern[start : start + 2], start + 2


def _translate_class(pattern: str, start: int) -> tuple[str, int]:
    """Translate one bracketed class; shorthands inside it stay ASCII by an inline flag."""
    position = start + 1
    pieces = ["["]
    if pattern.startswith("^", position):
        pieces.append("^")
        position += 1
    if pattern.startswith("]", position):
        pieces.append("\\]")
        position += 1
    has_shorthand = False
    while position < len(pattern) and pattern[position] != "]":
        piece, position = _next_class_piece(pattern, position)
        has_shorthand = has_shorthand or piece[:2] in {"\\d", "\\D", "\\w", "\\W", "\\s", "\\S"}
        pieces.append(piece)
    if position >= len(pattern):
        raise CommandError(
            51091,
            "Location51091",
            "Regular expression is invalid: missing terminating ] for character class",
        )
    text = "".join([*pieces, "]"])
    return (f"(?a:{text})" if has_shorthand else text), position + 1


def _next_class_piece(pattern: str, position: int) -> tuple[str, int]:
    posix = _POSIX_CLASS.match(pattern, position)
    if posix is not None:
        if posix[2] not in _POSIX or posix[1]:
            raise _not_emulated(posix[0])
        return _POSIX[posix[2]], posix.end()
    if pattern[position] == "[":
        return "\\[", position + 1
    if pattern[position] != "\\":
        character = pattern[position]
        return ("\\" + character if character in "&~|" else character), position + 1
    hexadecimal = _HEX.match(pattern, position)
    if hexadecimal is not None:
        return re.escape(chr(int(hexadecimal[1], 16))), hexadecimal.end()
    letter = pattern[position + 1 : position + 2]
    if letter and letter in "pPRXKGCEhHvVN":
        raise _not_emulated(f"\\{letter}")
    return ("\\x1b" if letter == "e" else pattern[position : position + 2]), position + 2


def _not_emulated(construct: str) -> CommandError:
    return bad_value(f"unsupported construct in a regular expression: {construct} {NOT_EMULATED}")
