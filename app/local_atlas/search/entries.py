"""What $listSearchIndexes says of an index.

Source: https://github.com/mongodb/mongot, `ListSearchIndexesResponseDefinition` and `IndexMapper`;
`type` is what Atlas adds.
"""

from typing import Any

from .generation import Generation, State, Version
from .live_index import LiveIndex

_HOST_NAME = "localhost"

_STATUS: dict[State, str] = {
    "NOT_STARTED": "PENDING",
    "INITIAL_SYNC": "BUILDING",
    "STEADY": "READY",
    "FAILED": "FAILED",
}


def describe(index: LiveIndex) -> dict[str, Any]:
    """Return the entry of one index."""
    status, queryable = _overall_status(index), index.main.state == "STEADY"
    host: dict[str, Any] = {
        "hostname": _HOST_NAME,
        "status": status,
        "queryable": queryable,
        "mainIndex": _generation(index.main),
    }
    if index.staged is not None:
        host["stagedIndex"] = _generation(index.staged)
    return {
        "id": index.id,
        "name": index.name,
        "type": index.type,
        "status": status,
        "queryable": queryable,
        "latestDefinitionVersion": _version(index.latest),
        "latestDefinition": index.latest.document,
        "statusDetail": [host],
    }


def _overall_status(index: LiveIndex) -> str:
    if index.main.state != "STEADY" or index.staged is None:
        return _STATUS[index.main.state]
    return "FAILED" if index.staged.state == "FAILED" else "BUILDING"


def _generation(generation: Generation) -> dict[str, Any]:
    detail = {
        "status": _STATUS[generation.state],
        "queryable": generation.state == "STEADY",
        "definitionVersion": _version(generation.version),
        "definition": generation.version.document,
    }
    notice = generation.notice
    return detail if notice is None else {**detail, "message": notice}


def _version(version: Version) -> dict[str, Any]:
    return {"version": version.number, "createdAt": version.created_at}
