"""A collection's `validator`: which documents it lets in.

https://www.mongodb.com/docs/manual/core/schema-validation/
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import CommandError
from .mql.filters import Filter
from .mql.json_schema import compile_schema
from .mql.matcher import compile_filter

logger = logging.getLogger(__name__)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DocumentValidator:
    """Checks documents before they are stored.

    Attributes:
        namespace: of the collection.
        expression: the validator as it was given.
        matches: the same, compiled.
        is_moderate: a document that was invalid before may be changed into another such.
        only_warns: what is invalid is stored all the same, with a line in the log.
    """

    namespace: str
    expression: Document
    matches: Filter
    is_moderate: bool
    only_warns: bool

    def check(self, document: Document) -> None:
        """Check a document that is to be stored.

        Raises:
            CommandError: 121.
        """
        if self.matches(document):
            return
        if self.only_warns:
            logger.warning("%s: a document would fail validation: %r", self.namespace, document)
            return
        raise CommandError(
            121,
            "DocumentValidationFailure",
            "Document failed validation",
            {
                "errInfo": {
                    "failingDocumentId": document["_id"],
                    "details": _details(self.expression, document),
                }
            },
        )

    def check_change(self, before: Document | None, after: Document) -> None:
        """Check what takes the place of a document, which is None where it does not matter.

        Raises:
            CommandError: 121.
        """
        if self.is_moderate and before is not None and not self.matches(before):
            return
        self.check(after)


def validator_of(namespace: str, options: Mapping[str, Any]) -> DocumentValidator | None:
    """Return what checks the documents of a collection with these options; None where nothing does.

    Raises:
        CommandError: the validator is no filter.
    """
    expression = options.get("validator")
    if not expression or options.get("validationLevel") == "off":
        return None
    return DocumentValidator(
        namespace=namespace,
        expression=expression,
        matches=compile_filter(expression),
        is_moderate=options.get("validationLevel") == "moderate",
        only_warns=options.get("validationAction", "error") == "warn",
    )


def _details(expression: Document, document: Document) -> Document:
    """Return what `errInfo` tells of the first part of a validator that does not hold."""
    for name, operand in expression.items():
        if name == "$jsonSchema":
            if broken := compile_schema(operand)(document):
                return {"operatorName": name, "schemaRulesNotSatisfied": broken}
        elif not compile_filter({name: operand})(document):
            operator = name if name.startswith("$") else _operator(operand)
            return {"operatorName": operator, "specifiedAs": {name: operand}}
    return {}


def _operator(operand: Any) -> str:
    name = next(iter(operand), "") if isinstance(operand, dict) else ""
    return name if name.startswith("$") else "$eq"
