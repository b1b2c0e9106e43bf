"""The command explain: which plan a command has, and what it looks at when it is run.

What writes is only looked at: the documents that it would change are found and counted.
https://www.mongodb.com/docs/manual/reference/command/explain/
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from ..errors import CommandError, bad_value
from ..mongodb_names import unknown_command
from ..plan_stages import PlanStage, planner, statistics
from .explained_pipelines import explain_aggregate
from .explained_queries import EXPLAINED
from .fields import checked_document
from .handshake import GIT_VERSION, VERSION
from .known_fields import check_fields
from .table import COMMANDS, CommandContext, command

Document = dict[str, Any]

_PLANNER_ONLY: Final = "queryPlanner"
_ALL_PLANS: Final = "allPlansExecution"
_VERBOSITIES: Final = (_PLANNER_ONLY, "executionStats", _ALL_PLANS)


@command("explain", fields=("verbosity",))
def explain(context: CommandContext, body: Document) -> Document:
    """Explain a command, and run it as far as it changes nothing."""
    verbosity = body.get("verbosity", _ALL_PLANS)
    if verbosity not in _VERBOSITIES:
        raise bad_value(
            f"Enumeration value '{verbosity}' for field 'explain.verbosity' is not a valid value."
        )
    inner = checked_document(body, "explain", body["explain"])
    return explained(context, {**inner, "$db": body["$db"]}, verbosity)


def explained(context: CommandContext, inner: Document, verbosity: str = _PLANNER_ONLY) -> Document:
    """Return the reply to the explanation of a command.

    Raises:
        CommandError: 59 or 20, there is no such command or it has no plan; or that which the
            command itself would meet.
    """
    name = next(iter(inner))
    entry = COMMANDS.get(name)
    if entry is None:
        raise unknown_command(name)
    check_fields(inner, entry)
    runs = verbosity != _PLANNER_ONLY
    started = time.perf_counter()
    if entry.name == "aggregate":
        plan = explain_aggregate(context, inner, runs=runs)
    elif entry.name in EXPLAINED:
        plan = EXPLAINED[entry.name](context, inner, runs=runs)
    else:
        raise CommandError(20, "IllegalOperation", f"Cannot explain cmd: {name}")
    show = _Shown(context, inner, int((time.perf_counter() - started) * 1000), verbosity)
    return {"explainVersion": "1", **show.plan(plan), **show.surroundings()}


class _Shown:
    """Puts plans into a reply."""

    def __init__(
        self, context: CommandContext, inner: Document, elapsed_ms: int, verbosity: str
    ) -> None:
        self._context = context
        self._inner = inner
        self._elapsed_ms = elapsed_ms
        self._verbosity = verbosity

    def plan(self, plan: PlanStage | list[Document]) -> Document:
        if isinstance(plan, PlanStage):
            return self._tree(plan)
        return {"stages": [self._stage(each) for each in plan]}

    def surroundings(self) -> Document:
        host, _, port = self._context.server.address.rpartition(":")
        server = {"host": host or port, "port": int(port) if host and port.isdigit() else 0}
        versions = {"version": VERSION, "gitVersion": GIT_VERSION}
        return {"command": self._inner, "serverInfo": {**server, **versions}}

    def _stage(self, stage: Mapping[str, Any]) -> Document:
        cursor = stage.get("$cursor")
        if not isinstance(cursor, PlanStage):
            return dict(stage)
        return {**stage, "$cursor": self._tree(cursor)}

    def _tree(self, plan: PlanStage) -> Document:
        name = next(iter(self._inner.values()))
        shown = {"queryPlanner": planner(f"{self._context.database}.{name}", plan)}
        if self._verbosity == _PLANNER_ONLY:
            return shown
        shown["executionStats"] = statistics(plan, self._elapsed_ms)
        if self._verbosity == _ALL_PLANS:
            shown["executionStats"]["allPlansExecution"] = []
        return shown
