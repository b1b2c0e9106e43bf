"""Projections: of find, of `$project` and of `$addFields`, compiled once.

https://www.mongodb.com/docs/manual/reference/method/db.collection.find/#projection
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import CommandError
from ..mongodb_names import EXPRESSIONS, note_on
from .bson_types import is_number, is_true, type_name
from .expression_compiler import OPERATORS, Scope, Variables
from .expressions import compile_expression
from .filters import NO_VARIABLES
from .find_projection import compile_elem_match, compile_position_trim, compile_slice
from .metadata import MISSING_METADATA
from .paths import Document
from .projection_tree import Node, compute, exclude, include
from .rows import Row


class Projection(Protocol):
    """A compiled projection."""

    def __call__(self, row: Row, variables: Variables = NO_VARIABLES, /) -> Document:
        """Return the projected document of a row; the row is not changed."""


def compile_find_projection(
    specification: Mapping[str, Any],
    query: Mapping[str, Any] | None = None,
    *,
    scope: Scope | None = None,
) -> Projection:
    """Compile the projection of a find; an empty one keeps everything.

    Args:
        specification: not to be modified while the result is in use.
        query: the query, for the positional `a.$`.
        scope: what expressions may refer to.

    Raises:
        CommandError: the projection is malformed, or uses what is not emulated.
    """
    parser = _Parser(scope if scope is not None else Scope(), is_find=True, query=query)
    return parser.parse(specification)


def compile_project_stage(specification: Any, scope: Scope) -> Projection:
    """Compile the specification of `$project`.

    Raises:
        CommandError: as `compile_find_projection`; 51272 for an empty one, 15969 for one that is
            no document.
    """
    if not isinstance(specification, Mapping):
        message = "$project specification must be an object"
        raise CommandError(15969, "Location15969", message)
    if not specification:
        raise CommandError(
            51272,
            "Location51272",
            "Invalid $project :: caused by :: projection specification must have at least one "
            "field",
        )
    return _named("$project", lambda: _Parser(scope, is_find=False).parse(specification))


def compile_add_fields(name: str, specification: Any, scope: Scope) -> Projection:
    """Compile the specification of `$addFields` or `$set`.

    Raises:
        CommandError: 40272 where it is no document, 40177 where it is empty, others for a path or
            expression in it.
    """
    if not isinstance(specification, Mapping):
        raise CommandError(
            40272,
            "Location40272",
            f"{name} specification stage must be an object, got {type_name(specification)}",
        )
    if not specification:
        raise CommandError(
            40177,
            "Location40177",
            f"Invalid {name} :: caused by :: specification must have at least one field",
        )
    node = Node()
    return _named(name, lambda: _adding(node, specification, scope))


def _adding(node: Node, specification: Mapping[str, Any], scope: Scope) -> Projection:
    _add_computed(node, specification, "", scope)
    return lambda row, variables=NO_VARIABLES, /: compute(node, row.document, row, variables)


def _add_computed(node: Node, fields: Mapping[str, Any], prefix: str, scope: Scope) -> None:
    for name, operand in fields.items():
        path = prefix + name
        if isinstance(operand, Mapping) and operand and not next(iter(operand)).startswith("$"):
            _add_computed(node, operand, f"{path}.", scope)
        else:
            node.compute(path, compile_expression(operand, scope))


def _named(stage: str, compile_it: Callable[[], Projection]) -> Projection:
    try:
        return compile_it()
    except CommandError as error:
        if error.code == MISSING_METADATA:  # found by the whole pipeline's check, not the stage's
            raise
        message = f"Invalid {stage} :: caused by :: {error.message}"
        raise CommandError(error.code, error.code_name, message) from error


@dataclass(slots=True)
class _Parser:
    """Reads a specification once and finds out whether it includes or excludes.

    Attributes:
        includes: True and False once a field has decided, None before.
        keeps_id: what the specification says of `_id`, None where nothing.
    """

    scope: Scope
    is_find: bool
    query: Mapping[str, Any] | None = None
    node: Node = field(default_factory=Node)
    includes: bool | None = None
    keeps_id: bool | None = None
    has_slice: bool = False
    has_elem_match: bool = False
    has_meta: bool = False

    def parse(self, specification: Mapping[str, Any]) -> Projection:
        self._parse_fields(specification, "")
        includes = self._includes()
        if includes and self.keeps_id is not False and not self._computes_id():
            self.node.marked.add("_id")
        if not includes and self.keeps_id is False:
            self.node.marked.add("_id")
        return self._projection(include if includes else exclude)

    def _projection(self, select: Callable[[Node, Document], Document]) -> Projection:
        node = self.node
        if not node.computes:
            return lambda row, variables=NO_VARIABLES, /: select(node, row.document)
        return lambda row, variables=NO_VARIABLES, /: compute(
            node, select(node, row.document), row, variables
        )

    def _computes_id(self) -> bool:
        return "_id" in self.node.computed or "_id" in self.node.children

    def _includes(self) -> bool:
        if self.includes is not None:
            return self.includes
        if self.has_slice:
            return self.keeps_id is True
        if self.has_elem_match or (self.has_meta and not self.is_find):
            return True
        return self.keeps_id is True

    def _parse_fields(self, fields: Mapping[str, Any], prefix: str) -> None:
        for name, operand in fields.items():
            self._parse_field(prefix + name, operand)

    def _parse_field(self, path: str, operand: Any) -> None:
        if isinstance(operand, bool) or is_number(operand):
            self._parse_flag(path, is_true(operand))
        elif not isinstance(operand, Mapping):
            self._compute(path, operand)
        elif not operand:
            message = "An empty sub-projection is not a valid value. Found empty object at path"
            raise CommandError(51270, "Location51270", message)
        elif next(iter(operand)).startswith("$"):
            self._parse_operator(path, operand)
        else:
            self._parse_fields(operand, f"{path}.")

    def _parse_flag(self, path: str, is_included: bool) -> None:
        if path == "_id":
            self.keeps_id = is_included
            return
        if self.includes is not None and self.includes is not is_included:
            action, kind = ("inclusion", "exclusion") if is_included else ("exclusion", "inclusion")
            code = 31253 if is_included else 31254
            message = f"Cannot do {action} on field {path} in {kind} projection"
            raise CommandError(code, f"Location{code}", message)
        self.includes = is_included
        if path.endswith(".$") and self.is_find:
            base = path[:-2]
            self.node.trim(base, compile_position_trim(base, self.query))
        else:
            self.node.mark(path)

    def _parse_operator(self, path: str, operand: Mapping[str, Any]) -> None:
        name = next(iter(operand))
        trim = compile_slice(operand[name]) if self.is_find and name == "$slice" else None
        if trim is not None:
            self.has_slice = True
            self.node.trim(path, trim)
        elif name == "$elemMatch":
            self._parse_elem_match(path, operand)
        elif name not in OPERATORS:
            message = f"Unknown expression {name}{note_on(name, EXPRESSIONS)}"
            raise CommandError(31325, "Location31325", message)
        elif name == "$meta":
            self.has_meta = True
            self.node.compute(path, compile_expression(operand, self.scope))
        else:
            self._compute(path, operand)

    def _parse_elem_match(self, path: str, operand: Mapping[str, Any]) -> None:
        if not self.is_find:
            message = "Cannot use $elemMatch in this context"
            raise CommandError(168, "InvalidPipelineOperator", message)
        if "." in path:
            message = "Cannot use $elemMatch projection on a nested field."
            raise CommandError(31275, "Location31275", message)
        self.has_elem_match = True
        self.node.compute(path, compile_elem_match(path, operand))

    def _compute(self, path: str, operand: Any) -> None:
        if self.includes is False:
            message = "Cannot use expression other than $meta in exclusion projection"
            raise CommandError(31252, "Location31252", message)
        self.includes = True
        self.node.compute(path, compile_expression(operand, self.scope))
