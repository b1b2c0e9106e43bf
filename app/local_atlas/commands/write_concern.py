"""`writeConcern`: how many nodes are to have a write. Here is one, which has it on disk.

https://www.mongodb.com/docs/manual/reference/write-concern/
"""

from collections.abc import Mapping
from typing import Any, Final

from ..errors import failed_to_parse
from ..mql.bson_types import is_number, is_string, type_name
from .fields import document_field

Document = dict[str, Any]

_MAX_NODES: Final = 50  # of a replica set
_FIELDS: Final = frozenset({"w", "j", "fsync", "wtimeout", "getLastError", "provenance"})


def unmet_write_concern(body: Mapping[str, Any]) -> Document | None:
    """Return the `writeConcernError` of a command once it has written; None where all is met.

    Raises:
        CommandError: 9 or 14, what it asks for is no write concern; before anything is written.
    """
    concern = document_field(body, "writeConcern")
    for name in concern:
        if name not in _FIELDS:
            raise failed_to_parse(f"unrecognized write concern field: {name}")
    if concern.get("j") and concern.get("fsync"):
        raise failed_to_parse("fsync and j options cannot be used together")
    nodes = concern.get("w", 1)
    if is_string(nodes):
        return None if nodes == "majority" else _unknown_mode(nodes)
    if not is_number(nodes) or not 0 <= float(str(nodes)) <= _MAX_NODES:
        raise failed_to_parse(
            f"w has to be a non-negative number and not greater than {_MAX_NODES}; "
            f"found: {nodes if is_number(nodes) else type_name(nodes)}"
        )
    if nodes <= 1:
        return None
    return {
        "code": 100,
        "codeName": "UnsatisfiableWriteConcern",
        "errmsg": "Not enough data-bearing nodes",
    }


def _unknown_mode(name: str) -> Document:
    return {
        "code": 79,
        "codeName": "UnknownReplWriteConcern",
        "errmsg": f"No write concern mode named '{name}' found in replica set configuration",
    }
