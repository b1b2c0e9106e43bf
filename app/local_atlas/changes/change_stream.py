"""One open change stream: the log's changes to what it watches, as events, through its pipeline.

A stream of a collection goes by its name, as the real server's does, and ends with the event that
makes the name stand for nothing or for something else.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bson import DatetimeMS
from bson.raw_bson import RawBSONDocument

from ..cursors import Batch
from ..errors import CommandError
from ..mql.bson_text import render
from ..mql.paths import MISSING
from ..mql.rows import Row, decode
from ..raw_documents import MAX_DOCUMENT_SIZE_BYTES, encode_document
from ..signals import Signal
from .change_log import CLUSTER, ChangeLog, Entry
from .clock import to_timestamp
from .resume_tokens import ResumeToken, TokenKind
from .stream_request import StreamRequest

Document = dict[str, Any]
Transform = Callable[[Row], Row | None]
FindDocument = Callable[[str, str, Any], bytes | None]

_CHUNK: Final = 100
_EXPANDED_EVENTS: Final = frozenset({"create", "createIndexes", "dropIndexes", "modify"})
_EXPANDED_FIELDS: Final = ("collectionUUID", "operationDescription")
_ENDS_COLLECTION: Final = frozenset({"drop", "rename"})
_CHANGES_DOCUMENTS: Final = frozenset({"update", "replace", "delete"})
_NOT_RESUMABLE: Final = {"errorLabels": ["NonResumableChangeStreamError"]}
_INTERNAL: Final = frozenset({"admin", "config", "local"})


@dataclass(frozen=True, slots=True)
class Watched:
    """What a stream is about.

    Attributes:
        database: `CLUSTER` for all of them.
        collection: None for all of the database.
    """

    database: str
    collection: str | None

    @property
    def namespace(self) -> str:
        """What the replies call it."""
        name = "$cmd.aggregate" if self.collection is None else self.collection
        return f"{self.database or 'admin'}.{name}"

    def concerns(self, entry: Entry) -> bool:
        """Tell whether a change of the database, or of any, is to be shown."""
        if self.database == CLUSTER:
            return entry.database not in _INTERNAL
        if self.collection is None or entry.collection == self.collection:
            return True
        return entry.operation == "rename" and self._is_target(entry)

    def ends_with(self, entry: Entry) -> bool:
        """Tell whether a change that is shown is the last one."""
        if self.collection is not None:
            return entry.operation in _ENDS_COLLECTION
        return self.database != CLUSTER and entry.operation == "dropDatabase"

    def _is_target(self, entry: Entry) -> bool:
        target = decode(entry.details)["to"]
        return bool(target == {"db": self.database, "coll": self.collection})


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
        self.is_exhausted = False
        self._log = log
        self._watched = watched
        self._request = request
        self._place = place
        self._transform = transform
        self._find = find
        self._entries: deque[Entry] = deque()
        self._ahead: _Event | None = None
        self._ending = self._resumed_at_end()
        self._token = request.token or log.high_water_mark(place)

    def take(self, batch_size: int | None) -> Batch:
        """Return the events that there are, at most `batch_size`, without waiting."""
        batch: Batch = []
        room_bytes = MAX_DOCUMENT_SIZE_BYTES
        while batch_size is None or len(batch) < batch_size:
            self._ahead = self._ahead or self._next_event()
            if self._ahead is None:
                break
            room_bytes -= len(self._ahead.raw)
            if batch and room_bytes < 0:
                break
            batch.append(RawBSONDocument(self._ahead.raw))
            self._token, self._ahead = self._ahead.token, None
        return batch

    def reply_fields(self) -> Document:
        """Return where a stream that goes on behind the last batch starts."""
        return {"postBatchResumeToken": self._token.document()}

    def _resumed_at_end(self) -> Entry | None:
        """Return the change at which the stream was resumed if it was the last one of it."""
        token = self._request.token
        if token is None or token.kind is not TokenKind.EVENT:
            return None
        entries = self._log.read(self._watched.database, self._place - 1, 1)
        is_end = entries and entries[0].sequence == token.sequence
        return entries[0] if is_end and self._watched.ends_with(entries[0]) else None

    def _next_event(self) -> "_Event | None":
        """Return the next event to be shown; None where there is none yet, or never will be."""
        while not self.is_exhausted:
            if self._ending is not None:
                self.is_exhausted = True
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
        row = Row(raw=encode_document({"_id": identity, **self._event(entry, kind)}))
        made = self._transform(row)
        if made is None:
            return None
        if made.raw is not None:
            return _Event(made.raw, token)
        found = made.document.get("_id", MISSING)
        if found != identity:
            raise _modified_id(identity, found)
        return _Event(encode_document(made.document), token)

    def _event(self, entry: Entry, kind: TokenKind) -> Document:
        """Return an event without its `_id`."""
        is_end = kind is TokenKind.INVALIDATE
        common: Document = {
            "operationType": "invalidate" if is_end else entry.operation,
            "clusterTime": to_timestamp(entry.cluster_time),
            "wallTime": DatetimeMS(entry.wall_ms),
        }
        if is_end:
            return common
        details = decode(entry.details)
        if not self._request.is_expanded:
            for name in _EXPANDED_FIELDS:
                details.pop(name, None)
            details.get("updateDescription", {}).pop("disambiguatedPaths", None)
        uuid = {name: details.pop(name) for name in ("collectionUUID",) if name in details}
        namespace = {"db": entry.database, "coll": entry.collection}
        if not entry.collection:
            del namespace["coll"]
        after = self._full_document(entry, details)
        before = self._before_change(entry, details)
        return {**common, **uuid, **after, "ns": namespace, **details, **before}

    def _full_document(self, entry: Entry, details: Document) -> Document:
        mode = self._request.full_document
        raw = entry.document
        if entry.operation == "update":
            if mode == "default":
                return {}
            if mode == "updateLookup":
                raw = self._find(entry.database, entry.collection, details["documentKey"]["_id"])
            elif raw is None and mode == "required":
                raise _no_image("post-image", "all update events", details)
        elif raw is None:
            return {}
        return {"fullDocument": None if raw is None else RawBSONDocument(raw)}

    def _before_change(self, entry: Entry, details: Document) -> Document:
        mode = self._request.before_change
        if mode == "off" or entry.operation not in _CHANGES_DOCUMENTS:
            return {}
        if entry.before is None and mode == "required":
            raise _no_image("pre-image", "all update, delete and replace events", details)
        before = None if entry.before is None else RawBSONDocument(entry.before)
        return {"fullDocumentBeforeChange": before}


@dataclass(frozen=True, slots=True)
class _Event:
    """An event to be sent, and the token of who has got it."""

    raw: bytes
    token: ResumeToken


def _no_image(image: str, wanted_for: str, details: Document) -> CommandError:
    return CommandError(
        47,
        "NoMatchingDocument",
        f"Change stream was configured to require a {image} for {wanted_for}, but the {image} was "
        f"not found for event: {render(details['documentKey'])}",
        _NOT_RESUMABLE,
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
        _NOT_RESUMABLE,
    )
