"""Filters of documents: how they are joined, and how a condition on a path looks at values.

A condition holds for a path where one of the values that the path reaches meets it; a negation
where none does. https://www.mongodb.com/docs/manual/tutorial/query-arrays/
"""

from collections.abc import Sequence
from typing import Final, Protocol

from .conditions import Constraint, Negation, Test
from .expression_compiler import Variables
from .paths import MISSING, Document, compile_leaves_at, compile_values_at

NO_VARIABLES: Final[Variables] = {}


class Filter(Protocol):
    """A compiled query."""

    def __call__(self, document: Document, variables: Variables = NO_VARIABLES, /) -> bool:
        """Tell whether the document matches; `variables` are those that `$expr` may use."""


def all_of(filters: Sequence[Filter]) -> Filter:
    """Return the filter that all of these must pass; none of them passes everything."""
    if len(filters) == 1:
        return filters[0]

    def matches(document: Document, variables: Variables = NO_VARIABLES, /) -> bool:
        return all(each(document, variables) for each in filters)

    return matches


def any_of(filters: Sequence[Filter]) -> Filter:
    """Return the filter that one of these must pass."""

    def matches(document: Document, variables: Variables = NO_VARIABLES, /) -> bool:
        return any(each(document, variables) for each in filters)

    return matches


def none_of(filters: Sequence[Filter]) -> Filter:
    """Return the filter that none of these may pass."""

    def matches(document: Document, variables: Variables = NO_VARIABLES, /) -> bool:
        return not any(each(document, variables) for each in filters)

    return matches


def on_path(path: str, constraint: Constraint) -> Filter:
    """Apply a constraint to the values at a path: one that passes is enough."""
    if isinstance(constraint, Negation):
        return none_of([all_of([on_path(path, each) for each in constraint.constraints])])
    if "." not in path:
        return _on_field(path, constraint.test, whole=constraint.whole)
    test = constraint.test
    reach = compile_leaves_at(path) if constraint.whole else compile_values_at(path)

    def matches(document: Document, variables: Variables = NO_VARIABLES, /) -> bool:
        return any(map(test, reach(document)))

    return matches


def _on_field(name: str, test: Test, *, whole: bool) -> Filter:
    if whole:
        return lambda document, variables=NO_VARIABLES, /: test(document.get(name, MISSING))

    def matches(document: Document, variables: Variables = NO_VARIABLES, /) -> bool:
        value = document.get(name, MISSING)
        if type(value) is list:
            return any(map(test, value)) or test(value)
        return test(value)

    return matches
