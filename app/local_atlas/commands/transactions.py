"""Runs commands in transactions of several commands, and ends these.

https://www.mongodb.com/docs/manual/core/transactions-operations/
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from bson import Binary

from ..errors import CommandError
from ..mql.pipelines import LAST_STAGES
from ..statistics import NOBODY
from .fields import bool_field, checked_document, document_field, int_field, missing_field
from .table import Command, CommandContext, command

Document = dict[str, Any]

_ENDING: Final = frozenset({"commitTransaction", "abortTransaction"})
_PERMITTED: Final = _ENDING | {
    "aggregate", "bulkWrite", "create", "createIndexes", "delete", "distinct", "find",
    "findAndModify", "getMore", "insert", "killCursors", "update",
}  # fmt: skip
_NOT_FIRST: Final = frozenset({"buildInfo", "connectionStatus", "hello", "isMaster", "ping"})
_LEVELS: Final = ("local", "majority", "snapshot")
_OUTSIDE_STAGES: Final = LAST_STAGES | {"$changeStream", "$collStats", "$listSessions"}
_WRITE_CONFLICT, _LOCK_TIMEOUT, _NO_SUCH = 112, 24, 251
_TRANSIENT: Final = frozenset({_WRITE_CONFLICT, _LOCK_TIMEOUT, _NO_SUCH, 246})


def is_of_transaction(body: Document) -> bool:
    """Tell whether a command is to run in a transaction."""
    return "autocommit" in body or "startTransaction" in body


def run_in_transaction(context: CommandContext, body: Document, entry: Command) -> Document:
    """Run a command in the transaction that it names, which it may begin.

    What fails aborts the transaction; where trying all of it again may help, the error says so.

    Raises:
        CommandError: 72 or 263, it cannot run in a transaction; 225, 251, 256 or 50911, the
            transaction is not there or cannot begin; and from the command itself.
    """
    try:
        return _run(context, body, entry)
    except CommandError as error:
        if error.code in _TRANSIENT:
            error.extra["errorLabels"] = ["TransientTransactionError"]
        raise


@command("commitTransaction", fields=("autocommit", "recoveryToken"))
def commit_transaction(context: CommandContext, body: Document) -> Document:
    """Make what a transaction has written visible to all."""
    return _end(context, body, context.transactions.commit)


@command("abortTransaction", fields=("autocommit", "recoveryToken"))
def abort_transaction(context: CommandContext, body: Document) -> Document:
    """Undo a transaction."""
    return _end(context, body, context.transactions.abort)


def _end(context: CommandContext, body: Document, end: Callable[[Document, int], None]) -> Document:
    if not is_of_transaction(body):
        name = next(iter(body))
        message = f"{name} must be run within a transaction"
        raise CommandError(125, "CommandFailed", message)
    end(*_names(body))
    return {}


def _run(context: CommandContext, body: Document, entry: Command) -> Document:
    lsid, number = _names(body)
    if entry.name in _ENDING:
        return entry.handler(context, body)
    _check_permitted(context, body, entry)
    if "startTransaction" in body:
        context.transactions.begin(lsid, number)
    with context.transactions.using(lsid, number) as opened:
        reply = entry.handler(replace(context, transaction=opened), body)
    if "writeErrors" in reply or reply.get("nErrors"):
        context.transactions.abort(lsid, number)
    return reply


def _names(body: Document) -> tuple[Document, int]:
    """Return the session and the number of the transaction that a command names."""
    for name, allowed in (("autocommit", False), ("startTransaction", True)):
        if name in body and bool_field(body, name) is not allowed:
            wrong = str(not allowed).lower()
            raise _invalid(f"Specifying {name}={wrong} is not allowed.")
    if "autocommit" not in body:
        raise _invalid("'startTransaction' field requires 'autocommit' field to also be specified")
    number = int_field(body, "txnNumber")
    if number is None:
        message = "'autocommit' field requires a transaction number to also be specified"
        raise _invalid(message)
    session = checked_document(body, "lsid", body.get("lsid", {})).get("id")
    if not isinstance(session, bytes):
        raise missing_field({"OperationSessionInfo": 1}, "lsid")
    return {"id": Binary(session, 4), "uid": NOBODY}, number


def _check_permitted(context: CommandContext, body: Document, entry: Command) -> None:
    is_first = "startTransaction" in body
    if entry.name == "count":
        raise _not_permitted(
            "Cannot run 'count' in a multi-document transaction. Please see "
            "http://dochub.mongodb.org/core/transaction-count for a recommended alternative."
        )
    if entry.name not in _PERMITTED and (is_first or entry.name not in _NOT_FIRST):
        raise _not_permitted(f"Cannot run '{entry.name}' in a multi-document transaction.")
    if context.database in ("admin", "config", "local") and entry.name not in (
        "bulkWrite", "killCursors", "getMore", *_NOT_FIRST
    ):  # fmt: skip
        raise _not_permitted(
            f"Cannot run command against the '{context.database}' database in a transaction."
        )
    if "writeConcern" in body:
        raise _invalid("writeConcern is not allowed within a multi-statement transaction")
    concern = document_field(body, "readConcern")
    if concern and not is_first:
        raise _invalid("Only the first command in a transaction may specify a readConcern")
    if concern.get("level", "local") not in _LEVELS:
        raise _invalid(
            "The readConcern level must be either 'local' (default), 'majority' or 'snapshot' in "
            "order to run in a transaction"
        )
    _check_stages(body)


def _check_stages(body: Document) -> None:
    pipeline = body.get("pipeline")
    stages = pipeline if isinstance(pipeline, list) else []
    for name in (name for stage in stages if isinstance(stage, dict) for name in stage):
        if name in _OUTSIDE_STAGES:
            raise _not_permitted(
                "Operation not permitted in transaction :: caused by :: Aggregation stage "
                f"{name} cannot run within a multi-document transaction."
            )


def _invalid(message: str) -> CommandError:
    return CommandError(72, "InvalidOptions", message)


def _not_permitted(message: str) -> CommandError:
    return CommandError(263, "OperationNotSupportedInTransaction", message)
