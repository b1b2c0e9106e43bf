"""Array filters: which elements `$[identifier]` of an update means.

https://www.mongodb.com/docs/manual/reference/operator/update/positional-filtered/
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from ..errors import bad_value, failed_to_parse
from .matcher import compile_filter

_IDENTIFIER: Final = re.compile(r"[a-z][A-Za-z0-9]*")


def compile_array_filters(
    array_filters: Sequence[Mapping[str, Any]],
) -> dict[str, Callable[[Any], bool]]:
    """Return a test of array elements for each identifier.

    Raises:
        CommandError: a filter names no identifier, several, an invalid or a repeated one.
    """
    tests: dict[str, Callable[[Any], bool]] = {}
    for array_filter in array_filters:
        identifier = _identifier(array_filter)
        if identifier in tests:
            raise failed_to_parse(
                f"Found multiple array filters with the same top-level field name {identifier}"
            )
        tests[identifier] = _element_test(identifier, array_filter)
    return tests


def _element_test(identifier: str, array_filter: Mapping[str, Any]) -> Callable[[Any], bool]:
    matches = compile_filter(array_filter)
    return lambda element: matches({identifier: element})


def _identifier(array_filter: Mapping[str, Any]) -> str:
    names = list(dict.fromkeys(_top_level_names(array_filter)))
    if not names:
        raise failed_to_parse(
            "Cannot use an expression without a top-level field name in arrayFilters"
        )
    if len(names) > 1:
        raise failed_to_parse(
            "Error parsing array filter :: caused by :: Expected a single top-level field name, "
            f"found '{names[0]}' and '{names[1]}'"
        )
    if not _IDENTIFIER.fullmatch(names[0]):
        raise bad_value(
            "Error parsing array filter :: caused by :: The top-level field name must be an "
            f"alphanumeric string beginning with a lowercase letter, found '{names[0]}'"
        )
    return names[0]


def _top_level_names(query: Mapping[str, Any]) -> Iterator[str]:
    for name, operand in query.items():
        if name in {"$and", "$or", "$nor"} and isinstance(operand, list):
            for part in operand:
                if isinstance(part, dict):
                    yield from _top_level_names(part)
        elif not name.startswith("$"):
            yield name.partition(".")[0]
