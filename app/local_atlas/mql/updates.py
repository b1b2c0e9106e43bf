"""Updates: replacement, operators or a pipeline, compiled once and applied to documents.

`Update.apply` returns a new document, or the very one it was given where nothing changes.
https://www.mongodb.com/docs/manual/reference/method/db.collection.updateOne/
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bson import ObjectId, Regex

from ..errors import CommandError, bad_value, failed_to_parse
from .array_filters import compile_array_filters
from .array_updates import ARRAY_OPERATORS
from .bson_order import equal, same
from .bson_text import render, render_field
from .bson_types import type_name
from .expression_compiler import Scope, Variables
from .paths import MISSING, Document
from .positions import compile_position
from .rows import Row
from .transforms import compile_update_pipeline
from .update_operators import FIELD_OPERATORS, ParseEdits
from .update_tree import Branch, Situation, apply_tree, is_array_part
from .upserts import document_of_query

OPERATORS: Final[dict[str, ParseEdits]] = {**FIELD_OPERATORS, **ARRAY_OPERATORS}


class Update(ABC):
    """A compiled update."""

    is_replacement: bool = False

    @abstractmethod
    def apply(self, document: Document) -> Document:
        """Return the updated document, or the given one itself where nothing changes.

        Raises:
            CommandError: 66 where `_id` would change, others where an operator does not fit.
        """

    @abstractmethod
    def upsert_document(self, query: Mapping[str, Any]) -> Document:
        """Return the document that an upsert inserts, `_id` first (a new one where none is given).

        Raises:
            CommandError: as `apply`; 54 where the query fixes one path twice.
        """


def compile_update(
    update: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    array_filters: Sequence[Mapping[str, Any]] = (),
    query: Mapping[str, Any] | None = None,
    variables: Variables | None = None,
) -> Update:
    """Compile an update.

    Args:
        update: operators, a replacement or a pipeline; not to be modified while in use.
        array_filters: the filters behind `$[identifier]`.
        query: the query that finds the documents, for the positional `$`.
        variables: values of `let` or `c`, for a pipeline.

    Raises:
        CommandError: the update is malformed, conflicts with itself, or uses what is not emulated.
    """
    if isinstance(update, Mapping):
        if next(iter(update), "").startswith("$"):
            return _OperatorUpdate(update, array_filters, query if query is not None else {})
        if array_filters:
            raise failed_to_parse("arrayFilters may not be specified for replacement-style updates")
        return _Replacement(update)
    if array_filters:
        raise failed_to_parse("arrayFilters may not be specified for pipeline-style updates")
    return _PipelineUpdate(update, variables if variables is not None else {})


class _Replacement(Update):
    is_replacement = True

    def __init__(self, replacement: Mapping[str, Any]) -> None:
        for name in replacement:
            _refuse_dollar(name)
        self._replacement = dict(replacement)

    def apply(self, document: Document) -> Document:
        return _replaced(document, self._replacement)

    def upsert_document(self, query: Mapping[str, Any]) -> Document:
        fixed = document_of_query(query).get("_id", MISSING)
        start = {} if fixed is MISSING else {"_id": fixed}
        return _with_id(_replaced(start, self._replacement))


class _PipelineUpdate(Update):
    def __init__(self, pipeline: Sequence[Mapping[str, Any]], variables: Variables) -> None:
        self._transform = compile_update_pipeline(pipeline, Scope(frozenset(variables)))
        self._variables = variables

    def apply(self, document: Document) -> Document:
        changed = self._transform(Row(document=document), self._variables).document
        return _replaced(document, changed)

    def upsert_document(self, query: Mapping[str, Any]) -> Document:
        return _with_id(self.apply(document_of_query(query)))


class _OperatorUpdate(Update):
    def __init__(
        self,
        update: Mapping[str, Any],
        array_filters: Sequence[Mapping[str, Any]],
        query: Mapping[str, Any],
    ) -> None:
        self._filters = compile_array_filters(array_filters)
        self._tree, used = _parse_tree(update, frozenset(self._filters))
        for identifier in self._filters:
            if identifier not in used:
                raise failed_to_parse(
                    f"The array filter for identifier '{identifier}' was not used in the update "
                    f"{render(dict(update))}"
                )
        self._position = compile_position(query)

    def apply(self, document: Document) -> Document:
        return self._apply(document, is_insert=False)

    def upsert_document(self, query: Mapping[str, Any]) -> Document:
        return _with_id(self._apply(document_of_query(query), is_insert=True))

    def _apply(self, document: Document, *, is_insert: bool) -> Document:
        situation = Situation(document, is_insert, self._position, self._filters)
        changed = apply_tree(self._tree, situation)
        if "_id" in document and changed.get("_id", MISSING) is not document["_id"]:
            raise _immutable(
                "Performing an update on the path '_id' would modify the immutable field '_id'"
            )
        return changed


def _parse_tree(
    update: Mapping[str, Any], identifiers: frozenset[str]
) -> tuple[Branch, frozenset[str]]:
    """Parse all operators into one tree; also return the array filters that it uses."""
    tree = Branch()
    used: set[str] = set()
    for name, operands in update.items():
        parse = OPERATORS.get(name)
        if parse is None:
            raise failed_to_parse(
                f"Unknown modifier: {name}. Expected a valid update modifier or pipeline-style "
                "update specified as an array"
            )
        if not isinstance(operands, dict):
            raise failed_to_parse(
                f"Modifiers operate on fields but we found type {type_name(operands)} instead. "
                f"For example: {{$mod: {{<field>: ...}}}} not {{{render_field(name, operands)}}}"
            )
        for path, operand in operands.items():
            for target, edit in parse(path, operand):
                used |= _check_path(target, identifiers)
                tree.add(target, edit)
    return tree, frozenset(used)


def _check_path(path: str, identifiers: frozenset[str]) -> set[str]:
    """Check a path that is to be updated; return the array filters that it names."""
    if not path:
        raise CommandError(56, "EmptyFieldName", "An empty update path is not valid.")
    parts = path.split(".")
    if not all(parts):
        message = f"The update path '{path}' contains an empty field name, which is not allowed."
        raise CommandError(56, "EmptyFieldName", message)
    if parts.count("$") > 1:
        raise bad_value(f"Too many positional (i.e. '$') elements found in path '{path}'")
    if parts[0] == "$":
        raise bad_value(
            f"Cannot have positional (i.e. '$') element in the first position in path '{path}'"
        )
    if is_array_part(parts[0]):
        raise bad_value(
            "Cannot have array filter identifier (i.e. '$[<id>]') element in the first position in "
            f"path '{path}'"
        )
    _refuse_dollar(parts[0])
    used = {part[2:-1] for part in parts if is_array_part(part)} - {""}
    for identifier in sorted(used - identifiers):
        raise bad_value(f"No array filter found for identifier '{identifier}' in path '{path}'")
    return used


def _refuse_dollar(name: str) -> None:
    if name.startswith("$"):
        raise CommandError(
            52,
            "DollarPrefixedFieldName",
            f"The dollar ($) prefixed field '{name}' in '{name}' is not allowed in the context of "
            "an update's replacement document. Consider using an aggregation pipeline with "
            "$replaceWith.",
        )


def _replaced(old: Document, new: Document) -> Document:
    """Return a document in place of another, whose `_id` it keeps."""
    kept = old.get("_id", MISSING)
    given = new.get("_id", MISSING)
    if kept is not MISSING and given is not MISSING and not equal(kept, given):
        raise _immutable(
            "After applying the update, the (immutable) field '_id' was found to have been altered "
            f"to {render_field('_id', given)}"
        )
    identity = given if given is not MISSING else kept
    rest = {name: value for name, value in new.items() if name != "_id"}
    result = rest if identity is MISSING else {"_id": identity, **rest}
    return old if same(old, result) else result


def _with_id(document: Document) -> Document:
    identity = document.get("_id", MISSING)
    if isinstance(identity, list | Regex):
        raise CommandError(
            53,
            "InvalidIdField",
            f"The '_id' value cannot be of type {type_name(identity)}",
        )
    rest = {name: value for name, value in document.items() if name != "_id"}
    return {"_id": ObjectId() if identity is MISSING else identity, **rest}


def _immutable(message: str) -> CommandError:
    return CommandError(66, "ImmutableField", message)
