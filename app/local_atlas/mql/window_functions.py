"""The functions of `$setWindowFields`: each gives every row of a partition its value.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/setWindowFields/#window-operators
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ..errors import failed_to_parse
from ..mongodb_names import WINDOW_FUNCTIONS as REAL_FUNCTIONS
from ..mongodb_names import note_on
from .accumulators import ACCUMULATORS, Accumulator
from .bson_text import render_field
from .expression_compiler import Evaluate, Scope, Variables, compile_operand
from .fold import Fold
from .folds import FOLDS
from .operators.support import int32_of, location
from .rows import Row
from .windows import WHOLE, Partition, Span, Window, parse_window

WindowFunction = Callable[[Partition, Variables], list[Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a function stands.

    Attributes:
        sort_by: the order of the stage, None without.
        scope: of its expressions.
    """

    sort_by: Mapping[str, Any] | None
    scope: Scope


def compile_window_function(field: str, specification: Any, place: Place) -> WindowFunction:
    """Compile `{$sum: "$price", window: {...}}`, the value of a field of `output`.

    Raises:
        CommandError: 9 and the numbered ones of each function; as `parse_window`.
    """
    if not isinstance(specification, Mapping):
        raise failed_to_parse(f"The field '{field}' must be an object")
    name = next((each for each in specification if each.startswith("$")), None)
    if name is None:
        first = "".join(f", {each}" for each in list(specification)[:1])
        raise failed_to_parse(f"Expected a $-prefixed window function{first}")
    if name not in WINDOW_FUNCTIONS:
        note = note_on(name, REAL_FUNCTIONS)
        raise failed_to_parse(f"Unrecognized window function, {name}{note}")
    return WINDOW_FUNCTIONS[name](specification, place)


def _operand(name: str, specification: Mapping[str, Any]) -> Any:
    """Return the function's operand; any other field than `window` is refused."""
    for other in specification:
        if other in (name, "window"):
            continue
        if other in WINDOW_FUNCTIONS:
            raise failed_to_parse("Cannot specify two functions in window function spec")
        raise failed_to_parse(f"Window function found an unknown argument: {other}")
    return specification[name]


def _window(specification: Mapping[str, Any], place: Place) -> Window:
    if "window" not in specification:
        return WHOLE
    return parse_window(specification["window"], place.sort_by, place.scope)


def _accumulating(name: str, specification: Mapping[str, Any], place: Place) -> WindowFunction:
    operand = _operand(name, specification)
    window = _window(specification, place)
    if name in FOLDS:
        accumulator = Accumulator(FOLDS[name], compile_operand(operand, place.scope))
    else:
        accumulator = ACCUMULATORS[name](operand, place.scope)

    def evaluate(partition: Partition, variables: Variables) -> list[Any]:
        values = [accumulator.evaluate(row, variables) for row in partition.rows]
        return list(_folded(accumulator.start, values, window.spans(partition, variables)))

    return evaluate


def _folded(start: Callable[[], Fold], values: list[Any], spans: Iterator[Span]) -> Iterator[Any]:
    """Yield what each span's values add up to; one that only grows at its end goes on."""
    fold, done, result = start(), (0, 0), None
    is_known = False
    for first, stop in spans:
        if first != done[0] or stop < done[1]:
            fold, done, is_known = start(), (first, first), False
        if not is_known or stop > done[1]:
            for value in values[done[1] : stop]:
                fold.add(value)
            result, is_known = fold.result(), True
            if isinstance(result, list):
                result = result.copy()  # of a fold that goes on
        done = first, stop
        yield result


def _end(name: str, specification: Mapping[str, Any], place: Place) -> WindowFunction:
    """Compile `$first` or `$last`: null only where the window is empty."""
    value_of = compile_operand(_operand(name, specification), place.scope)
    window = _window(specification, place)
    is_first = name == "$first"

    def evaluate(partition: Partition, variables: Variables) -> list[Any]:
        rows = partition.rows
        return [
            value_of(rows[first if is_first else stop - 1], variables) if stop > first else None
            for first, stop in window.spans(partition, variables)
        ]

    return evaluate


def _shift(specification: Mapping[str, Any], place: Place) -> WindowFunction:
    if place.sort_by is None:
        raise failed_to_parse("'$shift' requires a sortBy")
    if len(specification) != 1:
        raise failed_to_parse("$shift does not accept a 'window' field or any other argument")
    operand = specification["$shift"]
    if not isinstance(operand, Mapping):
        raise failed_to_parse("Argument to $shift must be an object")
    if not operand.keys() <= {"output", "by", "default"}:
        raise failed_to_parse("Unknown argument in $shift")
    if "output" not in operand:
        raise failed_to_parse("$shift requires an 'output' expression.")
    if "by" not in operand:
        raise failed_to_parse("$shift requires 'by' as an integer value.")
    by = int32_of(operand["by"])
    if by is None:
        shown = render_field("by", operand["by"])
        raise failed_to_parse(f"'$shift:by' field must be an integer, but found {shown}")
    default = compile_operand(operand.get("default"), place.scope)(Row(document={}), {})
    return _shifted(compile_operand(operand["output"], place.scope), by, default)


def _shifted(value_of: Evaluate, by: int, default: Any) -> WindowFunction:
    def evaluate(partition: Partition, variables: Variables) -> list[Any]:
        values = [value_of(row, variables) for row in partition.rows]
        places = range(by, by + len(values))
        return [values[at] if 0 <= at < len(values) else default for at in places]

    return evaluate


def _ranking(
    name: str,
    ranks: Callable[[Partition], Iterator[int]],
    specification: Mapping[str, Any],
    place: Place,
) -> WindowFunction:
    if len(specification) != 1:
        raise location(5371601, "Rank style window functions take no other arguments")
    if specification[name] != {}:
        raise location(5371603, f"{name} must be specified with '{{}}' as the value")
    if place.sort_by is None or len(place.sort_by) != 1:
        raise location(
            5371602,
            f"{name} must be specified with a top level sortBy expression with exactly one element",
        )
    return lambda partition, variables: list(ranks(partition))


def _ranks(partition: Partition) -> Iterator[int]:
    """Yield one more than the number of rows that come before and are not equal."""
    rank, last = 0, None
    for number, key in enumerate(partition.keys, 1):
        rank, last = (rank, last) if key == last else (number, key)
        yield rank


def _dense_ranks(partition: Partition) -> Iterator[int]:
    """Yield the number of different keys up to each row."""
    rank, last = 0, None
    for key in partition.keys:
        rank += key != last
        last = key
        yield rank


def _numbers(partition: Partition) -> Iterator[int]:
    yield from range(1, len(partition.rows) + 1)


WINDOW_FUNCTIONS: Final[dict[str, Callable[[Mapping[str, Any], Place], WindowFunction]]] = {
    **{name: partial(_accumulating, name) for name in ACCUMULATORS.keys() - {"$mergeObjects"}},
    "$first": partial(_end, "$first"),
    "$last": partial(_end, "$last"),
    "$shift": _shift,
    "$rank": partial(_ranking, "$rank", _ranks),
    "$denseRank": partial(_ranking, "$denseRank", _dense_ranks),
    "$documentNumber": partial(_ranking, "$documentNumber", _numbers),
}
