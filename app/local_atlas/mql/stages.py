"""The way into pipelines: `run_pipeline`, with every stage registered."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from ..errors import CommandError
from . import (  # noqa: F401 - importing registers their stages
    bucket_auto_stage,
    graph_lookup_stage,
    group_stages,
    join_stages,
    lookup_stage,
    output_stages,
    rank_fusion,
    redact_stage,
    row_stages,
    score_fusion,
    statistics_stages,
    window_stage,
)
from .expression_compiler import Scope
from .pipelines import Environment, Pipeline, StageScope, compile_pipeline
from .rows import Row

__all__ = ["Environment", "compile_in", "run_pipeline"]

_WHILE_RUNNING: Final = "PlanExecutor error during aggregation :: caused by :: "


def run_pipeline(
    pipeline: Sequence[Any],
    environment: Environment,
    make_key: Callable[[str], bytes] | None = None,
) -> Iterator[Row]:
    """Run an aggregation pipeline.

    The whole pipeline, and the specification of a search stage, is checked at the call; documents
    are read as the iterator is. A leading `$match` is handed to `environment.rows`.

    Args:
        pipeline: not to be modified while the iterator is in use.
        environment: the collection it runs on.
        make_key: of the collation by which strings compare, those of the pipeline and of the
            environment's rows among them; None where bytes do.

    Raises:
        CommandError: with the server's code, at the call or while iterating.
    """
    compiled = compile_in(pipeline, environment, make_key)
    return _reported(compiled.run(environment, environment.variables))


def compile_in(
    pipeline: Sequence[Any],
    environment: Environment,
    make_key: Callable[[str], bytes] | None = None,
) -> Pipeline:
    """Compile an aggregation pipeline for its environment; see `run_pipeline`."""
    scope = StageScope(
        Scope(frozenset(environment.variables), metadata=frozenset(), make_key=make_key),
        search_stages=frozenset(environment.search_sources),
    )
    return compile_pipeline(pipeline, scope)


def _reported(rows: Iterator[Row]) -> Iterator[Row]:
    """Yield the rows; say of an error met on the way what the server says of it."""
    try:
        yield from rows
    except CommandError as error:
        if error.message.startswith(_WHILE_RUNNING):
            raise
        message = _WHILE_RUNNING + error.message
        raise CommandError(error.code, error.code_name, message, error.extra) from error
