"""One open change stream: the log's changes to what it watches, as events, through its pipeline.

A stream of a collection goes by its name, as the real server's does, and ends with the event that
makes the name stand for nothing or for something else.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from bson.raw_bson import RawBSONDocument

from ..cursors import Batch
from ..errors import CommandError
from ..mql.bson_text import render
from ..mql.paths import MISSING
from ..mql.rows import Row
from ..raw_documents import MAX_DOCUMENT_SIZE_BYTES, encode_document
from ..signals import Signal
from .change_log import ChangeLog
from .event_view import EventView, FindDocument
from .log_entries import Entry
from .resume_tokens import ResumeToken, TokenKind
from .split_events import NOT_RESUMABLE, split_event, too_large
from .stream_request import StreamRequest
from .watched import Watched

Document = dict[str, Any]
Transform = Callable[[Row], Row | None]

_CHUNK: Final = 100
_EXPANDED_EVENTS: Final = frozenset({"create", "createIndexes", "dropIndexes", "modify"})


class ChangeStream:
    """A cursor over the changes from a place in the log on.

    Args:
        log: of the server.
        watched: what it is about.
        request: what the client wants to see.
        place: the sequence number before the first change to be shown.
        transform: the pipeline for one event, None for those that it leaves out.
        find: returns the document of a database, collection and `_id` as it is now.
    """

    def __init__(
        self,
        log: ChangeLog,
        watched: Watched,
        request: StreamRequest,
        *,
        place: int,
        transform: Transform,
        find: FindDocument,
    ) -> None:
        self.namespace = watched.namespace
        self.grows: Signal | None = log.grown
        self._log = log
        self._watched = watched
        self._request = request
        self._place = place
        self._transform = transform
        self._view = EventView(request, find)
        self._entries: deque[Entry] = deque()
        self._ahead: deque[_Event] = deque()
        self._failure: CommandError | None = None
        self._has_ended = False
        self._ending = self._resumed_at_end()
        self._token = request.token or log.high_water_mark(place)

    @property
    def is_exhausted(self) -> bool:
        """Whether the stream has ended and its last event was taken."""
        return self._has_ended and not self._ahead

    def take(self, batch_size: int | None) -> Batch:
        """Return the events that there are, at most `batch_size`, without waiting."""
        batch: Batch = []
        room_bytes = MAX_DOCUMENT_SIZE_BYTES
        while batch_size is None or len(batch) < batch_size:
            if not self._ahead and not self._look_ahead(may_fail=not batch):
                break
            room_bytes -= len(self._ahead[0].raw)
            if batch and room_bytes < 0:
                break
            event = self._ahead.popleft()
            batch.append(RawBSONDocument(event.raw))
            self._token = event.token
        return batch

    def _look_ahead(self, *, may_fail: bool) -> bool:
        """Make the next event; tell whether there is one.

        Args:
            may_fail: whether an error is raised at once, or the next time.
        """
        try:
            if self._failure is not None:
                raise self._failure
            self._ahead.extend(self._next_events())
        except CommandError as error:
            if may_fail:
                raise
            self._failure = error
        return bool(self._ahead)

    def reply_fields(self) -> Document:
        """Return where a stream that goes on behind the last batch starts."""
        return {"postBatchResumeToken": self._token.document()}

    def _resumed_at_end(self) -> Entry | None:
        """Return the change at which the stream was resumed if it was the last one of it."""
        token = self._request.token
        if token is None or token.kind is not TokenKind.EVENT:
            return None
        if token.fragment:  # its other fragments may have to be shown still
            self._place -= 1
            return None
        entries = self._log.read(self._watched.database, self._place - 1, 1)
        is_end = entries and entries[0].sequence == token.sequence
        return entries[0] if is_end and self._watched.ends_with(entries[0]) else None

    def _next_events(self) -> "list[_Event]":
        """Return the next event to be shown, whole or in fragments; nothing where there is none."""
        event = self._next_event()
        if event is None:
            return []
        resumed = self._request.token
        seen = resumed.fragment if resumed and event.token.sequence == resumed.sequence else 0
        if len(event.raw) <= MAX_DOCUMENT_SIZE_BYTES or not self._request.splits:
            if seen:
                raise _no_such_fragment(seen)
            if len(event.raw) > MAX_DOCUMENT_SIZE_BYTES:
                raise too_large(len(event.raw))
            return [event]
        fragments = split_event(event.raw)
        return [
            _fragment(event.token, fields, number, len(fragments))
            for number, fields in enumerate(fragments, start=1)
            if number > seen
        ]

    def _next_event(self) -> "_Event | None":
        """Return the next event to be shown; None where there is none yet, or never will be."""
        while not self._has_ended:
            if self._ending is not None:
                self._has_ended = True
                return self._transformed(self._ending, TokenKind.INVALIDATE)
            entry = self._next_entry()
            if entry is None:
                return None
            if not self._watched.concerns(entry):
                continue
            if self._watched.ends_with(entry):
                self._ending = entry
            is_shown = self._request.is_expanded or entry.operation not in _EXPANDED_EVENTS
            if is_shown and (event := self._transformed(entry, TokenKind.EVENT)) is not None:
                return event
        return None

    def _next_entry(self) -> Entry | None:
        if not self._entries:
            head = self._log.head
            self._entries.extend(self._log.read(self._watched.database, self._place, _CHUNK))
            if not self._entries:
                self._place = max(self._place, head)
                self._token = self._log.high_water_mark(self._place)
                return None
        entry = self._entries.popleft()
        self._place = entry.sequence
        return entry

    def _transformed(self, entry: Entry, kind: TokenKind) -> "_Event | None":
        token = ResumeToken(entry.cluster_time, entry.sequence, kind)
        identity = token.document()
        row = Row(raw=encode_document({"_id": identity, **self._view.event(entry, kind)}))
        made = self._transform(row)
        if made is None:
            return None
        if made.raw is not None:
            return _Event(made.raw, token)
        found = made.document.get("_id", MISSING)
        if found != identity:
            raise _modified_id(identity, found)
        return _Event(encode_document(made.document), token)


@dataclass(frozen=True, slots=True)
class _Event:
    """An event to be sent, and the token of who has got it."""

    raw: bytes
    token: ResumeToken


def _fragment(whole: ResumeToken, fields: Document, number: int, count: int) -> _Event:
    token = replace(whole, fragment=number)
    split = {"fragment": number, "of": count}
    return _Event(encode_document({"_id": token.document(), "splitEvent": split, **fields}), token)


def _no_such_fragment(number: int) -> CommandError:
    return CommandError(
        280,
        "ChangeStreamFatalError",
        f"cannot resume stream behind the fragment {number} of an event that this pipeline "
        "does not split",
        NOT_RESUMABLE,
    )


def _modified_id(identity: Document, found: Any) -> CommandError:
    shown = "{}" if found is MISSING else render({"_id": found})
    return CommandError(
        280,
        "ChangeStreamFatalError",
        "Encountered an event whose _id field, which contains the resume token, was modified by "
        "the pipeline. Modifying the _id field of an event makes it impossible to resume the "
        "stream from that point. Only transformations that retain the unmodified _id field are "
        f"allowed. Expected: {render({'_id': identity})} but found: {shown}",
        NOT_RESUMABLE,
    )
