"""`$regexMatch`, `$regexFind` and `$regexFindAll`.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/regexMatch/
"""

import re
from collections.abc import Callable
from typing import Any

from bson import Regex

from ..bson_order import regex_options
from ..bson_types import is_string
from ..expression_compiler import Evaluate, Scope, Variables, compile_operand, special_form
from ..regex import compile_pattern
from ..regex_guard import Found, Pattern
from ..rows import Row
from .support import Signature, is_null, location


def _searching(
    name: str, find: Callable[[Pattern, str], Any], *, nothing: Callable[[], Any]
) -> None:
    signature = Signature(
        name, {"input": 31022, "regex": 31023}, frozenset({"options"}), 51103, 31024
    )

    @special_form(name)
    def _search(operand: Any, scope: Scope) -> Evaluate:
        arguments = signature.check(operand)
        input_of = compile_operand(arguments["input"], scope)
        regex_of = compile_operand(arguments["regex"], scope)
        options_of = compile_operand(arguments.get("options"), scope)

        def evaluate(row: Row, variables: Variables) -> Any:
            text, regex = input_of(row, variables), regex_of(row, variables)
            options = options_of(row, variables)
            if not is_null(text) and not is_string(text):
                raise location(51104, f"{name} needs 'input' to be of type string")
            if is_null(regex):
                return nothing()
            pattern = _pattern(name, regex, options)
            return nothing() if is_null(text) else find(pattern, text)

        return evaluate


def _pattern(name: str, regex: Any, options: Any) -> Pattern:
    if not (is_string(regex) or isinstance(regex, Regex)):
        raise location(51105, f"{name} needs 'regex' to be of type string or regex")
    if not is_null(options) and not is_string(options):
        raise location(51106, f"{name} needs 'options' to be of type string")
    given = "" if is_null(options) else options
    if is_string(regex):
        return compile_pattern(regex, given)
    own = regex_options(regex)
    if own and given:
        message = f"{name}: found regex option(s) specified in both 'regex' and 'option' fields"
        raise location(51107, message)
    return compile_pattern(regex.pattern, own or given)


def _described(found: re.Match[str] | Found) -> dict[str, Any]:
    return {"match": found[0], "idx": found.start(), "captures": list(found.groups())}


def _first(pattern: Pattern, text: str) -> Any:
    found = pattern.search(text)
    return None if found is None else _described(found)


_searching(
    "$regexMatch", lambda pattern, text: pattern.search(text) is not None, nothing=lambda: False
)
_searching("$regexFind", _first, nothing=lambda: None)
_searching(
    "$regexFindAll",
    lambda pattern, text: [_described(found) for found in pattern.finditer(text)],
    nothing=list,
)
