"""Pipelines: parsed and checked whole, before the first document is read, then run as iterators.

`STAGES` is the one table of stages; the `*_stages.py` modules fill it, `stages.py` is the way in.
A compiled stage turns an iterator of rows into another; `$lookup` and its kin hold pipelines.
https://www.mongodb.com/docs/manual/reference/operator/aggregation-pipeline/
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from ..errors import NOT_EMULATED, CommandError
from ..mongodb_names import unknown_stage
from .expression_compiler import SEARCH_META, Scope, Variables
from .matcher import compile_filter
from .metadata import behind_new_documents, provided_by
from .operators.support import location
from .outputs import Merge, Target, Write
from .pipeline_starts import CollectionStart, SearchStart
from .row_order import Sort, limit_sorts, rows_wanted
from .rows import Row, SearchRows
from .transforms import stage_parts


class Environment(Protocol):
    """What a pipeline runs in: one collection, its neighbours, and the command's limits."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """The values of the command's `let`."""

    @property
    def search_sources(self) -> "Mapping[str, SearchSource]":
        """The stages that the search side answers, by name."""

    def rows(
        self,
        query: Mapping[str, Any] | None,
        sort: Mapping[str, Any] | None = None,
        wanted: int | None = None,
    ) -> Iterator[Row]:
        """Return the collection's documents that match, in this or else in natural order.

        They may be more than `wanted`, the number of those that are wanted.
        """

    def on(self, collection_name: str) -> "Environment":
        """Return the environment of another collection of the database."""

    def statistics(self, name: str, operand: Mapping[str, Any]) -> Iterator[Row]:
        """Return what a stage that tells of the collection or the server finds."""

    def replacing(self, target: Target) -> Write:
        """Return what replaces a collection by rows, all at once or not at all."""

    def merging(self, merge: Merge, variables: Variables) -> Write:
        """Return what merges rows into a collection.

        Rows of a merge by a pipeline hold the result as `document`, its values as `variables`.
        """

    def check_time(self) -> None:
        """Raise where the command's time is up."""


# specification, environment, how many rows are wanted (None: all) -> rows
SearchSource = Callable[[Any, Any, int | None], Iterator[Row]]
Stage = Callable[[Iterator[Row], Environment, Variables], Iterator[Row]]
Open = Callable[[Environment, Variables], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class StageScope:
    """What a stage may refer to.

    Attributes:
        expressions: variables and metadata in sight of its expressions.
        search_stages: the search stages that this environment has.
        is_in_facet: the stage stands in a pipeline of `$facet`.
        depth: how many stages it stands in that hold pipelines over collections.
    """

    expressions: Scope
    search_stages: frozenset[str] = frozenset()
    is_in_facet: bool = False
    depth: int = 0

    def of_sub_pipeline(self) -> "StageScope":
        """Return the scope of a pipeline over a collection that a stage of this one holds.

        Raises:
            CommandError: 232, they are nested too deep.
        """
        if self.depth == _MAX_DEPTH:
            raise CommandError(
                232,
                "MaxSubPipelineDepthExceeded",
                f"Maximum number of nested sub-pipelines exceeded. Limit is {_MAX_DEPTH}",
            )
        expressions = replace(
            self.expressions, metadata=frozenset(), has_search=False, is_behind_pipeline=False
        )
        return replace(self, expressions=expressions, is_in_facet=False, depth=self.depth + 1)

    def with_metadata(self, metadata: frozenset[str] | None) -> "StageScope":
        """Return the scope behind a stage that leaves these kinds of metadata."""
        return replace(self, expressions=replace(self.expressions, metadata=metadata))

    def behind(self, name: str) -> "StageScope":
        """Return the scope behind a stage that is not the first."""
        if name in _HOLDS_PIPELINE:
            return replace(self, expressions=replace(self.expressions, is_behind_pipeline=True))
        if name in STARTS_ANEW:
            return self.with_metadata(behind_new_documents(self.expressions.metadata))
        return self


@dataclass(frozen=True, slots=True)
class Source:
    """A compiled first stage that is no search.

    Attributes:
        open: returns its rows.
        metadata: the kinds that they carry.
    """

    open: Open
    metadata: frozenset[str] = frozenset()


CompileStage = Callable[[str, Any, StageScope], Stage]
CompileSource = Callable[[Any, StageScope], Source]

STAGES: Final[dict[str, CompileStage]] = {}
SOURCES: Final[dict[str, CompileSource]] = {}
NEEDS_NO_COLLECTION: Final[set[str]] = set()  # sources
STARTS_ANEW: Final[set[str]] = set()  # stages whose rows are new documents, without metadata
LAST_STAGES: Final = frozenset({"$out", "$merge"})  # of a whole pipeline, never inside a stage
NOT_IN_FACET: Final = frozenset({"$facet", *LAST_STAGES})
SEARCH_STAGES: Final = frozenset({"$search", "$searchMeta", "$vectorSearch", "$listSearchIndexes"})
_MAX_DEPTH: Final = 20
_HOLDS_PIPELINE: Final = frozenset({"$lookup", "$unionWith"})


def stage(name: str, *, starts_anew: bool = False) -> Callable[[CompileStage], CompileStage]:
    """Register the compiler of a stage.

    Args:
        name: as in a pipeline.
        starts_anew: its rows are new documents, no metadata is left behind it.
    """

    def register(compile_one: CompileStage) -> CompileStage:
        STAGES[name] = compile_one
        if starts_anew:
            STARTS_ANEW.add(name)
        return compile_one

    return register


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A compiled pipeline."""

    open: Open
    stages: tuple[Stage, ...]

    @property
    def sorts(self) -> list[Sort]:
        """The sorts in it, in their order."""
        start = self.open.order if isinstance(self.open, CollectionStart) else None
        return [each for each in (start, *self.stages) if isinstance(each, Sort)]

    def run(self, environment: Environment, variables: Variables) -> Iterator[Row]:
        """Return the rows of a pipeline that reads a collection or a source."""
        rows = self.open(environment, variables)
        if isinstance(rows, SearchRows):
            variables = {**variables, SEARCH_META: rows.meta}
        return self.run_on(rows, environment, variables)

    def run_on(
        self, rows: Iterator[Row], environment: Environment, variables: Variables
    ) -> Iterator[Row]:
        """Return the rows that the stages make of given ones."""
        for each in self.stages:
            rows = each(rows, environment, variables)
        return rows


def compile_pipeline(pipeline: Sequence[Any], scope: StageScope) -> Pipeline:
    """Compile a pipeline.

    Args:
        pipeline: not to be modified while the result is in use.
        scope: its `metadata` is what the rows carry when the pipeline begins.

    Raises:
        CommandError: a stage is malformed (its own code), unknown (40324), or in a place where it
            may not be (40600, 40602).
    """
    parts = [stage_parts(each) for each in pipeline]
    check_stage_names(parts)
    opened, rest, scope = _compile_start(parts, scope)
    stages: list[Stage] = []
    for name, operand in rest:
        if name in STAGES:
            stages.append(STAGES[name](name, operand, scope))
            scope = scope.behind(name)
    _check_places(parts, scope)
    if isinstance(opened, CollectionStart):
        first = stages[0] if stages else None
        if isinstance(first, Sort) and first.by_fields is not None:
            opened, stages = replace(opened, order=first), stages[1:]
        opened = replace(opened, wanted=rows_wanted(stages))
    if isinstance(opened, SearchStart):
        wanted = rows_wanted(stages)
        # What a search says of all that it found needs all of it.
        if wanted is not None and f"$${SEARCH_META}" not in str(rest):
            opened = replace(opened, limit=wanted)
    return Pipeline(opened, tuple(limit_sorts(stages)))


def check_stage_names(parts: Sequence[tuple[str, Any]]) -> None:
    """Refuse stages that there are not, by error 40324."""
    for name, _ in parts:
        if name not in STAGES and name not in SOURCES and name not in SEARCH_STAGES:
            raise unknown_stage(name)


def _compile_start(
    parts: list[tuple[str, Any]], scope: StageScope
) -> tuple[Open, list[tuple[str, Any]], StageScope]:
    """Return where the rows come from, the stages that remain, and the scope behind the start."""
    if not parts or scope.is_in_facet:
        return CollectionStart(None), parts, scope
    name, operand = parts[0]
    if name in SOURCES:
        source = SOURCES[name](operand, scope)
        return source.open, parts[1:], scope.with_metadata(source.metadata)
    if name in SEARCH_STAGES:
        if name not in scope.search_stages:
            raise unknown_stage(name)
        if scope.expressions.make_key is not None:
            raise location(40415, f"{name} with a collation {NOT_EMULATED}")
        expressions = replace(
            scope.expressions, metadata=provided_by(name, operand), has_search=name == "$search"
        )
        return SearchStart(name, operand), parts[1:], replace(scope, expressions=expressions)
    if name == "$match" and isinstance(operand, Mapping):
        # The collection may answer it from an index; what only this pipeline's variables can
        # decide is matched here.
        if not _mentions_expr(operand):
            compile_filter(operand, scope=scope.expressions)
            return CollectionStart(operand), parts[1:], scope
        simple = {key: value for key, value in operand.items() if not key.startswith("$")}
        return CollectionStart(simple), parts, scope
    return CollectionStart(None), parts, scope


def _mentions_expr(query: Any) -> bool:
    if isinstance(query, Mapping):
        return "$expr" in query or any(map(_mentions_expr, query.values()))
    return isinstance(query, list) and any(map(_mentions_expr, query))


def _check_places(parts: list[tuple[str, Any]], scope: StageScope) -> None:
    for position, (name, _) in enumerate(parts):
        if scope.is_in_facet and (name in SEARCH_STAGES or name in SOURCES or name in NOT_IN_FACET):
            raise location(40600, f"{name} is not allowed to be used within a $facet stage")
        if position > 0 and (name in SEARCH_STAGES or name in SOURCES):
            raise location(40602, f"{name} is only valid as the first stage in a pipeline")
        if name in LAST_STAGES and position + 1 < len(parts):
            raise location(40601, f"{name} can only be the final stage in the pipeline")


def refuse_last_stages(pipeline: Sequence[Any], holder: str, code: int) -> None:
    """Refuse the stages that write, by this error, in the pipeline that another stage holds."""
    for name, _ in map(stage_parts, pipeline):
        if name in LAST_STAGES:
            raise location(code, f"{name} is not allowed within a {holder}'s sub-pipeline")
