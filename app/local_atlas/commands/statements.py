"""Reads the statements inside write commands: what to update, what to delete."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..document_updates import UpdateStatement
from ..errors import failed_to_parse
from ..long_arrays import outline
from ..mongodb_names import FIELDS, note_on
from ..mql.collation import Collation, under
from ..query_plans import Hint
from ..raw_documents import decode_checked, embedded_document
from .fields import (
    bool_field,
    checked_document,
    collation_field,
    document_field,
    documents_field,
    missing_field,
    unknown_field,
    wrong_type,
)
from .indexes import resolve_hint
from .table import CommandContext

Document = dict[str, Any]

_UPDATE_FIELDS = frozenset({
    "q", "u", "multi", "upsert", "collation", "arrayFilters", "hint", "c", "sort", "sampleId",
    "upsertSupplied",
})  # fmt: skip
_DELETE_FIELDS = frozenset({"q", "limit", "collation", "hint", "sampleId"})


@dataclass(frozen=True, slots=True)
class DeleteStatement:
    """One deletion as a client asked for it."""

    query: Document
    is_single: bool
    variables: Mapping[str, Any]
    hint: Hint
    collation: Collation | None = None
    """How strings compare; those of query and variables are collated."""


def parse_update(
    context: CommandContext, collection: str, raw: bytes, variables: Document
) -> UpdateStatement:
    """Read one element of the field `updates`.

    Raises:
        CommandError: a field is unknown, missing or of the wrong type.
    """
    statement, is_whole = _decoded(raw)
    _check_fields("update.updates", statement, _UPDATE_FIELDS)
    hint = resolve_hint(context, collection, statement.get("hint"))
    collation = collation_field(statement)
    raw_update = embedded_document(raw, "u") if isinstance(statement.get("u"), dict) else None
    statement = under(collation, statement)
    if "u" not in statement:
        raise missing_field({"update.updates": 1}, "u")
    return UpdateStatement(
        query=_query(statement, "update.updates"),
        update=checked_update(statement["u"]),
        raw_update=raw_update,
        is_whole=is_whole,
        is_multi=bool_field(statement, "multi"),
        is_upsert=bool_field(statement, "upsert"),
        array_filters=documents_field(statement, "arrayFilters"),
        variables=under(collation, {**variables, **document_field(statement, "c")}),
        sort=document_field(statement, "sort"),
        hint=hint,
        collation=collation,
    )


def parse_delete(
    context: CommandContext, collection: str, raw: bytes, variables: Document
) -> DeleteStatement:
    """Read one element of the field `deletes`.

    Raises:
        CommandError: as `parse_update`; 9 for a limit that is neither 0 nor 1.
    """
    statement = decode_checked(raw)
    _check_fields("delete.deletes", statement, _DELETE_FIELDS)
    if "limit" not in statement:
        raise missing_field({"delete.deletes": 1}, "limit")
    if statement["limit"] not in (0, 1):
        raise failed_to_parse(
            f"The limit field in delete objects must be 0 or 1. Got {statement['limit']}"
        )
    collation = collation_field(statement)
    return DeleteStatement(
        query=under(collation, _query(statement, "delete.deletes")),
        is_single=statement["limit"] == 1,
        variables=under(collation, variables),
        hint=resolve_hint(context, collection, statement.get("hint")),
        collation=collation,
    )


def checked_update(update: Any) -> Document | list[Document]:
    """Return an update, refused where it is neither a document nor a pipeline."""
    if isinstance(update, list):
        return [checked_document({"update": 1}, "u", stage) for stage in update]
    if not isinstance(update, dict):
        raise failed_to_parse("Update argument must be either an object or an array")
    return update


def _decoded(raw: bytes) -> tuple[Document, bool]:
    """Decode a statement; tell whether nothing was left out of the document in its `u`."""
    parts = outline(raw)
    if all(path[0] == "u" and len(path) > 1 for path in parts.arrays):
        return decode_checked(parts.raw), parts.is_whole
    return decode_checked(raw), True


def _query(statement: Document, where: str) -> Document:
    if "q" not in statement:
        raise missing_field({where: 1}, "q")
    if not isinstance(statement["q"], dict):
        raise wrong_type({where: 1}, "q", statement["q"], "object")
    return statement["q"]


def _check_fields(where: str, statement: Document, known: frozenset[str]) -> None:
    if statement.keys() <= known:
        return
    for name in statement:
        if name not in known:
            raise unknown_field(where, name, note_on(name, FIELDS))
