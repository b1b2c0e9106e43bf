"""The Stable API: what a client that names version 1, and asks for nothing else, may ask.

https://www.mongodb.com/docs/manual/reference/stable-api/
"""

from collections.abc import Mapping
from typing import Any, Final

from ..errors import CommandError
from .fields import bool_field

_VERSION: Final = "1"
_COMMANDS: Final = frozenset({
    "abortTransaction", "aggregate", "authenticate", "bulkWrite", "collMod", "commitTransaction",
    "count", "create", "createIndexes", "delete", "drop", "dropDatabase", "dropIndexes",
    "endSessions", "explain", "find", "findAndModify", "getMore", "hello", "insert",
    "killCursors", "listCollections", "listDatabases", "listIndexes", "ping", "refreshSessions",
    "update",
})  # fmt: skip


_OTHER_STAGES: Final = frozenset({
    "$currentOp", "$indexStats", "$listLocalSessions", "$listSessions", "$planCacheStats",
    "$search",
})  # fmt: skip


def check_stable_api(name: str, body: Mapping[str, Any]) -> None:
    """Refuse a command that the API version of its client does not have.

    Args:
        name: of the command.
        body: its fields.

    Raises:
        CommandError: 322, there is no such version; 323, the command or a stage of its pipeline is
            not in it and the client is strict; 4886600, options of a version that is not named.
    """
    version = body.get("apiVersion")
    if version is None:
        if "apiStrict" in body or "apiDeprecationErrors" in body:
            message = "Provided apiStrict and/or apiDeprecationErrors without passing apiVersion"
            raise CommandError(4886600, "Location4886600", message)
        return
    if version != _VERSION:
        raise CommandError(322, "APIVersionError", f'API version must be "1", not {version!r}')
    if not bool_field(body, "apiStrict"):
        return
    if name not in _COMMANDS:
        raise _strict_error(f"Provided apiStrict:true, but the command {name}")
    pipeline = body.get("pipeline")
    for stage in pipeline if isinstance(pipeline, list) else ():
        stage_name = next(iter(stage), None) if isinstance(stage, dict) else None
        if stage_name in _OTHER_STAGES:
            raise _strict_error(f"stage {stage_name} is not allowed with 'apiStrict: true'; it")


def _strict_error(what: str) -> CommandError:
    return CommandError(323, "APIStrictError", f"{what} is not in API Version 1")
