"""`$redact`: leaves out parts of documents by what they hold themselves.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/redact/
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..errors import NOT_EMULATED
from .bson_text import render
from .expression_compiler import Evaluate, Variables
from .expressions import compile_expression
from .operators.support import location
from .paths import MISSING, Document, as_document
from .pipelines import Environment, Stage, StageScope, stage
from .rows import Row

_DESCEND, _PRUNE, _KEEP = "descend", "prune", "keep"
_DECISIONS: Final = {"DESCEND": _DESCEND, "PRUNE": _PRUNE, "KEEP": _KEEP}


@stage("$redact")
def _redact(name: str, operand: Any, scope: StageScope) -> Stage:
    if "$$ROOT" in render({"$redact": operand}):
        raise location(17276, f"$$ROOT in $redact {NOT_EMULATED}")
    decide = compile_expression(operand, scope.expressions.with_variables(*_DECISIONS))

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        variables = {**variables, **_DECISIONS}
        for row in rows:
            kept = _redacted(row.document, decide, variables)
            if kept is row.document:
                yield row
            elif kept is not MISSING:
                yield row.with_document(kept)

    return run


def _redacted(document: Document, decide: Evaluate, variables: Mapping[str, Any]) -> Any:
    """Return what is left of a document, `MISSING` where nothing is."""
    decision = decide(Row(document=document), variables)
    if decision == _KEEP:
        return document
    if decision == _PRUNE:
        return MISSING
    if decision != _DESCEND:
        message = f"$redact must evaluate to $$DESCEND, $$PRUNE or $$KEEP, not {decision!r}"
        raise location(17053, message)
    parts = ((name, _part(value, decide, variables)) for name, value in document.items())
    return {name: value for name, value in parts if value is not MISSING}


def _part(value: Any, decide: Evaluate, variables: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        parts = (_part(item, decide, variables) for item in value)
        return [part for part in parts if part is not MISSING]
    document = as_document(value)
    return value if document is None else _redacted(document, decide, variables)
