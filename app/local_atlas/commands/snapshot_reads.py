"""Runs reads with the read concern `snapshot`: several of them see the same moment.

https://www.mongodb.com/docs/manual/reference/read-concern-snapshot/
"""

from dataclasses import replace
from typing import Any, Final

from bson.timestamp import Timestamp

from ..changes.clock import to_number, to_timestamp
from ..errors import CommandError
from .fields import document_field, wrong_type
from .table import Command, CommandContext

Document = dict[str, Any]

_PERMITTED: Final = frozenset({"aggregate", "distinct", "find"})
# A cursor goes on with the snapshot that it began with, whatever its driver says again.
_OF_CURSORS: Final = frozenset({"getMore", "killCursors"})


def is_snapshot_read(body: Document) -> bool:
    """Tell whether a command asks for a snapshot."""
    return document_field(body, "readConcern").get("level") == "snapshot"


def run_on_snapshot(context: CommandContext, body: Document, entry: Command) -> Document:
    """Run a read on the snapshot that it names, or on a new one, and tell its time.

    Raises:
        CommandError: 72, the command is none that reads documents; 239 or 246, there is no such
            snapshot; and from the command itself.
    """
    if entry.name in _OF_CURSORS:
        return entry.handler(context, body)
    if entry.name not in _PERMITTED:
        message = f"readConcern level 'snapshot' is not supported for the command {entry.name}"
        raise CommandError(72, "InvalidOptions", message)
    concern = document_field(body, "readConcern")
    wanted = concern.get("atClusterTime")
    snapshots = context.transactions.snapshots
    if wanted is None:
        cluster_time, snapshot = snapshots.take()
    elif isinstance(wanted, Timestamp):
        cluster_time = to_number(wanted)
        snapshot = snapshots.at(cluster_time)
    else:
        raise wrong_type({"readConcern": 1}, "atClusterTime", wanted, "timestamp")
    reply = entry.handler(replace(context, transaction=snapshot), body)
    told = {"atClusterTime": to_timestamp(cluster_time)}
    if "cursor" in reply:
        return {**reply, "cursor": {**reply["cursor"], **told}}
    return {**reply, **told}
