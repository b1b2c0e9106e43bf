"""The specification of `$changeStream`: what to show, of what, and from where on.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/changeStream/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bson.timestamp import Timestamp

from ..commands.fields import bool_field, optional_document, unknown_field, wrong_type
from ..errors import CommandError, bad_value
from ..mongodb_names import FIELDS, note_on
from ..mql.operators.support import location
from .clock import to_number
from .resume_tokens import ResumeToken, TokenKind, parse_resume_token

_KNOWN: Final = frozenset({
    "allChangesForCluster", "fullDocument", "fullDocumentBeforeChange", "resumeAfter",
    "showExpandedEvents", "startAfter", "startAtOperationTime",
})  # fmt: skip
_FULL_DOCUMENT: Final = ("default", "updateLookup", "whenAvailable", "required")
_BEFORE_CHANGE: Final = ("off", "whenAvailable", "required")


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a client wants of a stream.

    Attributes:
        full_document: which document an update shows beside what it changed.
        before_change: whether a change shows the document as it was.
        is_for_cluster: the changes of all databases are wanted.
        is_expanded: events of index builds and the like, and further fields, are wanted.
        token: where to go on; None to start elsewhere.
        start_time: from when on, as a number; None to start elsewhere.
        splits: events that are too large come in fragments.
    """

    full_document: str
    before_change: str
    is_for_cluster: bool
    is_expanded: bool
    token: ResumeToken | None
    start_time: int | None
    splits: bool = False


def parse_stream_request(operand: Any) -> StreamRequest:
    """Read the specification.

    Raises:
        CommandError: it is no document (50808), a field is unknown (40415) or malformed (2, 14),
            there are two places to start from (40674, 50865), a token cannot be used (260 and see
            `parse_resume_token`).
    """
    if not isinstance(operand, Mapping):
        raise location(50808, "$changeStream stage expects a document as argument")
    body = {"$changeStream": 1, **operand}
    for name in operand:
        if name not in _KNOWN:
            raise unknown_field("$changeStream", name, note_on(name, FIELDS))
    _check_one_start(operand)
    return StreamRequest(
        _choice(operand, "fullDocument", _FULL_DOCUMENT),
        _choice(operand, "fullDocumentBeforeChange", _BEFORE_CHANGE),
        is_for_cluster=bool_field(body, "allChangesForCluster"),
        is_expanded=bool_field(body, "showExpandedEvents"),
        token=_token(body),
        start_time=_start_time(body),
    )


def _check_one_start(operand: Mapping[str, Any]) -> None:
    if "resumeAfter" in operand and "startAfter" in operand:
        message = "Do not specify both 'resumeAfter' and 'startAfter' in a $changeStream stage"
        raise location(50865, message)
    if "startAtOperationTime" in operand and operand.keys() & {"resumeAfter", "startAfter"}:
        message = "Only one type of resume option is allowed, but multiple were found."
        raise location(40674, message)


def _choice(operand: Mapping[str, Any], name: str, values: tuple[str, ...]) -> str:
    value = operand.get(name, values[0])
    if value not in values:
        raise bad_value(
            f"Enumeration value '{value}' for field '$changeStream.{name}' is not a valid value."
        )
    return str(value)


def _token(body: Mapping[str, Any]) -> ResumeToken | None:
    name = "startAfter" if "startAfter" in body else "resumeAfter"
    document = optional_document(body, name)
    if document is None:
        return None
    token = parse_resume_token(document)
    if name == "resumeAfter" and token.kind is TokenKind.INVALIDATE:
        raise CommandError(
            260,
            "InvalidResumeToken",
            "Attempting to resume a change stream using 'resumeAfter' is not allowed from an "
            "invalidate notification.",
        )
    return token


def _start_time(body: Mapping[str, Any]) -> int | None:
    value = body.get("startAtOperationTime")
    if value is None:
        return None
    if not isinstance(value, Timestamp):
        raise wrong_type(body, "startAtOperationTime", value, "timestamp")
    return to_number(value)
