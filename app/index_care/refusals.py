"""What a server's refusal of an index command means, and what whoever meets it can do instead."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pymongo.errors import ConnectionFailure, OperationFailure

from app.errors import DatabaseUnavailable, IndexNotReady
from app.lexical_indexes import AnyIndex

# 13 Unauthorized, 20 IllegalOperation, 8000 AtlasError ("not allowed")
NOT_ALLOWED = frozenset({13, 20, 8000})
# 59 CommandNotFound, 31082 SearchNotEnabled; the text, as its code differs between versions.
_NO_SEARCH = frozenset({59, 31082})
_ONLY_ATLAS = "only supported with Atlas"
_ALREADY_EXISTS = 68
# The text, as the code is 20 on some clusters and 8 on others.
_LIMIT = "maximum number of"

_ROLES = {"listSearchIndexes": "read", "createSearchIndexes": "readWrite"}


class IndexRefused(IndexNotReady):
    """The server takes no such command from this user or on this tier.

    Attributes:
        paste: what makes the index by hand; None where that would not help.
    """

    def __init__(self, message: str, paste: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.paste = paste


def to_paste(index: AnyIndex) -> dict[str, Any]:
    """Return the index as the database's own tools take it."""
    return {"name": index.name, "type": index.type, "definition": dict(index.definition)}


@contextmanager
def index_command_errors(
    action: str, namespace: str, index: AnyIndex | None = None
) -> Iterator[None]:
    """Turn what the server says of an index command into one sentence that says what to do.

    Args:
        action: the privilege that the command needs, which is also its name.
        namespace: `database.collection`.
        index: what was to be made; None where nothing was.

    Raises:
        IndexRefused: instead of an error of the driver that is understood; others pass.
    """
    paste = None if index is None else to_paste(index)
    try:
        yield
    except OperationFailure as error:
        said = str((error.details or {}).get("errmsg", error)).rstrip(".")
        if _LIMIT in said:
            raise IndexRefused(_limit_reached(namespace, said), paste) from error
        if error.code in _NO_SEARCH or _ONLY_ATLAS in said:
            raise IndexRefused(_no_search(namespace, said)) from error
        if error.code in NOT_ALLOWED:
            raise IndexRefused(_not_allowed(action, namespace, said, paste), paste) from error
        if error.code == _ALREADY_EXISTS and index is not None:
            raise IndexRefused(taken_over(index.name)) from error
        raise


@contextmanager
def rights_of(command: str, namespace: str, role: str) -> Iterator[None]:
    """Say which role a command needs where the server refuses what it asks along the way.

    Raises:
        IndexRefused: instead of the driver's error.
    """
    try:
        yield
    except OperationFailure as error:
        if error.code not in NOT_ALLOWED:
            raise
        said = str((error.details or {}).get("errmsg", error)).rstrip(".")
        raise IndexRefused(
            f"The server does not let this user {command} {namespace} ({said}): ask the "
            f"administrator for the role {role} on the database {namespace.split('.')[0]}."
        ) from error


@contextmanager
def lost_connection(what_stands: str) -> Iterator[None]:
    """Say what stands where the connection is lost.

    Raises:
        DatabaseUnavailable: instead of the driver's error.
    """
    try:
        yield
    except ConnectionFailure as error:
        raise DatabaseUnavailable(f"The connection was lost: {what_stands}") from error


def taken_over(name: str) -> str:
    """Return what to tell whoever changed an index while somebody else did, too."""
    return (
        f"Somebody else gave search index {name} another definition meanwhile, and that one "
        f"stands; run plan again to see what it is."
    )


def _limit_reached(namespace: str, said: str) -> str:
    return (
        f"The cluster of {namespace} takes no more search indexes ({said}): M0 has room for 3 and "
        f"Flex for 10, in all databases together; drop one that nobody asks, or move to M10."
    )


def _no_search(namespace: str, said: str) -> str:
    return (
        f"The server of {namespace} has no search engine ({said}); expected an Atlas cluster, a "
        f"mongodb-atlas-local container, or LocalAtlas."
    )


def _not_allowed(action: str, namespace: str, said: str, paste: Mapping[str, Any] | None) -> str:
    role = _ROLES.get(action, "readWrite")
    advice = f"ask the administrator for the action {action} on it (it is in the role {role})"
    if paste is not None:
        advice += ", or to paste the index's JSON into the JSON editor of Atlas"
    return f"The server does not let this user run {action} on {namespace} ({said}): {advice}."
