"""The way into expressions: the compiler with every operator registered."""

from typing import Any

from . import accumulators, metadata  # noqa: F401 - importing registers their operators
from .expression_compiler import Evaluate, Scope, compile_operand
from .operators import (  # noqa: F401 - importing registers their operators
    arithmetic,
    arrays,
    bits,
    conversions,
    date_arithmetic,
    date_construction,
    date_parsing,
    dates,
    iteration,
    logic,
    objects,
    powers,
    regex_operators,
    sets,
    strings,
    trigonometry,
)


def compile_expression(expression: Any, scope: Scope | None = None) -> Evaluate:
    """Compile an expression into `evaluate(row, variables)`.

    Args:
        expression: as it stands in a pipeline; not to be modified while the result is in use.
        scope: what it may refer to; nothing beside the system's variables by default.

    Raises:
        CommandError: it is malformed, or names what does not exist or is not emulated.
    """
    return compile_operand(expression, scope if scope is not None else Scope())
