"""The plans of the commands that look for documents, run as far as nothing is changed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from ..document_updates import UpdateStatement
from ..errors import NOT_EMULATED, CommandError
from ..mql.bson_types import is_number
from ..mql.collation import under
from ..plan_stages import PlanStage, nothing, plan_stages, with_sort
from ..query_plans import FindOptions, Natural
from ..raw_documents import encode_document
from ..stored_collection import Match
from ..views import is_view
from .fields import (
    bool_field,
    collation_field,
    collection_name,
    document_field,
    int_field,
    let_variables,
    list_field,
    non_negative_field,
)
from .find_and_modify import modify_statement
from .indexes import resolve_hint
from .queries import find_rows
from .statements import parse_delete, parse_update
from .table import CommandContext

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What a command looks for.

    Attributes:
        name: of the collection.
        query: what the documents match.
        variables: those that `$expr` may use.
        options: in which order, how many, by which index; counts what is looked at.
    """

    name: str
    query: Document
    variables: Mapping[str, Any]
    options: FindOptions


def look(
    context: CommandContext, question: Question, use: Callable[[Iterator[Match]], int] | None
) -> PlanStage:
    """Return the plan of a question, run where `use` takes its matches and says how many it took.

    Raises:
        CommandError: the question is malformed, or is about a view.
    """
    collection = context.store.collection(context.database, question.name)
    if collection is None:
        return nothing()
    if is_view(collection.options):
        raise CommandError(166, "CommandNotSupportedOnView", f"explain of a view {NOT_EMULATED}")
    query, options = question.query, question.options
    found = collection.find(query, question.variables, options=options)
    returned = 0 if use is None else use(found)
    plan = collection.plan(query, options)
    stage = plan_stages(plan, query, collection.id_index, options.counts)
    return with_sort(stage, plan, options, returned)


def explain_find(context: CommandContext, body: Document, *, runs: bool) -> PlanStage:
    """Return the plan of a find."""
    name = collection_name(body)
    limit, skip = abs(int_field(body, "limit") or 0), non_negative_field(body, "skip") or 0
    find_rows(context, body, name, limit)  # refuses what it refuses, and reads nothing yet
    stop = skip + limit if limit else None
    question = _question(context, body, name, body.get("filter"), stop)
    stage = look(context, question, (lambda found: _length(found, stop)) if runs else None)
    if skip:
        skipped = max(0, stage.returned - skip)
        stage = PlanStage("SKIP", {"skipAmount": skip}, stage, skipped)
    projection = document_field(body, "projection")
    if projection:
        kind = "PROJECTION_SIMPLE" if _is_simple(projection) else "PROJECTION_DEFAULT"
        stage = PlanStage(kind, {"transformBy": projection}, stage, stage.returned)
    if limit and not stage.has("SORT"):
        stage = PlanStage("LIMIT", {"limitAmount": limit}, stage, stage.returned)
    return stage


def explain_count(context: CommandContext, body: Document, *, runs: bool) -> PlanStage:
    """Return the plan of a count."""
    name = collection_name(body)
    collection = context.store.collection(context.database, name)
    asks_for_all = not body.get("query") and not body.get("hint")
    if collection is not None and not is_view(collection.options) and asks_for_all:
        counted = {"nCounted": collection.count() if runs else 0}
        return PlanStage("COUNT", {}, PlanStage("RECORD_STORE_FAST_COUNT"), 0, counted)
    stage = look(context, _question(context, body, name, body.get("query")), _use(runs))
    return PlanStage("COUNT", {}, stage, 0, {"nCounted": stage.returned})


def explain_distinct(context: CommandContext, body: Document, *, runs: bool) -> PlanStage:
    """Return the plan of a distinct: how it finds the documents that it looks into."""
    name = collection_name(body)
    return look(context, _question(context, body, name, body.get("query")), _use(runs))


def explain_update(context: CommandContext, body: Document, *, runs: bool) -> PlanStage:
    """Return the plan of an update of one statement."""
    name = collection_name(body)
    raw = encode_document(_only_statement(body, "updates"))
    statement = parse_update(context, name, raw, let_variables(body))
    return _explain_update(context, name, statement, runs=runs)


def explain_delete(context: CommandContext, body: Document, *, runs: bool) -> PlanStage:
    """Return the plan of a delete of one statement."""
    name = collection_name(body)
    raw = encode_document(_only_statement(body, "deletes"))
    statement = parse_delete(context, name, raw, let_variables(body))
    wanted = 1 if statement.is_single else None
    options = FindOptions(wanted=wanted, hint=statement.hint, collation=statement.collation)
    question = Question(name, statement.query, statement.variables, options)
    stage = look(context, question, (lambda found: _length(found, wanted)) if runs else None)
    return PlanStage("DELETE", {}, stage, 0, {"nWouldDelete": stage.returned})


def explain_find_and_modify(context: CommandContext, body: Document, *, runs: bool) -> PlanStage:
    """Return the plan of a findAndModify."""
    name = collection_name(body)
    statement = modify_statement(body, resolve_hint(context, name, body.get("hint")))
    if not bool_field(body, "remove"):
        return _explain_update(context, name, statement, runs=runs)
    options = FindOptions(statement.sort, 1, statement.hint, statement.collation)
    question = Question(name, statement.query, statement.variables, options)
    stage = look(context, question, (lambda found: _length(found, 1)) if runs else None)
    return PlanStage("DELETE", {}, stage, 0, {"nWouldDelete": stage.returned})


def _explain_update(
    context: CommandContext, name: str, statement: UpdateStatement, *, runs: bool
) -> PlanStage:
    statement = statement.whole()
    update = statement.compiled()
    wanted = None if statement.is_multi else 1
    options = FindOptions(statement.sort, wanted, statement.hint, statement.collation)
    changed = 0

    def use(found: Iterator[Match]) -> int:
        nonlocal changed
        changes = [
            update.apply(row.document) is not row.document for _, row in islice(found, wanted)
        ]
        changed = sum(changes)
        return len(changes)

    question = Question(name, statement.query, statement.variables, options)
    stage = look(context, question, use if runs else None)
    counted = {
        "nMatched": stage.returned,
        "nWouldModify": changed,
        "nWouldUpsert": int(runs and statement.is_upsert and not stage.returned),
    }
    return PlanStage("UPDATE", {}, stage, 0, counted)


def _question(
    context: CommandContext, body: Document, name: str, query: Any, wanted: int | None = None
) -> Question:
    collation = collation_field(body)
    hint = resolve_hint(context, name, body.get("hint"))
    sort = document_field(body, "sort")
    if "$natural" in sort:
        sort, hint = {}, Natural.ORDER
    options = FindOptions(sort, wanted, hint, collation)
    variables = under(collation, let_variables(body))
    return Question(name, under(collation, query or {}), variables, options)


def _only_statement(body: Document, name: str) -> Document:
    statements = list_field(body, name)
    if len(statements) != 1:
        raise CommandError(16, "InvalidLength", "explained write batches must be of size 1")
    return dict(statements[0])


def _use(runs: bool) -> Callable[[Iterator[Match]], int] | None:
    return _length if runs else None


def _length(found: Iterator[Match], stop: int | None = None) -> int:
    return sum(1 for _ in islice(found, stop))


def _is_simple(projection: Document) -> bool:
    """Tell whether a projection only names fields, none of them inside of another."""
    return all(
        (is_number(value) or isinstance(value, bool)) and "." not in path
        for path, value in projection.items()
    )


EXPLAINED: Final = {
    "find": explain_find,
    "count": explain_count,
    "distinct": explain_distinct,
    "update": explain_update,
    "delete": explain_delete,
    "findAndModify": explain_find_and_modify,
}
