"""Refuses the fields of a command that it does not know, by name."""

from collections.abc import Mapping
from typing import Any

from ..errors import NOT_EMULATED
from ..mongodb_names import FIELDS, note_on
from .fields import unknown_field
from .table import Command

# What any command may carry and what does not change its result here: one node, one copy.
GENERIC_FIELDS = frozenset({
    "$audit", "$client", "$clusterTime", "$configServerState", "$configTime", "$db",
    "$queryOptions", "$readPreference", "$topologyTime", "apiDeprecationErrors", "apiStrict",
    "apiVersion", "autocommit", "clientOperationKey", "comment", "lsid", "maxTimeMS",
    "maxTimeMSOpOnly", "mayBypassWriteBlocking", "operationSessionInfo", "readConcern", "rawData",
    "startTransaction", "stmtId", "stmtIds", "txnNumber", "writeConcern",
})  # fmt: skip


def check_fields(body: Mapping[str, Any], entry: Command) -> None:
    """Refuse what neither this command nor every command knows.

    Raises:
        CommandError: 40415.
    """
    if entry.fields is None:
        return
    for field in list(body)[1:]:
        if field in entry.refused_fields:
            raise unknown_field(entry.name, field, f" {NOT_EMULATED}")
        if field not in entry.fields and field not in GENERIC_FIELDS:
            raise unknown_field(entry.name, field, note_on(field, FIELDS))
