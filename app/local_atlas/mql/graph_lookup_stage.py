"""`$graphLookup`: for each row the documents that can be reached from it, step by step.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/graphLookup/
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from bson import Int64

from .bson_order import sort_key
from .bson_types import is_number, is_string, type_name
from .expression_compiler import Evaluate, Variables, check_field_path
from .expressions import compile_expression
from .matcher import compile_filter
from .numbers import exact_int64
from .operators.support import location
from .paths import MISSING, Document, compile_leaves_at, with_value
from .pipelines import Environment, Stage, StageScope, stage
from .rows import Row

_REQUIRED: Final = ("from", "as", "startWith", "connectFromField", "connectToField")
_STRINGS: Final = ("from", "as", "connectFromField", "connectToField", "depthField")
_OPTIONS: Final = frozenset({*_REQUIRED, *_STRINGS, "maxDepth", "restrictSearchWithMatch"})

Frontier = dict[bytes, Any]
"""The values to be looked for next, by their sort keys."""


@dataclass(frozen=True, slots=True)
class _GraphLookup:
    """A compiled `$graphLookup`.

    Attributes:
        collection: where the documents are looked for.
        output: where those that are found go.
        start: the values to be looked for first.
        source: the path whose values are looked for next.
        target: the path at which they are looked for.
        max_depth: how many steps go on from the first ones; None without limit.
        depth_field: where each found document is told its step; None nowhere.
        restriction: what found documents must match besides.
    """

    collection: str
    output: str
    start: Evaluate
    source: str
    target: str
    max_depth: int | None
    depth_field: str | None
    restriction: Mapping[str, Any]


@stage("$graphLookup")
def _graph_lookup(name: str, operand: Any, scope: StageScope) -> Stage:
    if not isinstance(operand, Mapping):
        kind = type_name(operand)
        message = f"the $graphLookup stage specification must be an object, but found {kind}"
        raise location(40327, message)
    _check_options(operand)
    restriction = operand.get("restrictSearchWithMatch", {})
    if not isinstance(restriction, Mapping):
        kind = type_name(restriction)
        message = f"restrictSearchWithMatch must be an object, found {kind}"
        raise location(40185, f"$graphLookup argument {message}")
    compile_filter(restriction, scope=scope.expressions)
    lookup = _GraphLookup(
        collection=operand["from"],
        output=operand["as"],
        start=compile_expression(operand["startWith"], scope.expressions),
        source=operand["connectFromField"],
        target=operand["connectToField"],
        max_depth=_max_depth(operand["maxDepth"]) if "maxDepth" in operand else None,
        depth_field=operand.get("depthField"),
        restriction=restriction,
    )
    return partial(_run, lookup)


def _check_options(operand: Mapping[str, Any]) -> None:
    for option, value in operand.items():
        if option not in _OPTIONS:
            raise location(40104, f"Unknown argument to $graphLookup: {option}")
        if option in _STRINGS and not is_string(value):
            kind = type_name(value)
            message = f"expected string as argument for {option}, found: {kind}"
            raise location(40103, f"$graphLookup: {message}")
        if option in _STRINGS and option != "from":
            check_field_path(value)
    if any(option not in operand for option in _REQUIRED):
        raise location(
            40105,
            "$graphLookup requires 'from', 'as', 'startWith', 'connectFromField', and "
            "'connectToField' to be specified.",
        )


def _max_depth(operand: Any) -> int:
    if not is_number(operand):
        raise location(40100, f"maxDepth must be numeric, found type: {type_name(operand)}")
    depth = exact_int64(operand)
    if depth is None:
        raise location(40102, f"maxDepth could not be represented as a long long: {operand}")
    if depth < 0:
        raise location(40101, f"maxDepth requires a nonnegative argument, found: {operand}")
    return depth


def _run(
    lookup: _GraphLookup, rows: Iterator[Row], environment: Environment, variables: Variables
) -> Iterator[Row]:
    other = environment.on(lookup.collection)
    for row in rows:
        start = _frontier(lookup.start(row, variables))
        found = list(_reached(lookup, other, start))
        yield row.with_document(with_value(row.document, lookup.output, found))


def _reached(
    lookup: _GraphLookup, environment: Environment, frontier: Frontier
) -> Iterator[Document]:
    """Yield what is reached, nearer documents first, each once."""
    sources = compile_leaves_at(lookup.source)
    visited: set[bytes] = set()
    depth = 0
    looked_for = set(frontier)
    while frontier and (lookup.max_depth is None or depth <= lookup.max_depth):
        environment.check_time()
        query: Mapping[str, Any] = {lookup.target: {"$in": list(frontier.values())}}
        if lookup.restriction:
            query = {"$and": [query, lookup.restriction]}
        frontier = {}
        for row in environment.rows(query):
            key = sort_key(row.document.get("_id", MISSING))
            if key in visited:
                continue
            visited.add(key)
            for value in sources(row.document):
                frontier |= _frontier(value)
            yield _with_depth(row.document, lookup.depth_field, depth)
        frontier = {key: value for key, value in frontier.items() if key not in looked_for}
        looked_for |= frontier.keys()
        depth += 1


def _frontier(value: Any) -> Frontier:
    """Return a value, or those of an array, as what is to be looked for."""
    values = value if isinstance(value, list) else [value]
    return {sort_key(each): each for each in values if each is not MISSING}


def _with_depth(document: Document, path: str | None, depth: int) -> Document:
    return document if path is None else with_value(document, path, Int64(depth))
