"""The plan of an aggregate: what its start looks at, and how many rows each further stage lets by.

A pipeline of which the collection answers everything has the plan of a find; any other one has a
list of stages. A search shows its specification: what its engine does inside is not told.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from bson import Int64

from ..environment import StoreEnvironment
from ..errors import NOT_EMULATED, CommandError, bad_value
from ..mql.collation import under
from ..mql.expression_compiler import SEARCH_META
from ..mql.pipeline_starts import CollectionStart
from ..mql.pipelines import LAST_STAGES, Pipeline
from ..mql.row_order import RowRange
from ..mql.rows import Row, SearchRows
from ..mql.stages import compile_in
from ..plan_stages import PlanStage
from ..query_plans import FindOptions
from ..stored_collection import Match
from .explained_queries import Question, look
from .fields import collation_field, collection_name, let_variables, list_field
from .indexes import resolve_hint
from .table import CommandContext

Document = dict[str, Any]

_EXPLAIN_ONLY: Final = "explainOptions"


def explain_aggregate(
    context: CommandContext, body: Document, *, runs: bool
) -> PlanStage | list[Document]:
    """Return the plan of a pipeline, or its stages where it has more than the collection answers.

    Raises:
        CommandError: the pipeline is malformed, would write, or asks the search engine to explain.
    """
    name = collection_name(body)
    collation = collation_field(body)
    variables = under(collation, let_variables(body))
    hint = resolve_hint(context, name, body.get("hint"))
    pipeline = under(collation, list_field(body, "pipeline"))
    environment = StoreEnvironment(context, name, variables, hint=hint, collation=collation)
    compiled = compile_in(pipeline, environment, None if collation is None else collation.key)
    _refuse(pipeline, runs=runs)
    rest = pipeline[len(pipeline) - len(compiled.stages) :]
    run = _Run(compiled, environment, variables)
    if not isinstance(compiled.open, CollectionStart):
        rows = compiled.open(environment, variables)  # which checks what is searched for
        if runs:
            run.through(rows)
        return _shown([{**pipeline[0]}, *rest], [run.started, *run.passed], runs=runs)
    start = compiled.open
    options = FindOptions(start.sort, start.wanted, hint, collation)
    question = Question(name, dict(start.query or {}), variables, options)
    first = look(context, question, run.of_matches if runs else None)
    if all(isinstance(each, RowRange) for each in compiled.stages):
        for each, passed in zip(rest, run.passed, strict=True):
            ((stage_name, count),) = each.items()
            kind = stage_name[1:].upper()
            first = PlanStage(kind, {f"{stage_name[1:]}Amount": count}, first, passed)
        return first
    return _shown([{"$cursor": first}, *rest], [run.started, *run.passed], runs=runs)


class _Run:
    """One run of a pipeline that counts the rows behind its start and behind each stage."""

    def __init__(
        self, pipeline: Pipeline, environment: StoreEnvironment, variables: Mapping[str, Any]
    ) -> None:
        self.started = 0
        self.passed = [0] * len(pipeline.stages)
        self._pipeline = pipeline
        self._environment = environment
        self._variables = variables

    def of_matches(self, found: Iterator[Match]) -> int:
        """Run on what a collection finds and return how much of it was taken."""
        self.through(row for _, row in found)
        return self.started

    def through(self, rows: Iterator[Row]) -> None:
        """Run on the rows of the start."""
        variables = self._variables
        if isinstance(rows, SearchRows):
            variables = {**variables, SEARCH_META: rows.meta}
        rows = self._counted_start(rows)
        for position, stage in enumerate(self._pipeline.stages):
            rows = self._counted(stage(rows, self._environment, variables), position)
        for _ in rows:
            pass

    def _counted_start(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            self.started += 1
            yield row

    def _counted(self, rows: Iterator[Row], position: int) -> Iterator[Row]:
        for row in rows:
            self.passed[position] += 1
            yield row


def _refuse(pipeline: Sequence[Document], *, runs: bool) -> None:
    for each in pipeline:
        ((name, operand),) = each.items()
        if runs and name in LAST_STAGES:
            message = f"{name} can only be explained with the verbosity 'queryPlanner'"
            raise CommandError(72, "InvalidOptions", message)
        if isinstance(operand, dict) and _EXPLAIN_ONLY in operand:
            raise bad_value(f"{_EXPLAIN_ONLY} of {name} {NOT_EMULATED}")


def _shown(stages: Sequence[Document], counts: Sequence[int], *, runs: bool) -> list[Document]:
    if not runs:
        return [dict(each) for each in stages]
    return [{**each, "nReturned": Int64(count)} for each, count in zip(stages, counts, strict=True)]
