"""Patterns over whole terms, in the two syntaxes of Lucene, as regular expressions of Python.

In a regular expression of Lucene `^` and `$` are plain characters, and there is neither laziness
nor a reference; what only automata can do (`~`, `&`, `<1-9>`, `#`, `@`) is refused by name.
https://lucene.apache.org/core/9_11_0/core/org/apache/lucene/util/automaton/RegExp.html
"""

import re
from functools import lru_cache
from typing import Final

from .refusals import QueryError, not_emulated

_CLASSES: Final = {
    "d": "[0-9]", "D": "[^0-9]", "w": "[A-Za-z0-9_]", "W": "[^A-Za-z0-9_]",
    "s": r"[ \t\n\r]", "S": r"[^ \t\n\r]",
}  # fmt: skip
_TOKEN: Final = re.compile(
    r"""
    (?P<escape> \\ .) | (?P<text> " [^"]* ") | (?P<class> \[ \^? (?: \\ . | [^\\\]] )+ \])
    | (?P<count> \{ \d+ (?: , \d* )? \}) | (?P<repeat> [*+?]) | (?P<other> .)
    """,
    re.VERBOSE | re.DOTALL,
)
_REFUSED: Final = frozenset("~&<>#@")


@lru_cache(maxsize=256)
def wildcard_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of `wildcard`: `*` for any characters, `?` for one, a backslash before."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    meanings = {"*": ".*", "?": "."}
    spelled = (meanings.get(part) or re.escape(part.removeprefix("\\") or part) for part in parts)
    return re.compile("".join(spelled), re.DOTALL)


@lru_cache(maxsize=256)
def regex_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of `regex`.

    Raises:
        QueryError: it is malformed, or uses what is not emulated.
    """
    # Each open group has its finished alternatives and the atoms of the last one.
    groups: list[tuple[list[str], list[str]]] = [([], [])]
    for token in _TOKEN.finditer(pattern):
        _read(token, groups, pattern)
    if len(groups) != 1:
        raise _malformed(pattern, "a group is not closed")
    try:
        return re.compile(_closed(groups.pop()), re.DOTALL)
    except re.error as error:
        raise _malformed(pattern, str(error)) from error


def _read(token: re.Match[str], groups: list[tuple[list[str], list[str]]], pattern: str) -> None:
    kind, text = token.lastgroup, token.group()
    alternatives, atoms = groups[-1]
    if kind in ("count", "repeat"):
        if not atoms:
            raise _malformed(pattern, f"nothing stands before {text!r}")
        atoms[-1] = f"(?:{atoms[-1]}){text}"
    elif text == "(":
        groups.append(([], []))
    elif text == ")":
        if len(groups) == 1:
            raise _malformed(pattern, "a group is closed that was not opened")
        groups[-2][1].append(_closed(groups.pop()))
    elif text == "|":
        alternatives.append("".join(atoms))
        atoms.clear()
    else:
        atoms.append(_atom(kind, text, pattern))


def _atom(kind: str | None, text: str, pattern: str) -> str:
    if kind == "class":
        return _character_class(text)
    if kind == "escape":
        return _CLASSES.get(text[1]) or re.escape(text[1])
    if kind == "text":
        return f"(?:{re.escape(text[1:-1])})"
    if text in _REFUSED:
        raise not_emulated(f'"{text}" in the regular expression "{pattern}"')
    if text in '\\"[{':
        raise _malformed(pattern, f"{text!r} goes on for ever")
    return "." if text == "." else re.escape(text)


def _closed(group: tuple[list[str], list[str]]) -> str:
    alternatives, atoms = group
    return f"(?:{'|'.join([*alternatives, ''.join(atoms)])})"


def _character_class(text: str) -> str:
    start = 2 if text[1] == "^" else 1
    parts = re.findall(r"\\.|.", text[start:-1], re.DOTALL)
    spelled = [_in_class(part) for part in parts]
    return f"[{'^' if start == 2 else ''}{''.join(spelled)}]"


def _in_class(part: str) -> str:
    if part == "-":
        return "-"
    if len(part) == 2 and part[1] in "dws":
        return _CLASSES[part[1]][1:-1]
    return re.escape(part[-1])


def _malformed(pattern: str, reason: str) -> QueryError:
    return QueryError(f'"{pattern}" is no regular expression: {reason}')
