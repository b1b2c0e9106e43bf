"""Expressions: field paths, variables, literals and operators, compiled into closures.

`OPERATORS` is the one table of operators; the modules in `operators/` fill it, `expressions.py` is
the way in. An expression compiled once is evaluated per row as `evaluate(row, variables)`.
https://www.mongodb.com/docs/manual/reference/operator/aggregation/
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bson import DatetimeMS

from ..errors import NOT_EMULATED, CommandError, failed_to_parse
from ..mongodb_names import EXPRESSIONS, note_on
from .bson_text import render
from .bson_types import is_string
from .collated import collated
from .paths import MISSING, compile_get
from .rows import Row

Variables = Mapping[str, Any]
Evaluate = Callable[[Row, Variables], Any]
Compile = Callable[[Any, "Scope"], Evaluate]

_OF_REFERENCES: Final = frozenset({"$ref", "$id", "$db"})
OPERATORS: Final[dict[str, Compile]] = {}
SEARCH_META: Final = "SEARCH_META"  # a variable


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may refer to, known when it is compiled.

    Attributes:
        variable_names: user variables in sight (`let`, `$map`, ...).
        metadata: the kinds of `$meta` that earlier stages provide; None where nobody knows.
        now: the value of `$$NOW`, one for the whole command.
        make_key: of the collation by which strings compare; None where bytes do.
        has_search: the pipeline begins with `$search`, so that there is `$$SEARCH_META`.
        is_behind_pipeline: a stage with a pipeline of its own stands before.
    """

    variable_names: frozenset[str] = frozenset()
    metadata: frozenset[str] | None = None
    now: DatetimeMS = field(default_factory=lambda: DatetimeMS(time.time_ns() // 1_000_000))
    make_key: Callable[[str], bytes] | None = None
    has_search: bool = False
    is_behind_pipeline: bool = False

    def with_variables(self, *names: str) -> "Scope":
        """Return a scope that knows further variables."""
        return replace(self, variable_names=self.variable_names | set(names))


def compile_operand(expression: Any, scope: Scope) -> Evaluate:
    """Compile any expression.

    Raises:
        CommandError: it is malformed, or names what does not exist or is not emulated.
    """
    if is_string(expression) and expression.startswith("$"):
        return _compile_path(expression, scope)
    if isinstance(expression, dict) and expression:
        if next(iter(expression)).startswith("$"):
            return _compile_operator(expression, scope)
        return _compile_object(expression, scope)
    if isinstance(expression, list):
        return _compile_array(expression, scope)
    return constant(expression)


def constant(value: Any) -> Evaluate:
    """Return an expression that is always `value`."""
    evaluate: Evaluate = lambda row, variables: value  # noqa: E731 - a def cannot carry `.value`
    return evaluate


def check_variable_name(name: str) -> None:
    """Refuse a name that the user cannot give to a variable."""
    if not name:
        raise failed_to_parse("empty variable names are not allowed")
    if not (name[0].islower() or ord(name[0]) > 127):
        raise failed_to_parse(f"'{name}' starts with an invalid character for a user variable name")
    for character in name:
        if not (character.isalnum() or character == "_" or ord(character) > 127):
            raise failed_to_parse(f"'{name}' contains an invalid character for a variable name")


def _compile_path(text: str, scope: Scope) -> Evaluate:
    if text.startswith("$$"):
        return _compile_variable(text[2:], scope)
    if text == "$":
        message = "'$' by itself is not a valid FieldPath"
        raise CommandError(16872, "Location16872", message)
    path = text[1:]
    check_field_path(path)
    if "." not in path:
        return lambda row, variables: row.document.get(path, MISSING)
    reach = compile_get(path)
    return lambda row, variables: reach(row.document)


def check_field_path(path: str) -> None:
    """Refuse a path with an empty component, or one with a dollar sign that is no DBRef's."""
    for part in path.split("."):
        if not part:
            end = "FieldPath must not end with a '.'." if path.endswith(".") else ""
            code = 40353 if end else 15998
            message = end or "FieldPath field names may not be empty strings."
            raise CommandError(code, f"Location{code}", message)
        if part.startswith("$") and part not in _OF_REFERENCES:
            raise CommandError(
                16410,
                "Location16410",
                "FieldPath field names may not start with '$'. "
                "Consider using $getField or $setField.",
            )


def _compile_variable(text: str, scope: Scope) -> Evaluate:
    name, _, path = text.partition(".")
    base = _compile_variable_base(name, scope)
    if not path:
        return base
    check_field_path(path)
    reach = compile_get(path)
    return lambda row, variables: reach(base(row, variables))


def _compile_variable_base(name: str, scope: Scope) -> Evaluate:
    if name in {"ROOT", "CURRENT"}:
        return lambda row, variables: row.document
    if name == "REMOVE":
        return constant(MISSING)
    if name == "NOW":
        return constant(scope.now)
    if name in scope.variable_names:
        return lambda row, variables: variables.get(name, MISSING)
    if name == SEARCH_META:
        return _compile_search_meta(scope)
    if name in {"CLUSTER_TIME", "USER_ROLES", "JS_SCOPE", "IS_MR"}:
        message = f"Use of undefined variable: {name} {NOT_EMULATED}"
        raise CommandError(17276, "Location17276", message)
    check_variable_name(name)
    raise CommandError(17276, "Location17276", f"Use of undefined variable: {name}")


def _compile_search_meta(scope: Scope) -> Evaluate:
    if scope.is_behind_pipeline:
        message = "Can't access $$SEARCH_META after a stage with a sub-pipeline"
        raise CommandError(6347901, "Location6347901", message)
    if not scope.has_search:
        message = "Can't access $$SEARCH_META without a $search stage earlier in the pipeline"
        raise CommandError(6347902, "Location6347902", message)
    return lambda row, variables: variables.get(SEARCH_META, MISSING)


def _compile_operator(expression: Mapping[str, Any], scope: Scope) -> Evaluate:
    if len(expression) != 1:
        raise CommandError(
            15983,
            "Location15983",
            "An object representing an expression must have exactly one field: "
            f"{render(expression)}",
        )
    ((name, operand),) = expression.items()
    compile_one = OPERATORS.get(name)
    if compile_one is None:
        raise CommandError(
            168,
            "InvalidPipelineOperator",
            f"Unrecognized expression '{name}'{note_on(name, EXPRESSIONS)}",
        )
    evaluate = compile_one(operand, scope)
    make_key = scope.make_key
    if make_key is None:
        return evaluate
    return lambda row, variables: collated(evaluate(row, variables), make_key)


def _compile_object(expression: Mapping[str, Any], scope: Scope) -> Evaluate:
    parts: list[tuple[str, Evaluate]] = []
    for name, operand in expression.items():
        if "." in name:
            raise CommandError(
                16412,
                "Location16412",
                "FieldPath field names may not contain '.'. Consider using $getField or $setField.",
            )
        check_field_path(name)
        parts.append((name, compile_operand(operand, scope)))

    def evaluate(row: Row, variables: Variables) -> Any:
        values = ((name, part(row, variables)) for name, part in parts)
        return {name: value for name, value in values if value is not MISSING}

    return evaluate


def _compile_array(expression: list[Any], scope: Scope) -> Evaluate:
    parts = [compile_operand(operand, scope) for operand in expression]

    def evaluate(row: Row, variables: Variables) -> Any:
        values = [part(row, variables) for part in parts]
        return [None if value is MISSING else value for value in values]

    return evaluate


def special_form(name: str) -> Callable[[Compile], Compile]:
    """Register an operator that compiles its own operand (`$cond`, `$map`, ...)."""

    def register(compile_one: Compile) -> Compile:
        OPERATORS[name] = compile_one
        return compile_one

    return register


def function(
    name: str, *, least: int = 1, most: int | None = 1
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register an operator that is a function of its operands' values.

    Args:
        name: the operator.
        least: the fewest operands.
        most: the most operands, None without limit.
    """

    def register(apply: Callable[..., Any]) -> Callable[..., Any]:
        def compile_one(operand: Any, scope: Scope) -> Evaluate:
            operands = operand if isinstance(operand, list) else [operand]
            _check_arity(name, len(operands), least, most)
            return _call(apply, [compile_operand(each, scope) for each in operands])

        OPERATORS[name] = compile_one
        return apply

    return register


def _call(apply: Callable[..., Any], parts: list[Evaluate]) -> Evaluate:
    if len(parts) == 1:
        (only,) = parts
        return lambda row, variables: apply(only(row, variables))
    if len(parts) == 2:
        first, second = parts
        return lambda row, variables: apply(first(row, variables), second(row, variables))
    return lambda row, variables: apply(*[part(row, variables) for part in parts])


def _check_arity(name: str, count: int, least: int, most: int | None) -> None:
    if least <= count and (most is None or count <= most):
        return
    if least == most:
        raise CommandError(
            16020,
            "Location16020",
            f"Expression {name} takes exactly {least} arguments. {count} were passed in.",
        )
    raise CommandError(
        28667,
        "Location28667",
        f"Expression {name} takes at least {least} arguments, and at most {most}, "
        f"but {count} were passed in.",
    )
