"""What an administrator asks: is a collection sound, who has access, what is replicated where.

LocalAtlas has one node, no users and no profiler; these commands say so.
"""

import time
from typing import Any

from bson import DatetimeMS, Int64
from bson.errors import InvalidBSON

from ..errors import NOT_EMULATED, CommandError
from ..mql.rows import decode
from ..store import StoredCollection
from ..views import refuse_view
from .fields import bool_field, collection_name, int_field
from .handshake import SET_NAME
from .table import CommandContext, command

Document = dict[str, Any]


@command(
    "validate",
    fields=("full", "scandata", "background", "metadata", "checkBSONConformance"),
    refused_fields=("repair", "fixMultikey", "collHash"),
)
def validate(context: CommandContext, body: Document) -> Document:
    """Read every document of a collection and tell whether each is whole."""
    name = collection_name(body)
    if bool_field(body, "full") and bool_field(body, "background"):
        message = "Running the validate command with both background and full is not supported."
        raise CommandError(72, "InvalidOptions", message)
    collection = context.store.collection(context.database, name)
    if collection is None:
        message = f"Collection '{context.database}.{name}' does not exist to validate."
        raise CommandError(26, "NamespaceNotFound", message)
    refuse_view(collection.namespace, collection.options)
    count, invalid = _checked_documents(context, collection)
    return {
        "ns": collection.namespace,
        "uuid": collection.uuid,
        "nInvalidDocuments": Int64(len(invalid)),
        "nNonCompliantDocuments": Int64(0),
        "nrecords": Int64(count),
        "nIndexes": len(collection.index_specifications()),
        "keysPerIndex": {},
        "indexDetails": {
            each["name"]: {"valid": True} for each in collection.index_specifications()
        },
        "valid": not invalid,
        "repaired": False,
        "readOnly": False,
        "warnings": ["The keys of ordinary indexes are not compared (not emulated by LocalAtlas)."],
        "errors": [f"record {record_id}: {error}" for record_id, error in invalid],
        "extraIndexEntries": [],
        "missingIndexEntries": [],
        "corruptRecords": [Int64(record_id) for record_id, _ in invalid],
    }


def _checked_documents(
    context: CommandContext, collection: StoredCollection
) -> tuple[int, list[tuple[int, str]]]:
    """Return how many documents there are, and which are no BSON and why."""
    count, invalid = 0, []
    for record_id, raw in collection.scan():
        context.check_time()
        count += 1
        try:
            decode(raw)
        except InvalidBSON as error:
            invalid.append((record_id, str(error)))
    return count, invalid


@command("usersInfo")
def users_info(context: CommandContext, body: Document) -> Document:
    """Say that there are no users."""
    return {"users": []}


@command("rolesInfo")
def roles_info(context: CommandContext, body: Document) -> Document:
    """Say that there are no roles."""
    return {"roles": []}


@command("logout")
def log_out(context: CommandContext, body: Document) -> Document:
    """Take notice: nobody is logged in."""
    return {}


@command("profile", fields=("slowms", "sampleRate"), refused_fields=("filter",))
def profile(context: CommandContext, body: Document) -> Document:
    """Say that the profiler is off, where it is to be off."""
    if int_field(body, "profile") not in (0, -1):
        raise CommandError(2, "BadValue", f"profile: {body['profile']} {NOT_EMULATED}")
    return {"was": 0, "slowms": 100, "sampleRate": 1.0}


@command("fsync", fields=("lock", "force", "async"))
def synchronise(context: CommandContext, body: Document) -> Document:
    """Say that everything is on disk, which it is once it is acknowledged."""
    if bool_field(body, "lock"):
        raise CommandError(2, "BadValue", f"fsync with lock: true {NOT_EMULATED}")
    return {"numFiles": 1}


@command("getDefaultRWConcern", fields=("inMemory",))
def default_concerns(context: CommandContext, body: Document) -> Document:
    """Name the concerns of commands that have none of their own."""
    return {
        "defaultReadConcern": {"level": "local"},
        "defaultWriteConcern": {"w": "majority", "wtimeout": 0},
        "defaultReadConcernSource": "implicit",
        "defaultWriteConcernSource": "implicit",
    }


@command("replSetGetStatus", fields=("initialSync",))
def replica_set_status(context: CommandContext, body: Document) -> Document:
    """Describe the replica set, which is this node."""
    uptime_s = int(time.time() - context.server.started_at_s)
    member = {
        "_id": 0,
        "name": context.server.address,
        "health": 1.0,
        "state": 1,
        "stateStr": "PRIMARY",
        "uptime": uptime_s,
        "configVersion": 1,
        "self": True,
    }
    now = DatetimeMS(int(time.time() * 1000))
    return {"set": SET_NAME, "date": now, "myState": 1, "members": [member]}


@command("replSetGetConfig", fields=("commitmentStatus",))
def replica_set_configuration(context: CommandContext, body: Document) -> Document:
    """Show the configuration of the replica set."""
    member = {"_id": 0, "host": context.server.address, "priority": 1, "votes": 1}
    return {"config": {"_id": SET_NAME, "version": 1, "members": [member]}}
