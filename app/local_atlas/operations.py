"""The commands that are being run: who asked what, since when; and the way to stop one."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import CommandError


@dataclass(slots=True, eq=False)
class Operation:
    """One command that is being run.

    Attributes:
        operation_id: by which it can be killed.
        connection_id: of the client that asked.
        database: of the command.
        command: its fields, without documents that are to be written.
        started_s: `time.monotonic()` when it came.
        is_killed: whether it is to stop where it next looks at the clock.
    """

    operation_id: int
    connection_id: int
    database: str
    command: Mapping[str, Any]
    started_s: float = field(default_factory=time.monotonic)
    is_killed: bool = False

    def check(self) -> None:
        """Stop the command where somebody has killed it.

        Raises:
            CommandError: 11601.
        """
        if self.is_killed:
            raise CommandError(11601, "Interrupted", "operation was interrupted")


class OperationTable:
    """All commands of the server that are being run."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._running: dict[int, Operation] = {}  # each change of it is one atomic step

    def begin(self, connection_id: int, database: str, command: Mapping[str, Any]) -> Operation:
        """Note that a command has begun."""
        operation = Operation(next(self._ids), connection_id, database, command)
        self._running[operation.operation_id] = operation
        return operation

    def end(self, operation: Operation) -> None:
        """Note that a command has ended."""
        del self._running[operation.operation_id]

    def running(self) -> list[Operation]:
        """Return the commands that are being run, the oldest first."""
        return list(self._running.values())

    def kill(self, operation_id: int) -> None:
        """Stop a command where it next looks at the clock; one that has ended is no error."""
        operation = self._running.get(operation_id)
        if operation is not None:
            operation.is_killed = True
