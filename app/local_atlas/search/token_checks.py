"""Refuses to compare strings with a path whose strings are not indexed as a whole.

The engine analyses what a `token` field is compared with, and takes the analyzer of the index where
the path is no such field: anything but one word shows that it is none. One word finds nothing.
Source: https://github.com/mongodb/mongot, `AnalyzedText#applyTokenFieldTypeNormalizer`.
"""

from collections.abc import Iterator

from .analyzers import ANALYZERS, DEFAULT_ANALYZER
from .conditions import AllOf, Among, AnyOf, Condition, InRange, Not
from .mapping import IndexMapping
from .refusals import QueryError


def check_tokens(mapping: IndexMapping, condition: Condition) -> None:
    """Check every comparison with strings of a filter against a mapping.

    Raises:
        QueryError: with the search server's text.
    """
    name = mapping.text.search_analyzer or mapping.text.analyzer or DEFAULT_ANALYZER
    analyze = ANALYZERS.get(name)
    if analyze is None:
        return
    for path, texts in _compared(condition):
        field = mapping.resolve(path)
        if field is None or "token" in field.types:
            continue
        if any(len(analyze(text)) != 1 for text in texts):
            raise QueryError(f"Path '{path}' needs to be indexed as token")


def _compared(condition: Condition) -> Iterator[tuple[str, list[str]]]:
    """Yield the paths that are compared with strings, and the strings."""
    if isinstance(condition, InRange) and condition.kind == "token":
        bounds = (condition.lower, condition.upper)
        yield condition.path, [bound for bound in bounds if bound is not None]
    elif isinstance(condition, Among) and condition.kind == "token":
        yield condition.path, list(condition.values)
    elif isinstance(condition, Not):
        yield from _compared(condition.part)
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _compared(part)
