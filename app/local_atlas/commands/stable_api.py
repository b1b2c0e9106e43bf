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


def check_stable_api(name: str, body: Mapping[str, Any]) -> None:
    """Refuse a command that the API version of its client does not have.

    Args:
        name: of the command.
        body: its fields.

    Raises:
        CommandError: 322, there is no such version; 323, the command is not in it and the client is
            strict; 4886600, options of a version that is not named.
    """
    version = body.get("apiVersion")
    if version is None:
        if "apiStrict" in body or "apiDeprecationErrors" in body:
            message = "Provided apiStrict and/or apiDeprecationErrors without passing apiVersion"
            raise CommandError(4886600, "Location4886600", message)
        return
    if version != _VERSION:
        raise CommandError(322, "APIVersionError", f'API version must be "1", not {version!r}')
    if bool_field(body, "apiStrict") and name not in _COMMANDS:
        raise CommandError(
            323,
            "APIStrictError",
            f"Provided apiStrict:true, but the command {name} is not in API Version 1",
        )
