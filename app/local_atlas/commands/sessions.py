"""Commands on logical sessions; what a session's writes are is in `retryable.py`."""

import uuid
from typing import Any

from bson import Binary

from ..sessions import SESSION_TIMEOUT_MINUTES
from .fields import documents_field
from .table import CommandContext, command

Document = dict[str, Any]


@command("startSession")
def start_session(context: CommandContext, body: Document) -> Document:
    """Give a session id, for shells that do not make their own."""
    session = Binary(uuid.uuid4().bytes, 4)
    context.sessions.use(session)
    return {"id": {"id": session}, "timeoutMinutes": SESSION_TIMEOUT_MINUTES}


@command("refreshSessions")
def refresh_sessions(context: CommandContext, body: Document) -> Document:
    """Keep sessions from expiring."""
    for session in _named(body["refreshSessions"]):
        context.sessions.use(session)
    return {}


@command("endSessions", "killSessions", "killAllSessions")
def end_sessions(context: CommandContext, body: Document) -> Document:
    """Forget sessions; without a name, to kill is to kill all."""
    command_name, wanted = next(iter(body.items()))
    sessions = _named(wanted)
    if not sessions and command_name != "endSessions":
        sessions = list(context.sessions.live())
    context.sessions.end(sessions)
    context.transactions.end_sessions(sessions)
    return {}


@command("killAllSessionsByPattern")
def kill_sessions_by_pattern(context: CommandContext, body: Document) -> Document:
    """Forget the sessions that a pattern names; without any, or of all users, that is all."""
    patterns = documents_field(body, "killAllSessionsByPattern")
    wanted = [pattern.get("lsid") for pattern in patterns]
    sessions = _named(wanted) if all(wanted) and wanted else list(context.sessions.live())
    context.sessions.end(sessions)
    context.transactions.end_sessions(sessions)
    return {}


def _named(sessions: Any) -> list[bytes]:
    """Return the ids of a list of `{id: ...}`; users, whom LocalAtlas does not know, have none."""
    if not isinstance(sessions, list):
        return []
    ids = (each.get("id") for each in sessions if isinstance(each, dict))
    return [each for each in ids if isinstance(each, bytes)]
