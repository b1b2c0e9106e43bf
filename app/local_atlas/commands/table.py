"""The table of commands, and what a handler is given.

A handler takes its context and the decoded command, and returns the reply without `ok`. It is
registered with the fields that it knows: any other field is refused by name before it is called, so
that nothing which changes a command's meaning is passed over in silence.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..cursors import CursorTable
from ..errors import CommandError
from ..operations import Operation, OperationTable
from ..sessions import SessionTable
from ..store import Store, StoredCollection
from ..transactions.open_transaction import OpenTransaction
from ..transactions.transaction_table import TransactionTable
from ..write_transaction import WriteTransaction

if TYPE_CHECKING:
    from ..search.registry import SearchRegistry

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """What a server says of itself."""

    address: str
    """`host:port`, or the path of the socket."""
    directory: str
    started_at_s: float
    """Seconds since the epoch."""
    argv: Sequence[str] = ()


@dataclass(slots=True)
class ConnectionInfo:
    """One client connection, as the handshake describes it."""

    connection_id: int
    is_driver: bool = False
    """Whether a driver has introduced itself."""
    is_open: Callable[[], bool] = lambda: True
    """Tells whether the client is still there."""


@dataclass(slots=True)
class CommandContext:
    """What a handler works with."""

    server: ServerIdentity
    store: Store
    search: "SearchRegistry"
    cursors: CursorTable
    transactions: TransactionTable
    connection: ConnectionInfo
    sessions: SessionTable = field(default_factory=SessionTable)
    """Shared by all connections."""
    database: str = ""
    raw_documents: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    """Those of the fields that the command declared as `raw_fields`, where it has them."""
    deadline_s: float | None = None
    """`time.monotonic()` at which `maxTimeMS` runs out."""
    transaction: OpenTransaction | None = None
    """What the command reads and writes, where it is one of several of a transaction."""
    operations: OperationTable = field(default_factory=OperationTable)
    """Shared by all connections."""
    operation: Operation | None = None
    """The command itself, as others see it."""

    def collection(self, name: str) -> StoredCollection | None:
        """Return a collection of the command's database as the command sees it."""
        if self.transaction is not None:
            return self.transaction.collection(self.database, name)
        return self.store.collection(self.database, name)

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """Give what the command writes by."""
        if self.transaction is not None:
            yield self.transaction
        else:
            with self.store.write() as transaction:
                yield transaction

    def check_time(self) -> None:
        """Stop the command where its `maxTimeMS` has run out, or somebody has killed it.

        Raises:
            CommandError: 50, 11601.
        """
        if self.operation is not None:
            self.operation.check()
        if self.deadline_s is not None and time.monotonic() > self.deadline_s:
            raise CommandError(50, "MaxTimeMSExpired", "operation exceeded time limit")


Handler = Callable[[CommandContext, Document], Document]


@dataclass(frozen=True, slots=True)
class Command:
    """One entry of the table."""

    name: str
    handler: Handler
    fields: frozenset[str] | None
    """Field names that the handler knows; None where it checks them itself."""
    refused_fields: frozenset[str]
    """Fields of the real server that are refused as not emulated."""
    raw_fields: frozenset[str]
    """Fields whose documents the handler takes as raw BSON, from `context.raw_documents`."""


COMMANDS: dict[str, Command] = {}


def command(
    *names: str,
    fields: Iterable[str] | None = None,
    refused_fields: Iterable[str] = (),
    raw_fields: Iterable[str] = (),
) -> Callable[[Handler], Handler]:
    """Register a handler under its name and aliases.

    Args:
        names: the command's name first; replies and errors speak of it.
        fields: the field names that it knows, beside those that any command takes; None where the
            handler refuses unknown ones itself.
        refused_fields: fields that the real server knows and LocalAtlas does not emulate.
        raw_fields: lists of documents that are not to be decoded.
    """

    def register(handler: Handler) -> Handler:
        known = None if fields is None else frozenset(fields)
        entry = Command(names[0], handler, known, frozenset(refused_fields), frozenset(raw_fields))
        for name in names:
            assert name not in COMMANDS, f"two commands are called {name}"
            COMMANDS[name] = entry
        return handler

    return register
