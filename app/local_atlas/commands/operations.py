"""The commands currentOp and killOp."""

import time
from collections.abc import Iterator
from typing import Any

from bson import Int64

from ..errors import CommandError
from ..mql.matcher import compile_filter
from ..operations import Operation
from ..raw_documents import encode_document
from .fields import int_field
from .known_fields import GENERIC_FIELDS
from .table import CommandContext, command

Document = dict[str, Any]

_SHOWN_BYTES = 1024  # of a command, as on the real server
_SWITCHES = frozenset({"$all", "$ownOps", "$truncateOps"})


@command("currentOp")
def current_operations(context: CommandContext, body: Document) -> Document:
    """List the commands that are being run, this one among them; other fields filter them."""
    _check_is_admin(context, "currentOp")
    query = {
        name: value
        for name, value in list(body.items())[1:]
        if name not in GENERIC_FIELDS and name not in _SWITCHES
    }
    matches = compile_filter(query)
    return {"inprog": [each for each in _shown_operations(context) if matches(each)]}


@command("killOp", fields=("op",))
def kill_operation(context: CommandContext, body: Document) -> Document:
    """Stop a command where it next looks at the clock, as for `maxTimeMS`."""
    _check_is_admin(context, "killOp")
    operation_id = int_field(body, "op")
    if operation_id is None:
        raise CommandError(4, "NoSuchKey", 'Did not provide "op" field')
    context.operations.kill(operation_id)
    return {"info": "attempting to kill op"}


def _shown_operations(context: CommandContext) -> Iterator[Document]:
    return (_shown(context, each) for each in context.operations.running())


def _shown(context: CommandContext, operation: Operation) -> Document:
    running_s = time.monotonic() - operation.started_s
    name, target = next(iter(operation.command.items()))
    collection = target if isinstance(target, str) else "$cmd"
    return {
        "type": "op",
        "host": context.server.address,
        "desc": f"conn{operation.connection_id}",
        "connectionId": operation.connection_id,
        "active": True,
        "opid": operation.operation_id,
        "op": name if name in ("insert", "update", "getMore") else "command",
        "ns": f"{operation.database}.{collection}",
        "secs_running": Int64(int(running_s)),
        "microsecs_running": Int64(int(running_s * 1_000_000)),
        "command": _shortened(dict(operation.command)),
        "killPending": operation.is_killed,
    }


def _shortened(shown: Document) -> Document:
    """Return a command as it is shown: long ones are cut, as text."""
    if len(encode_document(shown)) <= _SHOWN_BYTES:
        return shown
    return {"$truncated": str(shown)[:_SHOWN_BYTES]}


def _check_is_admin(context: CommandContext, name: str) -> None:
    if context.database != "admin":
        message = f"{name} may only be run against the admin database."
        raise CommandError(13, "Unauthorized", message)
